//! Takes a timeline's instructions apart.

use sealwork_upstream::Fault;

use super::{
    model::{
        Answered, Content, Entry, Instruction, Item, ModuleItem, Slot, Timeline, UserHolder, Within,
    },
    page::PAGE,
};
use crate::loose::{List, Text};

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
    /// Entries and items without a form that is known.
    pub(super) strange: u64,
    /// Advertisements, what was deleted, kinds that are new.
    pub(super) passed_over: u64,
    /// Whether one of the strange ones is a cursor.
    pub(super) is_cursor_strange: bool,
}

const THREAD: &str = "conversationthread-";
const GONE: Fault = Fault::NotFound("such timeline: the profile is suspended, protected or gone");
const CHANGED: Fault = Fault::Shape(PAGE);
/// Instructions that bring something.
const BRINGING: [&str; 4] =
    ["TimelineAddEntries", "TimelineAddToModule", "TimelinePinEntry", "TimelineReplaceEntry"];
/// Those known to bring nothing.
const OTHERS: [&str; 6] = [
    "TimelineClearCache",
    "TimelineClearEntriesUnreadState",
    "TimelineMarkEntriesUnreadGreaterThanSortIndex",
    "TimelineShowAlert",
    "TimelineShowCover",
    "TimelineTerminateTimeline",
];

/// The pieces of an answer.
///
/// # Errors
/// [`Fault::Shape`] when there is no timeline, or nothing in it has a form that is known;
/// [`Fault::NotFound`] for one that cannot be seen.
pub(super) fn parts<T, U>(answered: Answered<'_, T, U>) -> Result<Parts<'_, T, U>, Fault> {
    let instructions = instructions(answered)?;
    let mut parts = Parts {
        pieces: Vec::new(),
        bottom: None,
        strange: 0,
        passed_over: 0,
        is_cursor_strange: false,
    };
    let (mut brings, mut unknown) = (false, false);
    for instruction in instructions.0 {
        let kind = instruction.kind.as_str();
        unknown |= !OTHERS.contains(&kind) && !BRINGING.contains(&kind);
        brings |= parts.instruction(instruction)?;
    }
    let is_changed = unknown && !brings || parts.pieces.is_empty() && parts.strange > 0;
    if is_changed { Err(CHANGED) } else { Ok(parts) }
}

fn instructions<T, U>(answered: Answered<'_, T, U>) -> Result<List<Instruction<'_, T, U>>, Fault> {
    let data = answered.data.ok_or(CHANGED)?;
    if let Some(user) = data.user {
        return of_user(user);
    }
    let within = data
        .search_by_raw_query
        .map(|search| search.search_timeline)
        .or(data.retweeters_timeline)
        .or(data.bookmark_timeline)
        .or(data.bookmark_timeline_v2)
        .and_then(|within| within.timeline);
    let timeline = data
        .threaded_conversation_with_injections_v2
        .or(data.home.map(|home| home.home_timeline_urt))
        .or(within);
    timeline.and_then(|timeline| timeline.instructions).ok_or(CHANGED)
}

/// X says of a profile that it cannot be seen by leaving its timeline out.
fn of_user<T, U>(user: UserHolder<'_, T, U>) -> Result<List<Instruction<'_, T, U>>, Fault> {
    let gone_unless = |is_changed: bool| if is_changed { CHANGED } else { GONE };
    let Some(result) = user.result else { return Err(gone_unless(user.others.0)) };
    let Some(within) = result.timeline.or(result.timeline_v2) else {
        let is_user = matches!(result.kind.as_str(), "" | "User");
        return Err(gone_unless(is_user && result.others.0));
    };
    let Within { timeline, others } = within;
    let Some(Timeline { instructions, others }) = timeline else {
        return Err(gone_unless(others.0));
    };
    instructions.ok_or(gone_unless(others.0))
}

impl<'a, T, U> Parts<'a, T, U> {
    /// Whether it brings anything.
    fn instruction(&mut self, instruction: Instruction<'a, T, U>) -> Result<bool, Fault> {
        let Instruction { kind, entries, entry, module_items } = instruction;
        let brings = entries.is_some() || entry.is_some() || module_items.is_some();
        if !brings && (kind.is_empty() || BRINGING.contains(&kind.as_str())) {
            return Err(CHANGED);
        }
        let is_pinned = kind.as_str() == "TimelinePinEntry";
        for entry in entry.into_iter().chain(entries.unwrap_or_default().0) {
            self.entry(entry, is_pinned);
        }
        if let Some(items) = module_items {
            self.thread(Text::default(), items.0);
        }
        Ok(brings)
    }

    fn entry(&mut self, entry: Entry<'a, T, U>, is_pinned: bool) {
        let id = entry.id;
        if is_advertisement(id.as_str()) {
            self.passed_over += 1;
            return;
        }
        let Some(Content { kind, item, items, cursor_type, value }) = entry.content else {
            self.strange += 1;
            return;
        };
        let is_cursor = self.cursor(&cursor_type, &value);
        if !is_cursor && item.is_none() && items.is_none() {
            self.is_cursor_strange |= id.as_str().starts_with("cursor-");
            self.is_strange_or_new(is_known_entry(kind.as_str()));
        }
        if let Some(item) = item {
            self.item(item, is_pinned, None);
        }
        let items = items.unwrap_or_default().0;
        match id.as_str().strip_prefix(THREAD) {
            Some(thread) => {
                let thread = Text(thread.to_owned().into());
                self.thread(thread, items);
            }
            None => {
                for item in items {
                    if let Some(item) = self.wanted(item) {
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
            let Some(item) = self.wanted(item) else { continue };
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

    fn wanted(&mut self, item: ModuleItem<'a, T, U>) -> Option<Item<'a, T, U>> {
        if is_advertisement(item.id.as_str()) {
            self.passed_over += 1;
            return None;
        }
        let content = item.item.and_then(|item| item.item);
        self.strange += u64::from(content.is_none());
        content
    }

    fn item(&mut self, item: Item<'a, T, U>, is_pinned: bool, thread: Option<Thread<'a>>) {
        if item.promoted.is_some() {
            self.passed_over += 1;
            return;
        }
        let is_cursor = self.cursor(&item.cursor_type, &item.value);
        let what = match (item.tweet_results, item.user_results) {
            (Some(slot), _) => self.held(slot).map(What::Tweet),
            (None, Some(slot)) => self.held(slot).map(What::User),
            (None, None) => {
                if !is_cursor {
                    self.is_strange_or_new(is_known_item(item.kind.as_str()));
                }
                None
            }
        };
        self.pieces.extend(what.map(|what| Piece { what, is_pinned, thread }));
    }

    fn held<V>(&mut self, slot: Slot<V>) -> Option<V> {
        if slot.result.is_none() {
            self.is_strange_or_new(slot.others.0);
        }
        slot.result
    }

    /// Something without content that is known, which is strange where it should have some.
    fn is_strange_or_new(&mut self, is_strange: bool) {
        let count = if is_strange { &mut self.strange } else { &mut self.passed_over };
        *count += 1;
    }

    /// Notes where the next page begins, if this is a cursor that says so; whether it is a cursor.
    fn cursor(&mut self, kind: &Text<'a>, value: &Text<'a>) -> bool {
        let is_cursor = !kind.is_empty() && !value.is_empty();
        let leads_on = ["Bottom", "ShowMoreThreads", "ShowMoreThreadsPrompt"];
        if is_cursor && leads_on.contains(&kind.as_str()) {
            self.bottom = Some(value.clone());
        }
        is_cursor
    }
}

/// Whether an entry of this type must have content that is known; X adds other types.
fn is_known_entry(kind: &str) -> bool {
    let known = ["", "TimelineTimelineItem", "TimelineTimelineModule", "TimelineTimelineCursor"];
    known.contains(&kind)
}

/// The same of an item.
fn is_known_item(kind: &str) -> bool {
    matches!(kind, "" | "TimelineTweet" | "TimelineUser" | "TimelineTimelineCursor")
}

/// Advertisements, and profiles that X suggests.
fn is_advertisement(entry_id: &str) -> bool {
    entry_id.starts_with("promoted")
        || entry_id.contains("-promoted-tweet-")
        || entry_id.starts_with("who-to-follow")
}
