//! Runs of Apify actors: paid, so each is started once, bounded, and stopped with its job.
//!
//! The calls are those of Apify's API v2 (reference 3.0). The token travels in a header, never in
//! an address.

mod api;
mod dataset;
mod job;
mod run;

use std::{fmt, sync::Arc, time::Duration};

use sealwork_egress::{Egress, UpstreamBase};
use sealwork_job::{Code, Failure};
use sealwork_platform::{Clock, Entropy};

use self::api::Api;
pub use self::job::{Fetched, Order};
use crate::{Availability, CursorKey, Secret, Secrets, Upstream};

/// What the operator decides about Apify.
#[derive(Debug, Clone)]
pub struct ApifyConfig {
    /// The address of the API (`https://api.apify.com/v2`).
    pub base: UpstreamBase,
    /// The token (`APIFY_API_KEY`); without one nothing can be run.
    pub token: Option<Secret>,
    /// Most items that one job may ask a run for.
    pub max_items: u64,
}

impl ApifyConfig {
    /// Most items of a job, unless the operator says otherwise.
    pub const DEFAULT_MAX_ITEMS: u64 = 100_000;
}

const NOT_CONFIGURED: &str = "the operator of this worker has not set APIFY_API_KEY";

/// Apify, as all engines of a worker share it.
#[derive(Clone)]
pub struct Apify(Arc<Inner>);

struct Inner {
    api: Option<Api>,
    max_items: u64,
    entropy: Arc<dyn Entropy>,
    cursors: CursorKey,
    availability: Availability,
    secrets: Secrets,
}

impl Apify {
    /// How long a stopped job may take to stop its run: [`Engine::grace`] of the engines here.
    ///
    /// [`Engine::grace`]: sealwork_engine::Engine::grace
    pub const GRACE: Duration = Duration::from_secs(3);

    /// Apify behind `egress`. `cursors` seals where the next page begins.
    pub fn new(
        config: ApifyConfig,
        cursors: CursorKey,
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let upstream = Upstream::new("Apify", config.base, egress, clock);
        let token = config.token.filter(|token| !token.is_empty());
        let api = token.map(|token| Api { upstream, token });
        let secrets = Secrets::default();
        secrets.set("APIFY_API_KEY", api.iter().map(|api| api.token.clone()).collect());
        let (availability, max_items) = (Availability::default(), config.max_items);
        Self(Arc::new(Inner { api, max_items, entropy, cursors, availability, secrets }))
    }

    /// Why `actor` cannot be run; `None` when it can, as far as the last answers tell.
    pub fn missing(&self, actor: &'static str) -> Option<String> {
        match &self.0.api {
            Some(api) => self.0.availability.missing(actor, api.upstream.now()),
            None => Some(NOT_CONFIGURED.to_owned()),
        }
    }

    /// Whether there is a token. Unlike [`Apify::missing`] it does not judge by the last answers: a
    /// job may find the token renewed.
    pub fn is_configured(&self) -> bool {
        self.0.api.is_some()
    }

    /// Most items that one job may ask a run for.
    pub fn max_items(&self) -> u64 {
        self.0.max_items
    }

    /// The secrets of the worker, which none of the engines that share this puts into a result. Each
    /// engine adds its own.
    pub fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// Asks whether the token works. Costs nothing.
    pub async fn probe(&self) {
        let Some(api) = &self.0.api else { return };
        self.0.availability.awaits_answer();
        match api.me().await {
            Ok(()) => self.0.availability.works(),
            Err(error) => self.0.availability.fails(error.to_string()),
        }
    }
}

impl Apify {
    fn api(&self) -> Result<&Api, Failure> {
        self.0.api.as_ref().ok_or_else(|| Failure::new(Code::NotConfigured, NOT_CONFIGURED))
    }
}

impl fmt::Debug for Apify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apify").field("api", &self.0.api).finish_non_exhaustive()
    }
}
