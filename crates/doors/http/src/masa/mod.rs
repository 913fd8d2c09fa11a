//! Masa's routes, as its clients know them (reference 1, 4.6, 6), with what its Appendix A allows to
//! be better: `code`, `retryable` and headers beside what old clients read, refusals when the worker
//! is full, a sliding health window.
//!
//! Large results are whole in memory nowhere: `/job/status` encodes what the store holds while it is
//! sent, `/job/result` keeps the sealed text on the disk until the result has been sent.
//!
//! The header `Sealwork-Next-Cursor` is on `/job/status` alone: the cursor is stored with the
//! job, and `/job/result` opens whatever blob it is given, without a look at any job.

mod answers;
pub(crate) mod framework;
mod jobs;
pub(crate) mod large;
pub(crate) mod port;
mod probes;

use std::sync::Arc;

use answers::{Answer, MasaError};
use axum::{
    Router,
    response::Response,
    routing::{get, post},
};
use framework::{wants_pretty, with_allow};
use http::{HeaderValue, Uri, header};
pub use port::{Added, KeyRefusal, MasaPort, MasaStatus, ResultSpool};

use crate::health::Health;

const POST: &str = "OPTIONS, POST";
const GET: &str = "OPTIONS, GET";

/// What the routes need.
pub(crate) struct MasaState {
    port: Arc<dyn MasaPort>,
    health: Arc<Health>,
    large: large::Gate,
}

impl MasaState {
    /// Counts the answer and hands it out.
    fn finish(&self, answer: Result<Answer, MasaError>, uri: &Uri) -> Response {
        let answer = answer.unwrap_or_else(|error| error.answer(wants_pretty(uri)));
        self.health.record(answer.verdict);
        let mut response = answer.response;
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// `/healthz` alone: whether the process is alive needs no worker.
pub(crate) fn liveness<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/healthz", with_allow(get(probes::healthz), GET))
}

/// Masa's routes before `port`: `/job/*`, `/setkey` unless the worker is standalone, `/healthz`
/// and `/readyz`, which judges by `health`: the door's own.
pub fn routes(port: Arc<dyn MasaPort>, health: Arc<Health>) -> Router {
    let is_standalone = port.is_standalone();
    let state = Arc::new(MasaState { port, health, large: large::Gate::default() });
    let router = Router::new()
        .route("/job/generate", with_allow(post(jobs::generate), POST))
        .route("/job/add", with_allow(post(jobs::add), POST))
        // The framework of the reference gives the whole rest of the path to the last parameter.
        .route("/job/status/{*id}", with_allow(get(jobs::status), GET))
        .route(large::PATH, with_allow(post(jobs::result), POST))
        .merge(liveness())
        .route("/readyz", with_allow(get(probes::readyz), GET));
    let router = if is_standalone {
        router
    } else {
        router.route("/setkey", with_allow(post(jobs::set_key), POST))
    };
    router.with_state(state)
}
