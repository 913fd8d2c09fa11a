//! Asking an upstream with one account of several: the next one when one is refused or limited.

use std::time::Duration;

use async_trait::async_trait;
use sealwork_egress::Scope;
use sealwork_engine::Context;
use sealwork_job::{Code, Failure, Timestamp};
use sealwork_platform::Clock;
use sealwork_upstream::{Answer, Call, Secret, Stop, UpstreamError, unless_stopped};
use tokio::time::{Instant, sleep};

use crate::{
    Arguments, Way,
    pool::{Pool, Why},
    tally::Tally,
};

/// A job waits for a limit to pass when that takes no longer; else it says when to come back.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often a job waits for a limit.
const WAITS: u32 = 5;
/// How often a request is sent again after a failure that may pass.
const RETRIES: u32 = 2;
/// Time for one request: what X has not answered by then it does not.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// Before the first such retry; each further one waits twice as long.
const RETRY_AFTER: Duration = Duration::from_millis(250);

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
    ) -> Result<Answer, UpstreamError>;

    /// What must be in no result.
    fn secrets(&self) -> Vec<Secret>;
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
    loop {
        let index = match pool.pick(endpoint, run.clock.now(), run.only) {
            Ok(index) => index,
            Err(Why::Limited(until)) if run.may_wait && waits < WAITS && fits(run, until) => {
                waits += 1;
                let wait = until.since(run.clock.now());
                unless_stopped(run.context, run.context.deadline, sleep(wait)).await?;
                continue;
            }
            Err(why) => {
                let failure = nobody(desk.way(), why, run.clock.now());
                if !counted {
                    run.tally.failed(failure.code);
                }
                return Err(WayError::NoAccount(failure));
            }
        };
        run.tally.asked();
        let sending = desk.send(pool.account(index), call.clone(), run);
        let error = match unless_stopped(run.context, run.context.deadline, sending).await {
            Err(stop) => {
                let failure = Failure::from(stop);
                run.tally.failed(failure.code);
                return Err(WayError::Failed(failure));
            }
            Ok(Ok(answer)) => {
                run.answered = Some(index);
                pool.works(index);
                pool.note(index, endpoint, &answer.rate, run.clock.now());
                return Ok(answer);
            }
            Ok(Err(error)) => error,
        };
        let now = run.clock.now();
        tracing::debug!(way = %desk.way(), endpoint, code = %error.code(), "an upstream request failed");
        run.tally.failed(error.code());
        counted = true;
        match error.code() {
            Code::RateLimited => pool.limited(index, endpoint, &error.rate(), now),
            Code::UpstreamUnauthorized => pool.refused(index, now),
            Code::UpstreamForbidden => pool.forbidden(index, endpoint, now),
            _ if error.may_pass() && retries < RETRIES => {
                let wait = RETRY_AFTER * 2_u32.pow(retries);
                retries += 1;
                if Instant::now() + wait >= run.context.deadline {
                    return Err(error.into());
                }
                unless_stopped(run.context, run.context.deadline, sleep(wait)).await?;
            }
            _ => return Err(error.into()),
        }
    }
}

/// Whether a wait until then is short enough, and over before the job's deadline.
fn fits(run: &Run<'_>, until: Timestamp) -> bool {
    let wait = until.since(run.clock.now());
    wait <= LONGEST_WAIT && wait + Duration::from_secs(1) < run.context.remaining()
}

/// The failure of a way whose accounts cannot be asked.
pub(crate) fn nobody(way: Way, why: Why, now: Timestamp) -> Failure {
    let accounts = match way {
        Way::Credential => "accounts",
        Way::Api => "API keys",
        Way::Apify => "Apify tokens",
    };
    match why {
        Why::Empty => {
            let setting = way.setting();
            Failure::new(Code::NotConfigured, format!("this worker has no {accounts} ({setting})"))
        }
        Why::Refused => Failure::new(
            Code::UpstreamUnauthorized,
            format!("X refuses each of the {accounts} of this worker"),
        ),
        Why::Forbidden => Failure::new(
            Code::UpstreamForbidden,
            format!("X allows this to none of the {accounts} of this worker"),
        ),
        Why::Limited(until) => {
            let wait = until.since(now).as_secs() + 1;
            Failure::new(
                Code::RateLimited,
                format!(
                    "X limits the rate of each of the {accounts} of this worker; the next is free in {wait} s"
                ),
            )
        }
    }
}
