//! Takes a timeline's instructions apart.

use super::model::{Answered, Content, Entry, Item, ModuleItem, Timeline};
use crate::loose::Text;

/// A tweet or a user of a timeline, as it came.
pub(super) struct Piece<'a, T, U> {
    pub(super) what: What<T, U>,
    /// Whether the profile has it pinned.
    pub(super) is_pinned: bool,
    /// The conversation beneath the tweet asked for, when it is in one.
    pub(super) thread: Option<Thread<'a>>,
}

pub(super) enum What<T, U> {
    Tweet(T),
    User(U),
}

/// One conversation of replies.
#[derive(Debug, Clone)]
pub(super) struct Thread<'a> {
    /// Its entry's id without the prefix.
    pub(super) id: Text<'a>,
    /// Where it goes on, with the kind of cursor that this is; only at its last tweet.
    pub(super) more: Option<(Text<'a>, Text<'a>)>,
}

/// A timeline taken apart.
pub(super) struct Parts<'a, T, U> {
    pub(super) pieces: Vec<Piece<'a, T, U>>,
    /// Where the next page begins.
    pub(super) bottom: Option<Text<'a>>,
}

const THREAD: &str = "conversationthread-";

/// The pieces of an answer; `None` when it holds no timeline.
pub(super) fn parts<T, U>(answered: Answered<'_, T, U>) -> Option<Parts<'_, T, U>> {
    let timeline = timeline(answered)?;
    let mut parts = Parts { pieces: Vec::new(), bottom: None };
    for instruction in timeline.instructions.0 {
        let is_pinned = instruction.kind.as_str() == "TimelinePinEntry";
        for entry in instruction.entry.into_iter().chain(instruction.entries.0) {
            parts.entry(entry, is_pinned);
        }
        if !instruction.module_items.0.is_empty() {
            parts.thread(Text::default(), instruction.module_items.0);
        }
    }
    Some(parts)
}

fn timeline<T, U>(answered: Answered<'_, T, U>) -> Option<Timeline<'_, T, U>> {
    let data = answered.data?;
    if let Some(timeline) = data.threaded_conversation_with_injections_v2 {
        return Some(timeline);
    }
    if let Some(home) = data.home {
        return Some(home.home_timeline_urt);
    }
    let of_user = data.user.and_then(|user| user.result);
    let of_user = of_user.and_then(|result| result.timeline.or(result.timeline_v2));
    let within = data
        .search_by_raw_query
        .map(|search| search.search_timeline)
        .or(data.retweeters_timeline)
        .or(data.bookmark_timeline)
        .or(data.bookmark_timeline_v2)
        .or(of_user);
    within?.timeline
}

impl<'a, T, U> Parts<'a, T, U> {
    fn entry(&mut self, entry: Entry<'a, T, U>, is_pinned: bool) {
        let id = entry.id;
        if is_advertisement(id.as_str()) {
            return;
        }
        let Some(Content { item, items, cursor_type, value }) = entry.content else { return };
        self.cursor(&cursor_type, &value);
        if let Some(item) = item {
            self.cursor(&item.cursor_type, &item.value);
            self.item(item, is_pinned, None);
        }
        match id.as_str().strip_prefix(THREAD) {
            Some(thread) => {
                let thread = Text(thread.to_owned().into());
                self.thread(thread, items.0);
            }
            None => {
                for item in items.0 {
                    if let Some(item) = wanted(item) {
                        self.item(item, is_pinned, None);
                    }
                }
            }
        }
    }

    /// A conversation; the cursor at its end goes with its last tweet.
    fn thread(&mut self, id: Text<'a>, items: Vec<ModuleItem<'a, T, U>>) {
        let first = self.pieces.len();
        let mut more = None;
        for item in items {
            let Some(item) = wanted(item) else { continue };
            if !item.value.is_empty() {
                more = Some((item.value, item.cursor_type));
                continue;
            }
            self.item(item, false, Some(Thread { id: id.clone(), more: None }));
        }
        if let Some(thread) = self.pieces[first..].last_mut().and_then(|last| last.thread.as_mut())
        {
            thread.more = more;
        }
    }

    fn item(&mut self, item: Item<'a, T, U>, is_pinned: bool, thread: Option<Thread<'a>>) {
        if item.promoted.is_some() {
            return;
        }
        let tweet = item.tweet_results.and_then(|slot| slot.result).map(What::Tweet);
        let user = item.user_results.and_then(|slot| slot.result).map(What::User);
        if let Some(what) = tweet.or(user) {
            self.pieces.push(Piece { what, is_pinned, thread });
        }
    }

    fn cursor(&mut self, kind: &Text<'a>, value: &Text<'a>) {
        if matches!(kind.as_str(), "Bottom" | "ShowMoreThreads" | "ShowMoreThreadsPrompt")
            && !value.is_empty()
        {
            self.bottom = Some(value.clone());
        }
    }
}

fn wanted<'a, T, U>(item: ModuleItem<'a, T, U>) -> Option<Item<'a, T, U>> {
    if is_advertisement(item.id.as_str()) {
        return None;
    }
    item.item?.item
}

/// Advertisements, and profiles that X suggests.
fn is_advertisement(entry_id: &str) -> bool {
    entry_id.starts_with("promoted")
        || entry_id.contains("-promoted-tweet-")
        || entry_id.starts_with("who-to-follow")
}
