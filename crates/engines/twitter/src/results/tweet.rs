use std::borrow::Cow;

use serde::Serialize;

use crate::{loose::Text, time::Moment};

/// A tweet. What is not known is zero or empty, and a list that is not known is `null`.
///
/// `id` is beyond 2^53 and lost to clients whose numbers are floats; `tweet_id` has it as text.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Tweet<'a> {
    pub(crate) id: u64,
    pub(crate) tweet_id: Text<'a>,
    pub(crate) conversation_id: Text<'a>,
    pub(crate) user_id: Text<'a>,
    pub(crate) text: Cow<'a, str>,
    pub(crate) created_at: Moment,
    pub(crate) timestamp: i64,
    #[serde(rename = "ThreadCursor")]
    pub(crate) thread_cursor: ThreadCursor<'a>,
    pub(crate) is_quoted: bool,
    pub(crate) is_pin: bool,
    pub(crate) is_reply: bool,
    pub(crate) is_retweet: bool,
    pub(crate) is_self_thread: bool,
    pub(crate) likes: u64,
    pub(crate) hashtags: Option<Vec<Text<'a>>>,
    pub(crate) html: String,
    pub(crate) replies: u64,
    pub(crate) retweets: u64,
    pub(crate) urls: Option<Vec<Text<'a>>>,
    pub(crate) username: Text<'a>,
    pub(crate) photos: Option<Vec<Photo<'a>>>,
    pub(crate) videos: Option<Vec<Video<'a>>>,
    pub(crate) retweeted_status_id: Text<'a>,
    pub(crate) views: u64,
    pub(crate) sensitive_content: bool,
    pub(crate) author_id: Text<'a>,
    pub(crate) public_metrics: Metrics,
    pub(crate) possibly_sensitive: bool,
    pub(crate) lang: Text<'a>,
    pub(crate) newest_id: Text<'a>,
    pub(crate) oldest_id: Text<'a>,
    pub(crate) result_count: u64,
    /// Always `null`: a result with an error is a failed job.
    pub(crate) error: (),
}

/// Where a conversation goes on beneath this tweet.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ThreadCursor<'a> {
    pub(crate) focal_tweet_id: Text<'a>,
    pub(crate) thread_id: Text<'a>,
    pub(crate) cursor: Text<'a>,
    pub(crate) cursor_type: Text<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Photo<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) url: Text<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Video<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) preview: Text<'a>,
    pub(crate) url: Text<'a>,
    pub(crate) hls_url: Text<'a>,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Metrics {
    pub(crate) retweet_count: u64,
    pub(crate) reply_count: u64,
    pub(crate) like_count: u64,
    pub(crate) quote_count: u64,
    pub(crate) bookmark_count: u64,
    pub(crate) impression_count: u64,
}

impl Tweet<'_> {
    /// Whether it has photos or videos.
    pub(crate) fn has_media(&self) -> bool {
        self.photos.is_some() || self.videos.is_some()
    }
}

/// A list, or `null` when it is empty.
pub(crate) fn or_null<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
