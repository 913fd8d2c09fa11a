use std::{
    error::Error as StdError,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::{client::legacy, rt::TokioExecutor};
use sealwork_job::{Code, JobId, Timestamp};
use sealwork_platform::{Clock, Entropy};
use serde::{Deserialize, de::DeserializeOwned};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::{
    ClientError, HandleError, Refusal, RetryPolicy, SetupPart,
    connect::{ConnectError, Connector, causes, connect_error},
};

/// JSON answers are small; a larger one is not ours.
pub(crate) const SMALL_ANSWER: usize = 4 << 20;

/// One worker's HTTP side: addresses, authentication, bounds, repeated tries.
pub(crate) struct Http {
    client: legacy::Client<Connector, Full<Bytes>>,
    base: Url,
    origin: String,
    api_key: Option<HeaderValue>,
    timeout: Duration,
    retry: RetryPolicy,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What is asked of a worker.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Relative to the base address, without a leading slash.
    pub(crate) path: &'a str,
    pub(crate) body: Bytes,
    pub(crate) content_type: Option<&'static str>,
    /// The job's token, in hex.
    pub(crate) token: Option<&'a str>,
    /// How long the worker may hold its answer, on top of the usual time.
    pub(crate) held: Duration,
    pub(crate) max_answer: usize,
    /// Whether the API key is left out, because anybody may ask.
    pub(crate) anonymous: bool,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            body: Bytes::new(),
            content_type: None,
            token: None,
            held: Duration::ZERO,
            max_answer: SMALL_ANSWER,
            anonymous: false,
        }
    }

    /// What a worker tells everybody. It is asked before the worker is trusted, so that it does not
    /// see the API key.
    pub(crate) fn public(path: &'a str) -> Self {
        Self { anonymous: true, ..Self::get(path) }
    }

    pub(crate) fn post(path: &'a str, content_type: &'static str, body: Bytes) -> Self {
        Self { method: Method::POST, body, content_type: Some(content_type), ..Self::get(path) }
    }

    pub(crate) fn token(self, token: &'a str) -> Self {
        Self { token: Some(token), ..self }
    }
}

/// How often a call has failed, and how long was waited in between.
#[derive(Default)]
struct Tries {
    failed: u32,
    paused: Duration,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Http {
    pub(crate) fn new(
        connector: (
            Arc<dyn sealwork_platform::Resolver>,
            Arc<dyn sealwork_platform::Dialer>,
            TlsConnector,
        ),
        base: Url,
        api_key: Option<HeaderValue>,
        timeout: Duration,
        retry: RetryPolicy,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
    ) -> Self {
        let (resolver, dialer, tls) = connector;
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(Connector { resolver, dialer, tls });
        let origin = base.origin().ascii_serialization();
        Self { client, base, origin, api_key, timeout, retry, clock, entropy }
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// One call, repeated as the policy says while the failure may pass, and read as an answer
    /// with a 2xx status.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, ClientError> {
        let mut tries = Tries::default();
        loop {
            match self.once(call).await.and_then(|answer| self.accepted(answer)) {
                Ok(answer) => return Ok(answer),
                Err(error) => self.pause(&mut tries, error).await?,
            }
        }
    }

    /// As [`Self::call`], with the answer given piece by piece. Each piece has the usual time; once
    /// the first has come, nothing is repeated.
    pub(crate) async fn stream(
        &self,
        call: &Call<'_>,
        mut take: impl FnMut(&[u8]) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let mut tries = Tries::default();
        let body = loop {
            match self.begun(call).await {
                Ok(body) => break body,
                Err(error) => self.pause(&mut tries, error).await?,
            }
        };
        let mut body = Limited::new(body, call.max_answer);
        loop {
            let frame = self.in_time(self.timeout, body.frame()).await?;
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(|e| self.body_error(&*e, call.max_answer))?;
            if let Some(piece) = frame.data_ref() {
                take(piece)?;
            }
        }
    }

    /// Waits for the next try, as the policy says while the failure may pass.
    ///
    /// # Errors
    /// The failure, when there is to be none.
    async fn pause(&self, tries: &mut Tries, error: ClientError) -> Result<(), ClientError> {
        let asked = error.refusal().and_then(|refusal| refusal.retry_after);
        let attempt = tries.failed + 1;
        let pause = if repeatable(&error) {
            self.retry.pause(attempt, tries.paused, asked, &*self.entropy)
        } else {
            None
        };
        let Some(pause) = pause else { return Err(error) };
        tokio::time::sleep(pause).await;
        *tries = Tries { failed: attempt, paused: tries.paused + pause };
        Ok(())
    }

    /// As [`Self::call`], with the body read as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
    ) -> Result<T, ClientError> {
        let answer = self.call(call).await?;
        serde_json::from_slice(&answer.body).map_err(|e| {
            self.protocol(format!(
                "the answer to {} is not the expected JSON (line {}, column {})",
                call.path,
                e.line(),
                e.column()
            ))
        })
    }

    /// One try; any status is an answer.
    pub(crate) async fn once(&self, call: &Call<'_>) -> Result<Answer, ClientError> {
        let exchange = async { self.whole(self.head(call).await?, call.max_answer).await };
        self.in_time(self.timeout.saturating_add(call.held), exchange).await?
    }

    /// The body of an answer with a 2xx status, of which nothing has been read.
    async fn begun(&self, call: &Call<'_>) -> Result<Incoming, ClientError> {
        let beginning = async {
            let response = self.head(call).await?;
            if response.status().is_success() {
                return Ok(response.into_body());
            }
            Err(self.refused(&self.whole(response, SMALL_ANSWER).await?))
        };
        self.in_time(self.timeout.saturating_add(call.held), beginning).await?
    }

    async fn head(&self, call: &Call<'_>) -> Result<Response<Incoming>, ClientError> {
        let request = self.request(call)?;
        self.client.request(request).await.map_err(|e| self.network_error(&e))
    }

    async fn whole(&self, response: Response<Incoming>, max: usize) -> Result<Answer, ClientError> {
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, max).collect().await;
        let body = body.map_err(|e| self.body_error(&*e, max))?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// What to say when no answer has come in time.
    pub(crate) fn late(&self, after: Duration) -> ClientError {
        ClientError::Timeout { origin: self.origin.clone(), after }
    }

    async fn in_time<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, ClientError> {
        let late = |_| self.late(limit);
        tokio::time::timeout(limit, work).await.map_err(late)
    }

    pub(crate) fn protocol(&self, reason: impl Into<String>) -> ClientError {
        ClientError::Protocol { origin: self.origin.clone(), reason: reason.into() }
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Full<Bytes>>, ClientError> {
        let url = self
            .base
            .join(call.path)
            .map_err(|e| ClientError::Setup { part: SetupPart::Address, reason: e.to_string() })?;
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(url.as_str())
            .header(header::USER_AGENT, concat!("sealwork-client/", env!("CARGO_PKG_VERSION")));
        if let Some(content_type) = call.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        if let Some(key) = self.api_key.as_ref().filter(|_| !call.anonymous) {
            request = request.header(header::AUTHORIZATION, key.clone());
        }
        if let Some(token) = call.token {
            let mut token = HeaderValue::from_str(token).map_err(|_| HandleError::Secrets)?;
            token.set_sensitive(true);
            request = request.header("sealwork-token", token);
        }
        request
            .body(Full::new(call.body.clone()))
            .map_err(|e| ClientError::Setup { part: SetupPart::Address, reason: e.to_string() })
    }

    fn accepted(&self, answer: Answer) -> Result<Answer, ClientError> {
        if answer.status.is_success() { Ok(answer) } else { Err(self.refused(&answer)) }
    }

    fn refused(&self, answer: &Answer) -> ClientError {
        if answer.status.is_redirection() || answer.status.is_informational() {
            return self.protocol(format!("status {}", answer.status.as_u16()));
        }
        ClientError::Refused(self.refusal(answer))
    }

    /// What an answer that is no success says.
    pub(crate) fn refusal(&self, answer: &Answer) -> Refusal {
        refusal(answer, self.clock.now())
    }

    fn network_error(&self, error: &legacy::Error) -> ClientError {
        let origin = self.origin.clone();
        match connect_error(error) {
            Some(ConnectError::Tls(e)) => {
                let reason = innermost(e);
                // What our own check of a certificate says is to rustls an error of no known kind.
                let reason = reason.trim_start_matches("unexpected error: ").to_owned();
                ClientError::Untrusted { origin, reason }
            }
            Some(error) => ClientError::Unreachable { origin, reason: error.to_string() },
            None => ClientError::Unreachable { origin, reason: innermost(error) },
        }
    }

    fn body_error(&self, error: &(dyn StdError + 'static), max: usize) -> ClientError {
        if error.is::<LengthLimitError>() {
            return self.protocol(format!("the answer is larger than {max} bytes"));
        }
        ClientError::Unreachable {
            origin: self.origin.clone(),
            reason: format!(
                "the connection broke in the middle of the answer ({})",
                innermost(error)
            ),
        }
    }
}

/// Whether trying the same call again soon makes sense.
fn repeatable(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(refusal) => refusal.is_passing(),
        error => error.is_retryable(),
    }
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}

/// The members of a problem document that are read; others are ignored (RFC 9457, section 3.2).
#[derive(Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    hint: Option<String>,
    #[serde(default)]
    retryable: Option<bool>,
    #[serde(default)]
    job_id: Option<JobId>,
}

fn refusal(answer: &Answer, now: Timestamp) -> Refusal {
    let status = answer.status.as_u16();
    let retry_after = answer.headers.get(header::RETRY_AFTER).and_then(|v| retry_after(v, now));
    let passing = matches!(status, 429 | 502 | 503 | 504);
    match serde_json::from_slice::<Problem>(&answer.body) {
        Ok(problem) => Refusal {
            status,
            retryable: problem
                .retryable
                .unwrap_or_else(|| problem.code.parse::<Code>().map_or(passing, Code::retryable)),
            code: problem.code,
            detail: problem.detail,
            hint: problem.hint,
            retry_after,
            job: problem.job_id,
        },
        // A proxy in between, or a route that is not one of /v1.
        Err(_) => Refusal {
            status,
            code: format!("http_{status}"),
            detail: format!(
                "status {status} {}{}",
                answer.status.canonical_reason().unwrap_or_default(),
                words_of(answer)
            ),
            hint: None,
            retryable: passing,
            retry_after,
            job: None,
        },
    }
}

/// The first line of an answer in plain text, which says more than its status: "This port speaks
/// HTTPS".
fn words_of(answer: &Answer) -> String {
    const LONGEST: usize = 200;
    let content_type = answer.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if !content_type.is_some_and(|it| it.starts_with("text/plain")) {
        return String::new();
    }
    let text = String::from_utf8_lossy(&answer.body);
    let line: String = text.lines().next().unwrap_or_default().chars().take(LONGEST).collect();
    if line.is_empty() { line } else { format!(": {line}") }
}

/// Seconds, or the date after which to come again (RFC 9110, section 10.2.3). A date that has
/// passed means now; what is neither means nothing.
fn retry_after(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let now = UNIX_EPOCH + Duration::from_millis(now.as_millis());
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const NOW: Timestamp = Timestamp(784_111_777_000);

    fn answer(status: u16, body: &'static str, retry_after: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(retry_after));
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn a_problem_document_becomes_a_refusal_with_its_code_and_pause() {
        let problem =
            r#"{"type":"about:blank","code":"queue_full","detail":"full","retryable":true,"x":1}"#;
        let refusal = refusal(&answer(503, problem, "3"), NOW);
        assert!(refusal.is(Code::QueueFull));
        assert!(refusal.retryable);
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(3)));
    }

    #[test]
    fn an_answer_of_something_else_keeps_its_status_as_code() {
        let refusal = refusal(&answer(502, "<html>bad gateway</html>", "3"), NOW);
        assert_eq!((refusal.code.as_str(), refusal.retryable), ("http_502", true));
        assert_eq!(refusal.detail, "status 502 Bad Gateway");
    }

    #[test]
    fn the_words_of_an_answer_in_plain_text_are_told() {
        let mut plain = answer(400, "This port speaks HTTPS.\nMore", "5");
        plain.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; x=y"));
        let detail = refusal(&plain, NOW).detail;
        assert_eq!(detail, "status 400 Bad Request: This port speaks HTTPS.");
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let asked = |text| retry_after(&HeaderValue::from_static(text), NOW);
        assert_eq!(asked(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sunday, 06-Nov-94 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        for nothing in ["", "-1", "1.5", "soon", "Sun, 06 Foo 1994 08:00:00 GMT"] {
            assert_eq!(asked(nothing), None, "{nothing}");
        }
    }
}
