//! Tweets.

use serde::Deserialize;

use super::Slot;
use crate::loose::{Count, Flag, List, Text};

/// A tweet; with limited visibility it stands one level deeper.
#[derive(Deserialize)]
pub(in crate::web) struct WebTweet<'a> {
    #[serde(borrow, default, rename = "__typename")]
    pub(in crate::web) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) rest_id: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) core: Option<TweetCore<'a>>,
    #[serde(borrow)]
    pub(in crate::web) legacy: Option<LegacyTweet<'a>>,
    #[serde(borrow)]
    pub(in crate::web) note_tweet: Option<NoteHolder<'a>>,
    pub(in crate::web) views: Option<Views>,
    #[serde(borrow)]
    pub(in crate::web) tweet: Option<Box<WebTweet<'a>>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct TweetCore<'a> {
    #[serde(borrow)]
    pub(in crate::web) user_results: Option<Slot<Author<'a>>>,
}

/// Of a tweet's author only the screen name is told: the rest is passed over.
#[derive(Deserialize)]
pub(in crate::web) struct Author<'a> {
    #[serde(borrow)]
    pub(in crate::web) legacy: Option<Named<'a>>,
    #[serde(borrow)]
    pub(in crate::web) core: Option<Named<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Named<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) screen_name: Text<'a>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Views {
    #[serde(default)]
    pub(in crate::web) count: Count,
}

#[derive(Deserialize)]
pub(in crate::web) struct NoteHolder<'a> {
    #[serde(borrow)]
    pub(in crate::web) note_tweet_results: Option<Slot<WebNote<'a>>>,
}

/// The whole of a long tweet.
#[derive(Deserialize)]
pub(in crate::web) struct WebNote<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) text: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) entity_set: Option<WebEntities<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct LegacyTweet<'a> {
    #[serde(borrow)]
    pub(in crate::web) full_text: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) created_at: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) id_str: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) user_id_str: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) conversation_id_str: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) in_reply_to_status_id_str: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) in_reply_to_user_id_str: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) lang: Text<'a>,
    #[serde(default)]
    pub(in crate::web) is_quote_status: Flag,
    #[serde(default)]
    pub(in crate::web) possibly_sensitive: Flag,
    #[serde(default)]
    pub(in crate::web) favorite_count: Count,
    #[serde(default)]
    pub(in crate::web) reply_count: Count,
    #[serde(default)]
    pub(in crate::web) retweet_count: Count,
    #[serde(default)]
    pub(in crate::web) quote_count: Count,
    #[serde(default)]
    pub(in crate::web) bookmark_count: Count,
    #[serde(borrow)]
    pub(in crate::web) entities: Option<WebEntities<'a>>,
    #[serde(borrow)]
    pub(in crate::web) extended_entities: Option<ExtendedEntities<'a>>,
    #[serde(borrow)]
    pub(in crate::web) retweeted_status_result: Option<Slot<Retweeted<'a>>>,
}

/// Of a retweeted tweet only its number is told.
#[derive(Deserialize)]
pub(in crate::web) struct Retweeted<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) rest_id: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) tweet: Option<Box<Retweeted<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::web) struct WebEntities<'a> {
    #[serde(borrow)]
    pub(in crate::web) hashtags: List<Tag<'a>>,
    #[serde(borrow)]
    pub(in crate::web) user_mentions: List<Mention<'a>>,
    #[serde(borrow)]
    pub(in crate::web) urls: List<Address<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Tag<'a> {
    #[serde(borrow)]
    pub(in crate::web) text: Text<'a>,
    pub(in crate::web) indices: (usize, usize),
}

#[derive(Deserialize)]
pub(in crate::web) struct Mention<'a> {
    #[serde(borrow)]
    pub(in crate::web) screen_name: Text<'a>,
    pub(in crate::web) indices: (usize, usize),
}

#[derive(Deserialize)]
pub(in crate::web) struct Address<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) expanded_url: Text<'a>,
    pub(in crate::web) indices: (usize, usize),
}

#[derive(Deserialize)]
pub(in crate::web) struct ExtendedEntities<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) media: List<WebMedia<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct WebMedia<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) id_str: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    pub(in crate::web) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) media_url_https: Text<'a>,
    pub(in crate::web) indices: (usize, usize),
    #[serde(borrow)]
    pub(in crate::web) video_info: Option<VideoInfo<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct VideoInfo<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) variants: List<Variant<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Variant<'a> {
    #[serde(default)]
    pub(in crate::web) bitrate: Count,
    #[serde(borrow, default)]
    pub(in crate::web) content_type: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) url: Text<'a>,
}
