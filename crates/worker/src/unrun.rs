//! Jobs that come to their end without an engine: cancelled, too late, interrupted.

use std::sync::Arc;

use sealwork_engine::Report;
use sealwork_job::{Code, Failure, Timestamp, Usage};

use crate::{Worker, board::LiveJob, settle::Span};

impl Worker {
    /// Settles a job that holds no slot. It is opened once more, because its result is sealed to
    /// its requester as every other.
    pub(crate) fn settle_unrun(self: &Arc<Self>, job: Arc<LiveJob>, failure: Failure) {
        let worker = Arc::clone(self);
        self.tasks.spawn(async move {
            let opened = worker.open_again(&job).await.ok();
            let now = worker.now();
            let span = Span { started: now, ended: now };
            let report = Report::failure(failure, []).into();
            worker.settle(&job, opened, report, Usage::default(), span).await;
        });
    }

    /// Takes a job out of its queue, or from what it waits for; whether it was there.
    pub(crate) fn take_back(&self, job: &LiveJob) -> bool {
        self.scheduler.withdraw(&job.ticket) || self.waiting.take_back(job.id())
    }

    /// Settles the jobs whose time ran out before their turn came.
    pub(crate) fn expire_unrun(self: &Arc<Self>) {
        let now = self.now();
        for job in self.board.late(|job| self.is_late(job, now)) {
            if self.take_back(&job) {
                self.settle_unrun(job, expired());
            }
        }
    }

    /// Whether a job that has not begun must not begin any more.
    pub(crate) fn is_late(&self, job: &LiveJob, now: Timestamp) -> bool {
        let waited_too_long = now.since(job.accepted_at) > self.config.max_queue_wait;
        let is_over = job.deadline.is_some_and(|deadline| deadline <= now);
        !job.is_in_lane() && (waited_too_long || is_over)
    }
}

pub(crate) fn cancelled() -> Failure {
    Failure::new(Code::Cancelled, "the job was cancelled")
}

pub(crate) fn expired() -> Failure {
    Failure::new(Code::ExpiredInQueue, "the job's time ran out before its turn came")
}
