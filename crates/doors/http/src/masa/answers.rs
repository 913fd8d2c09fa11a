//! What the routes answer, and what each answer says about the worker (reference 1.4, 6.1).

use std::time::Duration;

use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use sealwork_compat_masa::{
    DecodeError, LiftError, OpenPiecesError, OpenResultError, RingError, SetKeyError,
};
use sealwork_job::{Code, JobState, Refusal};
use serde::Serialize;

use super::{framework::json, port::KeyRefusal};
use crate::health::Verdict;
use crate::{
    body::BodyError,
    reply::{LoggedCode, retry_after, retry_after_value, status},
};

/// Where a job stands, for clients that look further than the status: `queued`, `waiting`,
/// `running`, `succeeded`, `failed`, `unknown`.
const JOB_STATE: HeaderName = HeaderName::from_static("sealwork-job-state");
/// Where the next page of a result begins.
const NEXT_CURSOR: HeaderName = HeaderName::from_static("sealwork-next-cursor");
/// Of a result that is not complete: the code of what stopped it.
const STOPPED: HeaderName = HeaderName::from_static("sealwork-result-stopped");
/// The way that answered, of an engine that has several: `api`, `apify`, `credential`.
const WAY: HeaderName = HeaderName::from_static("sealwork-way");

/// An answer, and whether the health window counts it.
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) verdict: Verdict,
}

impl Answer {
    pub(super) fn ok(response: Response) -> Self {
        Self { response, verdict: Verdict::Success }
    }

    pub(super) fn with_state(mut self, state: &'static str) -> Self {
        self.response.headers_mut().insert(JOB_STATE, HeaderValue::from_static(state));
        self
    }

    /// Names the next page, if the cursor is one that a header can carry.
    pub(super) fn with_cursor(self, cursor: Option<&str>) -> Self {
        self.with_text(NEXT_CURSOR, cursor)
    }

    /// Says that the result is not complete, and why.
    pub(super) fn with_stopped(self, code: Option<&str>) -> Self {
        self.with_text(STOPPED, code)
    }

    /// Says which way answered.
    pub(super) fn with_way(self, way: Option<&str>) -> Self {
        self.with_text(WAY, way)
    }

    fn with_text(mut self, name: HeaderName, text: Option<&str>) -> Self {
        if let Some(Ok(value)) = text.map(|text| HeaderValue::from_bytes(text.as_bytes())) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }

    fn retry_after(mut self, delay: Option<Duration>) -> Self {
        if let Some(delay) = delay {
            let headers = self.response.headers_mut();
            headers.insert(header::RETRY_AFTER, retry_after_value(delay));
        }
        self
    }
}

/// A refusal in the words and with the status that Masa's clients know; `code` and `retryable` are
/// for those that look further.
pub(super) struct MasaError {
    status: StatusCode,
    code: Code,
    text: String,
    retry_after: Option<Duration>,
    /// The key of the text.
    form: Form,
}

enum Form {
    /// `{"error": ...}`
    Error,
    /// `{"status": ...}`: `/setkey`.
    Status,
    /// A whole result with nothing but an error: a body that `/job/generate` cannot read.
    Result,
}

impl MasaError {
    fn new(status: StatusCode, code: Code, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into(), retry_after: retry_after(code), form: Form::Error }
    }

    fn internal(code: Code, text: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, text)
    }

    /// As an answer of `/job/generate` to a body that it cannot read.
    pub(super) fn in_result(mut self) -> Self {
        self.form = Form::Result;
        self
    }

    /// As an answer of `/setkey`.
    pub(super) fn in_status(mut self) -> Self {
        self.form = Form::Status;
        self
    }

    /// What no client has to do with.
    pub(super) fn defect() -> Self {
        Self::internal(Code::Internal, "a defect of the worker")
    }

    fn no_disk(text: String) -> Self {
        Self::new(status(Code::StoreUnavailable), Code::StoreUnavailable, text)
    }

    /// A large result for which there is no room now.
    pub(super) fn no_room() -> Self {
        let text = "the worker opens as many large results as it can now";
        Self::new(status(Code::Overloaded), Code::Overloaded, text)
    }

    /// A job that is unknown, or has not settled: the same 404 to clients that look no further.
    pub(super) fn no_result(pending: Option<&JobState>, pretty: bool) -> Answer {
        let (code, state) = match pending {
            None => (Code::JobUnknown, "unknown"),
            Some(JobState::Accepted) => (Code::NotSettled, "queued"),
            Some(JobState::Waiting { .. }) => (Code::NotSettled, "waiting"),
            Some(_) => (Code::NotSettled, "running"),
        };
        let error = Self::new(StatusCode::NOT_FOUND, code, "Job not found");
        error.answer(pretty).with_state(state)
    }

    /// A job that failed. Its clients expect 500; the worker is well all the same.
    pub(super) fn failed_job(code: Code, message: String, pretty: bool) -> Answer {
        let mut answer = Self::internal(code, message).answer(pretty).with_state("failed");
        answer.verdict = Verdict::Ignored;
        answer
    }

    /// The answer itself.
    pub(super) fn answer(self, pretty: bool) -> Answer {
        let (code, retryable) = (self.code.as_str(), self.code.retryable());
        let text = &self.text;
        let mut response = match self.form {
            Form::Error => json(self.status, &ErrorBody { error: text, code, retryable }, pretty),
            Form::Status => {
                json(self.status, &StatusBody { status: text, code, retryable }, pretty)
            }
            Form::Result => {
                let body = ResultBody { error: text, code, retryable, ..ResultBody::default() };
                json(self.status, &body, pretty)
            }
        };
        response.extensions_mut().insert(LoggedCode(self.code));
        // A fleet's worker without its fleet's key serves nobody.
        let verdict = if self.code == Code::NotConfigured {
            Verdict::Error
        } else {
            Verdict::of(self.code, self.status.is_server_error())
        };
        Answer { response, verdict }.retry_after(self.retry_after)
    }
}

impl From<DecodeError> for MasaError {
    fn from(error: DecodeError) -> Self {
        let code = match error {
            DecodeError::MediaType => Code::MediaTypeUnsupported,
            _ => Code::RequestMalformed,
        };
        Self::new(StatusCode::BAD_REQUEST, code, error.as_bind_error())
    }
}

impl From<BodyError> for MasaError {
    fn from(error: BodyError) -> Self {
        Self::new(status(error.code()), error.code(), error.to_string())
    }
}

impl From<RingError> for MasaError {
    fn from(error: RingError) -> Self {
        Self::internal(ring_code(&error), error.to_string())
    }
}

impl From<OpenResultError> for MasaError {
    fn from(error: OpenResultError) -> Self {
        let code = match &error {
            OpenResultError::Request(ring) | OpenResultError::Result(ring) => ring_code(ring),
            _ => Code::JobMalformed,
        };
        Self::internal(code, error.to_string())
    }
}

impl From<OpenPiecesError> for MasaError {
    fn from(error: OpenPiecesError) -> Self {
        match error {
            OpenPiecesError::Result(error) => error.into(),
            other => Self::no_disk(other.to_string()),
        }
    }
}

impl From<LiftError> for MasaError {
    fn from(error: LiftError) -> Self {
        match error {
            LiftError::Io(_) => Self::no_disk(error.to_string()),
            _ => Self::new(StatusCode::BAD_REQUEST, Code::RequestMalformed, error.to_string()),
        }
    }
}

impl From<KeyRefusal> for MasaError {
    fn from(refusal: KeyRefusal) -> Self {
        let code = match &refusal {
            KeyRefusal::Store(_) => Code::StoreUnavailable,
            KeyRefusal::Refused(SetKeyError::Signature) => Code::SignatureInvalid,
            KeyRefusal::Refused(SetKeyError::Length(_) | SetKeyError::Encoding(_)) => {
                Code::RequestMalformed
            }
            // What is wrong is the distributor's key, not the request.
            KeyRefusal::Refused(_) => Code::NotConfigured,
        };
        Self::internal(code, refusal.to_string()).in_status()
    }
}

impl From<Refusal> for MasaError {
    /// A job that the worker did not take.
    fn from(refusal: Refusal) -> Self {
        let text = match refusal.code {
            Code::JobReplayed => "job already executed".to_owned(),
            Code::WrongWorker => "this job is not for this worker".to_owned(),
            Code::RequesterNotAllowed => "this job is not from a whitelisted miner".to_owned(),
            code if is_unreadable(code) => {
                format!("Error while decrypting job: {}", refusal.message)
            }
            _ => refusal.message,
        };
        // Where the reference has a text, it has it with status 500.
        let status = match refusal.code {
            Code::JobReplayed | Code::WrongWorker | Code::RequesterNotAllowed => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            code if is_unreadable(code) => StatusCode::INTERNAL_SERVER_ERROR,
            code => status(code),
        };
        let mut error = Self::new(status, refusal.code, text);
        error.retry_after = refusal.retry_after.or(error.retry_after);
        error
    }
}

/// Whether the code is that of a blob that does not open to a job.
fn is_unreadable(code: Code) -> bool {
    matches!(
        code,
        Code::EnvelopeMalformed
            | Code::EnvelopeTruncated
            | Code::EnvelopeTampered
            | Code::JobMalformed
            | Code::NotConfigured
    )
}

fn ring_code(error: &RingError) -> Code {
    match error {
        RingError::Empty => Code::NotConfigured,
        RingError::Encoding(_) => Code::EnvelopeMalformed,
        _ => Code::EnvelopeTampered,
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    code: &'a str,
    retryable: bool,
}

#[derive(Serialize)]
struct StatusBody<'a> {
    status: &'a str,
    code: &'a str,
    retryable: bool,
}

#[derive(Serialize, Default)]
struct ResultBody<'a> {
    error: &'a str,
    data: (),
    job: EmptyJob,
    next_cursor: &'a str,
    code: &'a str,
    retryable: bool,
}

#[derive(Serialize, Default)]
struct EmptyJob {
    r#type: &'static str,
    arguments: (),
    quote: &'static str,
    worker_id: &'static str,
    target_worker: &'static str,
    timeout: u8,
}
