//! The life of a job, as its requester drives it.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sealwork_job::{Code, JobId, Refusal};

use super::{
    AcceptedDocument, Problem, ProblemDocument, Status, StatusDocument, Token, V1State,
    request::{Job, JobToken, Wait},
};
use crate::{auth::Caller, body, budget::Budget, health::Verdict, reply::status as status_of};

/// The result's header with the digest of the job's receipt.
pub(crate) const RECEIPT_DIGEST: HeaderName = HeaderName::from_static("sealwork-receipt-digest");

const OCTETS: &str = "application/octet-stream";

/// Submit a sealed job
///
/// The body is a request envelope (docs/formats.md), sealed to a key of `/v1/keys`. The answer
/// comes when the job is on disk.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", operation_id = "submitJob",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "A request envelope"),
    responses(
        (status = 202, description = "Accepted, and on disk", body = AcceptedDocument,
            headers(("Location" = String, description = "The job's status"))),
        (status = 400, description = "Not an envelope for this worker", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "API key missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "Requester not admitted", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "The job is known already; `job_id` names it", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "Another media type", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "Quota used up", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "No room, or shutting down", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn submit(
    State(state): State<V1State>,
    Extension(caller): Extension<Arc<Caller>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    const PATH: &str = "/v1/jobs";
    if !takes_octets(&headers) {
        let wrong = format!("the body must be an envelope, sent as {OCTETS}");
        return Err(Problem::new(Code::MediaTypeUnsupported, wrong).at(PATH));
    }
    let envelope = body::read(body).await.map_err(|e| Problem::new(e.code(), e.to_string()))?;
    let accepted = state.counted(state.port.submit(envelope, &caller).await);
    let accepted = accepted.map_err(|refusal| Problem::from(refusal).at(PATH))?;
    let mut response = Json(AcceptedDocument::from(&accepted)).into_response();
    *response.status_mut() = StatusCode::ACCEPTED;
    // A job id is hexadecimal digits and hyphens.
    if let Ok(location) = HeaderValue::from_str(&path(accepted.job)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// See where a job stands
///
/// With `wait` the answer comes when the job has settled, or when the time is over.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "jobStatus",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("wait" = Option<u64>, Query, description = "Seconds to wait for the job to settle, at most 60"),
        ("Sealwork-Token" = String, Header, description = "The job's token, 64 hex digits"),
    ),
    responses(
        (status = 200, description = "Where it stands", body = StatusDocument),
        (status = 400, description = "`wait` is no whole number of seconds", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "API key or token missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No such job, or no longer kept", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn status(
    State(state): State<V1State>,
    Job(job): Job,
    JobToken(token): JobToken,
    Wait(wait): Wait,
) -> Result<Response, Problem> {
    let status = state.settled_or(job, &token, wait).await.map_err(|p| p.at(&path(job)))?;
    Ok(no_store(Json(StatusDocument::from(&status)).into_response()))
}

/// Cancel a job
///
/// A job that has not settled is stopped and settles as `cancelled`.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancelJob",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("Sealwork-Token" = String, Header, description = "The job's token, 64 hex digits"),
    ),
    responses(
        (status = 200, description = "It is being stopped, or has been", body = StatusDocument),
        (status = 401, description = "API key or token missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No such job, or no longer kept", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It has settled already", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn cancel(
    State(state): State<V1State>,
    Job(job): Job,
    JobToken(token): JobToken,
) -> Result<Response, Problem> {
    let status = state.port.cancel(job, &token).await;
    let status = status.map_err(|refusal| Problem::from(refusal).at(&path(job)))?;
    Ok(no_store(Json(StatusDocument::from(&status)).into_response()))
}

/// Cancel a job
///
/// The same as `POST /v1/jobs/{id}/cancel`.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "deleteJob",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("Sealwork-Token" = String, Header, description = "The job's token, 64 hex digits"),
    ),
    responses(
        (status = 200, description = "It is being stopped, or has been", body = StatusDocument),
        (status = 401, description = "API key or token missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No such job, or no longer kept", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "It has settled already", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete(
    state: State<V1State>,
    job: Job,
    token: JobToken,
) -> Result<Response, Problem> {
    cancel(state, job, token).await
}

/// Fetch a result
///
/// The body is a response envelope (docs/formats.md), which only the requester can open; failures
/// come the same way. With `wait` the answer comes when the job has settled.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/result", tag = "jobs", operation_id = "jobResult",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("wait" = Option<u64>, Query, description = "Seconds to wait for the job to settle, at most 60"),
        ("Sealwork-Token" = String, Header, description = "The job's token, 64 hex digits"),
    ),
    responses(
        (status = 200, description = "The response envelope", body = Vec<u8>, content_type = "application/octet-stream",
            headers(("Sealwork-Receipt-Digest" = String, description = "SHA-256 of the job's receipt, 64 hex digits"))),
        (status = 400, description = "`wait` is no whole number of seconds", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "API key or token missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No such job, or no longer kept", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "Not settled yet; see Retry-After", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "No memory left for the result now; see Retry-After", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn result(
    State(state): State<V1State>,
    Job(job): Job,
    JobToken(token): JobToken,
    Wait(wait): Wait,
    Extension(budget): Extension<Budget>,
) -> Result<Response, Problem> {
    let at = |problem: Problem| problem.at(&format!("{}/result", path(job)));
    if !wait.is_zero() {
        state.settled_or(job, &token, wait).await.map_err(at)?;
    }
    let reader = budget.reader().await;
    let result = state.counted(state.port.result(job, &token).await);
    let result = result.map_err(|refusal| at(refusal.into()))?;
    let (body, in_flight) = result.response.into_body();
    let mut response = no_store(Response::new(body));
    response.extensions_mut().insert(reader);
    if let Some(in_flight) = in_flight {
        response.extensions_mut().insert(in_flight);
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS));
    if let Ok(digest) = HeaderValue::from_str(&result.receipt_digest.to_string()) {
        headers.insert(RECEIPT_DIGEST, digest);
    }
    Ok(response)
}

impl V1State {
    /// The same, counted for `/readyz`.
    fn counted<T>(&self, answer: Result<T, Refusal>) -> Result<T, Refusal> {
        let is_server_error = |refusal: &Refusal| status_of(refusal.code).is_server_error();
        self.health.record(match &answer {
            Ok(_) => Verdict::Success,
            Err(refusal) => Verdict::of(refusal.code, is_server_error(refusal)),
        });
        answer
    }

    /// Where the job stands once it has settled, the wait is over, or the door shuts down.
    async fn settled_or(
        &self,
        job: JobId,
        token: &Token,
        wait: Duration,
    ) -> Result<Status, Problem> {
        if !wait.is_zero() {
            tokio::select! {
                status = self.port.wait(job, token, wait) => return status.map_err(Problem::from),
                () = self.drain.cancelled() => {}
            }
        }
        self.port.status(job, token).await.map_err(Problem::from)
    }
}

pub(super) fn path(job: JobId) -> String {
    format!("/v1/jobs/{job}")
}

/// A body without a type is taken for what the route takes (RFC 9110 8.3).
fn takes_octets(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let value = value.as_bytes();
        let essence = value.split(|b| *b == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(OCTETS.as_bytes())
    })
}

fn no_store(mut response: Response) -> Response {
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    response
}
