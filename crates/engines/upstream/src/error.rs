use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use sealwork_egress::EgressError;
use sealwork_job::{Code, Failure};
use thiserror::Error;

use crate::RateLimit;

/// Why an upstream gave nothing that can be used. Its text quotes nothing that the upstream said.
#[derive(Clone, Error)]
#[error("{upstream} {fault}")]
pub struct UpstreamError {
    /// The upstream's name, for example `Apify`.
    pub upstream: &'static str,
    /// What happened.
    pub fault: Fault,
    said: Box<Said>,
}

/// What the answer said, if there was one.
#[derive(Clone, Default)]
struct Said {
    rate: RateLimit,
    body: Bytes,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// No answer, or one that broke off or is too large.
    #[error("{}", network_text(.0))]
    Network(EgressError),
    /// A status that is no success.
    #[error("{}", status_text(*.0))]
    Status(StatusCode),
    /// A status that is no success, of which more is known.
    #[error("answered with status {}: {reason}", .status.as_u16())]
    Refused {
        /// The status.
        status: StatusCode,
        /// What it means there, in our words.
        reason: &'static str,
    },
    /// A success whose body says that it is none.
    #[error("answered with a success that says that {reason}")]
    Said {
        /// The status that means the same.
        like: StatusCode,
        /// What it says, in our words.
        reason: &'static str,
    },
    /// A page of HTML, or anything else that is no JSON.
    #[error("answered with something that is no JSON")]
    NotJson,
    /// JSON that breaks off.
    #[error("answered with JSON that breaks off")]
    Truncated,
    /// JSON of another form than the upstream is known to have.
    #[error("answered in a form that this worker does not know: {0}")]
    Shape(&'static str),
    /// A success that says that there is no such thing.
    #[error("has no {0}")]
    NotFound(&'static str),
    /// The work that was asked for ended without success there.
    #[error("{0}")]
    RunFailed(&'static str),
    /// A request that cannot be made of what was configured or asked.
    #[error("cannot be asked: the request has {0}")]
    Unsendable(&'static str),
}

impl UpstreamError {
    /// An error without an answer.
    pub fn new(upstream: &'static str, fault: Fault) -> Self {
        Self { upstream, fault, said: Box::default() }
    }

    /// With what its answer said about the rate limit.
    #[must_use]
    pub fn with_rate(mut self, rate: RateLimit) -> Self {
        self.said.rate = rate;
        self
    }

    /// With the body of its answer.
    #[must_use]
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.said.body = body;
        self
    }

    /// What the answer said about the rate limit.
    pub fn rate(&self) -> RateLimit {
        self.said.rate
    }

    /// The start of the answer's body, for an engine that knows the upstream's error codes. Not to
    /// be quoted.
    pub fn body(&self) -> &[u8] {
        &self.said.body
    }

    /// The stable code: one for each kind of fault, as `docs/errors.md` lists them.
    pub fn code(&self) -> Code {
        match &self.fault {
            Fault::Network(error) => error.code(),
            Fault::Status(status)
            | Fault::Refused { status, .. }
            | Fault::Said { like: status, .. } => status_code(*status),
            Fault::NotJson | Fault::Truncated => Code::UpstreamInvalid,
            Fault::Shape(_) => Code::UpstreamChanged,
            Fault::NotFound(_) => Code::UpstreamNotFound,
            Fault::RunFailed(_) => Code::UpstreamRunFailed,
            Fault::Unsendable(_) => Code::Internal,
        }
    }

    /// The status of the answer, or the one that its body means, if there was one and it is why.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.fault {
            Fault::Status(status)
            | Fault::Refused { status, .. }
            | Fault::Said { like: status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the upstream asks to be left alone.
    pub fn is_rate_limit(&self) -> bool {
        self.code() == Code::RateLimited
    }

    /// Whether the upstream refuses the credentials themselves.
    pub fn is_unauthorized(&self) -> bool {
        self.code() == Code::UpstreamUnauthorized
    }

    /// Whether the same request may succeed a moment later: for retries within a job. A used-up
    /// limit or deadline of the job is none of these.
    pub fn may_pass(&self) -> bool {
        match &self.fault {
            Fault::Network(error) => !error.is_about_the_job() && self.code().retryable(),
            Fault::Status(status)
            | Fault::Refused { status, .. }
            | Fault::Said { like: status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Fault::NotJson | Fault::Truncated => true,
            _ => false,
        }
    }

    /// Whether it tells something of the upstream, and nothing of what was asked: the next request
    /// would likely fail in the same way.
    pub fn is_about_the_upstream(&self) -> bool {
        match &self.fault {
            Fault::Network(error) => {
                !error.is_about_the_job() && error.code() != Code::ResponseTooLarge
            }
            Fault::Status(status) => {
                matches!(self.code(), Code::UpstreamStatus | Code::UpstreamTimeout)
                    || *status == StatusCode::METHOD_NOT_ALLOWED
            }
            Fault::NotJson | Fault::Truncated | Fault::Shape(_) => true,
            _ => false,
        }
    }

    /// With the meaning that the status has at this upstream.
    #[must_use]
    pub fn because(mut self, reason: &'static str) -> Self {
        self.fault = match self.fault {
            Fault::Status(status) | Fault::Refused { status, .. } => {
                Fault::Refused { status, reason }
            }
            Fault::Said { like, .. } => Fault::Said { like, reason },
            other => other,
        };
        self
    }
}

impl fmt::Debug for UpstreamError {
    /// Without the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UpstreamError({}: {self})", self.code())
    }
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

fn status_code(status: StatusCode) -> Code {
    match status.as_u16() {
        401 => Code::UpstreamUnauthorized,
        402 | 403 => Code::UpstreamForbidden,
        404 | 410 => Code::UpstreamNotFound,
        408 => Code::UpstreamTimeout,
        429 => Code::RateLimited,
        400..=499 => Code::UpstreamRejected,
        _ => Code::UpstreamStatus,
    }
}

fn status_text(status: StatusCode) -> String {
    let meaning = match status.as_u16() {
        401 => ": it refuses this worker's credentials",
        402 => ": the operator's plan there is used up",
        403 => ": it does not allow this to this worker",
        404 | 410 => ": it has no such thing",
        408 => ": it waited too long",
        429 => ": it limits the rate",
        400..=499 => ": it refuses the request",
        500..=599 => ": it is out of order",
        _ => "",
    };
    format!("answered with status {}{meaning}", status.as_u16())
}

fn network_text(error: &EgressError) -> String {
    match error {
        EgressError::TooLarge { .. } | EgressError::Bomb { .. } => {
            format!("answered with more than this worker reads: {error}")
        }
        EgressError::Upstream { .. } => format!("gave an answer that cannot be read: {error}"),
        _ => format!("gave no answer: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bad_answer_has_one_code_and_says_whether_to_try_again() {
        let status = |status| Fault::Status(StatusCode::from_u16(status).unwrap());
        for (fault, code, retryable) in [
            (status(400), "upstream_rejected", false),
            (status(401), "upstream_unauthorized", false),
            (status(402), "upstream_forbidden", false),
            (status(403), "upstream_forbidden", false),
            (status(404), "upstream_not_found", false),
            (status(408), "upstream_timeout", true),
            (status(429), "rate_limited", true),
            (status(302), "upstream_status", true),
            (status(500), "upstream_status", true),
            (status(503), "upstream_status", true),
            (
                Fault::Said { like: StatusCode::TOO_MANY_REQUESTS, reason: "x" },
                "rate_limited",
                true,
            ),
            (Fault::NotJson, "upstream_invalid", true),
            (Fault::Truncated, "upstream_invalid", true),
            (Fault::Shape("x"), "upstream_changed", false),
            (Fault::NotFound("x"), "upstream_not_found", false),
            (Fault::RunFailed("x"), "upstream_run_failed", true),
        ] {
            let error = UpstreamError::new("Apify", fault);
            assert_eq!((error.code().as_str(), error.code().retryable()), (code, retryable));
        }
    }

    #[test]
    fn a_body_is_in_no_text() {
        let error = UpstreamError::new("Apify", Fault::Status(StatusCode::UNAUTHORIZED))
            .with_body(Bytes::from_static(b"apify_api_secret"));
        assert!(!format!("{error} {error:?}").contains("apify_api_secret"));
        assert_eq!(
            Failure::from(error).message,
            "Apify answered with status 401: it refuses this worker's credentials"
        );
    }
}
