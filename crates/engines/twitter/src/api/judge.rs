//! What API v2 says is wrong: in the status and the body, or in the body of a success alone.

use http::StatusCode;
use sealwork_upstream::{Answer, Fault, UpstreamError, objects};
use serde::de::IgnoredAny;

use super::model::{Answered, Problem};
use crate::refusal::{Blame, SendError};

pub(super) const REFUSED_KEY: &str = "it does not take the bearer token";
/// A success that is an error is short; looking no further saves reading pages twice.
const SHORT: usize = 4 << 10;

/// The answer, if it is one.
pub(super) fn judged(answer: Answer) -> Result<Answer, SendError> {
    let refused = |error: UpstreamError, body: &[u8]| {
        let (blame, reason) = blame(error.status(), body);
        let reason = if error.is_unauthorized() { Some(REFUSED_KEY) } else { reason };
        SendError { error: reason.into_iter().fold(error, UpstreamError::because), blame }
    };
    if !answer.status.is_success() {
        let body = answer.body.clone();
        return answer.success().map_err(|error| refused(error, &body));
    }
    match in_success(&answer.body) {
        None => Ok(answer),
        Some(fault) => {
            let error = UpstreamError::new(answer.upstream, fault).with_rate(answer.rate);
            Err(refused(error, &answer.body))
        }
    }
}

/// What is wrong with a success that holds nothing; `None` when it does not say.
fn in_success(body: &[u8]) -> Option<Fault> {
    if body.len() > SHORT {
        return None;
    }
    let answered: Answered<'_, IgnoredAny, IgnoredAny> = objects::from_slice(body).ok()?;
    let is_answer =
        answered.data.is_some() || answered.meta.is_some_and(|meta| meta.result_count.is_some());
    let said: Problem<'_> = objects::from_slice(body).ok().filter(|_| !is_answer)?;
    let unknown = Fault::Said {
        like: StatusCode::OK,
        reason: "there is an error, which this worker does not know",
    };
    let mut all = said.all().peekable();
    all.peek()?;
    Some(all.find_map(fault).unwrap_or(unknown))
}

/// What a refusal is about, and what it means where it is about the key. Problem types are named in
/// X's documentation of API v2.
fn blame(status: Option<StatusCode>, body: &[u8]) -> (Blame, Option<&'static str>) {
    let said: Option<Problem<'_>> = objects::from_slice(body).ok();
    let all: Vec<&Problem<'_>> = said.iter().flat_map(Problem::all).collect();
    let is_payment = status == Some(StatusCode::PAYMENT_REQUIRED);
    let about_the_key = all.iter().find_map(|problem| about_the_key(problem));
    if let Some(reason) = about_the_key.or(is_payment.then_some(UNPAID)) {
        return (Blame::Endpoint, Some(reason));
    }
    let is_about_a_resource = all.iter().any(|problem| problem.is_about_a_resource());
    (if is_about_a_resource { Blame::Request } else { Blame::Unclear }, None)
}

const UNPAID: &str = "the credits or the plan of the key's account are used up";

/// Why a key may not ask, if that is it.
fn about_the_key(problem: &Problem<'_>) -> Option<&'static str> {
    let is = |word: &str| problem.is_of(word) || problem.reason.as_str() == word;
    let is_titled = |title: &str| problem.title.as_str() == title;
    if is("client-not-enrolled") {
        Some("the key's app is not enrolled for this; its plan or its project does not include it")
    } else if is("usage-capped") || is_titled("UsageCapExceeded") {
        Some("the usage that the key's plan allows is used up")
    } else if is("unsupported-authentication") {
        Some("it does not take a bearer token for this")
    } else if is("client-forbidden") || is_titled("Client Forbidden") {
        Some("it does not allow this to the key's app")
    } else if is_titled("CreditsDepleted") {
        Some(UNPAID)
    } else {
        None
    }
}

fn fault(problem: &Problem<'_>) -> Option<Fault> {
    const ABSENT: Fault = Fault::NotFound("such tweet or profile");
    let said = |like, reason| Some(Fault::Said { like, reason });
    let title = problem.title.as_str();
    if title == "Authorization Error" || problem.is_of("not-authorized-for-resource") {
        return Some(Fault::NotFound("public form of it: the account is protected or suspended"));
    }
    if problem.is_of("resource-not-found") || title == "Not Found Error" {
        return Some(ABSENT);
    }
    match (problem.status.0, problem.code.0, title) {
        (401, ..) | (_, 32 | 89 | 215, _) | (.., "Unauthorized") => {
            said(StatusCode::UNAUTHORIZED, REFUSED_KEY)
        }
        (429, ..) | (_, 88, _) | (.., "Too Many Requests") => {
            said(StatusCode::TOO_MANY_REQUESTS, "it limits the rate")
        }
        (402, ..) | (.., "CreditsDepleted" | "UsageCapExceeded") => {
            said(StatusCode::PAYMENT_REQUIRED, UNPAID)
        }
        (403, ..) | (.., "Forbidden" | "Client Forbidden") => {
            said(StatusCode::FORBIDDEN, "it does not allow this to this worker")
        }
        (404, ..) => Some(ABSENT),
        (400, ..) | (.., "Invalid Request") => {
            said(StatusCode::BAD_REQUEST, "it refuses the request")
        }
        (500..=599, ..)
        | (_, 130 | 131, _)
        | (.., "Service Unavailable" | "Internal Server Error") => {
            said(StatusCode::SERVICE_UNAVAILABLE, "it is out of order")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::answer;

    #[test]
    fn what_a_refusal_is_about_is_read_from_its_body() {
        for (status, body, about) in [
            (
                403,
                r#"{"title":"Client Forbidden","reason":"client-not-enrolled","type":"https://api.twitter.com/2/problems/client-forbidden"}"#,
                Blame::Endpoint,
            ),
            (
                403,
                r#"{"title":"Unsupported Authentication","type":"https://api.twitter.com/2/problems/unsupported-authentication"}"#,
                Blame::Endpoint,
            ),
            (
                403,
                r#"{"errors":[{"title":"Unsupported Authentication","type":"https://api.twitter.com/2/problems/unsupported-authentication"}]}"#,
                Blame::Endpoint,
            ),
            (402, r#"{"title":"CreditsDepleted"}"#, Blame::Endpoint),
            (402, "", Blame::Endpoint),
            (
                403,
                r#"{"title":"Forbidden","resource_type":"tweet","resource_id":"17"}"#,
                Blame::Request,
            ),
            (
                403,
                r#"{"errors":[{"type":"https://api.twitter.com/2/problems/not-authorized-for-resource"}]}"#,
                Blame::Request,
            ),
            (403, r#"{"title":"Forbidden","status":403,"type":"about:blank"}"#, Blame::Unclear),
            (403, "<html>", Blame::Unclear),
            (401, r#"{"title":"Unauthorized","status":401}"#, Blame::Unclear),
            (401, "[]", Blame::Unclear),
        ] {
            assert_eq!(judged(answer(status, body)).unwrap_err().blame, about, "{status} {body}");
        }
    }

    #[test]
    fn an_error_in_a_success_has_the_code_of_that_error() {
        for (body, code) in [
            (r#"{"title":"Too Many Requests","status":429}"#, "rate_limited"),
            (r#"{"errors":[{"code":88,"message":"Rate limit exceeded"}]}"#, "rate_limited"),
            (r#"{"errors":[{"title":"Unauthorized","status":401}]}"#, "upstream_unauthorized"),
            (r#"{"status":503,"detail":"Service Unavailable"}"#, "upstream_status"),
            (r#"{"title":"CreditsDepleted","status":402}"#, "upstream_forbidden"),
            (
                r#"{"errors":[{"title":"Not Found Error","type":"x/resource-not-found"}]}"#,
                "upstream_not_found",
            ),
            (r#"{"errors":[{"title":"Authorization Error"}]}"#, "upstream_not_found"),
            (r#"{"errors":[{"title":"Something","type":"x/y"}]}"#, "upstream_status"),
        ] {
            let error = judged(answer(200, body)).unwrap_err().error;
            assert_eq!(error.code().as_str(), code, "{body}");
            assert!(!error.to_string().contains("status 4"), "{error}");
        }
        for body in [
            r#"{"meta":{}}"#,
            r#"{"meta":{"result_count":0}}"#,
            r#"{"data":{"id":"1"},"errors":[{"title":"Not Found Error"}]}"#,
            "<html>",
        ] {
            assert!(judged(answer(200, body)).is_ok(), "{body}");
        }
    }
}
