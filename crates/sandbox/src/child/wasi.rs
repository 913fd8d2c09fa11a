//! A run's side of WASI: the worker's clock and randomness, waits that end with the run.

use std::{sync::Arc, time::Duration};

use chacha20::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sealwork_wasi::{FileTree, FsLimits, Interrupted, Preopen, WasiClock, WasiConfig, WasiState};

use super::calls::Calls;
use crate::{
    files::place,
    wire::{Form, Run},
};

/// Apart from the randomness of the `sealwork` interface, under the same seed.
const STREAM: u64 = 1;

/// What a run of WASI begins with, or why it cannot.
pub(crate) fn state(run: &Run, calls: &Arc<Calls>) -> Result<WasiState, String> {
    let now_ns = run.now_ms.saturating_mul(1_000_000);
    let limits = FsLimits { bytes: run.limits.memory_bytes, ..FsLimits::default() };
    let mut files = FileTree::new(limits, now_ns);
    let (args, env, stdin, directories) = match &run.form {
        Form::Command { args, env, stdin, files: given, directories } => {
            for (path, content) in given {
                place(&mut files, path, content.to_vec())
                    .map_err(|error| format!("its file {path:?}: {error}"))?;
            }
            (args.clone(), env.clone(), stdin.to_vec(), directories.clone())
        }
        Form::Reactor { .. } | Form::Trial => {
            (Vec::new(), Vec::new(), Vec::new(), vec![("/".to_owned(), String::new())])
        }
    };
    let mut random = ChaCha20Rng::from_seed(run.seed);
    random.set_stream(STREAM);
    let (sleeper, running) = (Arc::clone(calls), Arc::clone(calls));
    let config = WasiConfig {
        args,
        env,
        stdin,
        stdout_limit: usize::try_from(run.limits.output_bytes).unwrap_or(usize::MAX),
        stderr_tail: usize::try_from(run.limits.log_bytes).unwrap_or(usize::MAX),
        files,
        preopens: directories.into_iter().map(|(guest, path)| Preopen { guest, path }).collect(),
        clock: Box::new(RunClock { calls: Arc::clone(calls), now_ns }),
        random: Box::new(move |out| random.fill_bytes(out)),
        go_on: Box::new(move || running.look().map_err(|_| Interrupted)),
        sleep_until: Box::new(move |ns| {
            sleeper.sleep_until(Duration::from_nanos(ns)).map_err(|_| Interrupted)
        }),
    };
    WasiState::new(config).map_err(|error| error.to_string())
}

/// The worker's time when the run began, and what passed since.
struct RunClock {
    calls: Arc<Calls>,
    now_ns: u64,
}

impl WasiClock for RunClock {
    fn realtime_ns(&self) -> u64 {
        self.now_ns.saturating_add(self.monotonic_ns())
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.calls.control.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
