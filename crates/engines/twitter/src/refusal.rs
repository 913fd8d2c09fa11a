//! What X's refusals mean for the accounts and keys of this worker.

use sealwork_job::{Code, Failure, Timestamp};
use sealwork_upstream::{Fault, UpstreamError, unless_stopped};

use crate::{
    Way,
    desk::{Desk, Run, WayError},
    pool::{Resting, Why},
};

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// What was asked for: no account would be given it.
    Request,
    /// What was asked for, with this account. The account itself works.
    Passed,
    /// The account at this endpoint.
    Endpoint,
    /// The account.
    Account(Resting),
    /// It does not say: the account is asked for something that everybody may have.
    Unclear,
}

/// Why a call with an account gave nothing.
#[derive(Debug)]
pub(crate) struct SendError {
    pub(crate) error: UpstreamError,
    /// Matters for a refusal only.
    pub(crate) blame: Blame,
}

impl From<UpstreamError> for SendError {
    fn from(error: UpstreamError) -> Self {
        Self { error, blame: Blame::Unclear }
    }
}

/// What a refusal is about, once the account has been asked for something else where that is not
/// clear: what one requester asks for must not end an account for all others.
pub(crate) async fn settled<D: Desk>(
    desk: &D,
    run: &Run<'_>,
    (index, endpoint): (usize, &'static str),
    blame: Blame,
    error: &UpstreamError,
) -> Result<Blame, WayError> {
    if blame != Blame::Unclear {
        return Ok(blame);
    }
    let pool = desk.pool();
    if pool.standing(index).worked_lately(endpoint, run.clock.now()) {
        return Ok(Blame::Passed);
    }
    let asking = desk.confirm(pool.account(index), endpoint, run);
    let confirmed = unless_stopped(run.context, run.context.deadline, asking).await?;
    Ok(match confirmed.map_err(|other| other.code()) {
        Ok(()) => Blame::Passed,
        Err(Code::UpstreamUnauthorized) => Blame::Account(Resting::Growing),
        // Who is told what it may not do is known there.
        Err(Code::UpstreamForbidden) if error.is_unauthorized() => Blame::Passed,
        Err(Code::UpstreamForbidden) => Blame::Endpoint,
        Err(_) => Blame::Unclear,
    })
}

/// Which account it is, is told by its place: its name may be nobody else's business.
pub(crate) fn warn(way: Way, index: usize, error: &UpstreamError) {
    tracing::warn!(%way, account = index + 1, %error, "X refuses an account or key of this worker");
}

/// What X refuses an account for, in our words.
pub(crate) fn reason(error: &UpstreamError) -> &'static str {
    match error.fault {
        Fault::Refused { reason, .. } | Fault::Said { reason, .. } => reason,
        _ if error.code() == Code::UpstreamForbidden => "it does not say why",
        _ => "it does not take the credentials",
    }
}

/// The failure of a way whose accounts cannot be asked. `reasons` are those of the refused ones.
pub(crate) fn nobody(way: Way, why: Why, reasons: &[&str], now: Timestamp) -> Failure {
    let accounts = match way {
        Way::Credential => "accounts",
        Way::Api => "API keys",
        Way::Apify => "Apify tokens",
    };
    let setting = way.setting();
    let each = |reason: &str| {
        if reasons.is_empty() { reason.to_owned() } else { reasons.join("; ") }
    };
    match why {
        Why::Empty => {
            Failure::new(Code::NotConfigured, format!("this worker has no {accounts} ({setting})"))
        }
        Why::Sessionless => Failure::new(
            Code::NotConfigured,
            format!("none of the {accounts} of this worker ({setting}) has a password or cookies"),
        ),
        Why::Refused(reason) => Failure::new(
            Code::UpstreamUnauthorized,
            format!("X refuses each of the {accounts} of this worker: {}", each(reason)),
        ),
        Why::Forbidden(reason) => Failure::new(
            Code::UpstreamForbidden,
            format!("X allows this to none of the {accounts} of this worker: {}", each(reason)),
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
