//! Answers that the door itself gives, in the form that the path's clients expect.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};
use sealwork_job::{Code, Family};
use serde_json::json;

use crate::v1::Problem;

/// The path of the metrics.
pub(crate) const METRICS: &str = "/metrics";
/// What Masa's clients read in a 401, to the letter.
const MASA_UNAUTHORIZED: &str = "{\"message\":\"missing or invalid API key\"}\n";

/// The status of a refusal: the one place where codes become statuses.
pub(crate) fn status(code: Code) -> StatusCode {
    match code {
        Code::EnvelopeTooLarge | Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Code::MediaTypeUnsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        Code::RequesterNotAllowed | Code::Forbidden => StatusCode::FORBIDDEN,
        Code::QuotaExceeded => StatusCode::TOO_MANY_REQUESTS,
        Code::StoreUnavailable | Code::AttesterFailed => StatusCode::SERVICE_UNAVAILABLE,
        other => match other.family() {
            Family::Request => StatusCode::BAD_REQUEST,
            Family::Access => StatusCode::UNAUTHORIZED,
            Family::Absent => StatusCode::NOT_FOUND,
            Family::Conflict => StatusCode::CONFLICT,
            Family::Capacity => StatusCode::SERVICE_UNAVAILABLE,
            // The outcome of a job travels in its result; as a refusal it would be a defect.
            Family::Fault | Family::Outcome => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

/// When to try again, where the worker did not say: only for what passes by itself.
pub(crate) fn retry_after(code: Code) -> Option<Duration> {
    match code {
        Code::Draining | Code::StoreUnavailable | Code::AttesterFailed | Code::RequestTimeout => {
            Some(Duration::from_secs(5))
        }
        Code::NotSettled => Some(Duration::from_secs(1)),
        code if code.family() == Family::Capacity => Some(Duration::from_secs(1)),
        _ => None,
    }
}

/// The header's value: whole seconds, rounded up, at least one.
pub(crate) fn retry_after_value(delay: Duration) -> HeaderValue {
    let secs = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    HeaderValue::from(secs.max(1))
}

/// The code of an answer, for the access log; never text that quotes the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoggedCode(pub(crate) Code);

/// Whether `path` belongs to `/v1`.
pub(crate) fn is_v1(path: &str) -> bool {
    is_below(path, "/v1")
}

/// Whether `path` is `top`, or lies below it.
pub(crate) fn is_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether the clients of `path` expect problem documents; those of all others expect Masa's form.
pub(crate) fn has_problems(path: &str) -> bool {
    is_v1(path) || path == METRICS
}

/// The door's own refusal, in the form that the path's clients expect.
pub(crate) fn refuse(path: &str, code: Code, detail: impl Into<String>) -> Response {
    let detail = detail.into();
    if has_problems(path) {
        let mut response = Problem::new(code, detail).into_response();
        if code == Code::Unauthorized {
            let bearer = HeaderValue::from_static("Bearer realm=\"sealwork\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        return response;
    }
    let body = match code {
        Code::Unauthorized => MASA_UNAUTHORIZED.to_owned(),
        Code::Internal => "{\"message\":\"Internal Server Error\"}\n".to_owned(),
        _ => {
            let fields = json!({
                "message": detail,
                "error": detail,
                "code": code.as_str(),
                "retryable": code.retryable(),
            });
            format!("{fields}\n")
        }
    };
    let mut response = json_text(status(code), body);
    if let Some(delay) = retry_after(code) {
        response.headers_mut().insert(header::RETRY_AFTER, retry_after_value(delay));
    }
    response.extensions_mut().insert(LoggedCode(code));
    response
}

/// A JSON text as Masa sends it: no charset, a line's end.
pub(crate) fn json_text(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Plain text as Masa sends it.
pub(crate) fn plain_text(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_an_error_status_and_capacity_says_when_to_come_back() {
        for code in Code::ALL.iter().copied().filter(|c| c.family() != Family::Outcome) {
            let status = status(code);
            assert!(status.is_client_error() || status.is_server_error(), "{code}");
            if code.family() == Family::Capacity {
                assert!(code.retryable() && retry_after(code).is_some(), "{code}");
            }
        }
    }

    #[test]
    fn a_fraction_of_a_second_is_rounded_up() {
        assert_eq!(retry_after_value(Duration::from_millis(1200)), "2");
        assert_eq!(retry_after_value(Duration::ZERO), "1");
    }

    #[test]
    fn only_v1_itself_and_what_is_below_it_is_v1() {
        assert!(is_v1("/v1") && is_v1("/v1/jobs"));
        assert!(!is_v1("/v10") && !is_v1("/job/add") && !is_v1("/"));
    }
}
