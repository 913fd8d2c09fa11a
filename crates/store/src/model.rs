use std::fmt;

use bytes::Bytes;
use sealwork_job::{
    Digest, Intake, JobId, JobState, LanePosition, Limits, Origin, Reply, RequesterId, Rerun,
    Timestamp,
};

use crate::StoreError;

/// An accepted job as the journal keeps it until it settles.
#[derive(Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The job.
    pub id: JobId,
    /// Where it came from.
    pub origin: Origin,
    /// Who asks.
    pub requester: RequesterId,
    /// Its engine's name.
    pub engine: String,
    /// How the plaintext reached the worker.
    pub intake: Intake,
    /// How the result goes back.
    pub reply: Reply,
    /// Its ordered lane.
    pub lane: Option<LanePosition>,
    /// What a restart does with it when it was running.
    pub rerun: Rerun,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it must have ended.
    pub deadline: Option<Timestamp>,
    /// What it may use.
    pub limits: Limits,
    /// Digest of the token that gives access to it.
    pub token_hash: Option<[u8; 32]>,
    /// The job's bytes as they arrived. Empty in a [`JobView`]: [`crate::Store::body`] reads them.
    pub body: Bytes,
}

impl fmt::Debug for JournalEntry {
    /// Shows neither the body nor the token's digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalEntry")
            .field("id", &self.id)
            .field("engine", &self.engine)
            .field("intake", &self.intake)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What must not be accepted twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayEntry {
    /// Whose nonces these are: a suite, a chain, a compatibility envelope.
    pub scope: String,
    /// The nonce.
    pub nonce: Vec<u8>,
    /// Until when it is remembered.
    pub until: Timestamp,
}

/// The end of the chain of receipts: where the next one is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// Number of the next receipt, from 0.
    pub next_sequence: u64,
    /// Digest of the last receipt; zeros before the first.
    pub digest: Digest,
}

/// Takes the pieces of a response.
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), StoreError> + 'a;

/// A sealed response, or what the submission's reply asked for.
pub enum Response {
    /// In memory.
    Whole(Bytes),
    /// Made piece by piece while it goes to the disk, on the committer.
    #[allow(clippy::type_complexity, reason = "one function")]
    Poured(Box<dyn FnOnce(&mut Sink<'_>) -> Result<(), StoreError> + Send>),
}

impl From<Bytes> for Response {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl fmt::Debug for Response {
    /// Shows the size, not the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Poured(_) => f.write_str("Poured"),
        }
    }
}

/// What a job came to, sealed and signed.
pub struct Settlement {
    /// `ok`, or the failure's code.
    pub code: String,
    /// When it settled.
    pub settled_at: Timestamp,
    /// What the requester gets.
    pub response: Response,
    /// The signed receipt.
    pub receipt: String,
    /// The receipt's digest: the new end of the chain.
    pub receipt_digest: Digest,
    /// What a door has to deliver.
    pub outbox: Option<OutboxEntry>,
}

impl fmt::Debug for Settlement {
    /// Shows the sizes of response and receipt, not their bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlement")
            .field("code", &self.code)
            .field("settled_at", &self.settled_at)
            .field("response", &self.response)
            .field("receipt_digest", &self.receipt_digest)
            .finish_non_exhaustive()
    }
}

/// Something a door has to deliver.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Which door.
    pub door: String,
    /// What it delivers, in the door's own form.
    pub payload: Bytes,
}

impl fmt::Debug for OutboxEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutboxEntry({}, {} bytes)", self.door, self.payload.len())
    }
}

/// Where a settlement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettledSummary {
    /// Number of its receipt.
    pub sequence: u64,
    /// Digest of its receipt.
    pub receipt_digest: Digest,
}

/// A settled job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// `ok`, or the failure's code.
    pub code: String,
    /// When it settled.
    pub settled_at: Timestamp,
    /// Number of its receipt.
    pub sequence: u64,
    /// Digest of its receipt.
    pub receipt_digest: Digest,
    /// Whether the result was handed out.
    pub delivered: bool,
}

/// A job as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// The journal's entry, without its body.
    pub entry: JournalEntry,
    /// Whether it was marked as running before it settled.
    pub started: bool,
    /// What it came to.
    pub settled: Option<Settled>,
}

impl JobView {
    /// Where the job stands. Waiting and running jobs are `Accepted` here: what runs now is known
    /// to the worker, not to the disk.
    pub fn state(&self) -> JobState {
        match &self.settled {
            None => JobState::Accepted,
            Some(Settled { code, settled_at: at, delivered: false, .. }) => {
                JobState::Settled { code: code.clone(), at: *at }
            }
            Some(Settled { code, settled_at: at, delivered: true, .. }) => {
                JobState::Delivered { code: code.clone(), at: *at }
            }
        }
    }
}

/// An unsettled job of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingJob {
    /// Its entry.
    pub entry: JournalEntry,
    /// Whether it was marked as running.
    pub started: bool,
}

/// An accepted job that does not read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedJob {
    /// Its number of acceptance, by which [`crate::Store::quarantine`] takes it.
    pub number: u64,
    /// The job, where its entry or the index still names it.
    pub job: Option<JobId>,
}

/// How much the store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Unsettled jobs.
    pub pending: u64,
    /// Settled jobs whose results are kept.
    pub settled: u64,
    /// Receipts.
    pub receipts: u64,
    /// Nonces that are remembered.
    pub replay_entries: u64,
    /// Unsettled jobs that did not read and were set aside.
    pub damaged: u64,
    /// Entries that doors have not delivered.
    pub outbox: u64,
    /// Bytes of the store's file, free pages included; blobs not.
    pub file_bytes: u64,
}
