//! The calls.

use std::time::Duration;

use http::StatusCode;
use sealwork_egress::{Overflow, Response, Scope};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Answer, Call, Fault, Secret, Upstream, UpstreamError};

/// Time for a call that needs no waiting at the other side.
const SHORT: Duration = Duration::from_secs(20);
/// Bytes of one page of a dataset. What does not fit comes with the next page.
const PAGE_BYTES: u64 = 8 << 20;

/// Apify's API with a token.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) upstream: Upstream,
    pub(super) token: Secret,
}

/// A run, as the API describes it.
#[derive(Debug, Clone)]
pub(super) struct RunState {
    pub(super) id: String,
    pub(super) status: Status,
    pub(super) dataset: Option<String>,
}

/// What a run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// Not over yet, or a status that is not known.
    Going,
    Succeeded,
    Failed,
    Aborted,
    TimedOut,
}

#[derive(Deserialize)]
struct RunAnswer {
    data: RunBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunBody {
    id: String,
    status: String,
    default_dataset_id: Option<String>,
}

#[derive(Deserialize)]
struct UserAnswer {
    #[serde(rename = "data")]
    _data: Map<String, Value>,
}

impl Api {
    /// Starts a run. It ends by itself after `time`, also when this worker is gone by then.
    pub(super) async fn start(
        &self,
        actor: &str,
        input: &Value,
        time: Duration,
        scope: &Scope,
    ) -> Result<RunState, UpstreamError> {
        let call = Call::post(&["acts", actor, "runs"])
            .query("timeout", time.as_secs().max(1))
            .json(input)
            .timeout(SHORT);
        let started = self.success(call, scope).await.map_err(|error| match error.status() {
            Some(StatusCode::NOT_FOUND) => {
                error.because("the actor that this worker uses is no longer there")
            }
            _ => error,
        });
        self.run_state(started?)
    }

    /// What a run is at; the API holds its answer for up to `wait`, until the run is over.
    pub(super) async fn run(
        &self,
        id: &str,
        wait: Duration,
        scope: &Scope,
    ) -> Result<RunState, UpstreamError> {
        let call = Call::get(&["actor-runs", id])
            .query("waitForFinish", wait.as_secs())
            .timeout(wait + SHORT);
        self.run_state(self.success(call, scope).await?)
    }

    /// Stops a run.
    pub(super) async fn abort(&self, id: &str) -> Result<(), UpstreamError> {
        let call = Call::post(&["actor-runs", id, "abort"]).timeout(SHORT);
        self.success(call, &Scope::unmetered()).await.map(|_| ())
    }

    /// Items of a dataset, to be read as they come.
    pub(super) async fn items(
        &self,
        dataset: &str,
        offset: u64,
        limit: u64,
        scope: &Scope,
    ) -> Result<Response, UpstreamError> {
        let call = Call::get(&["datasets", dataset, "items"])
            .query("offset", offset)
            .query("limit", limit)
            .max_bytes(PAGE_BYTES)
            .bearer(&self.token);
        let response = self.upstream.send(call, Overflow::Truncate, scope).await?;
        if response.status.is_success() {
            return Ok(response);
        }
        let rate = self.upstream.rate(&response);
        let error = self.upstream.error(Fault::Status(response.status)).with_rate(rate);
        Err(match response.status {
            StatusCode::NOT_FOUND => error.because("what the run found is no longer kept there"),
            _ => error,
        })
    }

    /// Whether the token works.
    pub(super) async fn me(&self) -> Result<(), UpstreamError> {
        let call = Call::get(&["users", "me"]).timeout(SHORT);
        let answer = self.success(call, &Scope::unmetered()).await?;
        answer.json::<UserAnswer>("a user").map(|_| ())
    }

    async fn success(&self, call: Call, scope: &Scope) -> Result<Answer, UpstreamError> {
        let answer = self.upstream.answer(call.bearer(&self.token), scope).await?;
        answer.success().map_err(explained)
    }

    fn run_state(&self, answer: Answer) -> Result<RunState, UpstreamError> {
        let RunAnswer { data } = answer.json("a run")?;
        let dataset = data.default_dataset_id;
        if !self.is_id(&data.id) || !dataset.as_deref().is_none_or(|id| self.is_id(id)) {
            return Err(self.upstream.error(Fault::Shape("a run")));
        }
        let status = match data.status.as_str() {
            "SUCCEEDED" => Status::Succeeded,
            "FAILED" => Status::Failed,
            "ABORTED" => Status::Aborted,
            "TIMED-OUT" => Status::TimedOut,
            _ => Status::Going,
        };
        Ok(RunState { id: data.id, status, dataset })
    }

    /// An id goes into addresses and cursors: it has an id's characters, and is not the token.
    fn is_id(&self, id: &str) -> bool {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !id.is_empty()
            && id.len() <= 128
            && id.bytes().all(fits)
            && !self.token.is_in(id.as_bytes())
    }
}

/// The error types of Apify that mean more than their status does.
fn explained(error: UpstreamError) -> UpstreamError {
    #[derive(Deserialize)]
    struct Body {
        error: Kind,
    }
    #[derive(Deserialize)]
    struct Kind {
        r#type: String,
    }
    let Ok(Body { error: kind }) = serde_json::from_slice(error.body()) else { return error };
    match kind.r#type.as_str() {
        "actor-is-not-rented" => error.because("the operator has not rented this actor"),
        "not-enough-usage-to-run-paid-actor" | "monthly-usage-limit-exceeded" => {
            error.because("the operator's plan there is used up")
        }
        "actor-memory-limit-exceeded" | "concurrent-runs-limit-exceeded" => {
            error.because("the operator has too many runs going there")
        }
        "user-or-token-not-found" | "token-not-provided" | "token-not-valid" => {
            error.because("it refuses this worker's token")
        }
        "invalid-input" => error.because("the actor does not take this input"),
        _ => error,
    }
}
