use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use sealwork_job::JobId;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Client, ClientError, Refusal,
    http::{Answer, Call, SMALL_ANSWER},
};

/// Results of the Masa routes are held to this size.
const MAX_RESULT: usize = 256 << 20;
const JSON: &str = "application/json";

/// The routes of Masa's tee-worker, for what still speaks them.
///
/// **Plaintext leaves this machine**: the worker seals the job and opens the result, and whoever
/// ends the TLS connection reads both. Use [`Client::run`] where that matters.
pub struct Masa<'a> {
    client: &'a Client,
}

impl<'a> Masa<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// `POST /job/generate`: has the worker seal a job.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn generate(&self, kind: &str, arguments: &Value) -> Result<String, ClientError> {
        let body = json!({
            "type": kind, "arguments": arguments,
            "quote": "", "worker_id": "", "target_worker": "", "timeout": 0,
        });
        self.text("job/generate", &body).await
    }

    /// `POST /job/add`: submits a sealed job and gives its id. Not repeated by itself: the route
    /// refuses a job that it has seen, and does not name it.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn add(&self, encrypted_job: &str) -> Result<JobId, ClientError> {
        #[derive(Deserialize)]
        struct Added {
            uid: JobId,
        }
        let body = json!({ "encrypted_job": encrypted_job });
        let answer = self.post("job/add", &body, SMALL_ANSWER).await?;
        serde_json::from_slice::<Added>(&answer.body)
            .map(|added| added.uid)
            .map_err(|_| self.client.inner.http.protocol("the answer to job/add has no uid"))
    }

    /// `GET /job/status/{id}`: the sealed result, or nothing while there is none.
    ///
    /// # Errors
    /// Network errors; [`ClientError::Refused`] with the code `job_failed` for a job that failed.
    pub async fn status(&self, job: JobId) -> Result<Option<String>, ClientError> {
        let http = &self.client.inner.http;
        let path = format!("job/status/{job}");
        let call = Call { max_answer: MAX_RESULT, ..Call::get(&path) };
        let answer = http.once(&call).await?;
        match answer.status {
            StatusCode::OK => self.utf8(answer).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::INTERNAL_SERVER_ERROR => {
                let refusal = self.refusal(&answer);
                Err(ClientError::Refused(Refusal { code: "job_failed".to_owned(), ..refusal }))
            }
            _ => Err(ClientError::Refused(self.refusal(&answer))),
        }
    }

    /// `POST /job/result`: has the worker open a result; `encrypted_job` is what
    /// [`Self::generate`] gave.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn result(
        &self,
        encrypted_result: &str,
        encrypted_job: &str,
    ) -> Result<String, ClientError> {
        let body =
            json!({ "encrypted_result": encrypted_result, "encrypted_request": encrypted_job });
        self.text("job/result", &body).await
    }

    /// All four steps.
    ///
    /// # Errors
    /// As the steps; [`ClientError::StillRunning`] after `timeout`.
    pub async fn run(
        &self,
        kind: &str,
        arguments: &Value,
        timeout: Duration,
    ) -> Result<String, ClientError> {
        let end = Instant::now() + timeout;
        let encrypted_job = self.generate(kind, arguments).await?;
        let job = self.add(&encrypted_job).await?;
        let mut pause = Duration::from_millis(50);
        loop {
            if let Some(encrypted) = self.status(job).await? {
                return self.result(&encrypted, &encrypted_job).await;
            }
            if Instant::now() + pause > end {
                return Err(ClientError::StillRunning { job, state: "running".to_owned() });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    async fn text(&self, path: &str, body: &Value) -> Result<String, ClientError> {
        let answer = self.post(path, body, MAX_RESULT).await?;
        self.utf8(answer)
    }

    async fn post(&self, path: &str, body: &Value, max: usize) -> Result<Answer, ClientError> {
        let body = Bytes::from(body.to_string());
        let call = Call { max_answer: max, ..Call::post(path, JSON, body) };
        let answer = self.client.inner.http.once(&call).await?;
        if answer.status == StatusCode::OK {
            Ok(answer)
        } else {
            Err(ClientError::Refused(self.refusal(&answer)))
        }
    }

    fn refusal(&self, answer: &Answer) -> Refusal {
        masa_refusal(answer, self.client.inner.http.refusal(answer))
    }

    fn utf8(&self, answer: Answer) -> Result<String, ClientError> {
        String::from_utf8(answer.body.into())
            .map_err(|_| self.client.inner.http.protocol("the answer is not UTF-8"))
    }
}

/// A Masa route's refusal: `{"error": ...}` or `{"message": ...}`, whichever it uses.
fn masa_refusal(answer: &Answer, plain: Refusal) -> Refusal {
    #[derive(Deserialize, Default)]
    struct Body {
        #[serde(default)]
        error: Option<String>,
        #[serde(default)]
        message: Option<String>,
        #[serde(default)]
        code: Option<String>,
    }
    let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
    Refusal {
        code: body.code.unwrap_or(plain.code),
        detail: body.error.or(body.message).unwrap_or(plain.detail),
        ..plain
    }
}
