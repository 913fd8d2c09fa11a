//! Reads one page of a timeline.

use sealwork_upstream::{Fault, objects, read_json};
use serde_json::Value;

use super::{
    model::{Answered, WebTweet, WebUser},
    timeline::{Parts, Piece, Thread, What, parts},
    user::profile,
    web_tweet::tweet,
};
use crate::{
    found::Took,
    loose::Text,
    results::{Profile, ThreadCursor, Tweet},
};

/// What of a timeline is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want<'a> {
    /// Its tweets.
    Tweets,
    /// Its tweets beneath this one.
    Replies(&'a str),
    /// Its users.
    Users,
}

/// An item of a page.
pub(crate) enum Given<'a> {
    Tweet(Box<Tweet<'a>>),
    User(Box<Profile<'a>>),
}

/// A tweet or a profile without a form that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strange;

/// What a page came to.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Where the next page begins.
    pub(crate) bottom: Option<String>,
    /// Pieces of any kind.
    pub(crate) pieces: usize,
    /// Entries and items that are none, and no cursors: advertisements, what was deleted, kinds that
    /// are new.
    pub(crate) passed_over: u64,
    /// How many of them were used, when there was no use for the rest.
    pub(crate) cut: Option<usize>,
    /// Pieces without a form that is known.
    pub(crate) unreadable: u64,
    /// Whether there is a cursor that cannot be read: where it goes on is not known then.
    pub(crate) is_cursor_strange: bool,
}

pub(super) const PAGE: &str = "a timeline";

type Take<'t> = &'t mut dyn FnMut(Given<'_>) -> Took;
/// A piece whose tweet or user may have no form that is known.
type Read<'a> = (Result<Known<'a>, Strange>, bool, Option<Thread<'a>>);
/// Boxed, because pages are moved as a whole.
type Known<'a> = What<Box<WebTweet<'a>>, Box<WebUser<'a>>>;

/// Gives the wanted items of a page after the first `skip` pieces, until `take` has enough.
pub(crate) fn read_page(
    body: &[u8],
    want: Want<'_>,
    skip: usize,
    take: Take<'_>,
) -> Result<Page, Fault> {
    match read_json::<Answered<'_, Box<WebTweet<'_>>, Box<WebUser<'_>>>>(body, PAGE) {
        Ok(answered) => {
            let (page, pieces) = Page::of(parts(answered)?);
            let read = pieces.into_iter().map(|it| (Ok(it.what), it.is_pinned, it.thread));
            give(page, read, want, skip, take)
        }
        Err(Fault::Shape(_)) => by_item(body, want, skip, take),
        Err(fault) => Err(fault),
    }
}

/// The same where something has a form that is not known: that alone is left out.
fn by_item(body: &[u8], want: Want<'_>, skip: usize, take: Take<'_>) -> Result<Page, Fault> {
    let answered: Answered<'_, Value, Value> = read_json(body, PAGE)?;
    let (page, pieces) = Page::of(parts(answered)?);
    let read = pieces.iter().map(|Piece { what, is_pinned, thread }| {
        let what = match what {
            What::Tweet(json) => objects::from_value(json).map(What::Tweet),
            What::User(json) => objects::from_value(json).map(What::User),
        };
        (what.map_err(|_| Strange), *is_pinned, thread.clone())
    });
    give(page, read, want, skip, take)
}

impl Page {
    fn of<T, U>(parts: Parts<'_, T, U>) -> (Self, Vec<Piece<'_, T, U>>) {
        let Parts { pieces, bottom, strange, passed_over, is_cursor_strange } = parts;
        let page = Self {
            bottom: bottom.map(|bottom| bottom.as_str().to_owned()),
            pieces: pieces.len(),
            passed_over,
            cut: None,
            unreadable: strange,
            is_cursor_strange,
        };
        (page, pieces)
    }

    /// Whether it holds nothing at all: the timeline's end.
    pub(crate) fn is_bare(&self) -> bool {
        self.pieces == 0 && self.passed_over == 0
    }
}

fn give<'a>(
    mut page: Page,
    pieces: impl Iterator<Item = Read<'a>>,
    want: Want<'_>,
    skip: usize,
    take: Take<'_>,
) -> Result<Page, Fault> {
    let (mut strange, mut readable) = (0, false);
    for (index, (what, is_pinned, thread)) in pieces.enumerate().skip(skip) {
        let given = match what.and_then(|what| wanted(what, is_pinned, thread, want)) {
            Ok(Wanted::Yes(given)) => given,
            Ok(Wanted::No) => {
                readable = true;
                continue;
            }
            Ok(Wanted::Hidden) => continue,
            Err(Strange) => {
                strange += 1;
                continue;
            }
        };
        readable = true;
        match take(given) {
            Took::More => {}
            Took::Last => {
                page.cut = (index + 1 < page.pieces).then_some(index + 1);
                break;
            }
            Took::NoRoom => {
                page.cut = Some(index);
                break;
            }
        }
    }
    // Not one of them: it is the form that has changed, and no single item. What was skipped has been
    // given before.
    if strange > 0 && !readable && skip == 0 {
        return Err(Fault::Shape(PAGE));
    }
    page.unreadable += strange;
    Ok(page)
}

/// Whether a piece is one of those wanted.
enum Wanted<'a> {
    Yes(Given<'a>),
    /// It is of another kind.
    No,
    /// It was deleted, or is hidden.
    Hidden,
}

/// A piece in the form of results.
fn wanted<'a>(
    what: Known<'a>,
    is_pinned: bool,
    thread: Option<Thread<'a>>,
    want: Want<'_>,
) -> Result<Wanted<'a>, Strange> {
    Ok(match (what, want) {
        (What::User(user), Want::Users) => match profile(*user)? {
            Some(profile) => Wanted::Yes(Given::User(Box::new(profile))),
            None => Wanted::Hidden,
        },
        (What::Tweet(found), Want::Tweets) => match tweet(*found)? {
            Some(mut found) => {
                found.is_pin = is_pinned;
                Wanted::Yes(Given::Tweet(found))
            }
            None => Wanted::Hidden,
        },
        (What::Tweet(found), Want::Replies(focal)) => match tweet(*found)? {
            Some(found) => reply(found, thread, focal),
            None => Wanted::Hidden,
        },
        _ => Wanted::No,
    })
}

/// A tweet of a conversation, unless it is above the replies.
fn reply<'a>(mut found: Box<Tweet<'a>>, thread: Option<Thread<'a>>, focal: &str) -> Wanted<'a> {
    let Some(thread) = thread.filter(|_| found.tweet_id.as_str() != focal) else {
        return Wanted::No;
    };
    if let Some((cursor, cursor_type)) = thread.more {
        found.thread_cursor = ThreadCursor {
            focal_tweet_id: Text(focal.to_owned().into()),
            thread_id: thread.id,
            cursor,
            cursor_type,
        };
    }
    Wanted::Yes(Given::Tweet(found))
}

/// The tweets of a page, for measurements.
pub(crate) fn read_tweets(
    body: &[u8],
    mut take: impl FnMut(&Tweet<'_>) -> Took,
) -> Result<Page, Fault> {
    read_page(body, Want::Tweets, 0, &mut |given| match given {
        Given::Tweet(tweet) => take(&tweet),
        Given::User(_) => Took::More,
    })
}
