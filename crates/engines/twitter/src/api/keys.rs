use std::sync::{Mutex, PoisonError};

use sealwork_egress::Scope;
use sealwork_job::Code;
use sealwork_platform::Clock;
use sealwork_upstream::{Call, Secret, UpstreamError};

use super::{ApiWay, SEARCH_ALL, SEARCH_RECENT, judge::judged};
use crate::{
    desk::Desk as _,
    pool::Resting,
    refusal::{nobody, reason},
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
    /// Why no key can be used now, or, for the full archive, why none can be expected to be.
    pub(crate) fn missing(&self, archive: bool, clock: &dyn Clock) -> Option<String> {
        let now = clock.now();
        if let Some(why) = self.keys.broken(now) {
            return Some(nobody(self.way(), why, &self.keys.reasons(now), now).message);
        }
        let unreachable = self.reach.missing(SEARCH_ALL);
        unreachable.or_else(|| self.lacks_archive().filter(|_| archive))
    }

    /// Why the full archive cannot be searched, whatever else works.
    pub(crate) fn lacks_archive(&self) -> Option<String> {
        let all_base = self.keys.accounts().all(|key| key.tier() == Some(Tier::Base));
        all_base.then(|| {
            "the full archive needs an elevated API key, and those of this worker are base keys"
                .to_owned()
        })
    }

    /// Whether there are keys at all.
    pub(crate) fn is_configured(&self) -> bool {
        self.keys.accounts().next().is_some()
    }

    /// Finds out what each key may do, by searches that cannot match anything: no tweet is
    /// returned, so none is charged.
    pub(crate) async fn probe(&self, clock: &dyn Clock) {
        if !self.is_configured() {
            return;
        }
        self.reach.awaits_answer();
        let mut is_reached = false;
        for index in 0..self.keys.accounts().count() {
            let key = self.keys.account(index);
            let all = self.ask_nothing(key, SEARCH_ALL, &Scope::unmetered()).await;
            is_reached |= all.as_ref().map_or_else(is_answer, |()| true);
            match all.map_err(|error| error.code()) {
                Ok(()) => {
                    key.is(Tier::Elevated);
                    self.keys.standing(index).works();
                }
                Err(Code::UpstreamUnauthorized | Code::UpstreamForbidden) => {
                    self.probe_recent(index, key, clock).await;
                }
                Err(_) => {}
            }
        }
        if is_reached {
            self.reach.works();
        } else {
            self.reach.fails("X did not answer when it was last asked");
        }
    }

    /// A base key and an invalid one are told apart by what a base key may do.
    async fn probe_recent(&self, index: usize, key: &ApiKey, clock: &dyn Clock) {
        let recent = self.ask_nothing(key, SEARCH_RECENT, &Scope::unmetered()).await;
        let mut standing = self.keys.standing(index);
        match recent {
            Ok(()) => {
                key.is(Tier::Base);
                standing.works();
                standing.forbidden(SEARCH_ALL, clock.now());
            }
            Err(error) if error.is_unauthorized() => {
                standing.refused(Resting::Growing, reason(&error), clock.now());
            }
            Err(_) => {}
        }
    }

    /// Searches for what cannot be there.
    pub(super) async fn ask_nothing(
        &self,
        key: &ApiKey,
        endpoint: &str,
        scope: &Scope,
    ) -> Result<(), UpstreamError> {
        let last = endpoint.rsplit('/').next().unwrap_or(endpoint);
        let call = Call::get(&["tweets", "search", last])
            .query("query", "sealwork-3f1c9b7a5d2e4680")
            .query("max_results", 10)
            .bearer(&key.token);
        judged(self.upstream.answer(call, scope).await?).map(|_| ()).map_err(|it| it.error)
    }
}

/// Whether X has answered at all.
fn is_answer(error: &UpstreamError) -> bool {
    error.status().is_some_and(|status| !status.is_server_error())
}
