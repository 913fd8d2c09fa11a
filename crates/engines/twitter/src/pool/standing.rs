//! What is known of one account or key.

use std::{collections::HashMap, time::Duration};

use sealwork_job::Timestamp;
use sealwork_upstream::{RateLimit, growing};

use super::Why;

/// How long an account rests from an endpoint whose limit it met, when the upstream does not say.
const RATE_REST: Duration = Duration::from_secs(15 * 60);
/// The same when the upstream says that the limit is over already: at first, and at most.
const SOON: Duration = Duration::from_secs(1);
const LONGEST_SOON: Duration = Duration::from_secs(60);
/// How long an account rests that was refused: at first; each further refusal doubles it.
const FIRST_REST: Duration = Duration::from_secs(60);
/// The longest rest of an account whose credentials are refused: they seldom heal by themselves.
const REFUSED_REST: Duration = Duration::from_secs(60 * 60);
/// The longest rest of an account from an endpoint that it may not use.
const FORBIDDEN_REST: Duration = Duration::from_secs(15 * 60);
/// So long after an answer an account is known to work there.
const LATELY: Duration = Duration::from_secs(60);

/// No rest is longer, whatever the upstream says: a wrong number must not end an account.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether an account may be asked, and what its budgets are.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// It is left alone altogether.
    rest: Option<Rest>,
    /// Refusals since it worked last.
    strikes: u32,
    endpoints: HashMap<&'static str, Budget>,
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    /// `None` for good.
    until: Option<Timestamp>,
    why: Why,
}

#[derive(Debug, Clone, Copy, Default)]
struct Budget {
    remaining: Option<u64>,
    /// When a new window begins.
    reset: Option<Timestamp>,
    /// It is left alone until then, and why.
    rests: Option<(Timestamp, Why)>,
    /// Refusals since it worked there last.
    strikes: u32,
    /// Why it was refused there when it was asked last.
    refused: Option<&'static str>,
    /// When it worked there last.
    worked: Option<Timestamp>,
}

/// How long a member rests whose credentials are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resting {
    /// Shortly at first, longer each time.
    Growing,
    /// Long: asking again does harm.
    Long,
    /// Until the operator does something about it.
    ForGood,
}

impl Standing {
    /// The endpoint's limit is met.
    pub(crate) fn limited(&mut self, endpoint: &'static str, rate: &RateLimit, now: Timestamp) {
        let budget = self.endpoints.entry(endpoint).or_default();
        let wait = match rate.wait(now) {
            None => RATE_REST,
            Some(wait) if wait < SOON => growing(SOON, LONGEST_SOON, budget.strikes),
            Some(wait) => wait.min(LONGEST_REST),
        };
        let until = now.plus(wait);
        budget.strikes += 1;
        budget.rests = Some((until, Why::Limited(until)));
    }

    /// The account may not use the endpoint.
    pub(crate) fn forbidden(
        &mut self,
        endpoint: &'static str,
        reason: &'static str,
        now: Timestamp,
    ) {
        let budget = self.endpoints.entry(endpoint).or_default();
        let until = now.plus(growing(FIRST_REST, FORBIDDEN_REST, budget.strikes));
        budget.strikes += 1;
        budget.rests = Some((until, Why::Forbidden(reason)));
        budget.refused = Some(reason);
    }

    /// The credentials are refused.
    pub(crate) fn refused(&mut self, resting: Resting, reason: &'static str, now: Timestamp) {
        let until = match resting {
            Resting::Growing => Some(now.plus(growing(FIRST_REST, REFUSED_REST, self.strikes))),
            Resting::Long => Some(now.plus(REFUSED_REST)),
            Resting::ForGood => None,
        };
        self.strikes += 1;
        self.rest = Some(Rest { until, why: Why::Refused(reason) });
    }

    /// There is nothing to be logged in with.
    pub(crate) fn sessionless(&mut self) {
        self.rest = Some(Rest { until: None, why: Why::Sessionless });
    }

    /// It works after all.
    pub(crate) fn works(&mut self) {
        self.rest = None;
        self.strikes = 0;
    }

    /// It works at the endpoint, and has this budget there now.
    pub(crate) fn answered(&mut self, endpoint: &'static str, rate: &RateLimit, now: Timestamp) {
        self.works();
        let budget = self.endpoints.entry(endpoint).or_default();
        budget.strikes = 0;
        budget.refused = None;
        budget.worked = Some(now);
        if rate.remaining.is_none() {
            return;
        }
        let reset = rate.reset.map(|reset| reset.min(now.plus(LONGEST_REST)));
        // Of answers that overtake each other within a window the lowest is the latest.
        budget.remaining = match (budget.reset == reset, budget.remaining, rate.remaining) {
            (true, Some(known), Some(told)) => Some(known.min(told)),
            (_, _, told) => told,
        };
        budget.reset = reset;
    }

    /// Whether it has worked at the endpoint a moment ago: what is refused now is refused for what
    /// was asked.
    pub(crate) fn worked_lately(&self, endpoint: &'static str, now: Timestamp) -> bool {
        let worked = self.endpoints.get(endpoint).and_then(|budget| budget.worked);
        worked.is_some_and(|worked| now.since(worked) < LATELY)
    }

    /// Why it is left alone altogether.
    pub(crate) fn rests(&self, now: Timestamp) -> Option<Why> {
        let rest = self.rest.filter(|rest| rest.until.is_none_or(|until| until > now));
        rest.map(|rest| rest.why)
    }

    /// Why it is left alone at the endpoint, if that is for more than its rate.
    pub(crate) fn rests_at(&self, endpoint: &str, now: Timestamp) -> Option<Why> {
        let forbidden = self.endpoints.get(endpoint).and_then(|budget| budget.rests).and_then(
            |(until, why)| (until > now && matches!(why, Why::Forbidden(_))).then_some(why),
        );
        self.rests(now).or(forbidden)
    }

    /// Why it was refused when it was asked last, at the endpoint or altogether, however long ago
    /// that is.
    pub(crate) fn refused_at(&self, endpoint: &str) -> Option<Why> {
        let refused = self.endpoints.get(endpoint).and_then(|budget| budget.refused);
        self.rest.map(|rest| rest.why).or(refused.map(Why::Forbidden))
    }

    /// Takes one request of its budget at the endpoint.
    pub(super) fn take(&mut self, endpoint: &'static str, now: Timestamp) -> Result<(), Why> {
        if let Some(why) = self.rests(now) {
            return Err(why);
        }
        let budget = self.endpoints.entry(endpoint).or_default();
        if let Some((until, why)) = budget.rests
            && until > now
        {
            return Err(why);
        }
        let has_rested = budget.rests.take().is_some();
        if has_rested || budget.reset.is_some_and(|reset| reset <= now) {
            (budget.remaining, budget.reset) = (None, None);
        }
        match (budget.remaining, budget.reset) {
            (Some(0), Some(reset)) => Err(Why::Limited(reset)),
            (Some(left), _) => {
                budget.remaining = Some(left.saturating_sub(1));
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }
}
