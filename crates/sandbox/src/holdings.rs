//! What a sandbox process may hold: by this runs get their places, and a process that takes more is
//! ended. All of it follows from the limits of the runs, so that no run within its limits is ever in
//! the way of another one.

use crate::{
    Form, PoolConfig, RunLimits,
    wire::{MAX_TO_CHILD, PIECE, REQUEST_BYTES},
};

/// Modules in one process: a tenant that brings more gets a new one.
pub(crate) const MODULES: usize = 64;
/// Code, threads, the allocator's own.
const OWN: u64 = 256 << 20;
/// What a place for a run takes: stacks, tables, the instance.
const PLACE: u64 = 16 << 20;
/// What a usual run is given, in bytes.
const USUAL_INPUT: u64 = 1 << 20;
/// What a frame of the process has beside a piece of output and the log.
const FRAME: usize = 1 << 20;

/// What each process of a pool may hold, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holdings {
    /// All runs together, unless one alone needs more.
    pub(crate) process: u64,
    /// Before there is a run.
    pub(crate) own: u64,
    /// Everything: what its control group is held to.
    pub(crate) group: u64,
}

impl Holdings {
    pub(crate) fn of(config: &PoolConfig) -> Self {
        let places = u64::from(config.runs_per_process);
        let process = bytes(&config.usual, USUAL_INPUT).saturating_mul(places);
        let own = OWN + PLACE * places;
        let alone = bytes(&config.most, MAX_TO_CHILD as u64);
        let group = process.max(alone).saturating_add(own).saturating_add(MAX_TO_CHILD as u64);
        Self { process, own, group }
    }
}

/// What a run may hold, in bytes.
pub(crate) fn of_run(limits: &RunLimits, form: &Form) -> u64 {
    let given = match form {
        Form::Command { stdin, files, .. } => {
            stdin.len() + files.iter().map(|(_, content)| content.len()).sum::<usize>()
        }
        Form::Reactor { input } => input.len(),
        Form::Trial => 0,
    };
    bytes(limits, given as u64)
}

/// The same for native code of so many bytes: as it comes, and as it runs.
pub(crate) fn of_modules(code: u64) -> u64 {
    code.saturating_mul(3)
}

/// The longest frame that a process may say.
pub(crate) fn longest_frame(most: &RunLimits) -> usize {
    let longest = most.log_bytes.saturating_add(PIECE as u64).max(REQUEST_BYTES);
    usize::try_from(longest).unwrap_or(usize::MAX).saturating_add(FRAME)
}

fn bytes(limits: &RunLimits, given: u64) -> u64 {
    let memory = limits.memory_bytes;
    let all = [
        memory,
        // The files that it writes.
        memory,
        // As it came, as the program reads it, and while it is decoded.
        given.saturating_mul(3),
        // By both interfaces, while a buffer grows, and as it is sent.
        limits.output_bytes.saturating_mul(3),
        limits.log_bytes.saturating_mul(4),
        // Those that wait, the one that is read, and the one that is decoded.
        limits.answer_bytes.saturating_mul(u64::from(limits.calls) + 2),
        REQUEST_BYTES.min(memory).saturating_mul(2),
    ];
    all.into_iter().fold(0, u64::saturating_add)
}
