use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{Ask, Reply, Service, x_posts as posts};

/// A bearer token that may search the full archive.
pub const ELEVATED_KEY: &str = "AAAAelevated%2Bkey-0123456789abcdef";
/// A bearer token that may not.
pub const BASE_KEY: &str = "AAAAbase%2Bkey-0123456789abcdef0123";

/// X's API v2 under `/x/2`: searches, posts and users by number or name.
///
/// A query that begins with `nothing` or `sealwork-` matches nothing; every other matches all
/// posts. Posts and users whose number ends in `404` are not there, those in `403` are protected.
#[derive(Debug)]
pub struct XApiService {
    posts: Mutex<u64>,
    /// By token: requests left, and when the window ends.
    budgets: Mutex<HashMap<String, (u64, u64)>>,
}

impl Default for XApiService {
    fn default() -> Self {
        Self { posts: Mutex::new(1000), budgets: Mutex::default() }
    }
}

impl XApiService {
    /// How many posts there are.
    pub fn set_posts(&self, count: u64) {
        *self.posts.lock().unwrap() = count;
    }

    /// Allows `left` more requests with `token`, until `reset` in Unix seconds.
    pub fn set_budget(&self, token: &str, left: u64, reset: u64) {
        self.budgets.lock().unwrap().insert(token.to_owned(), (left, reset));
    }

    /// A page of a search, for measurements.
    pub fn page(from: u64, count: u64) -> Value {
        let data: Vec<Value> = (from..from + count).map(posts::api).collect();
        let users: Vec<Value> =
            (from..from + 5).map(|at| posts::api_user(posts::author(at))).collect();
        let media: Vec<Value> = (from..from + count).filter_map(posts::api_media).collect();
        json!({"data": data, "includes": {"users": users, "media": media}, "meta": {"result_count": count}})
    }

    fn search(&self, ask: &Ask, most: u64) -> Reply {
        let size = ask.number("max_results").unwrap_or(10);
        if !(10..=most).contains(&size) {
            return refused(400, "Invalid Request");
        }
        let Some(query) = ask.query.get("query").filter(|query| !query.is_empty()) else {
            return refused(400, "Invalid Request");
        };
        let count = if query.starts_with("nothing") || query.starts_with("sealwork-") {
            0
        } else {
            *self.posts.lock().unwrap()
        };
        let token = ask.query.get("next_token").and_then(|token| token.strip_prefix("b26v"));
        let from = match (token, ask.number("until_id")) {
            (Some(token), _) => token.parse().unwrap_or(count),
            (None, Some(until)) => posts::NEWEST - until + 1,
            (None, None) => 0,
        };
        let to = (from + size).min(count);
        if from >= to {
            return Reply::json(&json!({"meta": {"result_count": 0}}));
        }
        let mut meta = json!({
            "newest_id": posts::number(from).to_string(),
            "oldest_id": posts::number(to - 1).to_string(),
            "result_count": to - from,
        });
        if to < count {
            meta["next_token"] = json!(format!("b26v{to}"));
        }
        let data: Vec<Value> = (from..to).map(posts::api).collect();
        Reply::json(&json!({"data": data, "includes": includes(ask, from, to), "meta": meta}))
    }
}

/// Authors and media, if they are asked for.
fn includes(ask: &Ask, from: u64, to: u64) -> Value {
    let expansions = ask.query.get("expansions").map(String::as_str).unwrap_or_default();
    let mut includes = json!({});
    if expansions.contains("author_id") {
        let authors = (from..to.min(from + 5)).map(|index| posts::api_user(posts::author(index)));
        includes["users"] = authors.collect();
    }
    if expansions.contains("attachments.media_keys") {
        includes["media"] = (from..to).filter_map(posts::api_media).collect();
    }
    includes
}

fn refused(status: u16, title: &str) -> Reply {
    let problem = json!({
        "title": title, "detail": title, "status": status, "type": "about:blank",
    });
    Reply::json(&problem).status(status)
}

/// X says with status 200 that something is not there.
fn absent(kind: &str, number: &str) -> Option<Reply> {
    let (title, problem) = if number.ends_with("404") {
        ("Not Found Error", "resource-not-found")
    } else if number.ends_with("403") {
        ("Authorization Error", "not-authorized-for-resource")
    } else {
        return None;
    };
    Some(Reply::json(&json!({"errors": [{
        "title": title,
        "type": format!("https://api.twitter.com/2/problems/{problem}"),
        "detail": format!("Could not find {kind} with id: [{number}]."),
        "value": number, "resource_id": number, "resource_type": kind, "parameter": "id",
    }]})))
}

#[async_trait]
impl Service for XApiService {
    fn prefix(&self) -> &'static str {
        "/x/2"
    }

    async fn answer(&self, ask: &Ask) -> Reply {
        let token = match ask.bearer() {
            Some(token) if token == ELEVATED_KEY || token == BASE_KEY => token.to_owned(),
            _ => return refused(401, "Unauthorized"),
        };
        let budget = {
            let mut budgets = self.budgets.lock().unwrap();
            budgets.get_mut(&token).map(|(left, reset)| {
                let before = *left;
                *left = before.saturating_sub(1);
                (before, *reset)
            })
        };
        let reply = match (budget, ask.parts().as_slice()) {
            (Some((0, _)), _) => refused(429, "Too Many Requests"),
            (_, ["tweets", "search", "recent"]) => self.search(ask, 100),
            (_, ["tweets", "search", "all"]) if token == BASE_KEY => {
                refused(403, "Client Forbidden")
            }
            (_, ["tweets", "search", "all"]) => self.search(ask, 500),
            (_, ["tweets", number]) => absent("tweet", number).unwrap_or_else(|| {
                let index = posts::NEWEST - number.parse().unwrap_or(posts::NEWEST);
                Reply::json(&json!({
                    "data": posts::api(index),
                    "includes": includes(ask, index, index + 1),
                }))
            }),
            (_, ["users", "by", "username", name]) => match posts::user_by_name(name) {
                Some(user) => Reply::json(&json!({"data": posts::api_user(user)})),
                None => absent("user", "404").expect("it is absent"),
            },
            (_, ["users", number]) => absent("user", number).unwrap_or_else(|| {
                Reply::json(&json!({"data": posts::api_user(number.parse().unwrap_or(77))}))
            }),
            _ => refused(404, "Not Found"),
        };
        match budget {
            Some((before, reset)) => reply
                .header("x-rate-limit-limit", 450)
                .header("x-rate-limit-remaining", before.saturating_sub(1))
                .header("x-rate-limit-reset", reset),
            None => reply,
        }
    }
}
