//! Users.

use serde::Deserialize;

use crate::loose::{Count, Flag, List, Text};

/// A user. From 2024 to 2026 everything in `legacy` has moved to objects of its own.
#[derive(Deserialize)]
pub(in crate::web) struct WebUser<'a> {
    #[serde(borrow, default, rename = "__typename")]
    pub(in crate::web) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) rest_id: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) legacy: Option<LegacyUser<'a>>,
    #[serde(borrow)]
    pub(in crate::web) core: Option<UserCore<'a>>,
    #[serde(borrow)]
    pub(in crate::web) avatar: Option<Picture<'a>>,
    #[serde(borrow)]
    pub(in crate::web) banner: Option<Picture<'a>>,
    #[serde(borrow)]
    pub(in crate::web) location: Option<Location<'a>>,
    #[serde(borrow)]
    pub(in crate::web) profile_bio: Option<Bio<'a>>,
    #[serde(borrow)]
    pub(in crate::web) pinned_items: Option<Pinned<'a>>,
    pub(in crate::web) verification: Option<Verification>,
    pub(in crate::web) privacy: Option<Privacy>,
    pub(in crate::web) relationship_counts: Option<RelationshipCounts>,
    pub(in crate::web) relationship_perspectives: Option<Perspectives>,
    pub(in crate::web) action_counts: Option<ActionCounts>,
    pub(in crate::web) tweet_counts: Option<TweetCounts>,
    pub(in crate::web) legacy_extended_profile: Option<ExtendedProfile>,
    pub(in crate::web) highlights_info: Option<Highlights>,
    #[serde(default)]
    pub(in crate::web) is_blue_verified: Flag,
    #[serde(default)]
    pub(in crate::web) possibly_sensitive: Flag,
    #[serde(default)]
    pub(in crate::web) has_graduated_access: Flag,
    #[serde(borrow, default)]
    pub(in crate::web) profile_image_shape: Text<'a>,
}

#[derive(Deserialize)]
pub(in crate::web) struct UserCore<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) name: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) screen_name: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) created_at: Text<'a>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Picture<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) image_url: Text<'a>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Bio<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) description: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) entities: Option<UserEntities<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Pinned<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) tweet_ids_str: List<Text<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct RelationshipCounts {
    #[serde(default)]
    pub(in crate::web) followers: Count,
    #[serde(default)]
    pub(in crate::web) following: Count,
}

#[derive(Deserialize)]
pub(in crate::web) struct Perspectives {
    #[serde(default)]
    pub(in crate::web) following: Flag,
    #[serde(default)]
    pub(in crate::web) followed_by: Flag,
}

#[derive(Deserialize)]
pub(in crate::web) struct ActionCounts {
    #[serde(default)]
    pub(in crate::web) favorites_count: Count,
}

#[derive(Deserialize)]
pub(in crate::web) struct TweetCounts {
    #[serde(default)]
    pub(in crate::web) tweets: Count,
    #[serde(default)]
    pub(in crate::web) media_tweets: Count,
}

#[derive(Deserialize)]
pub(in crate::web) struct Location<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) location: Text<'a>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Verification {
    #[serde(default)]
    pub(in crate::web) verified: Flag,
}

#[derive(Deserialize)]
pub(in crate::web) struct Privacy {
    #[serde(default)]
    pub(in crate::web) protected: Flag,
}

#[derive(Deserialize)]
pub(in crate::web) struct ExtendedProfile {
    pub(in crate::web) birthdate: Option<Birthdate>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Birthdate {
    #[serde(default)]
    pub(in crate::web) day: Count,
    #[serde(default)]
    pub(in crate::web) month: Count,
    #[serde(default)]
    pub(in crate::web) year: Count,
}

#[derive(Deserialize)]
pub(in crate::web) struct Highlights {
    #[serde(default)]
    pub(in crate::web) can_highlight_tweets: Flag,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::web) struct LegacyUser<'a> {
    #[serde(borrow)]
    pub(in crate::web) name: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) screen_name: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) created_at: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) description: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) location: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) profile_image_url_https: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) profile_banner_url: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) pinned_tweet_ids_str: List<Text<'a>>,
    #[serde(borrow)]
    pub(in crate::web) entities: Option<UserEntities<'a>>,
    pub(in crate::web) protected: Flag,
    pub(in crate::web) verified: Flag,
    pub(in crate::web) possibly_sensitive: Flag,
    pub(in crate::web) following: Flag,
    pub(in crate::web) followed_by: Flag,
    pub(in crate::web) followers_count: Count,
    pub(in crate::web) friends_count: Count,
    pub(in crate::web) favourites_count: Count,
    pub(in crate::web) listed_count: Count,
    pub(in crate::web) media_count: Count,
    pub(in crate::web) statuses_count: Count,
    pub(in crate::web) fast_followers_count: Count,
    pub(in crate::web) normal_followers_count: Count,
}

#[derive(Deserialize)]
pub(in crate::web) struct UserEntities<'a> {
    #[serde(borrow)]
    pub(in crate::web) url: Option<UserUrls<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct UserUrls<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) urls: List<UserUrl<'a>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct UserUrl<'a> {
    #[serde(borrow, default)]
    pub(in crate::web) expanded_url: Text<'a>,
}
