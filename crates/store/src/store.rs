use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};
use sealwork_job::{JobId, Timestamp};
use sealwork_platform::{Clock, Disk, DiskFile, Entropy};
use tokio::sync::{mpsc, oneshot};

use crate::{
    AcceptError, ChainHead, CommitterKind, JournalEntry, Namespace, OpenError, Outbox, ReplayEntry,
    SettleError, SettledSummary, Settlement, StoreError, StoreOptions,
    accept::Accept,
    backend::SharedFile,
    batch::Operation,
    blobs::Blobs,
    committer::{Committer, Message},
    database,
    evict::{self, Evict, Keep},
    format,
    quarantine::Quarantine,
    read,
    record::{SettledRecord, Whereabouts, row},
    reset_clock::ResetClock,
    running::MarkRunning,
    sealing::Sealer,
    settle::Settle,
    shared::Shared,
    tables::{RECEIPTS, SETTLED},
};

/// Handed-out results that may wait for a commit to ride on before one is made for them.
const MARKS: usize = 256;

/// The durable store. Clones are the same store.
///
/// Changes are asynchronous and durable when they return. Reads are synchronous: they come from
/// memory or the page cache.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    /// Weak: closing lets go of the file, whoever still holds the store.
    file: Weak<dyn DiskFile>,
    messages: mpsc::Sender<Message>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store(..)")
    }
}

impl Store {
    /// Opens the store in the data directory `disk`. Where there is none it makes an empty one, as
    /// [`StoreOptions::create`] allows.
    ///
    /// `key` is the store's own, derived from the root secret. With [`CommitterKind::Task`] the
    /// caller is within a tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed then, except that an unclean end may have been repaired.
    pub fn open(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
        key: &[u8; 32],
        options: StoreOptions,
    ) -> Result<Self, OpenError> {
        let lock = disk.open(database::LOCK).map_err(OpenError::from_io)?;
        let sealer = Sealer::new(key, entropy);
        database::create_if_absent(&*disk, &sealer, options.create)?;
        let file = SharedFile::new(disk.open(database::FILE).map_err(OpenError::from_io)?);
        let (database, fence) = database::open(&file, options.cache_bytes, options.verify)?;
        let head = format::take_over(&database, &sealer)?;
        let blobs = Blobs::new(disk, options.blob_threshold);
        let (kind, capacity) = (options.committer, options.queue_capacity.max(1));
        let shared = Arc::new(Shared::new(sealer, blobs, clock, options, &head, database));
        match read::referenced_blobs(&shared)? {
            Some(referenced) => {
                let swept = shared.blobs.sweep(&referenced).map_err(OpenError::from_io)?;
                if swept > 0 {
                    tracing::info!(files = swept, "removed files that no job refers to");
                }
            }
            None => tracing::warn!("a row does not read; files that no job refers to are kept"),
        }
        let (messages, receiver) = mpsc::channel(capacity);
        let weak = file.downgrade();
        let committer = Committer::new(Arc::clone(&shared), file, fence, head, lock);
        match kind {
            CommitterKind::Task => {
                tokio::spawn(committer.run_on_task(receiver));
            }
            CommitterKind::Thread => {
                std::thread::Builder::new()
                    .name("sealwork-store".to_owned())
                    .spawn(move || committer.run_on_thread(receiver))
                    .map_err(OpenError::Thread)?;
            }
        }
        Ok(Self(Arc::new(Inner { shared, file: weak, messages })))
    }

    /// Journals a job. When this returns, the job and its replay entry are on disk.
    ///
    /// A caller that stops waiting does not stop the commit: then the job may be accepted all the
    /// same, and comes back as pending at the next start. Run it where nothing cancels it.
    ///
    /// # Errors
    /// [`AcceptError`].
    pub async fn accept(
        &self,
        entry: JournalEntry,
        replay: Option<ReplayEntry>,
    ) -> Result<(), AcceptError> {
        let room = self.0.messages.try_reserve().map_err(|e| match e {
            mpsc::error::TrySendError::Full(()) => AcceptError::Full,
            mpsc::error::TrySendError::Closed(()) => StoreError::Closed.into(),
        })?;
        let body = self.place_body(&entry).await?;
        let (answer, answered) = oneshot::channel();
        let accept = Accept::new(&self.0.shared, &entry, replay.as_ref(), body, answer);
        room.send(Message::Apply(Box::new(accept)));
        answered.await.unwrap_or(Err(StoreError::Closed.into()))
    }

    /// Settles a job: outcome, receipt, end of the chain and outbox entry in one commit.
    ///
    /// `make` is called with the place of the job's receipt in the chain, in the order of the
    /// chain, on the committer. Settling again after [`SettleError::Store`] is right: it succeeds
    /// if the failed attempt had reached the disk after all.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn settle(
        &self,
        job: JobId,
        make: impl FnMut(ChainHead) -> Settlement + Send + 'static,
    ) -> Result<SettledSummary, SettleError> {
        let (answer, answered) = oneshot::channel();
        self.apply(Settle::new(job, Box::new(make), answer)).await?;
        answered.await.unwrap_or(Err(StoreError::Closed.into()))
    }

    /// Notes that the job begins to run. After a restart it counts as started.
    ///
    /// # Errors
    /// [`SettleError`].
    pub async fn mark_running(&self, job: JobId) -> Result<(), SettleError> {
        let (answer, answered) = oneshot::channel();
        self.apply(MarkRunning::new(job, answer)).await?;
        answered.await.unwrap_or(Err(StoreError::Closed.into()))
    }

    /// Notes that the job's result was handed out. Reads show it at once; it goes to disk with the
    /// next commit, and is lost if there is none.
    pub fn mark_delivered(&self, job: JobId) {
        let waiting = {
            let mut delivered = self.0.shared.delivered();
            delivered.insert(job);
            delivered.len()
        };
        if waiting >= MARKS {
            // A full queue has a commit coming.
            let _ = self.0.messages.try_send(Message::Wake);
        }
    }

    /// Removes the oldest settled results until at most `max_count` are left, none settled more than
    /// `max_age` before `now`, and their files have at most [`StoreOptions::results_bytes`]; their jobs, in the order in which they settled. Receipts stay,
    /// up to [`StoreOptions::receipts_kept`]. A result that does not open is removed, too, and
    /// logged; it is not among the jobs.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been removed.
    pub async fn evict(
        &self,
        max_count: usize,
        max_age: Duration,
        now: Timestamp,
    ) -> Result<Vec<JobId>, StoreError> {
        let bytes = self.0.shared.options.results_bytes;
        let keep = Keep { count: max_count as u64, age: max_age, now, bytes };
        let mut evicted = Vec::new();
        let mut has_more = self.has_to_evict(keep)?;
        while has_more {
            let (answer, answered) = oneshot::channel();
            self.apply(Evict::new(keep, answer)).await?;
            let gone = answered.await.unwrap_or(Err(StoreError::Closed))?;
            has_more = gone.has_more;
            evicted.extend(gone.jobs);
        }
        Ok(evicted)
    }

    /// Sets unsettled jobs aside whose rows do not read back, by the numbers that
    /// [`Store::pending`] gave; how many were. They are no longer pending, their rows stay in the
    /// file as they are, and asking for such a job by its id fails as damaged. Rows that read back
    /// stay where they are.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was set aside.
    pub async fn quarantine(
        &self,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Result<usize, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.apply(Quarantine::new(numbers.into_iter().collect(), answer)).await?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// A door's undelivered entries.
    pub fn outbox(&self, door: impl Into<String>) -> Outbox {
        Outbox::new(self.clone(), door.into())
    }

    /// The keys and values of one owner.
    pub fn namespace(&self, name: impl Into<String>) -> Namespace {
        Namespace::new(self.clone(), name.into())
    }

    /// The highest time that a commit has seen.
    pub fn clock_high_water(&self) -> Timestamp {
        self.0.shared.high_water()
    }

    /// Sets [`Self::clock_high_water`] to the clock's time, when that is behind it. For a machine
    /// whose clock ran ahead: nonces that the wrong time has made expire are forgotten already, so
    /// the keys that open their envelopes must be gone before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn reset_clock(&self) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.apply(ResetClock::new(answer)).await?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The end of the chain of receipts.
    pub fn chain_head(&self) -> ChainHead {
        self.0.shared.chain()
    }

    /// Commits what waits, then lets go of the files. Everything after that fails with
    /// [`StoreError::Closed`].
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.0.messages.send(Message::Close(done)).await.is_ok() {
            // An error: somebody else closed it first.
            let _ = closed.await;
        }
        self.0.messages.closed().await;
    }

    /// Queues an operation, waiting for room.
    pub(crate) async fn apply(
        &self,
        operation: impl Operation + 'static,
    ) -> Result<(), StoreError> {
        let message = Message::Apply(Box::new(operation));
        self.0.messages.send(message).await.map_err(|_| StoreError::Closed)
    }

    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction, &Arc<Shared>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let shared = &self.0.shared;
        if shared.database().is_none() && !self.0.messages.is_closed() {
            // The disk may have recovered since.
            let _ = self.0.messages.try_send(Message::Wake);
            return Err(
                std::io::Error::other("an earlier error has not been recovered from").into()
            );
        }
        shared.read(|transaction| read(transaction, shared))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) fn file_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.0.file.upgrade().ok_or(StoreError::Closed)?.len()?)
    }

    async fn place_body(&self, entry: &JournalEntry) -> Result<Whereabouts, StoreError> {
        let shared = &self.0.shared;
        if !shared.blobs.takes(entry.body.len()) {
            return Ok(Whereabouts::Inline);
        }
        match shared.options.committer {
            CommitterKind::Task => shared.blobs.place(&shared.sealer, &entry.body),
            CommitterKind::Thread => {
                let (shared, body) = (Arc::clone(shared), entry.body.clone());
                let placed =
                    tokio::task::spawn_blocking(move || shared.blobs.place(&shared.sealer, &body));
                placed.await.map_err(|_| StoreError::Closed)?
            }
        }
    }

    /// Whether an eviction would find something: most of the time there is nothing to commit.
    fn has_to_evict(&self, keep: Keep) -> Result<bool, StoreError> {
        self.read(|transaction, shared| {
            let table = transaction.open_table(SETTLED)?;
            let settled = table.len()?;
            if settled > keep.count {
                return Ok(true);
            }
            let oldest_result = table.first()?;
            let oldest = oldest_result.as_ref().map(|(key, _)| key.value());
            let (next, kept) = (shared.chain().next_sequence, shared.options.receipts_kept);
            let first = transaction.open_table(RECEIPTS)?.first()?.map(|(key, _)| key.value());
            if first.is_some_and(|first| first < evict::receipts_from(next, kept, oldest)) {
                return Ok(true);
            }
            let Some((key, row)) = oldest_result else { return Ok(false) };
            let oldest = row::open_head::<SettledRecord>(
                &shared.sealer,
                "settled",
                key.value(),
                row.value(),
            );
            // A damaged one is the eviction's to remove.
            let bytes = shared.blobs.all_result_bytes();
            Ok(oldest.map_or(true, |oldest| keep.is_exceeded(settled, bytes, oldest.settled_at)))
        })
    }
}
