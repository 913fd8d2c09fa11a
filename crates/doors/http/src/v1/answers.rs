//! What the worker says about itself.

use axum::{Json, extract::State, response::Response};
use http::{HeaderValue, StatusCode, header};

use super::{CapabilitiesDocument, KeyConfigDocument, ProblemDocument, V1State, openapi_json};
use crate::reply::json_text;

/// Fetch the key config
///
/// The keys that jobs may be sealed to, and the key that signs receipts. Public: a client must
/// know them before it can seal anything.
#[utoipa::path(
    get, path = "/v1/keys", tag = "worker", operation_id = "keyConfig", security(()),
    responses((status = 200, description = "The signed key config", body = KeyConfigDocument)),
)]
pub(super) async fn keys(State(state): State<V1State>) -> Response {
    let mut response = json_text(StatusCode::OK, state.port.key_config());
    // Keys rotate: whoever caches them must ask again before sealing.
    let no_cache = HeaderValue::from_static("no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, no_cache);
    response
}

/// List engines
#[utoipa::path(
    get, path = "/v1/capabilities", tag = "worker", operation_id = "capabilities",
    responses(
        (status = 200, description = "The engines and what they can do now", body = CapabilitiesDocument),
        (status = 401, description = "API key missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn capabilities(State(state): State<V1State>) -> Json<CapabilitiesDocument> {
    let engines = state.port.capabilities().into_iter().map(Into::into).collect();
    Json(CapabilitiesDocument { engines })
}

/// Fetch this description
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "worker", operation_id = "openapi", security(()),
    responses((status = 200, description = "This description, OpenAPI 3.1", body = serde_json::Value)),
)]
pub(super) async fn openapi() -> Response {
    json_text(StatusCode::OK, openapi_json())
}
