//! Jobs that wait for a grant or for content. They hold no slot and no plaintext.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sealwork_engine::Awaited;
use sealwork_job::{Digest, JobId, JobState};

use crate::{Worker, board::LiveJob, open::OpenedJob, unrun::cancelled};

/// Which job waits for what.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<HashMap<JobId, Digest>>);

impl Waiting {
    fn put(&self, job: JobId, name: Digest) {
        self.lock().insert(job, name);
    }

    pub(crate) fn take_back(&self, job: JobId) -> bool {
        self.lock().remove(&job).is_some()
    }

    fn take(&self, name: Digest) -> Vec<JobId> {
        self.lock().extract_if(|_, awaited| *awaited == name).map(|(job, _)| job).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Digest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// Says that something which jobs may wait for is here now: content by the digest of its CID, a
    /// grant by the digest of its request. Those that waited for it take their turn.
    pub fn provide(self: &Arc<Self>, name: Digest) {
        for job in self.waiting.take(name) {
            if let Some(job) = self.board.get(job) {
                self.enqueue(job, None);
            }
        }
    }

    /// Whether the job has to wait. Its plaintext may be dropped then.
    pub(crate) fn park(self: &Arc<Self>, job: &Arc<LiveJob>, opened: &OpenedJob) -> bool {
        // A lane goes on in order or not at all: its engines wait for nothing.
        if job.is_in_lane() {
            return false;
        }
        let Some(Awaited { reason, name }) = self.awaited(opened) else { return false };
        job.state.send_replace(JobState::Waiting { reason });
        self.waiting.put(job.id(), name);
        // It may have come, or the job been cancelled, in between.
        if job.cancel.is_cancelled() {
            if self.waiting.take_back(job.id()) {
                self.settle_unrun(Arc::clone(job), cancelled());
            }
            return true;
        }
        self.awaited(opened).is_some() || !self.waiting.take_back(job.id())
    }

    fn awaited(&self, opened: &OpenedJob) -> Option<Awaited> {
        self.engines.get(opened.spec.engine.as_str())?.awaits(&opened.spec.arguments)
    }
}
