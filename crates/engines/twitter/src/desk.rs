//! Asking an upstream with one account of several: the next one when one is refused or limited.

use std::time::Duration;

use async_trait::async_trait;
use sealwork_egress::Scope;
use sealwork_engine::Context;
use sealwork_job::{Code, Failure, Timestamp};
use sealwork_platform::Clock;
use sealwork_upstream::{Answer, Availability, Call, Stop, UpstreamError, unless_stopped};
use tokio::time::{Instant, sleep};

use crate::{
    Arguments, Way,
    pool::{Pool, Turn, Why},
    refusal::{Blame, SendError, nobody, reason, settled, warn},
    tally::Tally,
};

/// A job waits for a limit to pass when that takes no longer; else it says when to come back.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often a job waits for a limit.
const WAITS: u32 = 5;
/// How often a request is sent again after a failure that may pass.
const RETRIES: u32 = 2;
/// Time for one request: what X has not answered by then it does not.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(30);
/// Before the first such retry; each further one waits twice as long.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// How many accounts that work are asked for what each is refused: that is about the request.
const REFUSALS: usize = 2;

/// One job on its way.
pub(crate) struct Run<'a> {
    pub(crate) context: &'a Context,
    pub(crate) arguments: &'a Arguments,
    pub(crate) scope: Scope,
    pub(crate) clock: &'a dyn Clock,
    /// Whether it may wait for a limit to pass: on the last way it has.
    pub(crate) may_wait: bool,
    /// The one account to ask, where each account sees something else.
    pub(crate) only: Option<usize>,
    /// The account that answered last.
    pub(crate) answered: Option<usize>,
    pub(crate) tally: Tally,
}

/// Why a way gave nothing more.
#[derive(Debug)]
pub(crate) enum WayError {
    /// It has no account that can be asked: another way may have one.
    NoAccount(Failure),
    /// It was asked, and failed.
    Failed(Failure),
}

impl WayError {
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::NoAccount(failure) | Self::Failed(failure) => failure,
        }
    }
}

impl From<Stop> for WayError {
    fn from(stop: Stop) -> Self {
        Self::Failed(stop.into())
    }
}

impl From<UpstreamError> for WayError {
    fn from(error: UpstreamError) -> Self {
        Self::Failed(error.into())
    }
}

/// A way with accounts.
#[async_trait]
pub(crate) trait Desk: Send + Sync {
    /// What an account is.
    type Account: Send + Sync;

    /// Its name, for messages.
    fn way(&self) -> Way;

    /// The accounts.
    fn pool(&self) -> &Pool<Self::Account>;

    /// Sends a call with an account. An answer that is no success is an error, also when it says so
    /// in its body alone.
    async fn send(
        &self,
        account: &Self::Account,
        call: Call,
        run: &Run<'_>,
    ) -> Result<Answer, SendError>;

    /// Asks with an account for something that everybody may have, where X refused it something at
    /// `endpoint` without a reason.
    async fn confirm(
        &self,
        account: &Self::Account,
        endpoint: &'static str,
        run: &Run<'_>,
    ) -> Result<(), UpstreamError>;

    /// Which endpoints work, as far as the upstream itself goes.
    fn health(&self) -> &Availability;

    /// Whether an endpoint failed for reasons of the upstream's own, and not for what was asked.
    fn is_its_own(&self, endpoint: &'static str, error: &UpstreamError) -> bool;

    /// Notes that reading an answer of an endpoint has failed.
    fn unread(&self, endpoint: &'static str, error: UpstreamError, run: &mut Run<'_>) -> WayError {
        run.tally.failed(error.code());
        self.note(endpoint, &error, run);
        error.into()
    }

    /// Notes what a failure says of an endpoint.
    fn note(&self, endpoint: &'static str, error: &UpstreamError, run: &Run<'_>) {
        if self.is_its_own(endpoint, error) {
            self.health().part_fails(endpoint, error.clone(), run.clock.now());
        }
    }
}

/// Asks at `endpoint`, with one account after the other until one is answered.
pub(crate) async fn ask<D: Desk>(
    desk: &D,
    run: &mut Run<'_>,
    endpoint: &'static str,
    call: Call,
) -> Result<Answer, WayError> {
    let (pool, call) = (desk.pool(), call.timeout(REQUEST_TIME));
    let (mut waits, mut retries, mut counted) = (0, 0, false);
    let (mut passed, mut refusal) = (Vec::new(), None::<UpstreamError>);
    // Another way may do better than an endpoint that has just failed for everybody.
    if let Some(failure) = desk.health().failed(endpoint, run.clock.now())
        && !run.may_wait
    {
        return Err(WayError::NoAccount(failure));
    }
    loop {
        let turn = Turn { only: run.only, without: &passed };
        let index = match (pool.pick(endpoint, run.clock.now(), turn), refusal.take()) {
            (Ok(index), earlier) => {
                refusal = earlier;
                index
            }
            (Err(_), Some(error)) => return Err(error.into()),
            (Err(Why::Limited(until)), None)
                if run.may_wait && waits < WAITS && fits(run, until) =>
            {
                waits += 1;
                let wait = until.since(run.clock.now());
                unless_stopped(run.context, run.context.deadline, sleep(wait)).await?;
                continue;
            }
            (Err(why), None) => {
                let now = run.clock.now();
                let reasons = pool.reasons(|account| account.rests_at(endpoint, now));
                let failure = nobody(desk.way(), why, &reasons, now);
                if !counted {
                    run.tally.failed(failure.code);
                }
                return Err(WayError::NoAccount(failure));
            }
        };
        run.tally.asked();
        let sending = desk.send(pool.account(index), call.clone(), run);
        let SendError { error, blame } =
            match unless_stopped(run.context, run.context.deadline, sending).await {
                Err(stop) => {
                    let failure = Failure::from(stop);
                    run.tally.failed(failure.code);
                    return Err(WayError::Failed(failure));
                }
                Ok(Ok(answer)) => {
                    run.answered = Some(index);
                    pool.standing(index).answered(endpoint, &answer.rate, run.clock.now());
                    desk.health().part_works(endpoint);
                    return Ok(answer);
                }
                Ok(Err(error)) => error,
            };
        tracing::debug!(way = %desk.way(), endpoint, code = %error.code(), "an upstream request failed");
        run.tally.failed(error.code());
        counted = true;
        match error.code() {
            Code::RateLimited if blame == Blame::Endpoint => {
                warn(desk.way(), index, &error);
                pool.standing(index).forbidden(endpoint, reason(&error), run.clock.now());
            }
            Code::RateLimited => {
                pool.standing(index).limited(endpoint, &error.rate(), run.clock.now())
            }
            Code::UpstreamUnauthorized | Code::UpstreamForbidden => {
                match settled(desk, run, (index, endpoint), blame, &error).await? {
                    Blame::Request => return Err(error.into()),
                    Blame::Endpoint => {
                        warn(desk.way(), index, &error);
                        pool.standing(index).forbidden(endpoint, reason(&error), run.clock.now());
                    }
                    Blame::Account(resting) => {
                        warn(desk.way(), index, &error);
                        pool.standing(index).refused(resting, reason(&error), run.clock.now());
                    }
                    Blame::Passed | Blame::Unclear => {
                        passed.push(index);
                        if passed.len() == REFUSALS {
                            return Err(error.into());
                        }
                        refusal = Some(error);
                    }
                }
            }
            _ if error.may_pass() && retries < RETRIES => {
                let asked_for = error.rate().retry_after.unwrap_or_default();
                let wait = (RETRY_AFTER * 2_u32.pow(retries)).max(asked_for);
                retries += 1;
                if wait > LONGEST_WAIT || Instant::now() + wait >= run.context.deadline {
                    desk.note(endpoint, &error, run);
                    return Err(error.into());
                }
                unless_stopped(run.context, run.context.deadline, sleep(wait)).await?;
            }
            _ => {
                desk.note(endpoint, &error, run);
                return Err(error.into());
            }
        }
    }
}

/// Whether a wait until then is short enough, and over before the job's deadline.
fn fits(run: &Run<'_>, until: Timestamp) -> bool {
    let wait = until.since(run.clock.now());
    wait <= LONGEST_WAIT && wait + Duration::from_secs(1) < run.context.remaining()
}
