use std::sync::{Mutex, PoisonError};

use sealwork_egress::Scope;
use sealwork_job::Code;
use sealwork_platform::Clock;
use sealwork_upstream::{Call, Fault, RateLimit, Secret, UpstreamError, read_json};
use serde::de::IgnoredAny;

use super::{
    ApiWay, SEARCH_ALL, SEARCH_RECENT, TWEETS, USERS, endpoint,
    judge::{REFUSED_KEY, judged},
};
use crate::{
    Operation,
    desk::{Desk as _, REQUEST_TIME},
    pool::{Resting, Standing},
    refusal::{Blame, SendError, nobody, reason},
};

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    /// Recent search and lookups.
    Base,
    /// The full archive as well.
    Elevated,
}

/// A bearer token.
#[derive(Debug)]
pub(crate) struct ApiKey {
    pub(super) token: Secret,
    /// `None` until it is known.
    tier: Mutex<Option<Tier>>,
}

impl ApiKey {
    pub(super) fn new(token: Secret) -> Self {
        Self { token, tier: Mutex::default() }
    }

    pub(crate) fn tier(&self) -> Option<Tier> {
        *self.tier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, tier: Tier) {
        *self.tier.lock().unwrap_or_else(PoisonError::into_inner) = Some(tier);
    }
}

impl ApiWay {
    /// Why an operation does not work with any of the keys: by the last answers, as the keys are
    /// asked now and then.
    pub(crate) fn missing(&self, operation: Operation, clock: &dyn Clock) -> Option<String> {
        let (now, endpoint) = (clock.now(), endpoint(operation));
        let refused = |key: &Standing| key.refused_at(endpoint);
        let lacking = self.lacks_archive().filter(|_| endpoint == SEARCH_ALL);
        let refused = || {
            let why = self.keys.broken(refused)?;
            Some(nobody(self.way(), why, &self.keys.reasons(refused), now).message)
        };
        lacking.or_else(refused).or_else(|| self.health.missing(endpoint, now))
    }

    /// Why the full archive cannot be searched, whatever else works.
    pub(crate) fn lacks_archive(&self) -> Option<String> {
        let all_base = self.keys.accounts().all(|key| key.tier() == Some(Tier::Base));
        (all_base && self.is_configured()).then(|| {
            "the full archive needs an elevated API key, and those of this worker are base keys"
                .to_owned()
        })
    }

    /// Whether there are keys at all.
    pub(crate) fn is_configured(&self) -> bool {
        self.keys.accounts().next().is_some()
    }

    /// Finds out what each key may do, by searches that cannot match anything and, where those are
    /// refused, by numbers that nothing has: no tweet is returned, so none is charged.
    pub(crate) async fn probe(&self, clock: &dyn Clock) {
        if !self.is_configured() {
            return;
        }
        self.health.awaits_answer();
        let (mut is_reached, mut failed) = (false, None);
        for index in 0..self.keys.accounts().count() {
            match self.probe_key(index, clock).await {
                Ok(()) => is_reached = true,
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if !is_reached => self.health.fails(error.to_string()),
            _ => self.health.works(),
        }
    }

    /// A base key and an invalid one are told apart by what a base key may do.
    ///
    /// # Errors
    /// What X gave instead of an answer of its API.
    async fn probe_key(&self, index: usize, clock: &dyn Clock) -> Result<(), UpstreamError> {
        let key = self.keys.account(index);
        let all = self.probe_at(index, SEARCH_ALL, clock).await;
        if matches!(all, Ok(Probed::Allowed)) {
            key.is(Tier::Elevated);
        }
        let was_refused = |endpoint| self.keys.standing(index).refused_at(endpoint).is_some();
        let mut recent = Ok(Probed::Limited);
        if !matches!(all, Ok(Probed::Allowed | Probed::Limited)) || was_refused(SEARCH_RECENT) {
            recent = self.probe_at(index, SEARCH_RECENT, clock).await;
        }
        match (&all, &recent) {
            (_, Ok(Probed::Unauthorized)) => {
                let mut standing = self.keys.standing(index);
                standing.refused(Resting::Growing, REFUSED_KEY, clock.now());
                return Ok(());
            }
            (Ok(Probed::Unauthorized), Ok(Probed::Allowed)) => {
                key.is(Tier::Base);
                let mut standing = self.keys.standing(index);
                standing.forbidden(SEARCH_ALL, "it takes an elevated key", clock.now());
            }
            (Ok(Probed::Forbidden), Ok(Probed::Allowed)) => key.is(Tier::Base),
            _ => {}
        }
        for endpoint in [TWEETS, USERS] {
            if matches!(recent, Ok(Probed::Forbidden)) || was_refused(endpoint) {
                // What it says is noted, and that it is reached is known by now.
                let _ = self.probe_at(index, endpoint, clock).await;
            }
        }
        all.or(recent).map(|_| ())
    }

    /// Asks with a key at an endpoint for nothing, and notes what comes.
    async fn probe_at(
        &self,
        index: usize,
        endpoint: &'static str,
        clock: &dyn Clock,
    ) -> Result<Probed, UpstreamError> {
        let key = self.keys.account(index);
        let asked = self.ask_nothing(key, endpoint, &Scope::unmetered()).await;
        let Err(SendError { error, blame }) = asked else {
            let rate = RateLimit::default();
            self.keys.standing(index).answered(endpoint, &rate, clock.now());
            self.health.part_works(endpoint);
            return Ok(Probed::Allowed);
        };
        match (error.code(), blame) {
            (Code::UpstreamUnauthorized, _) => Ok(Probed::Unauthorized),
            (Code::UpstreamForbidden, _) | (Code::RateLimited, Blame::Endpoint) => {
                let mut standing = self.keys.standing(index);
                standing.forbidden(endpoint, reason(&error), clock.now());
                Ok(Probed::Forbidden)
            }
            (Code::RateLimited, _) => Ok(Probed::Limited),
            _ => {
                self.health.part_fails(endpoint, error.clone(), clock.now());
                Err(error)
            }
        }
    }

    /// Asks for what cannot be there.
    pub(super) async fn ask_nothing(
        &self,
        key: &ApiKey,
        endpoint: &'static str,
        scope: &Scope,
    ) -> Result<(), SendError> {
        let call = match endpoint {
            TWEETS | USERS => Call::get(&[endpoint, "1"]),
            _ => {
                let last = endpoint.rsplit('/').next().unwrap_or(endpoint);
                Call::get(&["tweets", "search", last])
                    .query("query", "sealwork-3f1c9b7a5d2e4680")
                    .query("max_results", 10)
            }
        };
        let call = call.bearer(&key.token).timeout(REQUEST_TIME);
        match judged(self.upstream.answer(call, scope).await?).map(|answer| answer.body) {
            // A parked domain answers everything with a page.
            Ok(body) => match read_json::<IgnoredAny>(&body, "an answer of API v2") {
                Ok(_) => Ok(()),
                Err(fault) => Err(self.upstream.error(fault).into()),
            },
            Err(SendError { error, .. }) if matches!(error.fault, Fault::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What became of asking for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probed {
    Allowed,
    Forbidden,
    Limited,
    Unauthorized,
}
