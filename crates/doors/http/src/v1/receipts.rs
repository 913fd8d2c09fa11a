//! Receipts: of one job, and as the worker's chain. They outlive results.

use axum::{Json, body::Body, extract::State, response::Response};
use http::{HeaderValue, header};
use sealwork_job::Code;

use super::{
    Problem, ProblemDocument, ReceiptsDocument, V1State,
    jobs::path,
    request::{Job, Page, Sequence},
};

/// RFC 9782: an entity attestation token as a JWT, which is what a receipt profiles.
const RECEIPT: &str = "application/eat+jwt";

/// Fetch a job's receipt
///
/// A JWT signed by the worker's receipt key (`/v1/keys`). Needs no token: it tells nothing of the
/// job's content, and anyone who is shown the id may check it. It is kept longer than the result.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/receipt", tag = "receipts", operation_id = "jobReceipt",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "The receipt, a compact JWS", body = String, content_type = "application/eat+jwt"),
        (status = 401, description = "API key missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No such job, or its receipt is no longer kept", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "Not settled yet; see Retry-After", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn of_job(
    State(state): State<V1State>,
    Job(job): Job,
) -> Result<Response, Problem> {
    let receipt = state.port.receipt(job).await;
    let receipt = receipt.map_err(|r| Problem::from(r).at(&format!("{}/receipt", path(job))))?;
    Ok(jws(receipt))
}

/// List receipts
///
/// The worker's receipts in the order of its chain: each names the digest of the one before. A
/// receipt tells nothing of its job's content.
#[utoipa::path(
    get, path = "/v1/receipts", tag = "receipts", operation_id = "listReceipts",
    params(
        ("from" = Option<u64>, Query, description = "The number of the first receipt, 0 when absent; those before the oldest that is kept are left out"),
        ("limit" = Option<u64>, Query, description = "At most so many, 1 to 1000; 100 when absent"),
    ),
    responses(
        (status = 200, description = "Receipts, ascending", body = ReceiptsDocument),
        (status = 400, description = "A parameter that is no number", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "API key missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(state): State<V1State>,
    Page { from, limit }: Page,
) -> Result<Json<ReceiptsDocument>, Problem> {
    let receipts = state.port.receipts(from, limit).await;
    let receipts = receipts.map_err(|refusal| Problem::from(refusal).at("/v1/receipts"))?;
    Ok(Json(ReceiptsDocument::new(from, receipts)))
}

/// Fetch a receipt by its number
#[utoipa::path(
    get, path = "/v1/receipts/{sequence}", tag = "receipts", operation_id = "receipt",
    params(("sequence" = u64, Path, description = "The receipt's number in the worker's chain")),
    responses(
        (status = 200, description = "The receipt, a compact JWS", body = String, content_type = "application/eat+jwt"),
        (status = 401, description = "API key missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No such receipt, or no longer kept", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn by_number(
    State(state): State<V1State>,
    Sequence(sequence): Sequence,
) -> Result<Response, Problem> {
    let at = |problem: Problem| problem.at(&format!("/v1/receipts/{sequence}"));
    let found = state.port.receipts(sequence, 1).await.map_err(|refusal| at(refusal.into()))?;
    let receipt = found.into_iter().find(|(number, _)| *number == sequence);
    let unknown = || at(Problem::new(Code::ReceiptUnknown, "no receipt with this number is kept"));
    receipt.map(|(_, receipt)| jws(receipt)).ok_or_else(unknown)
}

fn jws(receipt: String) -> Response {
    let mut response = Response::new(Body::from(receipt));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(RECEIPT));
    response
}
