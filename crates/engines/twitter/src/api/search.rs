use sealwork_upstream::{Call, Fault, UpstreamError, read_json};
use serde::Deserialize;
use serde_json::Value;

use super::{
    ApiWay, EXPANSIONS, MEDIA_FIELDS, SEARCH_ALL, TWEET_FIELDS,
    model::{Answered, ApiTweet, Includes, Meta},
    tweet::tweet,
};
use crate::{
    desk::{Desk as _, Run, WayError, ask},
    found::{Found, Took},
    loose::List,
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
        let mut found = Found::list(run.context, wanted, self.secrets());
        found.cursor = token.map(str::to_owned);
        loop {
            let call = page(run, endpoint, found.missing(), found.cursor.as_deref());
            let answer = match ask(self, run, endpoint, call).await {
                Ok(answer) => answer,
                Err(error) => return found.broke_off(error),
            };
            let read = read_page(&answer.body, |tweet| found.push(&tweet));
            let page = match read {
                Ok(page) => page,
                Err(fault) => {
                    let error = UpstreamError::new(answer.upstream, fault);
                    run.tally.failed(error.code());
                    return found.broke_off(error.into());
                }
            };
            found.unreadable += page.unreadable;
            match page.ends {
                Ends::After(last) => found.cursor = Some(format!("{UNTIL}{last}")),
                Ends::AtEnd => found.cursor = page.next_token,
                Ends::BeforeFirst => {}
            }
            if found.is_full() || found.stopped.is_some() || found.cursor.is_none() {
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
        Ok(answered) => {
            let tweets = answered.data.unwrap_or_default().0.into_iter().map(Ok);
            let includes = answered.includes.unwrap_or_default();
            Ok(give(tweets, &includes, answered.meta.unwrap_or_default(), &mut take))
        }
        Err(Fault::Shape(_)) => read_page_by_item(body, &mut take),
        Err(fault) => Err(fault),
    }
}

/// The same where something has a form that is not known: that alone is left out.
fn read_page_by_item(body: &[u8], take: &mut impl FnMut(Tweet<'_>) -> Took) -> Result<Page, Fault> {
    let answered: Answered<'_, List<Value>, Value> = read_json(body, PAGE)?;
    let items = answered.data.unwrap_or_default().0;
    let included = answered.includes.unwrap_or_default();
    let includes = Includes::deserialize(&included).unwrap_or_default();
    let tweets = items.iter().map(|item| ApiTweet::deserialize(item).map_err(|_| ()));
    let page = give(tweets, &includes, answered.meta.unwrap_or_default(), take);
    // Not one of them: it is the form that has changed, and no single tweet.
    if !items.is_empty() && page.unreadable == items.len() as u64 {
        return Err(Fault::Shape(PAGE));
    }
    Ok(page)
}

fn give<'a>(
    tweets: impl Iterator<Item = Result<ApiTweet<'a>, ()>>,
    includes: &Includes<'a>,
    meta: Meta<'a>,
    take: &mut impl FnMut(Tweet<'_>) -> Took,
) -> Page {
    let mut page = Page { next_token: None, ends: Ends::AtEnd, unreadable: 0 };
    let mut given = None;
    let mut tweets = tweets.peekable();
    while let Some(read) = tweets.next() {
        let Ok(read) = read else {
            page.unreadable += 1;
            continue;
        };
        let id = read.id.as_str().to_owned();
        match take(tweet(read, includes, Some(&meta))) {
            Took::More => given = Some(id),
            Took::Last => {
                if tweets.peek().is_some() {
                    page.ends = Ends::After(id);
                }
                break;
            }
            Took::NoRoom => {
                page.ends = given.map_or(Ends::BeforeFirst, Ends::After);
                break;
            }
        }
    }
    page.next_token = (!meta.next_token.is_empty()).then(|| meta.next_token.as_str().to_owned());
    page
}
