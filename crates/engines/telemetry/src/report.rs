use std::collections::BTreeMap;

use sealwork_job::{RequesterId, Timestamp};
use serde::Serialize;

/// Where the engine learns about its worker. The worker implements it.
pub trait TelemetrySource: Send + Sync {
    /// When this instance started.
    fn boot_time(&self) -> Timestamp;
    /// Now, by the worker's clock.
    fn current_time(&self) -> Timestamp;
    /// The worker's id towards Masa's clients.
    fn worker_id(&self) -> String;
    /// Counters since boot, as `reader` may see them.
    fn activity(&self, reader: &RequesterId) -> Activity;
    /// Operations that work, by job type.
    fn reported_capabilities(&self) -> BTreeMap<String, Vec<String>>;
    /// The protocol word that validators compare with the one they expect.
    fn worker_version(&self) -> String;
    /// The release.
    fn application_version(&self) -> String;
}

/// What has been done since boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Counters by requester, then by name.
    pub stats: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// When a counter last moved; `None` before the first.
    pub last_operation_time: Option<Timestamp>,
}

/// What a telemetry job gives, field by field in the order of its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Telemetry {
    /// Unix seconds.
    pub boot_time: u64,
    /// Unix seconds; 0 before the first counter moved.
    pub last_operation_time: u64,
    /// Unix seconds.
    pub current_time: u64,
    /// The worker's id.
    pub worker_id: String,
    /// Counters by requester and name. Always two levels: validators iterate over objects.
    pub stats: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Operations by job type.
    pub reported_capabilities: BTreeMap<String, Vec<String>>,
    /// The protocol word.
    pub worker_version: String,
    /// The release.
    pub application_version: String,
}

impl Telemetry {
    /// What `source` says now to `reader`.
    pub fn of(source: &dyn TelemetrySource, reader: &RequesterId) -> Self {
        let Activity { stats, last_operation_time } = source.activity(reader);
        Self {
            boot_time: source.boot_time().as_secs(),
            last_operation_time: last_operation_time.unwrap_or_default().as_secs(),
            current_time: source.current_time().as_secs(),
            worker_id: source.worker_id(),
            stats,
            reported_capabilities: source.reported_capabilities(),
            worker_version: source.worker_version(),
            application_version: source.application_version(),
        }
    }
}
