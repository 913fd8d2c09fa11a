use jiff::Timestamp;
use sealwork_upstream::{Number, objects::from_slice, rfc3339, shape};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, value::RawValue};

/// One item of a result, told apart by `dataType`.
///
/// Fields that the actor leaves out, or gives as `null`, are empty; fields that are not listed are
/// dropped (reference 3.4).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "dataType", rename_all = "lowercase")]
pub enum Item {
    /// A user.
    User(User),
    /// A post.
    Post(Post),
    /// A comment.
    Comment(Comment),
    /// A community.
    Community(Community),
}

impl Item {
    /// Whether it was created after `time`. What does not tell its time was not.
    pub fn is_after(&self, time: Timestamp) -> bool {
        let created = match self {
            Self::User(user) => &user.created_at,
            Self::Post(post) => &post.created_at,
            Self::Comment(comment) => &comment.created_at,
            Self::Community(community) => &community.created_at,
        };
        created.0.parse::<Timestamp>().is_ok_and(|created| created > time)
    }
}

impl<'de> Deserialize<'de> for Item {
    /// The kind comes as `dataType`, or as `type` from some versions of the actor.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind {
            data_type: Option<String>,
            r#type: Option<String>,
        }
        let raw = <&RawValue>::deserialize(deserializer)?.get().as_bytes();
        let kind: Kind = from_slice(raw).map_err(D::Error::custom)?;
        let read = match kind.data_type.or(kind.r#type).as_deref() {
            Some("user") => from_slice(raw).map(Self::User),
            Some("post") => from_slice(raw).map(Self::Post),
            Some("comment") => from_slice(raw).map(Self::Comment),
            Some("community") => from_slice(raw).map(Self::Community),
            _ => return Err(D::Error::custom("no kind that is known")),
        };
        read.map_err(D::Error::custom)
    }
}

/// A time as in RFC 3339, as the actor writes it. Clients parse it, so that another form of a time is
/// written in this one, and what tells no time is that of Go's zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Time(pub String);

impl Default for Time {
    fn default() -> Self {
        Self("0001-01-01T00:00:00Z".to_owned())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            _ => return Ok(Self::default()),
        };
        Ok(match (rfc3339(&text), text.parse::<Timestamp>()) {
            (Some(_), _) => Self(text),
            (None, Ok(time)) => Self(time.to_string()),
            (None, Err(_)) => Self::default(),
        })
    }
}

shape! {
    /// A user.
    #[serde(rename_all = "camelCase")]
    User identified by id, url, username {
        id: String,
        url: String,
        username: String,
        user_icon: String,
        post_karma: Number,
        comment_karma: Number,
        description: String,
        over18: bool,
        created_at: Time,
        scraped_at: Time,
    }
}

shape! {
    /// A post.
    #[serde(rename_all = "camelCase")]
    Post identified by id, parsed_id, url {
        id: String,
        parsed_id: String,
        url: String,
        username: String,
        title: String,
        community_name: String,
        parsed_community_name: String,
        body: String,
        html: Option<String>,
        number_of_comments: Number,
        up_votes: Number,
        is_video: bool,
        is_ad: bool,
        over18: bool,
        created_at: Time,
        scraped_at: Time,
    }
}

shape! {
    /// A comment.
    #[serde(rename_all = "camelCase")]
    Comment identified by id, parsed_id, url {
        id: String,
        parsed_id: String,
        url: String,
        parent_id: String,
        username: String,
        category: String,
        community_name: String,
        body: String,
        created_at: Time,
        scraped_at: Time,
        up_votes: Number,
        #[serde(rename = "numberOfreplies")]
        number_of_replies: Number,
        html: String,
    }
}

shape! {
    /// A community.
    #[serde(rename_all = "camelCase")]
    Community identified by id, url, name {
        id: String,
        name: String,
        title: String,
        header_image: String,
        description: String,
        over18: bool,
        created_at: Time,
        scraped_at: Time,
        number_of_members: Number,
        url: String,
    }
}
