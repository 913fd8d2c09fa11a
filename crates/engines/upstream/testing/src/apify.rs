use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

use crate::{Ask, Items, Reply, Service};

/// The token that is taken.
pub const TOKEN: &str = "apify_api_0testUpstreamToken0";
/// Items written at once.
const PIECE: u64 = 100;

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With all its items.
    Succeeded,
    /// Failed, timed out or aborted by others, with so many items.
    Not(&'static str, u64),
    /// Never: until it is aborted. It has found so many items so far.
    Never(u64),
}

/// Apify's API v2 at `/apify/v2`: runs, their datasets, the token's user.
#[derive(Debug)]
pub struct ApifyService {
    state: Mutex<State>,
    aborted: Notify,
}

#[derive(Debug)]
struct State {
    runs: Vec<Run>,
    run_time: Duration,
    /// Of the runs to come, in order; then all succeed.
    endings: Vec<Ending>,
    /// What actors find, where it is not the usual.
    found: BTreeMap<String, Items>,
    tells_total: bool,
    /// Told in the place of the true one.
    total: Option<u64>,
}

#[derive(Debug, Clone)]
struct Run {
    actor: String,
    input: Value,
    items: Items,
    ends: Instant,
    ending: Ending,
    aborted: bool,
}

impl Default for ApifyService {
    fn default() -> Self {
        let state = State {
            runs: Vec::new(),
            run_time: Duration::ZERO,
            endings: Vec::new(),
            found: BTreeMap::new(),
            tells_total: true,
            total: None,
        };
        Self { state: Mutex::new(state), aborted: Notify::new() }
    }
}

impl ApifyService {
    /// How long runs take.
    pub fn set_run_time(&self, time: Duration) {
        self.state().run_time = time;
    }

    /// How the next runs end, in order.
    pub fn set_endings(&self, endings: impl IntoIterator<Item = Ending>) {
        self.state().endings = endings.into_iter().collect();
    }

    /// What an actor finds from now on.
    pub fn set_found(&self, actor: &str, items: Items) {
        self.state().found.insert(actor.to_owned(), items);
    }

    /// Makes pages tell another number of items than the dataset has.
    pub fn set_total(&self, total: u64) {
        self.state().total = Some(total);
    }

    /// Whether pages tell how many items the dataset has. They do until told otherwise.
    pub fn set_tells_total(&self, tells: bool) {
        self.state().tells_total = tells;
    }

    /// Actor and input of each run that was started.
    pub fn started(&self) -> Vec<(String, Value)> {
        self.state().runs.iter().map(|run| (run.actor.clone(), run.input.clone())).collect()
    }

    /// How many runs are going.
    pub fn going(&self) -> usize {
        self.state().runs.iter().filter(|run| run.status() == "RUNNING").count()
    }

    /// How many runs were aborted.
    pub fn aborted(&self) -> usize {
        self.state().runs.iter().filter(|run| run.aborted).count()
    }

    /// Waits until `count` runs were aborted.
    pub async fn until_aborted(&self, count: usize) {
        loop {
            let notified = self.aborted.notified();
            if self.aborted() >= count {
                return;
            }
            notified.await;
        }
    }

    fn start(&self, actor: &str, input: Value) -> Reply {
        let mut state = self.state();
        let found = state.found.get(actor).cloned().or_else(|| Items::found(actor, &input));
        let Some(items) = found else { return refused(404, "record-not-found") };
        let ending =
            if state.endings.is_empty() { Ending::Succeeded } else { state.endings.remove(0) };
        let ends = Instant::now() + state.run_time;
        let actor = actor.to_owned();
        state.runs.push(Run { actor, input, items, ends, ending, aborted: false });
        let number = state.runs.len() - 1;
        run_reply(number, "READY").status(201)
    }

    async fn status(&self, number: usize, wait: Duration) -> Reply {
        let Some(run) = self.state().runs.get(number).cloned() else {
            return refused(404, "record-not-found");
        };
        if run.status() == "RUNNING" {
            let over = async {
                match run.ending {
                    Ending::Never(_) => std::future::pending().await,
                    _ => sleep_until(run.ends).await,
                }
            };
            let _ = timeout(wait, over).await;
        }
        let status = self.state().runs.get(number).map_or("RUNNING", Run::status);
        run_reply(number, status)
    }

    fn abort(&self, number: usize) -> Reply {
        {
            let mut state = self.state();
            let Some(run) = state.runs.get_mut(number) else {
                return refused(404, "record-not-found");
            };
            run.aborted = true;
        }
        self.aborted.notify_waiters();
        run_reply(number, "ABORTING")
    }

    fn items(&self, number: usize, ask: &Ask) -> Reply {
        let (run, tells_total, told) = {
            let state = self.state();
            (state.runs.get(number).cloned(), state.tells_total, state.total)
        };
        let Some(run) = run else { return refused(404, "record-not-found") };
        let total = run.found();
        let offset = ask.number("offset").unwrap_or(0);
        let limit = ask.number("limit").unwrap_or(u64::MAX);
        let end = offset.saturating_add(limit).min(total);
        let pieces = stream::unfold(offset, move |at| {
            let items = run.items.clone();
            async move {
                piece(&items, offset, at, end)
                    .map(|(bytes, next)| (Ok::<_, io::Error>(bytes), next))
            }
        });
        let reply = Reply::pieces("application/json", pieces);
        if !tells_total {
            return reply;
        }
        reply
            .header("x-apify-pagination-offset", offset)
            .header("x-apify-pagination-limit", limit)
            .header("x-apify-pagination-count", end.saturating_sub(offset))
            .header("x-apify-pagination-total", told.unwrap_or(total))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

#[async_trait]
impl Service for ApifyService {
    fn prefix(&self) -> &'static str {
        "/apify/v2"
    }

    async fn answer(&self, ask: &Ask) -> Reply {
        let token = ask.bearer().or(ask.query.get("token").map(String::as_str));
        match token {
            None => return refused(401, "token-not-provided"),
            Some(TOKEN) => {}
            Some(_) => return refused(401, "user-or-token-not-found"),
        }
        match (ask.method.as_str(), ask.parts().as_slice()) {
            ("GET", ["users", "me"]) => {
                Reply::json(&json!({"data": {"id": "u", "username": "test"}}))
            }
            ("POST", ["acts", actor, "runs"]) => match ask.json() {
                Value::Object(input) => self.start(actor, Value::Object(input)),
                _ => refused(400, "invalid-input"),
            },
            ("GET", ["actor-runs", id]) => {
                let wait = Duration::from_secs(ask.number("waitForFinish").unwrap_or(0).min(60));
                self.status(number(id), wait).await
            }
            ("POST", ["actor-runs", id, "abort"]) => self.abort(number(id)),
            ("GET", ["datasets", id, "items"]) => self.items(number(id), ask),
            _ => refused(404, "page-not-found"),
        }
    }
}

impl Run {
    fn status(&self) -> &'static str {
        match self.ending {
            _ if self.aborted => "ABORTED",
            Ending::Succeeded | Ending::Not(..) if Instant::now() < self.ends => "RUNNING",
            Ending::Succeeded => "SUCCEEDED",
            Ending::Not(status, _) => status,
            Ending::Never(_) => "RUNNING",
        }
    }

    /// How many items it has found.
    fn found(&self) -> u64 {
        match self.ending {
            Ending::Succeeded => self.items.count,
            Ending::Not(_, found) | Ending::Never(found) => found.min(self.items.count),
        }
    }
}

/// The next items of a page as JSON; nothing after its closing bracket.
fn piece(items: &Items, first: u64, at: u64, end: u64) -> Option<(Bytes, u64)> {
    if at == u64::MAX {
        return None;
    }
    let until = at.saturating_add(PIECE).min(end);
    let mut json = String::new();
    if at == first {
        json.push('[');
    }
    for number in at..until {
        if number > first {
            json.push(',');
        }
        json.push_str(&items.get(number).to_string());
    }
    if until >= end {
        json.push(']');
        return Some((json.into(), u64::MAX));
    }
    Some((json.into(), until))
}

fn run_reply(number: usize, status: &str) -> Reply {
    Reply::json(&json!({"data": {
        "id": format!("run{number}"), "actId": "act", "status": status,
        "startedAt": "2025-10-01T00:00:00.000Z", "defaultDatasetId": format!("dataset{number}"),
    }}))
}

fn refused(status: u16, kind: &str) -> Reply {
    Reply::json(&json!({"error": {"type": kind, "message": "as Apify would say"}})).status(status)
}

/// The number in an id; of anything else one that no run has.
fn number(id: &str) -> usize {
    let digits = id.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.parse().unwrap_or(usize::MAX)
}
