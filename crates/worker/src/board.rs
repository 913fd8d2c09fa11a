use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sealwork_job::{Intake, JobId, JobState, Limits, Reply, RequesterId, Rerun, Timestamp};
use sealwork_seal::KeyId;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{quota::Place, schedule::Ticket};

/// A job on its way: being journalled, queued, waiting or running.
#[derive(Debug)]
pub(crate) struct LiveJob {
    pub(crate) ticket: Ticket,
    pub(crate) requester: RequesterId,
    pub(crate) intake: Intake,
    pub(crate) reply: Reply,
    /// The door that takes the result from the outbox.
    pub(crate) outbox: Option<String>,
    pub(crate) rerun: Rerun,
    /// Of a job that was found in the journal: how often it had begun when the process ended.
    pub(crate) begun_before: Option<u8>,
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

    /// Jobs of a lane answer to no clock: workers that share a lane must agree.
    pub(crate) fn is_in_lane(&self) -> bool {
        self.ticket.lane.is_some()
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
pub(crate) struct Board {
    jobs: Mutex<HashMap<JobId, Arc<LiveJob>>>,
    emptied: Notify,
}

impl Board {
    pub(crate) fn insert(&self, job: Arc<LiveJob>) {
        self.lock().insert(job.id(), job);
    }

    pub(crate) fn get(&self, job: JobId) -> Option<Arc<LiveJob>> {
        self.lock().get(&job).cloned()
    }

    pub(crate) fn remove(&self, job: JobId) {
        let mut jobs = self.lock();
        jobs.remove(&job);
        if jobs.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Returns when there is no live job.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.len() == 0 {
                return;
            }
            emptied.await;
        }
    }

    pub(crate) fn uses(&self, key: KeyId) -> bool {
        self.lock().values().any(|job| job.key == Some(key))
    }

    /// The jobs that have not begun and for which `is_late` holds.
    pub(crate) fn late(&self, is_late: impl Fn(&LiveJob) -> bool) -> Vec<Arc<LiveJob>> {
        let waits = |job: &LiveJob| !matches!(*job.state.borrow(), JobState::Running { .. });
        self.lock().values().filter(|job| waits(job) && is_late(job)).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Arc<LiveJob>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
