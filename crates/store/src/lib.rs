//! Journal, replay entries, results, outbox and namespaces: durable, sealed at rest, group commit.
//!
//! One redb file in the data directory, large values in files beside it. Every change goes through
//! one committer, which applies all waiting changes in one transaction with one sync and then
//! answers each: an answer means that the change survives a loss of power. Reads see what is
//! committed.
//!
//! The bytes on disk are drawn in `docs/store-format.md`.
#![forbid(unsafe_code)]

mod accept;
mod backend;
mod batch;
mod blobs;
mod committer;
mod content;
mod database;
mod doubt;
mod error;
mod evict;
mod format;
mod model;
mod namespace;
mod options;
mod outbox;
mod pieces;
mod quarantine;
mod read;
mod record;
mod reset_clock;
mod running;
mod sealing;
mod settle;
mod shared;
mod spool;
mod store;
mod tables;

pub use content::Content;
pub use error::{AcceptError, OpenError, PendingError, SettleError, StoreError};
pub use format::FORMAT;
pub use model::{
    ChainHead, DamagedJob, JobView, JournalEntry, OutboxEntry, PendingJob, ReplayEntry, Response,
    Settled, SettledSummary, Settlement, Sink, StoreUsage,
};
pub use namespace::{Namespace, NamespaceRow};
pub use options::{CommitterKind, StoreOptions};
pub use outbox::{Outbox, OutboxItem};
pub use read::Pending;
pub use spool::{Spool, Spooled, SpooledPieces};
pub use store::Store;
