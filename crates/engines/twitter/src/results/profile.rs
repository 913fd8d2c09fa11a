use serde::Serialize;

use crate::{loose::Text, time::Moment};

/// A profile from the web client, with the reference's names.
///
/// `FollowingCount` is the number of *likes*: the reference's workers gave that, and clients that
/// know it read the number of profiles followed from `FriendsCount`.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Profile<'a> {
    pub(crate) avatar: Text<'a>,
    pub(crate) banner: Text<'a>,
    pub(crate) biography: Text<'a>,
    pub(crate) birthday: String,
    pub(crate) followers_count: u64,
    pub(crate) following_count: u64,
    pub(crate) friends_count: u64,
    pub(crate) is_private: bool,
    pub(crate) is_verified: bool,
    pub(crate) is_blue_verified: bool,
    pub(crate) joined: Option<Moment>,
    pub(crate) likes_count: u64,
    pub(crate) listed_count: u64,
    pub(crate) location: Text<'a>,
    pub(crate) name: Text<'a>,
    #[serde(rename = "PinnedTweetIDs")]
    pub(crate) pinned_tweet_ids: Option<Vec<Text<'a>>>,
    pub(crate) tweets_count: u64,
    #[serde(rename = "URL")]
    pub(crate) url: String,
    #[serde(rename = "UserID")]
    pub(crate) user_id: Text<'a>,
    pub(crate) username: Text<'a>,
    pub(crate) website: Text<'a>,
    pub(crate) sensitive: bool,
    pub(crate) following: bool,
    pub(crate) followed_by: bool,
    pub(crate) media_count: u64,
    pub(crate) fast_followers_count: u64,
    pub(crate) normal_followers_count: u64,
    pub(crate) profile_image_shape: Text<'a>,
    pub(crate) has_graduated_access: bool,
    pub(crate) can_highlight_tweets: bool,
}
