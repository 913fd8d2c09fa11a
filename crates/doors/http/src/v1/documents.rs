//! The JSON that `/v1` sends. Times are milliseconds since 1970-01-01T00:00:00Z.

use sealwork_job::JobState;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Accepted, Availability, EngineInfo, Status};

/// A refusal (RFC 9457), with the stable code and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `urn:sealwork:error:` and the code.
    #[schema(example = "urn:sealwork:error:job_replayed")]
    pub r#type: String,
    /// The code in words.
    #[schema(example = "Job replayed")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    pub status: u16,
    /// What is wrong this time.
    pub detail: String,
    /// The stable code.
    #[schema(example = "job_replayed")]
    pub code: String,
    /// Whether the same request can succeed later.
    pub retryable: bool,
    /// What to do about it.
    pub hint: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The known job, when the code is `job_replayed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub job_id: Option<String>,
}

/// An accepted job. It is on disk: a crash does not lose it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Accepted)]
pub struct AcceptedDocument {
    /// The job's id, a UUID.
    #[schema(format = "uuid")]
    pub job_id: String,
    /// `accepted`.
    pub state: &'static str,
    /// When it was accepted, in Unix milliseconds.
    pub accepted_at: u64,
}

impl From<&Accepted> for AcceptedDocument {
    fn from(accepted: &Accepted) -> Self {
        Self {
            job_id: accepted.job.to_string(),
            state: JobState::Accepted.name(),
            accepted_at: accepted.accepted_at.as_millis(),
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Status)]
pub struct StatusDocument {
    /// The job's id, a UUID.
    #[schema(format = "uuid")]
    pub job_id: String,
    /// `accepted`, `waiting`, `running`, `settled`, or `delivered` (settled, and fetched once).
    #[schema(example = "settled")]
    pub state: &'static str,
    /// Once settled: `ok`, or the code of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    pub code: Option<String>,
    /// While waiting, for what: `grant`, `fetch` or `turn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<&'static str>,
    /// The job's engine.
    #[schema(example = "web")]
    pub engine: String,
    /// When it was accepted, in Unix milliseconds.
    pub accepted_at: u64,
    /// While running: since when, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<u64>,
    /// Once settled: when, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<u64>,
    /// Until when it must have started, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
}

impl From<&Status> for StatusDocument {
    fn from(status: &Status) -> Self {
        let mut document = Self {
            job_id: status.job.to_string(),
            state: status.state.name(),
            code: None,
            waiting_for: None,
            engine: status.engine.clone(),
            accepted_at: status.accepted_at.as_millis(),
            started_at: None,
            settled_at: None,
            expires_at: status.expires_at.map(sealwork_job::Timestamp::as_millis),
        };
        match &status.state {
            JobState::Accepted => {}
            JobState::Waiting { reason } => {
                document.waiting_for = Some(match reason {
                    sealwork_job::WaitReason::Grant => "grant",
                    sealwork_job::WaitReason::Fetch => "fetch",
                    sealwork_job::WaitReason::Turn => "turn",
                });
            }
            JobState::Running { since } => document.started_at = Some(since.as_millis()),
            JobState::Settled { code, at } | JobState::Delivered { code, at } => {
                document.code = Some(code.clone());
                document.settled_at = Some(at.as_millis());
            }
        }
        document
    }
}

/// A part of the worker's chain of receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Receipts)]
pub struct ReceiptsDocument {
    /// Ascending by their numbers.
    pub receipts: Vec<ReceiptDocument>,
    /// What to give as `from` for the receipts that follow, whether there are any yet or not.
    pub next: u64,
}

/// One receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub struct ReceiptDocument {
    /// Its number in the worker's chain.
    pub sequence: u64,
    /// The receipt, a compact JWS (docs/formats.md, "Receipt").
    pub receipt: String,
}

impl ReceiptsDocument {
    /// The receipts that were found from number `from` on.
    pub(super) fn new(from: u64, receipts: Vec<(u64, String)>) -> Self {
        let next = receipts.last().map_or(from, |(last, _)| last.saturating_add(1));
        let receipts = receipts.into_iter();
        let receipts =
            receipts.map(|(sequence, receipt)| ReceiptDocument { sequence, receipt }).collect();
        Self { receipts, next }
    }
}

/// What a worker can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Capabilities)]
pub struct CapabilitiesDocument {
    /// Its engines.
    pub engines: Vec<EngineDocument>,
}

/// One engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Engine)]
pub struct EngineDocument {
    /// The name by which jobs ask for it.
    #[schema(example = "web")]
    pub name: String,
    /// Operations that work now.
    #[schema(example = json!(["scraper"]))]
    pub operations: Vec<String>,
    /// Of an engine whose operations depend on what the operator has configured: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub availability: Vec<AvailabilityDocument>,
    /// What a restart does with a running job, unless its arguments say otherwise: `idempotent`
    /// runs it again, `once` settles it as `interrupted`.
    #[schema(value_type = String, example = "idempotent")]
    pub rerun: sealwork_job::Rerun,
    /// The most that a job may ask for; an absent field has no maximum.
    #[schema(value_type = std::collections::BTreeMap<String, u64>, example = json!({"wall_ms": 300_000}))]
    pub limits: sealwork_job::Limits,
}

impl From<EngineInfo> for EngineDocument {
    fn from(engine: EngineInfo) -> Self {
        let EngineInfo { name, operations, availability, rerun, limits } = engine;
        let availability = availability.into_iter().map(Into::into).collect();
        Self { name, operations, availability, rerun, limits }
    }
}

/// Whether one operation works, as far as the upstreams' last answers tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Availability)]
pub struct AvailabilityDocument {
    /// Its name.
    #[schema(example = "searchposts")]
    pub operation: &'static str,
    /// The way that it goes; of several the first that works.
    #[schema(example = "apify")]
    pub way: &'static str,
    /// Whether it works.
    pub works: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "the operator of this worker has not set APIFY_API_KEY")]
    pub reason: Option<String>,
}

impl From<Availability> for AvailabilityDocument {
    fn from(availability: Availability) -> Self {
        let Availability { operation, way, missing } = availability;
        Self { operation, way, works: missing.is_none(), reason: missing }
    }
}

/// A worker's public keys, signed by its receipt key (docs/formats.md, "Key config").
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(as = KeyConfig)]
pub struct KeyConfigDocument {
    /// Version of the form.
    pub version: u32,
    /// The worker's id, 64 hex digits.
    pub worker: String,
    /// This boot of the worker, 32 hex digits.
    pub instance: String,
    /// The protocol that its envelopes follow.
    pub protocol: String,
    /// How far ahead a job's expiry may lie, in seconds.
    pub max_lifetime_secs: u64,
    /// The largest envelope, in bytes.
    pub max_envelope_bytes: u64,
    /// What separates programs: `vm`, `process` or `wasm`.
    pub isolation: String,
    /// Digest of the configuration that changes behaviour, 64 hex digits.
    pub config_digest: String,
    /// The keys that jobs may be sealed to.
    pub keys: Vec<KeyDocument>,
    /// The key that signs receipts and this document.
    pub receipt_key: ReceiptKeyDocument,
    /// What proves that the keys live where the worker says.
    #[schema(value_type = Object)]
    pub evidence: serde_json::Value,
    /// Signature of the receipt key.
    pub signature: String,
}

/// A key that jobs may be sealed to.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(as = EnvelopeKey)]
pub struct KeyDocument {
    /// The key's id.
    pub id: String,
    /// The HPKE suite.
    #[schema(value_type = Object)]
    pub suite: serde_json::Value,
    /// The public key, base64.
    pub public: String,
    /// From when it holds, in Unix seconds.
    pub not_before: u64,
    /// Until when it holds, in Unix seconds.
    pub not_after: u64,
}

/// The key that signs receipts.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(as = ReceiptKey)]
pub struct ReceiptKeyDocument {
    /// `EdDSA`.
    pub alg: String,
    /// The key's id.
    pub id: String,
    /// The public key, base64.
    pub public: String,
}
