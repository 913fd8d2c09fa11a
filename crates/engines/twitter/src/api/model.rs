//! Answers of API v2, as far as results are made of them.

use serde::Deserialize;

use crate::loose::{Count, Flag, List, Text};

/// A page of tweets, a tweet, or a profile.
#[derive(Deserialize)]
#[serde(bound(deserialize = "D: Deserialize<'de>, I: Deserialize<'de>"))]
pub(super) struct Answered<'a, D, I> {
    pub(super) data: Option<D>,
    pub(super) includes: Option<I>,
    #[serde(borrow)]
    pub(super) meta: Option<Meta<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Meta<'a> {
    #[serde(borrow)]
    pub(super) newest_id: Text<'a>,
    #[serde(borrow)]
    pub(super) oldest_id: Text<'a>,
    pub(super) result_count: Option<Count>,
    #[serde(borrow)]
    pub(super) next_token: Text<'a>,
}

/// What an answer says is wrong (RFC 9457, with the members that X adds): by itself, or in a list.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Problem<'a> {
    #[serde(borrow)]
    pub(super) errors: List<Problem<'a>>,
    #[serde(borrow)]
    pub(super) title: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) reason: Text<'a>,
    pub(super) status: Count,
    /// Of the older API, which some answers come from.
    pub(super) code: Count,
    #[serde(borrow)]
    pub(super) resource_id: Text<'a>,
}

impl<'a> Problem<'a> {
    /// Itself, if it says anything, and those in its list.
    pub(super) fn all(&self) -> impl Iterator<Item = &Problem<'a>> {
        let says_something = !self.title.is_empty()
            || !self.kind.is_empty()
            || !self.reason.is_empty()
            || self.status.0 != 0
            || self.code.0 != 0;
        says_something.then_some(self).into_iter().chain(&self.errors.0)
    }

    /// Whether it is of this type: an address that ends with it.
    pub(super) fn is_of(&self, word: &str) -> bool {
        self.kind.as_str().rsplit('/').next() == Some(word)
    }

    /// Whether it is about the tweet or profile that was asked for.
    pub(super) fn is_about_a_resource(&self) -> bool {
        const WORDS: [&str; 4] = [
            "not-authorized-for-resource",
            "resource-not-found",
            "resource-unavailable",
            "disallowed-resource",
        ];
        !self.resource_id.is_empty() || WORDS.iter().any(|word| self.is_of(word))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Includes<'a> {
    #[serde(borrow)]
    pub(super) users: List<Author<'a>>,
    #[serde(borrow)]
    pub(super) media: List<Media<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Author<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) username: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Media<'a> {
    #[serde(borrow)]
    pub(super) media_key: Text<'a>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) url: Text<'a>,
    #[serde(borrow)]
    pub(super) preview_image_url: Text<'a>,
    #[serde(borrow)]
    pub(super) variants: List<Variant<'a>>,
}

/// One form of a video.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Variant<'a> {
    pub(super) bit_rate: Count,
    #[serde(borrow)]
    pub(super) content_type: Text<'a>,
    #[serde(borrow)]
    pub(super) url: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct ApiTweet<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) text: Text<'a>,
    #[serde(borrow, default)]
    pub(super) author_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) conversation_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) created_at: Text<'a>,
    #[serde(borrow, default)]
    pub(super) lang: Text<'a>,
    #[serde(borrow, default)]
    pub(super) in_reply_to_user_id: Text<'a>,
    #[serde(default)]
    pub(super) possibly_sensitive: Flag,
    #[serde(default)]
    pub(super) public_metrics: ApiCounts,
    #[serde(borrow, default)]
    pub(super) referenced_tweets: List<Reference<'a>>,
    #[serde(borrow)]
    pub(super) attachments: Option<Attachments<'a>>,
    #[serde(borrow)]
    pub(super) entities: Option<Entities<'a>>,
    #[serde(borrow)]
    pub(super) note_tweet: Option<Note<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ApiCounts {
    pub(super) retweet_count: Count,
    pub(super) reply_count: Count,
    pub(super) like_count: Count,
    pub(super) quote_count: Count,
    pub(super) bookmark_count: Count,
    pub(super) impression_count: Count,
}

#[derive(Deserialize)]
pub(super) struct Reference<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) id: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Attachments<'a> {
    #[serde(borrow, default)]
    pub(super) media_keys: List<Text<'a>>,
}

/// The whole of a long tweet.
#[derive(Deserialize)]
pub(super) struct Note<'a> {
    #[serde(borrow, default)]
    pub(super) text: Text<'a>,
    #[serde(borrow)]
    pub(super) entities: Option<Entities<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Entities<'a> {
    #[serde(borrow)]
    pub(super) hashtags: List<Tag<'a>>,
    #[serde(borrow)]
    pub(super) mentions: List<Mention<'a>>,
    #[serde(borrow)]
    pub(super) urls: List<Address<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Tag<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    #[serde(borrow)]
    pub(super) tag: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Mention<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    #[serde(borrow)]
    pub(super) username: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Address<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    #[serde(borrow, default)]
    pub(super) expanded_url: Text<'a>,
    #[serde(borrow, default)]
    pub(super) media_key: Text<'a>,
}
