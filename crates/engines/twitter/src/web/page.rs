//! Reads one page of a timeline.

use sealwork_upstream::{Fault, read_json};
use serde::Deserialize;
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

/// What a page came to.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Where the next page begins.
    pub(crate) bottom: Option<String>,
    /// Pieces of any kind.
    pub(crate) pieces: usize,
    /// How many of them were used, when there was no use for the rest.
    pub(crate) cut: Option<usize>,
    /// Pieces without a form that is known.
    pub(crate) unreadable: u64,
}

const PAGE: &str = "a timeline";

type Take<'t> = &'t mut dyn FnMut(Given<'_>) -> Took;
/// A piece whose tweet or user may have no form that is known.
type Read<'a> = (Result<Known<'a>, ()>, bool, Option<Thread<'a>>);
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
            let absent = absent(&answered);
            let Parts { pieces, bottom } = parts(answered).ok_or(absent)?;
            let bottom = bottom.map(|bottom| bottom.as_str().to_owned());
            let read = pieces.into_iter().map(|it| (Ok(it.what), it.is_pinned, it.thread));
            Ok(give(read, bottom, want, skip, take))
        }
        Err(Fault::Shape(_)) => by_item(body, want, skip, take),
        Err(fault) => Err(fault),
    }
}

/// The same where something has a form that is not known: that alone is left out.
fn by_item(body: &[u8], want: Want<'_>, skip: usize, take: Take<'_>) -> Result<Page, Fault> {
    let answered: Answered<'_, Value, Value> = read_json(body, PAGE)?;
    let absent = absent(&answered);
    let Parts { pieces, bottom } = parts(answered).ok_or(absent)?;
    let bottom = bottom.map(|bottom| bottom.as_str().to_owned());
    let read = pieces.iter().map(|Piece { what, is_pinned, thread }| {
        let what = match what {
            What::Tweet(json) => Box::deserialize(json).map(What::Tweet),
            What::User(json) => Box::deserialize(json).map(What::User),
        };
        (what.map_err(|_| ()), *is_pinned, thread.clone())
    });
    let page = give(read, bottom, want, skip, take);
    // Not one of them: it is the form that has changed, and no single item.
    if page.pieces > 0 && page.unreadable == page.pieces as u64 {
        return Err(Fault::Shape(PAGE));
    }
    Ok(page)
}

fn give<'a>(
    pieces: impl ExactSizeIterator<Item = Read<'a>>,
    bottom: Option<String>,
    want: Want<'_>,
    skip: usize,
    take: Take<'_>,
) -> Page {
    let mut page = Page { bottom, pieces: pieces.len(), ..Page::default() };
    for (index, (what, is_pinned, thread)) in pieces.enumerate().skip(skip) {
        let Ok(what) = what else {
            page.unreadable += 1;
            continue;
        };
        let Some(given) = wanted(what, is_pinned, thread, want) else { continue };
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
    page
}

/// A piece in the form of results, if it is one of those wanted. Deleted and hidden ones are none.
fn wanted<'a>(
    what: Known<'a>,
    is_pinned: bool,
    thread: Option<Thread<'a>>,
    want: Want<'_>,
) -> Option<Given<'a>> {
    match (what, want) {
        (What::User(user), Want::Users) => Some(Given::User(Box::new(profile(*user)?))),
        (What::Tweet(found), Want::Tweets) => {
            Some(Given::Tweet(Box::new(Tweet { is_pin: is_pinned, ..tweet(*found)? })))
        }
        (What::Tweet(found), Want::Replies(focal)) => {
            let thread = thread?;
            let found = tweet(*found)?;
            if found.tweet_id.as_str() == focal {
                return None;
            }
            let thread_cursor = match thread.more {
                Some((cursor, cursor_type)) => ThreadCursor {
                    focal_tweet_id: Text(focal.to_owned().into()),
                    thread_id: thread.id,
                    cursor,
                    cursor_type,
                },
                None => ThreadCursor::default(),
            };
            Some(Given::Tweet(Box::new(Tweet { thread_cursor, ..found })))
        }
        _ => None,
    }
}

/// What an answer without a timeline means. X says of a profile that it cannot be seen by leaving
/// its timeline out.
fn absent<T, U>(answered: &Answered<'_, T, U>) -> Fault {
    match &answered.data {
        Some(data) if data.user.is_some() => {
            Fault::NotFound("such timeline: the profile is suspended, protected or gone")
        }
        _ => Fault::Shape(PAGE),
    }
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
