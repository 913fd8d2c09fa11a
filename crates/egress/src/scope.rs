use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tokio::time::Instant;
use url::Url;

use crate::{
    error::EgressError,
    gate::{Gate, Place, Share},
};

/// On whose behalf a fetch is made: where its use is counted, and when it must end. Clones are the
/// same job: they share its connections and the pauses that hosts asked it for.
#[derive(Clone)]
pub struct Scope {
    /// Counts, and refuses what exceeds the job's limits.
    pub meter: Arc<dyn EgressMeter>,
    /// The job's deadline; the request's own time limit holds as well.
    pub deadline: Option<Instant>,
    job: Arc<Job>,
    share: Share,
}

#[derive(Default)]
struct Job {
    places: OnceLock<Arc<Gate>>,
    pauses: Mutex<HashMap<String, Instant>>,
}

impl Scope {
    /// A scope of one job.
    pub fn new(meter: Arc<dyn EgressMeter>, deadline: Option<Instant>) -> Self {
        Self { meter, deadline, job: Arc::default(), share: None }
    }

    /// For a job of `requester`: all the jobs of one requester together leave something of all that
    /// is divided (connections, lookups, places at each host) to those of others.
    #[must_use]
    pub fn of(self, requester: &str) -> Self {
        Self { share: Some(requester.into()), ..self }
    }

    /// Whose job it is, for what else is divided among requesters by a [`Gate`].
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// For the worker's own requests, which no job pays for.
    pub fn unmetered() -> Self {
        Self::new(Arc::new(Unmetered), None)
    }

    /// Waits for a place among the job's own exchanges, of which `most` run at a time.
    pub(crate) async fn place(&self, most: usize) -> Place {
        self.job.places.get_or_init(|| Gate::new(most)).enter(&None).await
    }

    /// Notes that the job must leave a host alone for a while.
    pub(crate) fn pause(&self, host: &str, until: Instant) {
        let mut pauses = self.job.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pauses.entry(host.to_owned()).or_insert(until);
        *known = until.max(*known);
    }

    /// Until when the job must leave a host alone.
    pub(crate) fn paused_until(&self, host: &str) -> Option<Instant> {
        self.job.pauses.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied()
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
