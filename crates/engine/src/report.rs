use sealwork_job::{Failure, Output};
use serde_json::Value;

/// A counter to be moved when the job settles: `docs` list the names per engine.
pub type Stat = (&'static str, u64);

/// What an engine gives back.
#[derive(Debug)]
pub struct Report {
    /// Output or a coded failure.
    pub result: Result<Output, Failure>,
    /// Counters that settling the job moves, for its requester.
    pub stats: Vec<Stat>,
    /// What the engine says beside output or failure, in its own form. Sealed with them.
    pub details: Option<Value>,
    /// CID of the program that ran: the receipt names it.
    pub program: Option<String>,
}

impl Report {
    /// A success that moves `stats`.
    pub fn output(output: Output, stats: impl Into<Vec<Stat>>) -> Self {
        Self { result: Ok(output), stats: stats.into(), details: None, program: None }
    }

    /// A failure that moves `stats`.
    pub fn failure(failure: Failure, stats: impl Into<Vec<Stat>>) -> Self {
        Self { result: Err(failure), stats: stats.into(), details: None, program: None }
    }

    /// With details.
    #[must_use]
    pub fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }

    /// With the CID of the program that ran.
    #[must_use]
    pub fn with_program(self, program: Option<String>) -> Self {
        Self { program, ..self }
    }
}
