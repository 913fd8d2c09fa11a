//! A job's turn: open it if need be, run it, settle it, pass its slot on.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use sealwork_engine::{Context, Meter, Report, Spool};
use sealwork_job::{Body, Code, Failure, Intake, JobState, Rerun};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Worker,
    board::LiveJob,
    open::{self, OpenedJob, ReplySecrets},
    run,
    settle::{Produced, Span},
    spool::OutputSpool,
    unrun::{cancelled, expired},
};

/// Longer than any process runs.
const NO_LIMIT: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl Worker {
    /// Starts a job that has a slot, in a task of its own.
    pub(crate) fn begin(self: &Arc<Self>, job: Arc<LiveJob>, opened: Option<OpenedJob>) {
        let worker = Arc::clone(self);
        self.tasks.spawn(async move {
            // Whatever happens to this job, its slot goes on to the next one.
            if AssertUnwindSafe(worker.turn(&job, opened)).catch_unwind().await.is_err() {
                tracing::error!(job = %job.id(), "the path of a job panicked");
                let text = "the worker failed on this job";
                worker.settle_unrun(Arc::clone(&job), Failure::new(Code::Internal, text));
            }
            for next in worker.scheduler.finished(&job.ticket) {
                if let Some(job) = worker.board.get(next.job) {
                    worker.begin(job, None);
                }
            }
        });
    }

    async fn turn(self: &Arc<Self>, job: &Arc<LiveJob>, opened: Option<OpenedJob>) {
        if self.closing.is_cancelled() {
            // Left in the journal: it runs after the restart.
            return;
        }
        let opened = match opened {
            Some(opened) => Ok(opened),
            None => self.open_again(job).await,
        };
        let started = self.now();
        let opened = match opened {
            Ok(opened) => opened,
            Err(failure) => {
                let span = Span { started, ended: started };
                let report = Report::failure(failure, []).into();
                self.settle(job, None, report, sealwork_job::Usage::default(), span).await;
                return;
            }
        };
        if !job.cancel.is_cancelled() && self.park(job, &opened) {
            return;
        }
        let meter = Arc::new(Meter::default());
        let spool = self.spool_for(job, &opened);
        let report = match self.prevented(job, &opened) {
            Some(failure) => Report::failure(failure, []),
            None => match self.run(job, &opened, &meter, spool.clone()).await {
                Some(report) => report,
                None => return,
            },
        };
        let span = Span { started, ended: self.now() };
        let output = Produced { report, spool };
        self.settle(job, Some(opened), output, meter.usage(), span).await;
    }

    /// Where the beginning of a large output goes. A public one is written in one piece, and what a
    /// door delivers comes out of the outbox in one.
    fn spool_for(&self, job: &LiveJob, opened: &OpenedJob) -> Option<Arc<OutputSpool>> {
        let is_streamed = job.outbox.is_none() && !matches!(opened.reply, ReplySecrets::Public);
        let limit = job.limits.output_bytes.unwrap_or(u64::MAX);
        is_streamed.then(|| {
            let (store, entropy) = (self.store.clone(), Arc::clone(&self.entropy));
            Arc::new(OutputSpool::new(store, entropy, limit, &opened.salt))
        })
    }

    /// Why a job whose turn has come does not run after all.
    fn prevented(&self, job: &LiveJob, opened: &OpenedJob) -> Option<Failure> {
        if job.cancel.is_cancelled() {
            Some(cancelled())
        } else if self.is_late(job, self.now()) {
            Some(expired())
        } else {
            opened.broken.clone()
        }
    }

    /// Runs the engine. `None`: the worker is closing and the job stays in the journal.
    async fn run(
        self: &Arc<Self>,
        job: &Arc<LiveJob>,
        opened: &OpenedJob,
        meter: &Arc<Meter>,
        spool: Option<Arc<OutputSpool>>,
    ) -> Option<Report> {
        let Some(engine) = self.engines.get(opened.spec.engine.as_str()) else {
            return Some(Report::failure(opened.unknown_engine(), []));
        };
        // What must not run twice says on disk that it has begun, before it begins.
        if job.rerun == Rerun::Once
            && let Err(error) = self.store.mark_running(job.id()).await
        {
            tracing::error!(job = %job.id(), %error, "cannot mark a job as running");
            let text = "the worker's disk refused to note that the job began";
            return Some(Report::failure(Failure::new(Code::StoreUnavailable, text), []));
        }
        if let Err(error) = self.begun.note(job).await {
            tracing::warn!(job = %job.id(), %error, "cannot note that a job begins again");
        }
        job.state.send_replace(JobState::Running { since: self.now() });
        let context = Context {
            job: job.id(),
            requester: job.requester().clone(),
            account: job.ticket.requester.clone(),
            limits: job.limits,
            input: opened.input.clone(),
            deadline: Instant::now() + self.wall_time(job),
            stop: CancellationToken::new(),
            meter: Arc::clone(meter),
            spool: spool.map(|spool| spool as Arc<dyn Spool>),
        };
        let arguments = opened.spec.arguments.clone();
        tokio::select! {
            report = run::perform(Arc::clone(engine), context, arguments, &job.cancel) => {
                Some(report)
            }
            () = self.closing.cancelled() => {
                // This end is not the job's fault.
                if job.begun_before.is_some() {
                    self.begun.forget(job.id()).await;
                }
                None
            }
        }
    }

    /// The job's wall-time limit, or less when its deadline is nearer. A lane knows no clock: what
    /// its jobs may do is bounded by their weight.
    fn wall_time(&self, job: &LiveJob) -> Duration {
        if job.is_in_lane() {
            return NO_LIMIT;
        }
        let limit = Duration::from_millis(job.limits.wall_ms.unwrap_or(300_000));
        match job.deadline {
            Some(deadline) => limit.min(deadline.since(self.now())),
            None => limit,
        }
    }

    /// Opens a job from the journal. Fails when its key is gone, or its disk.
    pub(crate) async fn open_again(&self, job: &LiveJob) -> Result<OpenedJob, Failure> {
        let bytes = self.store.body(job.id()).ok().flatten().ok_or_else(|| {
            Failure::new(Code::StoreUnavailable, "the job's sealed body cannot be read")
        })?;
        let body = match job.intake {
            Intake::Sealed => Body::Sealed(bytes),
            Intake::Assisted => Body::Masa(bytes),
            Intake::Public => Body::Public(bytes),
        };
        open::open(&body, job.reply, &self.keyring, &self.masa).map_err(|failure| {
            match failure.code {
                Code::KeyUnknown => {
                    Failure::new(Code::KeyErased, "the key that opens this job has been erased")
                }
                _ => failure,
            }
        })
    }
}
