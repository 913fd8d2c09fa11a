//! Programs: the engine's parts for `serve`, and `sealwork program ...`.

mod content;
pub(crate) mod local;

use std::{io::Read, sync::Arc, time::Duration};

use bytes::Bytes;
use flate2::read::GzDecoder;
use sealwork_egress::Egress;
use sealwork_engine_program::{HostPatterns, ProgramConfig, ProgramEngine, ProgramMaxima};
use sealwork_platform::{Environment, Platform, RootSecret};
use sealwork_sandbox::{
    ArtefactCache, CacheKeys, Cgroup, ChildCommand, Compiler, CompilerConfig, Confinement, Pool,
    PoolConfig, StartError, probe,
};
use sealwork_seal::derive::{Purpose, derive_key};

use crate::{
    cli::ProgramCommand,
    config::{Values, registry as r},
    exit::CliResult,
    serve::{ServeError, settings},
    ui::Ui,
};

/// The argument that makes this binary a sandbox process.
pub(crate) const SANDBOX: &str = "sandbox";
/// The JavaScript engine, compiled to WebAssembly: guests/js/js.wasm, as gzip by build.rs.
const JAVASCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/js.wasm.gz"));
/// Its SHA-256, as `sha256sum` writes it.
const JAVASCRIPT_DIGEST: &str = include_str!("../../../guests/js/js.wasm.sha256");
/// Modules that are compiled at once. Each takes a processor for itself.
const COMPILERS: usize = 2;
/// Compiled modules in memory, in bytes: those that sandbox processes have loaded are not asked for.
const KEPT_MODULES: usize = 8 << 20;

/// Runs `sealwork program ...`.
pub(crate) async fn run(command: &ProgramCommand, environment: &Environment, ui: &Ui) -> CliResult {
    match command {
        ProgramCommand::Run(args) => local::run(args, environment, ui).await,
        ProgramCommand::Check(args) => local::check(args, environment, ui).await,
        ProgramCommand::Add(args) => content::add(args, environment, ui),
        ProgramCommand::List(args) => content::list(args, environment, ui),
        ProgramCommand::Remove(args) => content::remove(args, environment, ui),
    }
}

/// What the engine is made of.
pub(crate) struct Parts<'a> {
    pub(crate) values: &'a Values,
    pub(crate) platform: &'a Platform,
    pub(crate) egress: Arc<Egress>,
    pub(crate) root: &'a RootSecret,
    /// Hosts that are allowed beside the configured ones.
    pub(crate) hosts: &'a [String],
}

/// The program engine, with its sandbox.
pub(crate) async fn engine(parts: Parts<'_>) -> Result<ProgramEngine, ServeError> {
    let Parts { values, platform, egress, root, hosts } = parts;
    let hosts = values.list(&r::PROGRAM_HOSTS).iter().chain(hosts).map(String::as_str);
    let hosts = HostPatterns::parse(hosts).map_err(|error| ServeError::Setting {
        name: r::PROGRAM_HOSTS.name,
        reason: error.to_string(),
    })?;
    let child = child(values)?;
    let pool = Pool::start(pool(values, child.clone())).await?;
    let walls = pool.confinement();
    tracing::info!(
        seccomp = walls.seccomp,
        landlock = ?walls.landlock,
        no_new_privileges = walls.no_new_privileges,
        cgroup = ?pool.cgroup(),
        "programs run in sandbox processes"
    );
    let artefacts = ArtefactCache::new(
        Arc::clone(&platform.disk),
        Arc::clone(&platform.entropy),
        CacheKeys {
            seal: derive_key(root.expose(), Purpose::CompiledPrograms, b""),
            names: derive_key(root.expose(), Purpose::CompiledPrograms, b"names"),
        },
        pool.engine(),
        values.number(&r::PROGRAM_CACHE_BYTES),
        KEPT_MODULES,
        compiler(values, child),
    );
    let content = content::Local::new(Arc::clone(&platform.disk), values);
    Ok(ProgramEngine::new(ProgramConfig {
        pool,
        artefacts,
        javascript,
        javascript_digest: javascript_digest(),
        content: Arc::new(content),
        egress,
        clock: Arc::clone(&platform.clock),
        entropy: Arc::clone(&platform.entropy),
        maxima: maxima(values, hosts),
    }))
}

/// What stands around the sandbox processes of this machine.
pub(crate) struct Walls {
    pub(crate) confinement: Confinement,
    /// The controllers of the control groups that they are in.
    pub(crate) cgroup: Vec<&'static str>,
    /// What one of them could do that tried to get out.
    pub(crate) ways_out: Vec<String>,
}

/// Starts a sandbox process, and one that tries to get out.
pub(crate) async fn walls(values: &Values) -> Result<Walls, StartError> {
    let child = child(values)?;
    let pool = Pool::start(PoolConfig { spare: 0, ..pool(values, child.clone()) }).await?;
    let attempts = probe(&child).await?.into_iter();
    Ok(Walls {
        confinement: pool.confinement(),
        cgroup: pool.cgroup().to_vec(),
        ways_out: attempts
            .filter(|tried| tried.refused.is_none())
            .map(|tried| tried.what)
            .collect(),
    })
}

fn pool(values: &Values, command: ChildCommand) -> PoolConfig {
    let (usual, most) = settings::limits(values);
    let maxima = maxima(values, HostPatterns::default());
    let answers = values.number(&r::EGRESS_MAX_RESPONSE_BYTES);
    PoolConfig {
        command,
        spare: values.count(&r::SANDBOX_SPARE),
        processes: values.count(&r::SANDBOX_PROCESSES),
        runs_per_process: u32::try_from(values.number(&r::SANDBOX_RUNS)).unwrap_or(u32::MAX),
        usual: maxima.run_limits(&usual, Duration::ZERO, answers),
        most: maxima.run_limits(&most, Duration::ZERO, answers),
        outputs_bytes: values.number(&r::PROGRAM_OUTPUTS_BYTES),
        shared: values.flag(&r::SANDBOX_SHARED),
    }
}

fn maxima(values: &Values, hosts: HostPatterns) -> ProgramMaxima {
    ProgramMaxima {
        program_bytes: values.number(&r::PROGRAM_MAX_BYTES),
        log_bytes: values.number(&r::PROGRAM_LOG_BYTES),
        open_requests: u32::try_from(values.number(&r::PROGRAM_OPEN_REQUESTS)).unwrap_or(u32::MAX),
        fuel: values.number(&r::PROGRAM_FUEL),
        memory_bytes: values.number(&r::PROGRAM_MEMORY_BYTES),
        output_bytes: values.number(&r::JOB_OUTPUT_BYTES),
        hosts,
    }
}

fn javascript() -> Bytes {
    let mut module = Vec::new();
    // What cannot be unpacked is no module, and its compiler says so.
    if let Err(error) = GzDecoder::new(JAVASCRIPT).read_to_end(&mut module) {
        tracing::error!(%error, "the JavaScript engine in this binary is damaged");
    }
    module.into()
}

fn javascript_digest() -> [u8; 32] {
    let mut digest = [0; 32];
    // A test compares it with the module.
    let _ = hex::decode_to_slice(JAVASCRIPT_DIGEST.get(..64).unwrap_or_default(), &mut digest);
    digest
}

fn compiler(values: &Values, command: ChildCommand) -> Arc<Compiler> {
    let (_, most) = settings::limits(values);
    Compiler::new(CompilerConfig {
        command,
        time: values.seconds(&r::PROGRAM_COMPILE_SECONDS),
        memory_bytes: values.number(&r::PROGRAM_COMPILE_MEMORY_BYTES),
        program_memory_bytes: most.memory_bytes.unwrap_or(u64::MAX),
        at_once: COMPILERS,
    })
}

/// This binary, whatever has become of its file.
fn child(values: &Values) -> Result<ChildCommand, StartError> {
    Ok(ChildCommand {
        program: "/proc/self/exe".into(),
        arguments: vec![SANDBOX.to_owned()],
        cgroup: values.path(&r::SANDBOX_CGROUP).map(Cgroup::open).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_digest_beside_the_javascript_engine_is_its_own() {
        assert_eq!(javascript_digest(), <[u8; 32]>::from(Sha256::digest(javascript())));
    }
}
