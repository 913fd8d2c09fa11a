use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_job::{Digest, InstanceId, JobId, JobState, Limits, Refusal, Rerun, Timestamp};
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::Content;
use crate::auth::Caller;

/// What `/v1` needs of a worker.
#[async_trait]
pub trait V1Port: Send + Sync {
    /// Takes a sealed job. When this returns, the job is on disk.
    ///
    /// # Errors
    /// Any code of the families `Request`, `Access`, `Conflict`, `Capacity` and `Fault`;
    /// [`sealwork_job::Code::JobReplayed`] names the known job.
    async fn submit(&self, envelope: Bytes, caller: &Caller) -> Result<Accepted, Refusal>;

    /// Where a job stands.
    ///
    /// # Errors
    /// [`sealwork_job::Code::JobUnknown`], [`sealwork_job::Code::TokenInvalid`].
    async fn status(&self, job: JobId, token: &Token) -> Result<Status, Refusal>;

    /// Waits until a job has settled, at most for `patience`, and says where it stands. May be
    /// dropped at any moment.
    ///
    /// # Errors
    /// [`sealwork_job::Code::JobUnknown`], [`sealwork_job::Code::TokenInvalid`].
    async fn wait(&self, job: JobId, token: &Token, patience: Duration) -> Result<Status, Refusal>;

    /// Stops a job that has not settled.
    ///
    /// # Errors
    /// [`sealwork_job::Code::JobUnknown`], [`sealwork_job::Code::TokenInvalid`], [`sealwork_job::Code::AlreadySettled`].
    async fn cancel(&self, job: JobId, token: &Token) -> Result<Status, Refusal>;

    /// A settled job's sealed result.
    ///
    /// # Errors
    /// [`sealwork_job::Code::JobUnknown`], [`sealwork_job::Code::TokenInvalid`], [`sealwork_job::Code::NotSettled`].
    async fn result(&self, job: JobId, token: &Token) -> Result<JobResult, Refusal>;

    /// A settled job's receipt, a compact JWS. Receipts are kept longer than results. Needs no
    /// token: a receipt tells nothing about a job's content, and anyone who is shown its id may
    /// check it.
    ///
    /// # Errors
    /// [`sealwork_job::Code::JobUnknown`], [`sealwork_job::Code::NotSettled`].
    async fn receipt(&self, job: JobId) -> Result<String, Refusal>;

    /// At most `limit` of the receipts that are kept, each with its number in the worker's chain:
    /// those from number `from` on, in ascending order.
    ///
    /// # Errors
    /// [`sealwork_job::Code::StoreUnavailable`].
    async fn receipts(&self, from: u64, limit: usize) -> Result<Vec<(u64, String)>, Refusal>;

    /// The signed key config, as JSON.
    fn key_config(&self) -> Bytes;

    /// Evidence about that key config: for the nonce, where there is one and the platform makes
    /// it for each asker; else that of the epoch.
    ///
    /// # Errors
    /// [`sealwork_job::Code::EvidenceNone`], [`sealwork_job::Code::EvidenceNonce`], [`sealwork_job::Code::AttesterBusy`], [`sealwork_job::Code::AttesterFailed`].
    async fn evidence(&self, nonce: Option<Vec<u8>>) -> Result<FoundEvidence, Refusal>;

    /// The evidence that receipts cite by this digest, JSON.
    ///
    /// # Errors
    /// [`sealwork_job::Code::EvidenceNone`], [`sealwork_job::Code::EvidenceUnknown`].
    async fn archived_evidence(&self, digest: Digest) -> Result<Bytes, Refusal>;

    /// The key config with this digest, as the instance signed it or else the newest one did, JSON.
    ///
    /// # Errors
    /// [`sealwork_job::Code::KeyConfigUnknown`].
    async fn archived_key_config(
        &self,
        digest: Digest,
        instance: Option<InstanceId>,
    ) -> Result<Bytes, Refusal>;

    /// The engines and what they can do now.
    fn capabilities(&self) -> Vec<EngineInfo>;
}

/// The right to see and stop one job: exported from the sealed job's HPKE context.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Token([u8; 32]);

impl Token {
    /// Takes the bytes over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a comparison or a hash and nothing else.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Token {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Token {}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A job that has been accepted: it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub job: JobId,
    /// Since when.
    pub accepted_at: Timestamp,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The job.
    pub job: JobId,
    /// Its state.
    pub state: JobState,
    /// Its engine.
    pub engine: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Until when it must have started, where that is bounded.
    pub expires_at: Option<Timestamp>,
}

/// A settled job's result.
#[derive(Debug)]
pub struct JobResult {
    /// The sealed response.
    pub response: Content,
    /// Digest of the job's receipt.
    pub receipt_digest: Digest,
}

/// An answer to who asks for evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundEvidence {
    /// JSON of an evidence document (docs/formats.md, "Evidence").
    pub document: Bytes,
    /// Whether it was made for the asker's nonce; else it is that of the epoch.
    pub is_fresh: bool,
}

/// One engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// The name by which jobs ask for it.
    pub name: String,
    /// Operations that work now.
    pub operations: Vec<String>,
    /// All operations, of an engine whose operations depend on what is configured.
    pub availability: Vec<Availability>,
    /// What a restart does with its running jobs, unless their arguments say otherwise.
    pub rerun: Rerun,
    /// The most that a job may ask for.
    pub limits: Limits,
}

/// Whether one operation works, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// Its name.
    pub operation: &'static str,
    /// The way that it goes.
    pub way: &'static str,
    /// Why it does not work; `None` when it does.
    pub missing: Option<String>,
}
