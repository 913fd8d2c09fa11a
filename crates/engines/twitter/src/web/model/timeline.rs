//! Timelines, and what is wrong with an answer.

use serde::Deserialize;

use crate::loose::{Count, List, Others, Text};

/// An answer. `T` is what stands for a tweet and `U` for a user: their types, or plain JSON where a
/// page holds one of an unknown form.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Answered<'a, T, U> {
    #[serde(borrow)]
    pub(in crate::web) data: Option<Data<'a, T, U>>,
}

#[derive(Deserialize)]
pub(in crate::web) struct GraphError<'a> {
    #[serde(default)]
    pub(in crate::web) code: Count,
    #[serde(borrow, default)]
    pub(in crate::web) name: Text<'a>,
}

/// One field for each operation.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Data<'a, T, U> {
    #[serde(borrow)]
    pub(in crate::web) search_by_raw_query: Option<Search<'a, T, U>>,
    #[serde(borrow)]
    pub(in crate::web) user: Option<UserHolder<'a, T, U>>,
    #[serde(borrow)]
    pub(in crate::web) home: Option<Home<'a, T, U>>,
    #[serde(borrow)]
    pub(in crate::web) threaded_conversation_with_injections_v2: Option<Timeline<'a, T, U>>,
    #[serde(borrow)]
    pub(in crate::web) retweeters_timeline: Option<Within<'a, T, U>>,
    #[serde(borrow)]
    pub(in crate::web) bookmark_timeline: Option<Within<'a, T, U>>,
    #[serde(borrow)]
    pub(in crate::web) bookmark_timeline_v2: Option<Within<'a, T, U>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Search<'a, T, U> {
    #[serde(borrow)]
    pub(in crate::web) search_timeline: Within<'a, T, U>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Home<'a, T, U> {
    #[serde(borrow)]
    pub(in crate::web) home_timeline_urt: Timeline<'a, T, U>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct UserHolder<'a, T, U> {
    #[serde(borrow)]
    pub(in crate::web) result: Option<UserTimelines<'a, T, U>>,
    #[serde(flatten)]
    pub(in crate::web) others: Others,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct UserTimelines<'a, T, U> {
    #[serde(borrow, default, rename = "__typename")]
    pub(in crate::web) kind: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) timeline: Option<Within<'a, T, U>>,
    #[serde(borrow)]
    pub(in crate::web) timeline_v2: Option<Within<'a, T, U>>,
    #[serde(flatten)]
    pub(in crate::web) others: Others,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Within<'a, T, U> {
    #[serde(borrow)]
    pub(in crate::web) timeline: Option<Timeline<'a, T, U>>,
    #[serde(flatten)]
    pub(in crate::web) others: Others,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Timeline<'a, T, U> {
    #[serde(borrow)]
    pub(in crate::web) instructions: Option<List<Instruction<'a, T, U>>>,
    #[serde(flatten)]
    pub(in crate::web) others: Others,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Instruction<'a, T, U> {
    #[serde(borrow, default, rename = "type")]
    pub(in crate::web) kind: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) entries: Option<List<Entry<'a, T, U>>>,
    /// Of a pinned tweet, and of a cursor that is replaced.
    #[serde(borrow)]
    pub(in crate::web) entry: Option<Entry<'a, T, U>>,
    #[serde(borrow, rename = "moduleItems")]
    pub(in crate::web) module_items: Option<List<ModuleItem<'a, T, U>>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Entry<'a, T, U> {
    #[serde(borrow, default, rename = "entryId")]
    pub(in crate::web) id: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) content: Option<Content<'a, T, U>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Content<'a, T, U> {
    #[serde(borrow, default, rename = "entryType")]
    pub(in crate::web) kind: Text<'a>,
    #[serde(borrow, rename = "itemContent")]
    pub(in crate::web) item: Option<Item<'a, T, U>>,
    #[serde(borrow)]
    pub(in crate::web) items: Option<List<ModuleItem<'a, T, U>>>,
    #[serde(borrow, default, rename = "cursorType")]
    pub(in crate::web) cursor_type: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) value: Text<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct ModuleItem<'a, T, U> {
    #[serde(borrow, default, rename = "entryId")]
    pub(in crate::web) id: Text<'a>,
    #[serde(borrow)]
    pub(in crate::web) item: Option<ModuleContent<'a, T, U>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct ModuleContent<'a, T, U> {
    #[serde(borrow, rename = "itemContent")]
    pub(in crate::web) item: Option<Item<'a, T, U>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>, U: Deserialize<'de>"))]
pub(in crate::web) struct Item<'a, T, U> {
    #[serde(borrow, default, rename = "itemType")]
    pub(in crate::web) kind: Text<'a>,
    pub(in crate::web) tweet_results: Option<Slot<T>>,
    pub(in crate::web) user_results: Option<Slot<U>>,
    #[serde(borrow, default, rename = "cursorType")]
    pub(in crate::web) cursor_type: Text<'a>,
    #[serde(borrow, default)]
    pub(in crate::web) value: Text<'a>,
    #[serde(rename = "promotedMetadata")]
    pub(in crate::web) promoted: Option<serde::de::IgnoredAny>,
}

/// Empty for what has been deleted.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(in crate::web) struct Slot<T> {
    pub(in crate::web) result: Option<T>,
    #[serde(flatten)]
    pub(in crate::web) others: Others,
}
