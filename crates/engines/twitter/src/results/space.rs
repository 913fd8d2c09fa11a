use serde::Serialize;

use crate::{loose::Text, time::Moment};

/// An audio space, with the reference's names.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Space<'a> {
    #[serde(rename = "ID")]
    pub(crate) id: Text<'a>,
    pub(crate) state: Text<'a>,
    pub(crate) title: Text<'a>,
    pub(crate) content_type: Text<'a>,
    pub(crate) topics: Vec<Topic<'a>>,
    pub(crate) participants: Participants<'a>,
    pub(crate) created_at: Moment,
    pub(crate) scheduled_start: Moment,
    pub(crate) started_at: Moment,
    pub(crate) updated_at: Moment,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Topic<'a> {
    #[serde(rename = "ID")]
    pub(crate) id: Text<'a>,
    pub(crate) title: Text<'a>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Participants<'a> {
    pub(crate) total_count: u64,
    pub(crate) current_count: u64,
    pub(crate) admins: Vec<SpaceUser<'a>>,
    pub(crate) speakers: Vec<SpaceUser<'a>>,
    pub(crate) listeners: Vec<SpaceUser<'a>>,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SpaceUser<'a> {
    #[serde(rename = "UserID")]
    pub(crate) user_id: Text<'a>,
    pub(crate) username: Text<'a>,
    pub(crate) name: Text<'a>,
    pub(crate) avatar: Text<'a>,
    pub(crate) is_verified: bool,
    pub(crate) connected_at: Moment,
}
