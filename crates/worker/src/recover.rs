//! Coming back after a restart: every accepted job either runs again or settles as interrupted.

use std::sync::Arc;

use sealwork_engine::Report;
use sealwork_job::{Code, Failure, Rerun, Usage};
use sealwork_store::PendingJob;

use crate::{StartError, Worker, board::LiveJob, settle::Span};

impl Worker {
    /// Takes every unsettled job of the journal up again, in the order of acceptance.
    pub(crate) fn recover(self: &Arc<Self>) -> Result<usize, StartError> {
        let mut count = 0;
        for pending in self.store.pending().map_err(StartError::journal)? {
            let PendingJob { entry, started } = pending.map_err(StartError::journal)?;
            count += 1;
            let requester = &entry.requester;
            let origin = entry.origin.requester();
            let both = [requester, origin];
            let counted = if requester == origin { &both[..1] } else { &both[..] };
            let place = self.quotas.take_unconditionally(counted);
            let job = self.live_job(&entry, place);
            self.board.insert(Arc::clone(&job));
            if started && entry.rerun == Rerun::Once {
                self.interrupt(job);
            } else {
                self.enqueue(job, None);
            }
        }
        Ok(count)
    }

    fn interrupt(self: &Arc<Self>, job: Arc<LiveJob>) {
        let worker = Arc::clone(self);
        self.tasks.spawn(async move {
            let opened = worker.open_again(&job).await.ok();
            let failure = Failure::new(
                Code::Interrupted,
                "the worker restarted while the job ran, and the job must not run twice",
            );
            let now = worker.now();
            let span = Span { started: now, ended: now };
            let report = Report::failure(failure, []);
            worker.settle(&job, opened, report, Usage::default(), span).await;
        });
    }
}
