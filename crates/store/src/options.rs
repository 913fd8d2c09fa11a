use std::time::Duration;

/// Where commits are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitterKind {
    /// On a thread of its own: disk waits hold up nobody else.
    Thread,
    /// On a task of the runtime in which the store is opened, inline: deterministic, for
    /// simulations.
    Task,
}

/// How a store works. The defaults suit a worker.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Where commits are made.
    pub committer: CommitterKind,
    /// Values above this many bytes go into files of their own.
    pub blob_threshold: usize,
    /// Memory for pages of the store's file, in bytes.
    pub cache_bytes: usize,
    /// Changes that may wait for a commit; an accept beyond that is refused.
    pub queue_capacity: usize,
    /// Changes in one commit at most.
    pub max_batch: usize,
    /// Under load, commits begin at least this far apart: each rewrites pages that more changes
    /// could share. A change that comes alone never waits. For [`CommitterKind::Thread`].
    pub commit_interval: Duration,
    /// Bytes of settled results that have files of their own (values above `blob_threshold`); the
    /// oldest results go when there are more.
    pub results_bytes: u64,
    /// Receipts that are kept after their results are gone, newest first.
    pub receipts_kept: u64,
    /// Whether opening reads the whole file and checks every page. Without it a damaged page is
    /// found when it is first used.
    pub verify: bool,
    /// Whether an empty store is made where there is none. A store that should be there and is not
    /// must not be replaced by an empty one: that would forget which jobs have been taken.
    pub create: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            committer: CommitterKind::Thread,
            blob_threshold: 64 * 1024,
            cache_bytes: 8 * 1024 * 1024,
            queue_capacity: 4096,
            max_batch: 512,
            commit_interval: Duration::from_millis(3),
            results_bytes: 4 << 30,
            receipts_kept: 100_000,
            verify: true,
            create: true,
        }
    }
}
