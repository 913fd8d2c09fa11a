use serde::{Deserialize, Serialize};

use crate::loose::{Count, Flag, Text};

/// What `getprofilebyid` gives by API v2: the upstream's own form, and another one than by
/// credentials, as it is with the reference's workers.
#[derive(Debug, Serialize)]
pub(crate) struct ApiProfileResult<'a> {
    pub(crate) data: &'a ApiProfile<'a>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct ApiProfile<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(borrow)]
    pub(crate) username: Text<'a>,
    #[serde(borrow)]
    pub(crate) description: Text<'a>,
    #[serde(borrow)]
    pub(crate) created_at: Text<'a>,
    #[serde(borrow)]
    pub(crate) profile_banner_url: Text<'a>,
    #[serde(borrow)]
    pub(crate) profile_image_url: Text<'a>,
    pub(crate) protected: Flag,
    pub(crate) verified: Flag,
    #[serde(borrow, skip_serializing_if = "Text::is_empty")]
    pub(crate) location: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Text::is_empty")]
    pub(crate) url: Text<'a>,
    pub(crate) public_metrics: ApiMetrics,
}

impl ApiProfile<'_> {
    /// Whether it has what each profile has.
    pub(crate) fn is_one(&self) -> bool {
        !self.id.is_empty() && !self.username.is_empty()
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct ApiMetrics {
    pub(crate) followers_count: Count,
    pub(crate) following_count: Count,
    pub(crate) like_count: Count,
    pub(crate) listed_count: Count,
    pub(crate) media_count: Count,
    pub(crate) tweet_count: Count,
}
