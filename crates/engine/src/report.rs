use sealwork_job::{Failure, Output};

/// A counter to be moved when the job settles: `docs` list the names per engine.
pub type Stat = (&'static str, u64);

/// What an engine gives back.
#[derive(Debug)]
pub struct Report {
    /// Output or a coded failure.
    pub result: Result<Output, Failure>,
    /// Counters that settling the job moves, for its requester.
    pub stats: Vec<Stat>,
}

impl Report {
    /// A success that moves `stats`.
    pub fn output(output: Output, stats: impl Into<Vec<Stat>>) -> Self {
        Self { result: Ok(output), stats: stats.into() }
    }

    /// A failure that moves `stats`.
    pub fn failure(failure: Failure, stats: impl Into<Vec<Stat>>) -> Self {
        Self { result: Err(failure), stats: stats.into() }
    }
}
