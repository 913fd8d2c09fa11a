//! The engines that ask social networks: made from settings, and asked now and then whether they
//! work.

mod sessions;
mod settings;

use std::{sync::Arc, time::Duration};

use futures_util::future;
use sealwork_egress::{Egress, EgressConfig};
use sealwork_engine::Engine;
use sealwork_engine_reddit::RedditEngine;
use sealwork_engine_tiktok::TiktokEngine;
use sealwork_engine_twitter::Twitter;
use sealwork_platform::{Platform, RootSecret};
use sealwork_seal::derive::{Purpose, derive_key};
use sealwork_store::Store;
use sealwork_upstream::{Apify, CursorKey, Operation, Social};
use tokio::{sync::oneshot, time};
use tokio_util::task::AbortOnDropHandle;

use self::sessions::Sessions;
use super::ServeError;
use crate::config::Values;

/// How often the upstreams are asked whether they and the credentials work.
const EVERY: Duration = Duration::from_secs(600);
/// How long the start waits for the first answers, so that the first list of capabilities is true.
const PATIENCE: Duration = Duration::from_secs(3);

/// The social engines of a worker.
pub(super) struct SocialEngines {
    apify: Apify,
    engines: Vec<Arc<dyn Social>>,
    /// Whether there are credentials whose worth is not known at the start.
    has_credentials: bool,
}

impl SocialEngines {
    /// All of them: those for which nothing is configured know it, and say so. `egress` is how the
    /// worker goes out.
    pub(super) fn new(
        values: &Values,
        platform: &Platform,
        root: &RootSecret,
        store: &Store,
        egress: EgressConfig,
    ) -> Result<Self, ServeError> {
        let egress = settings::egress(values, egress);
        let egress =
            Egress::new(Arc::clone(&platform.resolver), Arc::clone(&platform.dialer), egress)
                .map_err(|error| ServeError::Setting {
                    name: "EGRESS_*",
                    reason: error.to_string(),
                })?;
        let clock = || Arc::clone(&platform.clock);
        let cursors = CursorKey::new(*derive_key(root.expose(), Purpose::UpstreamCursors, b""));
        let apify = Apify::new(
            settings::apify(values)?,
            cursors,
            Arc::clone(&egress),
            clock(),
            Arc::clone(&platform.entropy),
        );
        let twitter = settings::twitter(values, &*platform.disk)?;
        let has_credentials = apify.is_configured() || !twitter.api_keys.is_empty();
        let reddit = RedditEngine::new(apify.clone(), clock());
        let transcription = settings::transcription(values);
        let tiktok = TiktokEngine::new(transcription, apify.clone(), Arc::clone(&egress), clock());
        let sessions = Arc::new(Sessions::of(store));
        let twitter = Twitter::new(twitter, egress, clock(), apify.clone(), sessions);
        let mut engines: Vec<Arc<dyn Social>> = vec![Arc::new(reddit), Arc::new(tiktok)];
        engines.extend(twitter.engines().map(|engine| Arc::new(engine) as Arc<dyn Social>));
        Ok(Self { apify, engines, has_credentials })
    }

    /// The engines, for the worker.
    pub(super) fn engines(&self) -> impl Iterator<Item = Arc<dyn Engine>> {
        self.engines.iter().map(|engine| Arc::clone(engine) as Arc<dyn Engine>)
    }

    /// All operations of `engine`, if it is one of these, in order; those that do not work with
    /// the reason.
    pub(super) fn operations(&self, engine: &str) -> Vec<Operation> {
        let mut engines = self.engines.iter();
        engines.find(|known| known.name() == engine).map_or_else(Vec::new, |it| it.operations())
    }

    /// Asks the upstreams now, and every ten minutes until what this gives is dropped. When there
    /// are credentials, returns after the first answers, but soon in any case.
    pub(super) async fn watch(self: &Arc<Self>) -> AbortOnDropHandle<()> {
        let (first, answered) = oneshot::channel();
        let engines = Arc::clone(self);
        let watching = tokio::spawn(async move {
            engines.probe().await;
            // Nobody waits for it when there are no credentials.
            let _ = first.send(());
            loop {
                time::sleep(EVERY).await;
                engines.probe().await;
            }
        });
        if self.has_credentials && time::timeout(PATIENCE, answered).await.is_err() {
            tracing::warn!("the upstreams of the social engines do not answer yet");
        }
        AbortOnDropHandle::new(watching)
    }

    async fn probe(&self) {
        let engines = self.engines.iter().map(|engine| engine.probe());
        future::join(self.apify.probe(), future::join_all(engines)).await;
    }
}
