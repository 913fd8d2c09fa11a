//! What an engine is: the trait, its context, its report.
//!
//! An engine gets opened arguments and gives back output or a coded failure. It never sees a key,
//! a door, or the store.
#![forbid(unsafe_code)]

mod context;
mod report;
mod spool;

use std::time::Duration;

use async_trait::async_trait;
pub use context::{Context, Meter};
pub use report::{Report, Stat};
use sealwork_job::{Digest, Failure, Limits, Rerun, WaitReason};
use serde_json::Value;
pub use spool::Spool;

/// What a job waits for. Whoever provides it tells the worker its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// What kind of thing.
    pub reason: WaitReason,
    /// Its name: for content the digest of its CID, for a grant the digest of its request.
    pub name: Digest,
}

/// Code that performs one kind of job.
#[async_trait]
pub trait Engine: Send + Sync {
    /// The name by which jobs ask for it (see [`sealwork_job::EngineName`]).
    fn name(&self) -> &'static str;

    /// Operations that work now, as Masa's telemetry lists them (`web` gives `["scraper"]`).
    fn capabilities(&self) -> Vec<String>;

    /// Checks arguments before the job is journalled, without I/O.
    ///
    /// # Errors
    /// A [`Failure`] whose message names the field and the allowed values. At the Masa route
    /// `/job/add` the job is accepted all the same and settles with this failure.
    fn admit(&self, arguments: &Value) -> Result<Rerun, Failure>;

    /// Checks what comes with the arguments: the resolved limits, and the input section of the
    /// envelope.
    ///
    /// # Errors
    /// As those of [`Engine::admit`], which has been asked before.
    fn admit_with(
        &self,
        _arguments: &Value,
        _limits: &Limits,
        _input: Option<&[u8]>,
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// What the job must wait for before it can run; asked at admission, and again at each turn.
    /// It holds no slot and no plaintext meanwhile, and no longer than the queue's patience.
    fn awaits(&self, _arguments: &Value) -> Option<Awaited> {
        None
    }

    /// Performs the job. Arguments that [`Engine::admit`] refuses come here from the Masa route
    /// alone, and end in the same failure.
    ///
    /// The future is dropped when the deadline passes or the job is cancelled, and [`Engine::grace`]
    /// after that is over: hold nothing across an await that must be undone. Work of more than about 10 ms of CPU belongs on a blocking
    /// thread and must look at [`Context::is_stopped`] now and then.
    async fn run(&self, context: &Context, arguments: Value) -> Report;

    /// How long it may take to report after its job was stopped. An engine that stops its work by
    /// itself, at the deadline or when [`Context::stop`] fires, can say what the job had done and
    /// used by then. Zero: a stopped job says nothing.
    fn grace(&self) -> Duration {
        Duration::ZERO
    }

    /// What a restart does with its running jobs, unless their arguments say otherwise.
    fn rerun(&self) -> Rerun {
        Rerun::Idempotent
    }

    /// Whether it answers within milliseconds, so that a door may hold its answer for it.
    fn is_instant(&self) -> bool {
        false
    }
}
