//! Coming back after a restart: every accepted job either runs again or settles as interrupted.

use std::sync::Arc;

use sealwork_job::{Code, Failure, JobId, Rerun};
use sealwork_store::{PendingError, PendingJob};

use crate::{StartError, Worker, begun};

impl Worker {
    /// Takes every unsettled job of the journal up again, in the order of acceptance. What does not
    /// read back is set aside, so that one damaged row does not stop the others.
    pub(crate) fn recover(self: &Arc<Self>) -> Result<usize, StartError> {
        let mut begun = self.begun.counts().map_err(StartError::journal)?;
        let mut count = 0;
        let mut damaged = Vec::new();
        for pending in self.store.pending().map_err(StartError::journal)? {
            let PendingJob { entry, started } = match pending {
                Ok(pending) => pending,
                Err(PendingError::Damaged(job)) => {
                    damaged.push(job.number);
                    continue;
                }
                Err(error) => return Err(StartError::journal(error)),
            };
            count += 1;
            let origin = entry.origin.requester();
            let requester = self.accountable(&entry.requester, origin);
            let place = self.quotas.take_unconditionally(requester, origin, entry.body.len());
            let times = begun.remove(&entry.id).unwrap_or(0);
            let job = self.live_job(&entry, place, Some(times));
            self.board.insert(Arc::clone(&job));
            // Workers that share a lane must agree on what its jobs come to.
            let age = self.now().since(entry.accepted_at);
            let ends_the_process = begun::is_too_often(times, age) && !job.is_in_lane();
            if started && entry.rerun == Rerun::Once {
                let text = "the worker restarted while the job ran, and the job must not run twice";
                self.settle_unrun(job, Failure::new(Code::Interrupted, text));
            } else if ends_the_process {
                let text = format!("the worker ended {times} times while the job ran");
                self.settle_unrun(job, Failure::new(Code::Interrupted, text));
            } else {
                self.enqueue(job, None);
            }
        }
        self.forget_begun(begun.into_keys().collect());
        self.set_aside(damaged);
        Ok(count)
    }

    /// Notes of jobs that have settled.
    fn forget_begun(self: &Arc<Self>, jobs: Vec<JobId>) {
        let worker = Arc::clone(self);
        self.tasks.spawn(async move {
            for job in jobs {
                worker.begun.forget(job).await;
            }
        });
    }

    fn set_aside(self: &Arc<Self>, damaged: Vec<u64>) {
        if damaged.is_empty() {
            return;
        }
        metrics::counter!("sealwork_jobs_damaged_total").increment(damaged.len() as u64);
        let worker = Arc::clone(self);
        self.tasks.spawn(async move {
            // Otherwise they are found again at the next start.
            if let Err(error) = worker.store.quarantine(damaged).await {
                tracing::error!(%error, "cannot set damaged jobs aside");
            }
        });
    }
}
