use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use sealwork_egress::Scope;
use sealwork_platform::Clock;
use sealwork_upstream::{Call, Secret};

use super::{ApiWay, SEARCH_ALL};
use crate::desk::{Desk as _, nobody};

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
            return Some(nobody(self.way(), why, now).message);
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
            let status = self.probe_status(key, SEARCH_ALL).await;
            is_reached |= status.is_some_and(|status| !status.is_server_error());
            match status {
                Some(StatusCode::OK) => {
                    key.is(Tier::Elevated);
                    self.keys.works(index);
                }
                Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                    // A base key and an invalid one are told apart by what a base key may do.
                    match self.probe_status(key, super::SEARCH_RECENT).await {
                        Some(StatusCode::UNAUTHORIZED) => self.keys.refused(index, clock.now()),
                        Some(status) if status.is_success() => {
                            key.is(Tier::Base);
                            self.keys.works(index);
                            self.keys.forbidden(index, SEARCH_ALL, clock.now());
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        if is_reached {
            self.reach.works();
        } else {
            self.reach.fails("X did not answer when it was last asked");
        }
    }

    async fn probe_status(&self, key: &ApiKey, endpoint: &str) -> Option<StatusCode> {
        let (_, last) = endpoint.split_once('/')?;
        let call = Call::get(&["tweets", "search", last])
            .query("query", "sealwork-3f1c9b7a5d2e4680")
            .query("max_results", 10)
            .bearer(&key.token);
        let answer = self.upstream.answer(call, &Scope::unmetered()).await.ok()?;
        Some(answer.status)
    }
}
