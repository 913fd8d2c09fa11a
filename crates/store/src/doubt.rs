//! What is unclear after a failed commit, until the store has been opened again.
//!
//! A commit that fails may have reached the disk or not. Whoever waited for it hears of a failure;
//! afterwards the store makes that true, or recognises what had been done.

use std::collections::BTreeMap;

use sealwork_job::{Digest, JobId};

#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// Accepts that were answered with a failure: what is found of them is taken back.
    pub(crate) disowned: Vec<(JobId, Option<String>)>,
    /// Settlements that were answered with a failure, by the receipt they would have had: settling
    /// again finds its own work done.
    pub(crate) settled: BTreeMap<JobId, Digest>,
    /// Response files that these settlements wrote.
    pub(crate) responses: Vec<(JobId, String)>,
}

impl Doubts {
    /// Everything that could be cleared up has been, on disk.
    pub(crate) fn cleared(&mut self) {
        self.disowned.clear();
        self.responses.clear();
    }

    pub(crate) fn is_clear(&self) -> bool {
        self.disowned.is_empty() && self.responses.is_empty()
    }
}
