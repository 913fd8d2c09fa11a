//! `/healthz` and `/readyz` (reference 4.6).

use std::sync::Arc;

use axum::{extract::State, response::Response};
use http::{StatusCode, Uri};
use sealwork_job::Timestamp;
use serde::{Serialize, Serializer};

use super::{
    MasaState,
    framework::{json, wants_pretty},
};

const SERVICE: &str = "tee-worker";

/// `GET /healthz`: the process is alive.
pub(super) async fn healthz(uri: Uri) -> Response {
    #[derive(Serialize)]
    struct Alive {
        status: &'static str,
        service: &'static str,
    }
    json(StatusCode::OK, &Alive { status: "ok", service: SERVICE }, wants_pretty(&uri))
}

/// `GET /readyz`: the worker takes jobs, and its errors are not nearly all it answers.
pub(super) async fn readyz(State(state): State<Arc<MasaState>>, uri: Uri) -> Response {
    let stats = state.health.stats();
    let job_server = match (state.port.is_draining(), state.port.is_clock_behind()) {
        (true, _) => "draining",
        (false, true) => "clock_behind",
        (false, false) => "ok",
    };
    let ready = Ready {
        service: SERVICE,
        ready: stats.is_healthy() && job_server == "ok",
        checks: Checks {
            job_server,
            error_rate: if stats.is_healthy() { "healthy" } else { "unhealthy" },
            stats: Stats {
                error_count: stats.errors,
                error_rate: stats.error_rate(),
                success_count: stats.successes,
                total_count: stats.total(),
                window_duration: "10m0s",
                window_start: rfc3339(stats.window_start),
            },
        },
    };
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &ready, wants_pretty(&uri))
}

#[derive(Serialize)]
struct Ready {
    service: &'static str,
    ready: bool,
    checks: Checks,
}

#[derive(Serialize)]
struct Checks {
    job_server: &'static str,
    error_rate: &'static str,
    stats: Stats,
}

#[derive(Serialize)]
struct Stats {
    error_count: u64,
    #[serde(serialize_with = "as_go_float")]
    error_rate: f64,
    success_count: u64,
    total_count: u64,
    window_duration: &'static str,
    window_start: String,
}

/// Go writes 0 and 1 without a fraction.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn as_go_float<S: Serializer>(rate: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if rate.fract() == 0.0 {
        serializer.serialize_u64(u64::from(*rate > 0.0))
    } else {
        serializer.serialize_f64(*rate)
    }
}

fn rfc3339(time: Timestamp) -> String {
    let secs = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(secs).unwrap_or(jiff::Timestamp::MAX).to_string()
}
