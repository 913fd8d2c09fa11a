//! What the metrics of jobs are, for who reads `/metrics`. Those of HTTP are described by the door.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Describes them to the page that was installed.
pub(super) fn describe() {
    describe_counter!("sealwork_jobs_accepted_total", "Jobs that were journalled.");
    describe_counter!("sealwork_jobs_refused_total", "Jobs that were refused, by code.");
    describe_counter!(
        "sealwork_jobs_settled_total",
        "Jobs that came to an end, by engine and code."
    );
    describe_histogram!(
        "sealwork_job_seconds",
        Unit::Seconds,
        "Time from accepting a job to its end, by engine."
    );
    describe_gauge!("sealwork_jobs_running", "Jobs that run.");
    describe_gauge!("sealwork_jobs_queued", "Jobs that wait for their turn.");
    describe_counter!(
        "sealwork_results_evicted_total",
        "Settled results that were removed for their age or to make room."
    );
    describe_counter!(
        "sealwork_jobs_damaged_total",
        "Rows of the journal that could not be read at the start."
    );
}
