//! The way by API v2, with bearer tokens (reference 3.5.1).

mod judge;
mod keys;
mod lookup;
mod model;
mod search;
mod tweet;

use std::sync::Arc;

use async_trait::async_trait;
use http::StatusCode;
use sealwork_upstream::{Answer, Availability, Call, Secret, Secrets, Upstream, UpstreamError};

pub(crate) use self::search::read_page;
use self::{judge::judged, keys::ApiKey};
use crate::{
    Operation, Way,
    desk::{Desk, Run, WayError},
    found::Found,
    pool::Pool,
    refusal::SendError,
};

/// Fields that the result's tweets are made of, and no more.
const TWEET_FIELDS: &str = "attachments,author_id,conversation_id,created_at,entities,id,\
    in_reply_to_user_id,lang,note_tweet,possibly_sensitive,public_metrics,referenced_tweets,text";
const MEDIA_FIELDS: &str = "media_key,preview_image_url,type,url,variants";
const USER_FIELDS: &str = "created_at,description,id,location,name,profile_banner_url,\
    profile_image_url,protected,public_metrics,url,username,verified";
/// Authors and media come with the page: no further call for each author.
const EXPANSIONS: &str = "author_id,attachments.media_keys";

const SEARCH_RECENT: &str = "search/recent";
const SEARCH_ALL: &str = "search/all";
const TWEETS: &str = "tweets";
const USERS: &str = "users";

/// API v2.
pub(crate) struct ApiWay {
    upstream: Upstream,
    keys: Pool<Arc<ApiKey>>,
    /// Whether X answers, and at which endpoints.
    health: Availability,
    secrets: Secrets,
}

impl ApiWay {
    /// Adds its keys to `secrets`.
    pub(crate) fn new(upstream: Upstream, keys: &[Secret], secrets: Secrets) -> Self {
        secrets.set("TWITTER_API_KEYS", keys.to_vec());
        let keys = keys.iter().map(|key| Arc::new(ApiKey::new(key.clone()))).collect();
        Self { upstream, keys: Pool::new(keys), health: Availability::default(), secrets }
    }

    /// Does an operation that [`Way::offers`].
    pub(crate) async fn run(
        &self,
        operation: Operation,
        run: &mut Run<'_>,
        token: Option<&str>,
    ) -> Result<Found, WayError> {
        match operation {
            Operation::GetById => self.tweet(run).await,
            Operation::GetProfileById => self.profile(run).await,
            _ => self.search(run, endpoint(operation), token).await,
        }
    }
}

/// Where an operation is asked for.
fn endpoint(operation: Operation) -> &'static str {
    match operation {
        Operation::GetById => TWEETS,
        Operation::GetProfileById => USERS,
        Operation::SearchByFullArchive => SEARCH_ALL,
        _ => SEARCH_RECENT,
    }
}

#[async_trait]
impl Desk for ApiWay {
    type Account = Arc<ApiKey>;

    fn way(&self) -> Way {
        Way::Api
    }

    fn pool(&self) -> &Pool<Arc<ApiKey>> {
        &self.keys
    }

    async fn send(
        &self,
        key: &Arc<ApiKey>,
        call: Call,
        run: &Run<'_>,
    ) -> Result<Answer, SendError> {
        let answer = self.upstream.answer(call.bearer(&key.token), &run.scope).await?;
        judged(answer)
    }

    async fn confirm(
        &self,
        key: &Arc<ApiKey>,
        endpoint: &'static str,
        run: &Run<'_>,
    ) -> Result<(), UpstreamError> {
        let endpoint = if endpoint == SEARCH_ALL { SEARCH_ALL } else { SEARCH_RECENT };
        self.ask_nothing(key, endpoint, &run.scope).await.map_err(|it| it.error)
    }

    fn health(&self) -> &Availability {
        &self.health
    }

    /// A search finds nothing, but it is there.
    fn is_its_own(&self, endpoint: &'static str, error: &UpstreamError) -> bool {
        let is_search = matches!(endpoint, SEARCH_ALL | SEARCH_RECENT);
        let is_gone = is_search && error.status() == Some(StatusCode::NOT_FOUND);
        is_gone || error.is_about_the_upstream()
    }
}
