//! `/v1`: sealed jobs in, sealed results and receipts out.
//!
//! The door sees ciphertext, job ids and tokens; nothing here can open a job. Errors are problem
//! documents (RFC 9457).

mod answers;
mod content;
mod documents;
mod evidence;
mod jobs;
mod openapi;
mod port;
mod problem;
mod receipts;
mod request;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
pub use content::Content;
pub(crate) use content::InFlight;
pub use documents::{
    AcceptedDocument, AvailabilityDocument, CapabilitiesDocument, EngineDocument,
    KeyConfigDocument, KeyDocument, ProblemDocument, ReceiptDocument, ReceiptKeyDocument,
    ReceiptsDocument, StatusDocument,
};
pub(crate) use evidence::FRESHNESS;
pub use openapi::openapi_json;
pub use port::{
    Accepted, Availability, EngineInfo, FoundEvidence, JobResult, Status, Token, V1Port,
};
pub use problem::Problem;
use sealwork_job::Code;
use tokio_util::sync::CancellationToken;

use crate::health::Health;

/// The longest wait that a client may ask for; longer ones are cut to it.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// What the routes need.
#[derive(Clone)]
pub(crate) struct V1State {
    pub(crate) port: Arc<dyn V1Port>,
    pub(crate) health: Arc<Health>,
    /// Fires when the door shuts down: long polls then answer at once.
    pub(crate) drain: CancellationToken,
}

/// The routes of `/v1`, with their own answers to unknown methods.
pub(crate) fn routes(state: V1State) -> Router {
    Router::new()
        .route("/v1/jobs", post(jobs::submit))
        .route("/v1/jobs/{id}", get(jobs::status).delete(jobs::delete))
        .route("/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/v1/jobs/{id}/result", get(jobs::result))
        .route("/v1/jobs/{id}/receipt", get(receipts::of_job))
        .route("/v1/receipts", get(receipts::list))
        .route("/v1/receipts/{sequence}", get(receipts::by_number))
        .route("/v1/keys", get(answers::keys))
        .route("/v1/evidence", get(evidence::current))
        .route("/v1/evidence/{digest}", get(evidence::archived))
        .route("/v1/key-configs/{digest}", get(evidence::key_config))
        .route("/v1/capabilities", get(answers::capabilities))
        .route("/v1/openapi.json", get(answers::openapi))
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "this path takes other methods")
        })
        .with_state(state)
}

/// The answer to paths below `/v1` that do not exist.
pub(crate) fn unknown_path() -> Problem {
    Problem::new(Code::RouteUnknown, "no such path")
}
