use sealwork_job::{JobId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a job stands, as the worker tells (`GET /v1/jobs/{id}`). Members that this client does
/// not know are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Which job.
    pub job_id: JobId,
    /// `accepted`, `waiting`, `running`, `settled` or `delivered`.
    pub state: String,
    /// Once settled: `ok`, or the failure's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// While waiting, for what: `grant`, `fetch` or `turn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// The job's engine.
    #[serde(default)]
    pub engine: String,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at: Timestamp,
    /// While running: since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Once settled: when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// Until when it must have started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Status {
    /// Whether there is a result to fetch.
    pub fn is_settled(&self) -> bool {
        matches!(self.state.as_str(), "settled" | "delivered")
    }
}

/// What a worker answers to a submission.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) job_id: JobId,
}

/// What a worker can do (`GET /v1/capabilities`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Capabilities {
    /// Its engines.
    pub engines: Vec<EngineCapability>,
}

/// One engine of a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EngineCapability {
    /// The name by which jobs ask for it.
    pub name: String,
    /// Operations that work now.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Of an engine whose operations depend on what is configured: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability: Vec<Availability>,
    /// What a restart does with a running job: `idempotent` or `once`.
    #[serde(default)]
    pub rerun: Option<String>,
    /// The most that a job may ask for, by the names of [`sealwork_job::Limits`].
    #[serde(default)]
    pub limits: Value,
}

/// Whether one operation of an engine works, as far as the worker knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Availability {
    /// Its name.
    pub operation: String,
    /// The way that it goes.
    pub way: String,
    /// Whether it works.
    pub works: bool,
    /// Why it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
