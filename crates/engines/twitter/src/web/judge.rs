//! What X's internal API says is wrong: in the status, or in the body of a success.

use http::StatusCode;
use sealwork_upstream::{Answer, Fault, UpstreamError, objects};
use serde::{Deserialize, de::IgnoredAny};

use super::model::GraphError;
use crate::loose::List;

/// X has closed the account: no session of it will do.
pub(super) const LOCKED: &str = "the account is locked or suspended";

#[derive(Deserialize)]
struct Errors<'a> {
    data: Option<IgnoredAny>,
    #[serde(borrow, default)]
    errors: List<GraphError<'a>>,
}

/// The answer, if it is one.
pub(super) fn judged(answer: Answer) -> Result<Answer, UpstreamError> {
    if answer.status.is_success() {
        return match in_success(&answer) {
            Some(fault) => Err(UpstreamError::new(answer.upstream, fault).with_rate(answer.rate)),
            None => Ok(answer),
        };
    }
    answer.success().map_err(|mut error| {
        let errors: Option<Errors<'_>> = objects::from_slice(error.body()).ok();
        let known = errors.and_then(|it| it.errors.0.iter().find_map(known));
        let outdated = Fault::Shape("the operation's id is outdated; the operator can set it");
        match (known, error.status()) {
            (Some(fault), _) => error.fault = fault,
            (None, Some(StatusCode::NOT_FOUND)) => error.fault = outdated,
            _ => {}
        }
        error
    })
}

/// What is wrong with a success that holds neither tweets nor users.
fn in_success(answer: &Answer) -> Option<Fault> {
    if holds(answer, CONTENT) {
        return None;
    }
    let errors = errors(answer)?;
    errors.errors.0.iter().find_map(known).map(in_words).or_else(|| {
        let says_nothing = errors.data.is_none() && !errors.errors.0.is_empty();
        says_nothing.then_some(Fault::Said {
            like: answer.status,
            reason: "there is an error, which this worker does not know",
        })
    })
}

/// What X says is wrong beside the tweets or users of an answer: some may be missing.
pub(super) fn beside(answer: &Answer) -> Option<Fault> {
    errors(answer)?.errors.0.iter().find_map(known).map(in_words)
}

/// What every tweet and every user has.
const CONTENT: &[u8] = b"\"rest_id\"";

fn holds(answer: &Answer, part: &[u8]) -> bool {
    memchr::memmem::find(&answer.body, part).is_some()
}

/// The errors of an answer; `None` when it has none, which is cheap to see.
fn errors(answer: &Answer) -> Option<Errors<'_>> {
    holds(answer, b"\"errors\"").then(|| objects::from_slice(&answer.body).ok())?
}

fn in_words(fault: Fault) -> Fault {
    match fault {
        Fault::Refused { status: like, reason } => Fault::Said { like, reason },
        other => other,
    }
}

/// X's error codes, as far as they mean something here.
fn known(error: &GraphError<'_>) -> Option<Fault> {
    let refused = |status, reason| Some(Fault::Refused { status, reason });
    match error.code.0 {
        17 | 34 | 50 | 144 | 421 | 422 => Some(Fault::NotFound("such tweet, profile or space")),
        179 => Some(Fault::NotFound("public form of it: the account is protected")),
        32 | 89 | 99 | 215 | 353 => {
            refused(StatusCode::UNAUTHORIZED, "the session is no longer valid")
        }
        64 | 326 => refused(StatusCode::UNAUTHORIZED, LOCKED),
        88 => refused(StatusCode::TOO_MANY_REQUESTS, "the account's rate limit is met"),
        130 => refused(StatusCode::SERVICE_UNAVAILABLE, "it is over capacity"),
        131 => refused(StatusCode::INTERNAL_SERVER_ERROR, "it has an internal error"),
        _ => match error.name.as_str() {
            "DeadlineExceeded" | "OverCapacity" | "InternalServerError" => {
                refused(StatusCode::SERVICE_UNAVAILABLE, "it took too long or is out of order")
            }
            "AuthorizationError" | "BadAuthentication" => {
                refused(StatusCode::UNAUTHORIZED, "the session is no longer valid")
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::{self, answer};

    #[test]
    fn an_error_beside_content_is_none_of_the_answer_whatever_its_size() {
        for size in [1, 100_000] {
            let text = "x".repeat(size);
            let body = format!(
                r#"{{"errors":[{{"code":131}}],"data":{{"a":[{{"rest_id":"1","text":"{text}"}}]}}}}"#
            );
            let answer = judged(answer(200, &body)).unwrap();
            assert!(matches!(beside(&answer), Some(Fault::Said { .. })), "{size}");
            let filler = format!(r#"{{"errors":[{{"code":131}}],"data":{{"a":"{text}"}}}}"#);
            assert!(judged(made::answer(200, &filler)).is_err(), "{size}");
        }
        assert_eq!(beside(&answer(200, r#"{"data":{"rest_id":"1"}}"#)), None);
    }

    #[test]
    fn each_error_of_x_has_one_code() {
        let said = judged(answer(200, r#"{"errors":[{"code":131}]}"#)).unwrap_err().to_string();
        assert_eq!(said, "X answered with a success that says that it has an internal error");
        for (status, body, code) in [
            (200, r#"{"errors":[{"code":88}]}"#, "rate_limited"),
            (403, r#"{"errors":[{"code":326}]}"#, "upstream_unauthorized"),
            (403, r#"{"errors":[{"code":353}]}"#, "upstream_unauthorized"),
            (403, "<html>", "upstream_forbidden"),
            (404, "", "upstream_changed"),
            (404, r#"{"errors":[{"code":34}]}"#, "upstream_not_found"),
            (200, r#"{"errors":[{"code":144}],"data":{}}"#, "upstream_not_found"),
            (
                200,
                r#"{"errors":[{"name":"DeadlineExceeded"}],"data":{"user":{}}}"#,
                "upstream_status",
            ),
            (200, r#"{"errors":[{"code":7777}]}"#, "upstream_status"),
            (429, "", "rate_limited"),
        ] {
            let error = judged(answer(status, body)).unwrap_err();
            assert_eq!(error.code().as_str(), code, "{status} {body}");
        }
        assert!(judged(answer(200, r#"{"errors":[{"code":7777}],"data":{"user":{}}}"#)).is_ok());
        assert!(judged(answer(200, "<html>")).is_ok());
    }
}
