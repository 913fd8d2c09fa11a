use sealwork_job::{Code, Failure};
use sealwork_upstream::{Call, Fault, objects, read_json};
use serde_json::Value;

use super::{
    ApiWay, EXPANSIONS, MEDIA_FIELDS, SEARCH_ALL, TWEET_FIELDS,
    model::{Answered, ApiTweet, Includes, Meta},
    tweet::{Beside, tweet},
};
use crate::{
    arguments::is_number,
    desk::{Desk as _, Run, WayError, ask},
    found::{Found, Took},
    loose::{Count, List, Text},
    progress::Progress,
    results::Tweet,
};

/// What X takes as `max_results` of one page.
const LEAST: u64 = 10;
const MOST_RECENT: u64 = 100;
const MOST_ALL: u64 = 500;
/// Before a cursor that is the number of the last tweet given, and no token of the upstream.
const UNTIL: &str = "until_id=";
const PAGE: &str = "a page of tweets";

impl ApiWay {
    /// Pages through a search until there are as many tweets as wanted.
    pub(super) async fn search(
        &self,
        run: &mut Run<'_>,
        endpoint: &'static str,
        token: Option<&str>,
    ) -> Result<Found, WayError> {
        let wanted = run.arguments.max_results;
        let mut found = Found::list(run.context, wanted, &self.secrets);
        found.cursor = token.map(str::to_owned);
        let mut progress = Progress::default();
        loop {
            let call = page(run, endpoint, found.missing(), found.cursor.as_deref());
            let answer = match ask(self, run, endpoint, call).await {
                Ok(answer) => answer,
                Err(error) => return found.broke_off(error),
            };
            let read = read_page(&answer.body, |tweet| {
                if progress.is_new(tweet.id) { found.push(&tweet) } else { Took::More }
            });
            let page = match read {
                Ok(page) => page,
                Err(fault) => {
                    let error = self.upstream.error(fault);
                    return found.broke_off(self.unread(endpoint, error, run));
                }
            };
            found.unreadable += page.unreadable;
            match page.ends {
                Ends::After(last) => found.cursor = Some(format!("{UNTIL}{last}")),
                Ends::AtEnd if page.next_token.is_some() && page.next_token == found.cursor => {
                    found.cursor = None;
                    let text = "X gives a page's own cursor for the page after it";
                    found.stopped = Some(Failure::new(Code::UpstreamInvalid, text));
                }
                Ends::AtEnd => found.cursor = page.next_token,
                Ends::BeforeFirst => {}
            }
            if found.is_full() || found.stopped.is_some() || found.cursor.is_none() {
                return Ok(found);
            }
            if let Err(reason) = progress.page(found.count()) {
                found.paused = Some(reason);
                return Ok(found);
            }
        }
    }
}

fn page(run: &Run<'_>, endpoint: &str, missing: u64, cursor: Option<&str>) -> Call {
    let (last, most) = match endpoint {
        SEARCH_ALL => ("all", MOST_ALL),
        _ => ("recent", MOST_RECENT),
    };
    let arguments = run.arguments;
    let mut call = Call::get(&["tweets", "search", last])
        .query("query", &arguments.query)
        .query("max_results", missing.clamp(LEAST, most))
        .query("expansions", EXPANSIONS)
        .query("tweet.fields", TWEET_FIELDS)
        .query("media.fields", MEDIA_FIELDS)
        .query("user.fields", "username");
    for (name, time) in [("start_time", arguments.start_time), ("end_time", arguments.end_time)] {
        // X takes whole seconds.
        if let Some(time) =
            time.and_then(|time| jiff::Timestamp::from_second(time.as_second()).ok())
        {
            call = call.query(name, time);
        }
    }
    match cursor {
        None => call,
        Some(cursor) => match cursor.strip_prefix(UNTIL) {
            Some(last) => call.query("until_id", last),
            None => call.query("next_token", cursor),
        },
    }
}

/// What a page held beside its tweets.
pub(crate) struct Page {
    next_token: Option<String>,
    ends: Ends,
    unreadable: u64,
}

/// How far a page was taken.
enum Ends {
    /// To its end.
    AtEnd,
    /// Up to this tweet, and there were more.
    After(String),
    /// Not at all.
    BeforeFirst,
}

/// Gives the page's tweets one after the other, until `take` says that it has enough.
pub(crate) fn read_page(
    body: &[u8],
    mut take: impl FnMut(Tweet<'_>) -> Took,
) -> Result<Page, Fault> {
    type Whole<'a> = Answered<'a, List<ApiTweet<'a>>, Includes<'a>>;
    match read_json::<Whole<'_>>(body, PAGE) {
        Ok(Answered { data, includes, meta }) => {
            let tweets = present(data, meta.as_ref())?.into_iter().map(Ok);
            give(tweets, &includes.unwrap_or_default(), meta, &mut take)
        }
        Err(Fault::Shape(_)) => read_page_by_item(body, &mut take),
        Err(fault) => Err(fault),
    }
}

/// The same where something has a form that is not known: that alone is left out.
fn read_page_by_item(body: &[u8], take: &mut impl FnMut(Tweet<'_>) -> Took) -> Result<Page, Fault> {
    let answered: Answered<'_, List<Value>, Value> = read_json(body, PAGE)?;
    let items = present(answered.data, answered.meta.as_ref())?;
    let included = answered.includes.unwrap_or_default();
    let includes = objects::from_value(&included).unwrap_or_default();
    let tweets = items.iter().map(|item| objects::from_value(item).map_err(|_| ()));
    give(tweets, &includes, answered.meta, take)
}

/// The tweets of a page. X says of a page without any that its count is 0; another answer without
/// tweets has changed.
fn present<T>(data: Option<List<T>>, meta: Option<&Meta<'_>>) -> Result<Vec<T>, Fault> {
    let tweets = data.unwrap_or_default().0;
    let is_empty = meta.and_then(|meta| meta.result_count) == Some(Count(0));
    if tweets.is_empty() && !is_empty { Err(Fault::Shape(PAGE)) } else { Ok(tweets) }
}

fn give<'a>(
    tweets: impl Iterator<Item = Result<ApiTweet<'a>, ()>>,
    includes: &Includes<'a>,
    meta: Option<Meta<'a>>,
    take: &mut impl FnMut(Tweet<'_>) -> Took,
) -> Result<Page, Fault> {
    let meta = meta.unwrap_or_default();
    let mut page = Page { next_token: None, ends: Ends::AtEnd, unreadable: 0 };
    let (mut given, mut readable) = (None, false);
    let beside = Beside::of(includes);
    let mut tweets = tweets.peekable();
    while let Some(read) = tweets.next() {
        let Some(read) = read.ok().filter(|tweet| is_number(tweet.id.as_str())) else {
            page.unreadable += 1;
            continue;
        };
        readable = true;
        let id = read.id.clone();
        match take(tweet(read, &beside, Some(&meta))) {
            Took::More => given = Some(id),
            Took::Last => {
                if tweets.peek().is_some() {
                    page.ends = Ends::After(id.as_str().to_owned());
                }
                break;
            }
            Took::NoRoom => {
                let after = |last: Text<'_>| Ends::After(last.as_str().to_owned());
                page.ends = given.map_or(Ends::BeforeFirst, after);
                break;
            }
        }
    }
    // Not one of them: it is the form that has changed, and no single tweet.
    if page.unreadable > 0 && !readable {
        return Err(Fault::Shape(PAGE));
    }
    page.next_token = (!meta.next_token.is_empty()).then(|| meta.next_token.as_str().to_owned());
    Ok(page)
}
