//! A run, from its start to its end.

use std::time::Duration;

use sealwork_egress::{EgressError, Scope};
use sealwork_engine::Context;
use serde_json::Value;
use tokio::{
    runtime::Handle,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::api::{Api, RunState, Status};
use crate::{Fault, Stop, UpstreamError, job_scope, scope::REQUESTS, unless_stopped};

/// How long the API may hold its answer until a run is over.
const LONG_POLL: Duration = Duration::from_secs(15);
/// The first pause between two polls that the API did not hold, and the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a start is tried that the upstream refused for its rate, and how long at most it waits.
const STARTS: u32 = 3;
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long the end of a job waits for its run to be stopped.
const ABORT: Duration = Duration::from_secs(2);

/// A run that is stopped when this is dropped, unless it is over.
pub(super) struct Run {
    api: Api,
    state: RunState,
}

/// Why a run gave no success.
pub(super) enum RunEnd {
    Stopped(Stop),
    Failed(UpstreamError),
    /// Its start gave no answer that says whether there is one.
    Unknown(UpstreamError),
}

impl From<UpstreamError> for RunEnd {
    fn from(error: UpstreamError) -> Self {
        Self::Failed(error)
    }
}

impl From<Stop> for RunEnd {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

impl Run {
    /// Starts a run, which is over by itself at `until`. A start whose answer is lost is not tried
    /// again: it may have cost something.
    pub(super) async fn start(
        api: &Api,
        context: &Context,
        actor: &'static str,
        input: &Value,
        until: Instant,
    ) -> Result<Self, RunEnd> {
        for attempt in 1.. {
            let error = match Self::start_once(api, context, actor, input, until).await? {
                Ok(run) => return Ok(run),
                Err(error) if may_have_started(&error) => return Err(RunEnd::Unknown(error)),
                Err(error) => error,
            };
            let wait = error.rate().wait(api.upstream.now()).unwrap_or(PAUSE * 10 * attempt);
            let fits = wait <= LONGEST_WAIT && Instant::now() + wait < until;
            if !error.is_rate_limit() || attempt == STARTS || !fits {
                return Err(error.into());
            }
            unless_stopped(context, until, sleep(wait)).await?;
        }
        Err(Stop::Deadline.into())
    }

    /// One start, in a task of its own: when the job ends while the answer is on its way, the task
    /// still learns which run to stop.
    async fn start_once(
        api: &Api,
        context: &Context,
        actor: &'static str,
        input: &Value,
        until: Instant,
    ) -> Result<Result<Self, UpstreamError>, Stop> {
        let scope = job_scope(context, None);
        let time = until.saturating_duration_since(Instant::now());
        let (api, input) = (api.clone(), input.clone());
        let name = api.upstream.name();
        let starting = tokio::spawn(async move {
            let state = api.start(actor, &input, time, &scope).await?;
            Ok(Self { api, state })
        });
        let started = unless_stopped(context, until, starting).await?;
        Ok(started.unwrap_or_else(|_| {
            Err(UpstreamError::new(name, Fault::RunFailed("could not be asked to start a run")))
        }))
    }

    /// Waits until the run is over. A poll that fails with what may pass is tried again, as long as
    /// there is time: the run is paid for.
    pub(super) async fn finish(
        &mut self,
        context: &Context,
        scope: &Scope,
        until: Instant,
    ) -> Result<(), RunEnd> {
        let mut pause = PAUSE;
        loop {
            match self.state.status {
                Status::Succeeded => return Ok(()),
                Status::Failed => return Err(self.failed("Actor run failed")),
                Status::Aborted => return Err(self.failed("Actor run aborted")),
                Status::TimedOut => return Err(self.failed("Actor run timed out")),
                Status::Going => {}
            }
            let asked = Instant::now();
            let wait = LONG_POLL.min(until.saturating_duration_since(asked));
            let polled = self.api.run(&self.state.id, wait, scope);
            match unless_stopped(context, until, polled).await? {
                Ok(state) => {
                    self.state.status = state.status;
                    self.state.dataset = state.dataset.or(self.state.dataset.take());
                    if self.state.status != Status::Going {
                        continue;
                    }
                }
                Err(error) => {
                    let wait = error.rate().wait(self.api.upstream.now()).unwrap_or_default();
                    let pause = pause.max(wait.min(LONGEST_WAIT));
                    if !error.may_pass() || Instant::now() + pause >= until {
                        return Err(error.into());
                    }
                    unless_stopped(context, until, sleep(pause)).await?;
                }
            }
            if asked.elapsed() < pause {
                unless_stopped(context, until, sleep(pause)).await?;
            }
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Where its items are.
    pub(super) fn dataset(&self) -> Option<&str> {
        self.state.dataset.as_deref()
    }

    /// Stops the run, and waits a moment for that.
    pub(super) async fn abort(mut self) {
        if let Some(aborting) = self.spawn_abort() {
            let _ = timeout(ABORT, aborting).await;
        }
    }

    fn failed(&self, reason: &'static str) -> RunEnd {
        RunEnd::Failed(self.api.upstream.error(Fault::RunFailed(reason)))
    }

    /// Stops the run, once, in a task of its own.
    fn spawn_abort(&mut self) -> Option<JoinHandle<()>> {
        if self.state.status != Status::Going {
            return None;
        }
        self.state.status = Status::Aborted;
        let (api, id) = (self.api.clone(), std::mem::take(&mut self.state.id));
        let runtime = Handle::try_current().ok()?;
        Some(runtime.spawn(async move {
            if let Err(error) = api.abort(&id).await {
                tracing::warn!(%error, "a run at Apify could not be stopped; it ends by itself");
            }
        }))
    }
}

/// Whether a start that failed like this may have reached the upstream all the same.
fn may_have_started(error: &UpstreamError) -> bool {
    match &error.fault {
        Fault::Status(status) | Fault::Refused { status, .. } => status.is_server_error(),
        Fault::Unsendable(_) => false,
        Fault::Network(error) => !matches!(
            error,
            EgressError::Refused(_)
                | EgressError::Connect { .. }
                | EgressError::HostNotFound { .. }
                | EgressError::Tls { .. }
                | EgressError::Exhausted { what: REQUESTS }
        ),
        _ => true,
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.spawn_abort();
    }
}
