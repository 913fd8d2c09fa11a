use std::time::Duration;

use crate::{Code, Failure, JobId};

/// Why the worker did not do what it was asked. Carries no secret and no part of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// What is wrong, for a person.
    pub message: String,
    /// When it makes sense to try again, where that is known.
    pub retry_after: Option<Duration>,
    /// The job that is meant, for [`Code::JobReplayed`].
    pub job: Option<JobId>,
}

impl Refusal {
    /// A refusal with its code and text.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, job: None }
    }

    /// Adds when to try again.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Adds the job that is already known.
    #[must_use]
    pub fn about(mut self, job: JobId) -> Self {
        self.job = Some(job);
        self
    }

    /// The job is not known, or not any more.
    pub fn unknown_job() -> Self {
        Self::new(Code::JobUnknown, "no such job, or its result is no longer kept")
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::new(failure.code, failure.into_clear())
    }
}
