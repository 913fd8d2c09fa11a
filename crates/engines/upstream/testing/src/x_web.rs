use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{Ask, Reply, Service, x_login, x_posts as posts};

/// X's internal API under `/x-web`: GraphQL with a session, trends, and password login.
///
/// A session is a pair of cookies whose `auth_token` is `session-of-USER` and whose `ct0` is
/// `csrf-of-USER`; [`XWebService::end_session`] ends one. A query that begins with `nothing`
/// matches nothing; profiles whose name begins with `nobody`, posts and profiles whose number ends
/// in `404` and spaces that end in `404` are not there.
#[derive(Debug)]
pub struct XWebService {
    posts: Mutex<u64>,
    users: Mutex<u64>,
    ended: Mutex<Vec<String>>,
    budgets: Mutex<HashMap<String, (u64, u64)>>,
}

impl Default for XWebService {
    fn default() -> Self {
        Self {
            posts: Mutex::new(500),
            users: Mutex::new(500),
            ended: Mutex::default(),
            budgets: Mutex::default(),
        }
    }
}

/// The operations that it knows, each under the id of X's web client of 2026.
const OPERATIONS: [(&str, &str); 12] = [
    ("flaR-PUMshxFWZWPNpq4zA", "SearchTimeline"),
    ("NimuplG1OB7Fd2btCLdBOw", "UserByScreenName"),
    ("tD8zKvQzwY3kdx5yz6YmOw", "UserByRestId"),
    ("U0HTv-bAWTBYylwEMT7x5A", "TweetDetail"),
    ("X-XEqG5qHQSAwmvy00xfyQ", "Retweeters"),
    ("QWF3SzpHmykQHsQMixG0cg", "UserTweets"),
    ("vMkJyzx1wdmvOeeNG0n6Wg", "UserTweetsAndReplies"),
    ("U0cdisy7QFIoTfu3-Okw0A", "HomeLatestTimeline"),
    ("-X_hcgQzmHGl29-UXxz4sw", "HomeTimeline"),
    ("gC_lyAxZOptAMLCJX5UhWw", "Followers"),
    ("2vUj-_Ek-UmBVDNtd8OnQA", "Following"),
    ("qToeLeMs43Q8cr7tRYXmaQ", "Bookmarks"),
];
const SPACE: (&str, &str) = ("d03OdorPdZ_sH9V3D1_yWQ", "AudioSpaceById");

impl XWebService {
    /// How many posts a timeline has.
    pub fn set_posts(&self, count: u64) {
        *self.posts.lock().unwrap() = count;
    }

    /// How many profiles a list has.
    pub fn set_users(&self, count: u64) {
        *self.users.lock().unwrap() = count;
    }

    /// The session of `user` is refused from now on; a new login brings a new one.
    pub fn end_session(&self, user: &str) {
        self.ended.lock().unwrap().push(format!("session-of-{user}"));
    }

    /// Allows `left` more GraphQL requests of `user`, until `reset` in Unix seconds.
    pub fn set_budget(&self, user: &str, left: u64, reset: u64) {
        self.budgets.lock().unwrap().insert(user.to_owned(), (left, reset));
    }

    /// A page of a search, for measurements.
    pub fn page(from: u64, count: u64) -> Value {
        let timeline = tweets(Page { from, to: from + count }, false);
        json!({"data": {"search_by_raw_query": {"search_timeline": {"timeline": timeline}}}})
    }

    /// Whose session a request has.
    fn user(&self, ask: &Ask) -> Option<String> {
        let cookies = ask.header("cookie")?;
        let cookie = |name: &str| {
            cookies.split("; ").find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let (token, csrf) = (cookie("auth_token")?, cookie("ct0")?);
        let user = token.strip_prefix("session-of-").or(token.strip_prefix("new-session-of-"))?;
        let is_ended = self.ended.lock().unwrap().iter().any(|ended| ended == token);
        let is_valid = !is_ended
            && csrf == format!("csrf-of-{user}")
            && ask.header("x-csrf-token") == Some(csrf)
            && ask.header("x-twitter-auth-type") == Some("OAuth2Session");
        is_valid.then(|| user.to_owned())
    }

    fn graphql(&self, ask: &Ask, id: &str, operation: &str) -> Reply {
        if !OPERATIONS.contains(&(id, operation)) && SPACE != (id, operation) {
            return Reply::text("text/plain", "").status(404);
        }
        let variables = ask.query.get("variables").and_then(|json| serde_json::from_str(json).ok());
        let Some(variables): Option<Value> = variables else {
            return errors(400, 336, "The following features cannot be null");
        };
        if !ask.query.contains_key("features") {
            return errors(400, 336, "The following features cannot be null");
        }
        let text = |name: &str| variables[name].as_str().unwrap_or_default();
        let page = |count: u64| page(&variables, count);
        let (posts_count, users_count) = (*self.posts.lock().unwrap(), *self.users.lock().unwrap());
        let is_gone = |number: &str| number.ends_with("404");
        let data = match operation {
            "SearchTimeline" => {
                let count = if text("rawQuery").starts_with("nothing") { 0 } else { posts_count };
                json!({"search_by_raw_query": {"search_timeline": {"timeline": tweets(page(count), false)}}})
            }
            "UserByScreenName" => match posts::user_by_name(text("screen_name")) {
                Some(user) => json!({"user": {"result": posts::web_user(user)}}),
                None => json!({"user": {}}),
            },
            "UserByRestId" if is_gone(text("userId")) => json!({"user": {}}),
            "UserByRestId" => {
                json!({"user": {"result": posts::web_user(text("userId").parse().unwrap_or(77))}})
            }
            "TweetDetail" if is_gone(text("focalTweetId")) => {
                return errors(200, 144, "_Missing: No status found with that ID.");
            }
            "TweetDetail" => conversation(&variables, posts_count),
            "Retweeters" => json!({"retweeters_timeline": {"timeline": users(page(users_count))}}),
            "Followers" | "Following" => {
                json!({"user": {"result": {"__typename": "User", "timeline": {"timeline": users(page(users_count))}}}})
            }
            "UserTweets" | "UserTweetsAndReplies" => {
                json!({"user": {"result": {"__typename": "User", "timeline_v2": {"timeline": tweets(page(posts_count), true)}}}})
            }
            "HomeLatestTimeline" | "HomeTimeline" => {
                json!({"home": {"home_timeline_urt": tweets(page(posts_count), false)}})
            }
            "Bookmarks" => {
                json!({"bookmark_timeline_v2": {"timeline": tweets(page(posts_count), false)}})
            }
            _ if is_gone(text("id")) => json!({"audioSpace": {}}),
            _ => space(text("id")),
        };
        Reply::json(&json!({"data": data}))
    }
}

/// The posts or users of a page, and where the next begins.
struct Page {
    from: u64,
    to: u64,
}

fn page(variables: &Value, count: u64) -> Page {
    let cursor = variables["cursor"].as_str().and_then(|cursor| cursor.strip_prefix("DAAC"));
    let from = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let size = variables["count"].as_u64().unwrap_or(20).min(200);
    Page { from, to: (from + size).min(count).max(from) }
}

/// X gives a cursor also at the end, where pages are empty.
fn timeline(page: &Page, entries: Vec<Value>, first: Option<Value>) -> Value {
    let mut all = entries;
    for (kind, value) in
        [("Top", format!("DAAB{}", page.from)), ("Bottom", format!("DAAC{}", page.to))]
    {
        all.push(json!({
            "entryId": format!("cursor-{}-{}", kind.to_lowercase(), page.to),
            "content": {"entryType": "TimelineTimelineCursor", "cursorType": kind, "value": value},
        }));
    }
    let mut instructions = vec![json!({"type": "TimelineClearCache"})];
    instructions.extend(first);
    instructions.push(json!({"type": "TimelineAddEntries", "entries": all}));
    json!({"instructions": instructions})
}

fn tweet_item(index: u64) -> Value {
    json!({"itemType": "TimelineTweet", "__typename": "TimelineTweet", "tweet_results": {"result": posts::web(index)}})
}

fn tweets(page: Page, is_profile: bool) -> Value {
    let entry = |index: u64| {
        json!({
            "entryId": format!("tweet-{}", posts::number(index)),
            "sortIndex": posts::number(index).to_string(),
            "content": {"entryType": "TimelineTimelineItem", "itemContent": tweet_item(index)},
        })
    };
    let mut entries: Vec<Value> = (page.from..page.to).map(entry).collect();
    if !entries.is_empty() {
        // What no result may have.
        let mut advertisement = tweet_item(900_404);
        advertisement["promotedMetadata"] = json!({"advertiser": "x"});
        entries.insert(
            1,
            json!({
                "entryId": "promoted-tweet-1", "content": {"itemContent": advertisement},
            }),
        );
    }
    let pinned = json!({"type": "TimelinePinEntry", "entry": entry(0)});
    let is_first = is_profile && page.from == 0 && page.to > 0;
    timeline(&page, entries, is_first.then_some(pinned))
}

fn users(page: Page) -> Value {
    let entries = (page.from..page.to).map(|index| {
        json!({
            "entryId": format!("user-{}", 5000 + index),
            "content": {"entryType": "TimelineTimelineItem", "itemContent": {
                "itemType": "TimelineUser", "user_results": {"result": posts::web_user(5000 + index)},
            }},
        })
    });
    timeline(&page, entries.collect(), None)
}

/// The post itself, and conversations of two posts each beneath it.
fn conversation(variables: &Value, count: u64) -> Value {
    let focal: u64 = variables["focalTweetId"].as_str().unwrap_or_default().parse().unwrap_or(0);
    let Page { from, to } = page(&json!({"count": 10, "cursor": variables["cursor"]}), count / 2);
    let mut entries = Vec::new();
    if from == 0 {
        entries.push(json!({
            "entryId": format!("tweet-{focal}"),
            "content": {"entryType": "TimelineTimelineItem", "itemContent": tweet_item(posts::NEWEST.saturating_sub(focal))},
        }));
    }
    for thread in from..to {
        let id = posts::number(10_000 + 2 * thread);
        let mut items: Vec<Value> = [0, 1]
            .map(|reply| {
                let index = 10_000 + 2 * thread + reply;
                json!({
                    "entryId": format!("conversationthread-{id}-tweet-{}", posts::number(index)),
                    "item": {"itemContent": tweet_item(index)},
                })
            })
            .into();
        items.push(json!({
            "entryId": format!("conversationthread-{id}-cursor-showmore-1"),
            "item": {"itemContent": {"itemType": "TimelineTimelineCursor", "cursorType": "ShowMore", "value": format!("PAAA{id}")}},
        }));
        entries.push(json!({
            "entryId": format!("conversationthread-{id}"),
            "content": {"entryType": "TimelineTimelineModule", "items": items},
        }));
    }
    if to < count / 2 {
        entries.push(json!({
            "entryId": "cursor-bottom-1",
            "content": {"entryType": "TimelineTimelineItem", "itemContent": {
                "itemType": "TimelineTimelineCursor", "cursorType": "ShowMoreThreads", "value": format!("DAAC{to}"),
            }},
        }));
    }
    json!({"threaded_conversation_with_injections_v2": {"instructions": [{"type": "TimelineAddEntries", "entries": entries}]}})
}

fn space(id: &str) -> Value {
    let user = |name: &str, number: u64| {
        json!({
            "periscope_user_id": "1abc", "start": 1_760_000_100_000_u64,
            "twitter_screen_name": name, "display_name": name, "avatar_url": "https://pbs.twimg.com/a.jpg",
            "is_verified": true, "user_results": {"rest_id": number.to_string()},
        })
    };
    json!({"audioSpace": {
        "metadata": {
            "rest_id": id, "state": "Ended", "title": "About the moon", "content_type": "visual_audio",
            "topics": [{"topic": {"topic_id": "848920371311001600", "name": "Technology"}}],
            "created_at": 1_760_000_000_000_u64, "scheduled_start": 1_760_000_050_000_u64,
            "started_at": 1_760_000_060_000_u64, "ended_at": "1760003600000",
            "updated_at": 1_760_003_600_000_u64, "total_live_listeners": 12, "total_replay_watched": 3,
        },
        "participants": {
            "total": 14,
            "admins": [user("NASA", 11_348_282)],
            "speakers": [user("esa", 11_348_283)],
            "listeners": [],
        },
    }})
}

fn trends() -> Value {
    let item = |name: &str| json!({"entryId": "trend", "item": {"content": {"trend": {"name": name, "url": {}}}}});
    json!({"timeline": {"id": "trends", "instructions": [
        {"clearCache": {}},
        {"addEntries": {"entries": [
            {"entryId": "cursor-top", "content": {"operation": {"cursor": {"value": "x", "cursorType": "Top"}}}},
            {"entryId": "trends", "content": {"timelineModule": {"items": [item("#Artemis"), item("Moon"), item("Rocket launch")]}}},
        ]}},
    ]}})
}

pub(crate) fn errors(status: u16, code: u64, message: &str) -> Reply {
    Reply::json(&json!({"errors": [{"code": code, "message": message}]})).status(status)
}

#[async_trait]
impl Service for XWebService {
    fn prefix(&self) -> &'static str {
        "/x-web"
    }

    async fn answer(&self, ask: &Ask) -> Reply {
        if ask.bearer().is_none() {
            return errors(401, 215, "Bad Authentication data.");
        }
        if let ["1.1", rest @ ..] = ask.parts().as_slice() {
            return x_login::answer(ask, rest);
        }
        let Some(user) = self.user(ask) else {
            return errors(401, 32, "Could not authenticate you");
        };
        let budget = {
            let mut budgets = self.budgets.lock().unwrap();
            budgets.get_mut(&user).map(|(left, reset)| {
                let before = *left;
                *left = before.saturating_sub(1);
                (before, *reset)
            })
        };
        let reply = match (budget, ask.parts().as_slice()) {
            (Some((0, _)), _) => errors(429, 88, "Rate limit exceeded."),
            (_, ["graphql", id, operation]) => self.graphql(ask, id, operation),
            (_, ["2", "guide.json"]) => Reply::json(&trends()),
            _ => Reply::text("text/plain", "").status(404),
        };
        match budget {
            Some((before, reset)) => reply
                .header("x-rate-limit-limit", 50)
                .header("x-rate-limit-remaining", before.saturating_sub(1))
                .header("x-rate-limit-reset", reset),
            None => reply,
        }
    }
}
