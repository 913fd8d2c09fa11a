//! Coming back after a restart: every accepted job either runs again or settles as interrupted.

use std::sync::Arc;

use sealwork_job::{Code, Failure, Rerun};
use sealwork_store::{PendingError, PendingJob};

use crate::{StartError, Worker};

impl Worker {
    /// Takes every unsettled job of the journal up again, in the order of acceptance. What does not
    /// read back is set aside, so that one damaged row does not stop the others.
    pub(crate) fn recover(self: &Arc<Self>) -> Result<usize, StartError> {
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
            let place =
                self.quotas.take_unconditionally(&entry.requester, entry.origin.requester());
            let job = self.live_job(&entry, place);
            self.board.insert(Arc::clone(&job));
            if started && entry.rerun == Rerun::Once {
                let failure = Failure::new(
                    Code::Interrupted,
                    "the worker restarted while the job ran, and the job must not run twice",
                );
                self.settle_unrun(job, failure);
            } else {
                self.enqueue(job, None);
            }
        }
        self.set_aside(damaged);
        Ok(count)
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
