use std::future::Future;

use sealwork_engine::Context;
use sealwork_job::{Code, Failure};
use tokio::time::{Instant, sleep_until};

/// Why work for a job ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its time is over.
    Deadline,
    /// It was cancelled, or the worker ends.
    Cancelled,
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Deadline => Self::new(Code::DeadlineExceeded, "the job ran out of time"),
            Stop::Cancelled => Self::new(Code::Cancelled, "the job was cancelled"),
        }
    }
}

/// Does `work`, unless the job is stopped or `until` comes first; what is dropped then must need no
/// undoing.
///
/// # Errors
/// Why it was not done.
pub async fn unless_stopped<T>(
    context: &Context,
    until: Instant,
    work: impl Future<Output = T>,
) -> Result<T, Stop> {
    tokio::select! {
        biased;
        () = context.stop.cancelled() => Err(Stop::Cancelled),
        done = work => Ok(done),
        () = sleep_until(until) => Err(Stop::Deadline),
    }
}
