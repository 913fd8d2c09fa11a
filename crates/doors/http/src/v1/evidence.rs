//! What proves that the keys live where the worker says, and what receipts cite of it.
//!
//! Public, all of it: a requester judges a worker before it shows it anything, an API key included.

use axum::{extract::State, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::{
    KeyConfigDocument, Problem, ProblemDocument, V1State,
    request::{Instance, NamedDigest, Nonce},
};
use crate::reply::json_text;

/// The header that says whether evidence was made for the asker's nonce.
pub(crate) const FRESHNESS: HeaderName = HeaderName::from_static("sealwork-evidence");

const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Fetch evidence
///
/// Evidence about the key config of `/v1/keys`, and with it about all public keys: JSON of an
/// evidence document (docs/formats.md, "Evidence"). With a nonce it is made for it (purpose
/// `session`), unless the platform is too slow to do so for everybody; without one it is that of
/// the epoch (purpose `epoch`, empty nonce). The header `sealwork-evidence` says which.
#[utoipa::path(
    get, path = "/v1/evidence", tag = "evidence", operation_id = "evidence", security(()),
    params(("nonce" = Option<String>, Query, description = "16 to 64 fresh random bytes, in hex")),
    responses(
        (status = 200, description = "An evidence document", body = serde_json::Value,
            headers(("sealwork-evidence" = String, description = "`fresh` or `epoch`"))),
        (status = 400, description = "The nonce has another form or length", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "This worker gives no evidence", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "The platform is busy or gives none now; see Retry-After", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn current(
    State(state): State<V1State>,
    Nonce(nonce): Nonce,
) -> Result<Response, Problem> {
    let found = state.port.evidence(nonce).await;
    let found = found.map_err(|refusal| Problem::from(refusal).at("/v1/evidence"))?;
    let mut response = json_text(StatusCode::OK, found.document);
    let freshness = HeaderValue::from_static(if found.is_fresh { "fresh" } else { "epoch" });
    response.headers_mut().insert(FRESHNESS, freshness);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    Ok(response)
}

/// Fetch archived evidence
///
/// The evidence that receipts cite by `evidence_digest`: of purpose `epoch`, and never changed. It
/// is kept as long as a receipt that cites it.
#[utoipa::path(
    get, path = "/v1/evidence/{digest}", tag = "evidence", operation_id = "archivedEvidence", security(()),
    params(("digest" = String, Path, description = "The evidence's digest, 64 hex digits")),
    responses(
        (status = 200, description = "An evidence document", body = serde_json::Value),
        (status = 404, description = "No such evidence, or no longer kept", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn archived(
    State(state): State<V1State>,
    NamedDigest(digest): NamedDigest,
) -> Result<Response, Problem> {
    let found = state.port.archived_evidence(digest).await;
    let document =
        found.map_err(|refusal| Problem::from(refusal).at(&format!("/v1/evidence/{digest}")))?;
    Ok(kept(document, IMMUTABLE))
}

/// Fetch a key config by its digest
///
/// The key config that a receipt names by `key_config_digest`. Its digest leaves the boot's
/// instance out: with `instance`, as that boot signed it, else as the newest did.
#[utoipa::path(
    get, path = "/v1/key-configs/{digest}", tag = "evidence", operation_id = "archivedKeyConfig", security(()),
    params(
        ("digest" = String, Path, description = "The key config's digest, 64 hex digits"),
        ("instance" = Option<String>, Query, description = "The instance, 32 hex digits"),
    ),
    responses(
        (status = 200, description = "The signed key config", body = KeyConfigDocument),
        (status = 400, description = "The instance has another form", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No such key config, or no longer kept", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn key_config(
    State(state): State<V1State>,
    NamedDigest(digest): NamedDigest,
    Instance(instance): Instance,
) -> Result<Response, Problem> {
    let found = state.port.archived_key_config(digest, instance).await;
    let document =
        found.map_err(|refusal| Problem::from(refusal).at(&format!("/v1/key-configs/{digest}")))?;
    Ok(kept(document, if instance.is_some() { IMMUTABLE } else { NO_STORE }))
}

fn kept(document: bytes::Bytes, caching: HeaderValue) -> Response {
    let mut response = json_text(StatusCode::OK, document);
    response.headers_mut().insert(header::CACHE_CONTROL, caching);
    response
}
