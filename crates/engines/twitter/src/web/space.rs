use sealwork_upstream::{Fault, read_json};
use serde::Deserialize;

use crate::{
    loose::{Count, Flag, List, Others, Text},
    results::{Participants, Space, SpaceUser, Topic},
    time::Moment,
};

#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, rename = "audioSpace")]
    space: Option<Audio<'a>>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Deserialize)]
struct Audio<'a> {
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    participants: Option<Present<'a>>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata<'a> {
    #[serde(borrow)]
    rest_id: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    title: Text<'a>,
    #[serde(borrow)]
    content_type: Text<'a>,
    #[serde(borrow)]
    topics: List<TopicHolder<'a>>,
    created_at: Count,
    scheduled_start: Count,
    started_at: Count,
    updated_at: Count,
    total_live_listeners: Count,
}

#[derive(Deserialize)]
struct TopicHolder<'a> {
    #[serde(borrow)]
    topic: Option<WebTopic<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WebTopic<'a> {
    #[serde(borrow)]
    topic_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Present<'a> {
    total: Count,
    #[serde(borrow)]
    admins: List<Participant<'a>>,
    #[serde(borrow)]
    speakers: List<Participant<'a>>,
    #[serde(borrow)]
    listeners: List<Participant<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Participant<'a> {
    #[serde(borrow)]
    twitter_screen_name: Text<'a>,
    #[serde(borrow)]
    display_name: Text<'a>,
    #[serde(borrow)]
    avatar_url: Text<'a>,
    is_verified: Flag,
    start: Count,
    #[serde(borrow)]
    user_results: Option<Numbered<'a>>,
    #[serde(borrow)]
    user: Option<Numbered<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Numbered<'a> {
    #[serde(borrow)]
    rest_id: Text<'a>,
}

/// Reads the answer of `AudioSpaceById`.
pub(super) fn read_space(body: &[u8]) -> Result<Space<'_>, Fault> {
    const CHANGED: Fault = Fault::Shape("a space");
    let absent = |others: Others| {
        if others.0 { CHANGED } else { Fault::NotFound("such space") }
    };
    let answered: Answered<'_> = read_json(body, "a space")?;
    let data = answered.data.ok_or(CHANGED)?;
    let Audio { metadata, participants, others } = data.space.ok_or_else(|| absent(data.others))?;
    let metadata = metadata.ok_or_else(|| absent(others))?;
    if metadata.rest_id.is_empty() {
        return Err(CHANGED);
    }
    let present = participants.unwrap_or_default();
    let topics = metadata.topics.0.into_iter().filter_map(|holder| holder.topic);
    Ok(Space {
        id: metadata.rest_id,
        state: metadata.state,
        title: metadata.title,
        content_type: metadata.content_type,
        topics: topics.map(|topic| Topic { id: topic.topic_id, title: topic.name }).collect(),
        participants: Participants {
            total_count: present.total.0,
            current_count: metadata.total_live_listeners.0,
            admins: users(present.admins),
            speakers: users(present.speakers),
            listeners: users(present.listeners),
        },
        created_at: Moment::from_millis(metadata.created_at.0),
        scheduled_start: Moment::from_millis(metadata.scheduled_start.0),
        started_at: Moment::from_millis(metadata.started_at.0),
        updated_at: Moment::from_millis(metadata.updated_at.0),
    })
}

fn users(list: List<Participant<'_>>) -> Vec<SpaceUser<'_>> {
    list.0
        .into_iter()
        .map(|user| SpaceUser {
            user_id: user.user_results.or(user.user).map(|it| it.rest_id).unwrap_or_default(),
            username: user.twitter_screen_name,
            name: user.display_name,
            avatar: user.avatar_url,
            is_verified: user.is_verified.0,
            connected_at: Moment::from_millis(user.start.0),
        })
        .collect()
}
