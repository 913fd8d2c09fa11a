//! What a sandbox process gives up, before it sees anything of a requester, and for good.

mod inherited;

use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetStatus, Scope,
};
use rustix::{
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
    thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs},
};
use seccompiler::{BpfProgram, TargetArch};
use serde::{Deserialize, Serialize};

use crate::{engine::PER_MODULE, holdings::MODULES};

/// The allowed system calls. Kept as data, so that a change to it is seen as one.
const FILTERS: &str = include_str!("seccomp.json");

/// Which walls stand around a sandbox process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// System calls beyond the list fail.
    pub seccomp: bool,
    /// No file, no port and no process outside can be reached by name.
    pub landlock: Landlock,
    /// No program that it could start would gain a right.
    pub no_new_privileges: bool,
    /// It has no capability, whoever started it.
    pub no_capabilities: bool,
}

/// How much of Landlock this kernel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Landlock {
    /// All that was asked for.
    Full,
    /// An older version: some rights are not covered.
    Partial,
    /// None: the system call filter stands alone.
    Absent,
}

/// Why a process could not be confined. It must not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfineError {
    #[error("{step}: {source}")]
    Step { step: &'static str, source: io::Error },
}

fn step(step: &'static str) -> impl FnOnce(rustix::io::Errno) -> ConfineError {
    move |error| ConfineError::Step { step, source: error.into() }
}

/// What a process has open at most: the pipe, the map of its pages, and an image of each memory of
/// each module that is loaded.
const OPEN_FILES: u64 = 16 + (MODULES as u64) * (PER_MODULE as u64);

/// What a process is held to by the kernel's own limits, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Its address space, where that is bounded.
    pub(crate) memory: Option<u64>,
    /// A file in memory. Whoever writes more is ended.
    pub(crate) file: u64,
}

/// The first half: everything that later threads inherit. `open_last` may open what the process
/// needs of itself: it has no capability any more, and can open nothing afterwards.
pub(crate) fn before_threads(
    bounds: Bounds,
    open_last: impl FnOnce(),
) -> Result<Confinement, ConfineError> {
    inherited::close()
        .map_err(|source| ConfineError::Step { step: "closing inherited files", source })?;
    let no_capabilities = drop_capabilities();
    open_last();
    limit(Resource::Core, 0).map_err(step("core dumps"))?;
    limit(Resource::Nofile, OPEN_FILES).map_err(step("limit on open files"))?;
    limit(Resource::Fsize, bounds.file).map_err(step("limit on files in memory"))?;
    if let Some(bytes) = bounds.memory {
        limit(Resource::As, bytes).map_err(step("limit on memory"))?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(step("dumpable"))?;
    set_no_new_privs(true).map_err(step("no_new_privs"))?;
    Ok(Confinement {
        seccomp: false,
        landlock: restrict_names()?,
        no_new_privileges: true,
        no_capabilities,
    })
}

/// Who started the worker may have set it lower.
fn limit(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let most = Some(getrlimit(resource).maximum.map_or(most, |hard| hard.min(most)));
    setrlimit(resource, Rlimit { current: most, maximum: most })
}

/// The second half, when all threads are there: no system call but those on the list, for all of
/// them.
pub(crate) fn seal_off(confinement: Confinement) -> Result<Confinement, ConfineError> {
    let failed = |error: seccompiler::Error| ConfineError::Step {
        step: "system call filter",
        source: io::Error::other(error),
    };
    seccompiler::apply_filter_all_threads(&filter().map_err(failed)?).map_err(failed)?;
    Ok(Confinement { seccomp: true, ..confinement })
}

fn filter() -> Result<BpfProgram, seccompiler::Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(seccompiler::Error::Backend)?;
    let mut filters = seccompiler::compile_from_json(FILTERS.as_bytes(), arch)?;
    Ok(filters.remove("sandbox").unwrap_or_default())
}

/// As root there is something to drop; otherwise there is nothing, and no right to say so twice.
fn drop_capabilities() -> bool {
    let empty = CapabilitySet::empty();
    let none = CapabilitySets { effective: empty, permitted: empty, inheritable: empty };
    set_capabilities(None, none).is_ok()
}

fn restrict_names() -> Result<Landlock, ConfineError> {
    let failed = |error: landlock::RulesetError| ConfineError::Step {
        step: "landlock",
        source: io::Error::other(error),
    };
    let abi = ABI::V6;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(abi)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.restrict_self())
        .map_err(failed)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::Absent,
    })
}
