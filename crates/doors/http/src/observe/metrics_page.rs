use std::{sync::OnceLock, time::Duration};

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::error::DoorError;

/// Upper bounds, in seconds, of what is timed: from memory's speed to a long poll.
const SECONDS: [f64; 12] =
    [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0];

/// How often collected timings are folded together; between, they take memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// Everything that the process counts, for `GET /metrics`.
#[derive(Clone)]
pub struct MetricsPage(PrometheusHandle);

impl MetricsPage {
    /// Makes the process count: what every crate counts through the `metrics` facade from now on
    /// shows on this page. A second call gives the same page.
    ///
    /// Install it before doors and workers are made: handles taken earlier count nothing.
    ///
    /// # Errors
    /// [`DoorError::Metrics`] when another recorder is installed.
    pub fn install() -> Result<Self, DoorError> {
        static PAGE: OnceLock<Option<MetricsPage>> = OnceLock::new();
        PAGE.get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
                .ok()?
                .build_recorder();
            let page = Self(recorder.handle());
            metrics::set_global_recorder(recorder).ok()?;
            describe();
            Some(page)
        })
        .clone()
        .ok_or(DoorError::Metrics)
    }

    /// The page, in Prometheus' text format 0.0.4.
    pub(crate) fn render(&self) -> String {
        self.0.render()
    }

    /// Folds timings together until it is dropped.
    pub(crate) async fn keep_up(&self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.0.run_upkeep();
        }
    }
}

impl std::fmt::Debug for MetricsPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MetricsPage")
    }
}

fn describe() {
    describe_counter!("sealwork_http_requests_total", "Requests answered, by route and status.");
    describe_gauge!("sealwork_http_requests_in_flight", "Requests being answered now, by route.");
    describe_histogram!(
        "sealwork_http_request_duration_seconds",
        Unit::Seconds,
        "Time from the head of a request to the head of its answer, by route."
    );
    describe_gauge!("sealwork_http_connections", "Open connections.");
    describe_counter!(
        "sealwork_http_connections_refused_total",
        "Connections for which there was no room."
    );
    describe_gauge!(
        "sealwork_http_bytes_in_flight",
        Unit::Bytes,
        "Bodies and answers in memory, of the bytes that they may take."
    );
    describe_counter!(
        "sealwork_access_log_dropped_total",
        "Lines of the access log that were dropped because its output did not keep up."
    );
}
