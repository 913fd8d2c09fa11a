use std::{fmt, sync::Arc};

use tokio::time::Instant;
use url::Url;

use crate::error::EgressError;

/// On whose behalf a fetch is made: where its use is counted, and when it must end.
#[derive(Clone)]
pub struct Scope {
    /// Counts, and refuses what exceeds the job's limits.
    pub meter: Arc<dyn EgressMeter>,
    /// The job's deadline; the request's own time limit holds as well.
    pub deadline: Option<Instant>,
}

impl Scope {
    /// A scope of one job.
    pub fn new(meter: Arc<dyn EgressMeter>, deadline: Option<Instant>) -> Self {
        Self { meter, deadline }
    }

    /// For the worker's own requests, which no job pays for.
    pub fn unmetered() -> Self {
        Self { meter: Arc::new(Unmetered), deadline: None }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Where a job's use of the network is counted and bounded.
pub trait EgressMeter: Send + Sync {
    /// Before each request, redirects included, with the URL that is about to be fetched.
    ///
    /// # Errors
    /// Whatever the job may not do: [`EgressError::Exhausted`], [`EgressError::Blacklisted`].
    fn request(&self, url: &Url) -> Result<(), EgressError>;

    /// Bytes of a request, head and body, without TLS.
    fn sent(&self, bytes: u64);

    /// Bytes of an answer as they came, head and body, before decompression.
    ///
    /// # Errors
    /// [`EgressError::Exhausted`] ends the fetch.
    fn received(&self, bytes: u64) -> Result<(), EgressError>;
}

/// A meter that counts nothing and allows everything.
#[derive(Debug, Clone, Copy)]
pub struct Unmetered;

impl EgressMeter for Unmetered {
    fn request(&self, _url: &Url) -> Result<(), EgressError> {
        Ok(())
    }

    fn sent(&self, _bytes: u64) {}

    fn received(&self, _bytes: u64) -> Result<(), EgressError> {
        Ok(())
    }
}
