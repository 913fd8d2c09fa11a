use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sealwork_job::{Intake, JobId, JobState, Limits, Reply, RequesterId, Rerun, Timestamp};
use sealwork_seal::KeyId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{quota::Place, schedule::Ticket};

/// A job that is accepted and not yet settled.
#[derive(Debug)]
pub(crate) struct LiveJob {
    pub(crate) ticket: Ticket,
    pub(crate) requester: RequesterId,
    pub(crate) intake: Intake,
    pub(crate) reply: Reply,
    pub(crate) rerun: Rerun,
    pub(crate) accepted_at: Timestamp,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) limits: Limits,
    /// The envelope key that opens it.
    pub(crate) key: Option<KeyId>,
    /// SHA-256 of the token that status, result and cancel need.
    pub(crate) token_hash: Option<[u8; 32]>,
    pub(crate) state: watch::Sender<JobState>,
    /// Fires when the requester cancels.
    pub(crate) cancel: CancellationToken,
    /// Held until the job settles.
    pub(crate) place: Mutex<Option<Place>>,
}

impl LiveJob {
    pub(crate) fn id(&self) -> JobId {
        self.ticket.job
    }

    /// Gives the job's place in queue and quotas back.
    pub(crate) fn release(&self) {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(crate) fn requester(&self) -> &RequesterId {
        &self.requester
    }
}

/// All live jobs, by id.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<HashMap<JobId, Arc<LiveJob>>>);

impl Board {
    pub(crate) fn insert(&self, job: Arc<LiveJob>) {
        self.lock().insert(job.id(), job);
    }

    pub(crate) fn get(&self, job: JobId) -> Option<Arc<LiveJob>> {
        self.lock().get(&job).cloned()
    }

    pub(crate) fn remove(&self, job: JobId) -> Option<Arc<LiveJob>> {
        self.lock().remove(&job)
    }

    pub(crate) fn uses(&self, key: KeyId) -> bool {
        self.lock().values().any(|job| job.key == Some(key))
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Arc<LiveJob>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
