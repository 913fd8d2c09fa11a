//! The committer: drains what waits, applies it in one transaction with one sync, answers each.

use std::{sync::Arc, time::Duration};

use redb::Database;
use sealwork_platform::DiskFile;
use tokio::sync::{mpsc, oneshot};

use crate::{
    StoreError,
    backend::{Fence, SharedFile},
    batch::{Batch, Failure, Operation},
    database::{self, unpanicked},
    doubt::Doubts,
    format,
    record::Head,
    shared::Shared,
};

/// How long changes are refused at once after the disk was found full: trying costs a recovery.
const FULL_DISK_PAUSE: Duration = Duration::from_millis(500);

/// A batch of so many changes shows that more are on their way.
const BUSY: usize = 8;
/// How often closing looks whether a reader has finished.
const PATIENCE: usize = 10_000;

pub(crate) enum Message {
    Apply(Box<dyn Operation>),
    /// There are marks to write, or a database to recover.
    Wake,
    Close(oneshot::Sender<()>),
}

pub(crate) struct Committer {
    shared: Arc<Shared>,
    file: SharedFile,
    fence: Fence,
    head: Head,
    doubts: Doubts,
    /// Until when, by the monotonic clock, every change meets this error.
    pause: Option<(Duration, StoreError)>,
    /// Dropped last: from then on another worker may open the store.
    _lock: Box<dyn DiskFile>,
}

impl Committer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        file: SharedFile,
        fence: Fence,
        head: Head,
        lock: Box<dyn DiskFile>,
    ) -> Self {
        Self { shared, file, fence, head, doubts: Doubts::default(), pause: None, _lock: lock }
    }

    /// Commits until it is told to close or nobody can send any more.
    pub(crate) fn run_on_thread(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::new();
        let limit = self.shared.options.max_batch;
        while messages.blocking_recv_many(&mut batch, limit) > 0 {
            let (began, is_busy) = (self.shared.clock.monotonic(), batch.len() >= BUSY);
            if let Some(closing) = self.work(&mut batch) {
                return self.close(closing);
            }
            if is_busy {
                let next = began + self.shared.options.commit_interval;
                std::thread::sleep(next.saturating_sub(self.shared.clock.monotonic()));
            }
        }
        self.close(Vec::new());
    }

    /// The same on a task; the disk is waited for inline.
    pub(crate) async fn run_on_task(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::new();
        let limit = self.shared.options.max_batch;
        while messages.recv_many(&mut batch, limit).await > 0 {
            if let Some(closing) = self.work(&mut batch) {
                return self.close(closing);
            }
        }
        self.close(Vec::new());
    }

    /// Commits what has come together; who waits for the close, when it was asked for.
    fn work(&mut self, messages: &mut Vec<Message>) -> Option<Vec<oneshot::Sender<()>>> {
        let (mut operations, mut closing) = (Vec::new(), Vec::new());
        for message in messages.drain(..) {
            match message {
                Message::Apply(operation) => operations.push(operation),
                Message::Wake => {}
                Message::Close(done) => closing.push(done),
            }
        }
        self.commit(operations);
        (!closing.is_empty()).then_some(closing)
    }

    fn commit(&mut self, mut operations: Vec<Box<dyn Operation>>) {
        let result = self.usable().map_err(Failure::from).and_then(|database| {
            // A panic may come from anywhere, so what it leaves is in doubt.
            unpanicked(|| self.attempt(&database, &mut operations)).unwrap_or_else(|| {
                let detail = "its pages contradict each other".to_owned();
                Err(Failure { error: StoreError::Damaged(detail), in_doubt: true })
            })
        });
        match result {
            Ok(()) => operations.into_iter().for_each(Operation::committed),
            Err(failure) => {
                let changes = operations.len();
                for operation in operations {
                    operation.failed(&failure, &self.shared, &mut self.doubts);
                }
                if self.pause.is_none() {
                    tracing::error!(error = %failure.error, changes, "a commit failed");
                    self.give_up_database();
                    self.recover_if_possible();
                    if matches!(failure.error, StoreError::DiskFull) {
                        let until = self.shared.clock.monotonic() + FULL_DISK_PAUSE;
                        self.pause = Some((until, failure.error));
                    }
                }
            }
        }
    }

    fn attempt(
        &mut self,
        database: &Database,
        operations: &mut [Box<dyn Operation>],
    ) -> Result<(), Failure> {
        let transaction = database.begin_write().map_err(StoreError::from)?;
        let mut batch =
            Batch::begin(&transaction, &self.shared, &mut self.doubts, self.head.clone())?;
        for operation in operations {
            operation.apply(&mut batch)?;
        }
        let delivered = self.shared.delivered().clone();
        batch.deliver(&delivered)?;
        let finished = batch.finish()?;
        if finished.changed {
            transaction.commit().map_err(|e| Failure { error: e.into(), in_doubt: true })?;
            self.head = finished.head;
            self.shared.publish(&self.head);
        } else {
            transaction.abort().map_err(StoreError::from)?;
        }
        self.doubts.cleared();
        self.shared.delivered().retain(|job| !delivered.contains(job));
        for blob in finished.obsolete {
            self.shared.blobs.remove(&blob);
        }
        Ok(())
    }

    /// A database to write to: recovered, if that was needed.
    fn usable(&mut self) -> Result<Arc<Database>, StoreError> {
        if let Some((until, error)) = &self.pause {
            if self.shared.clock.monotonic() < *until {
                return Err(error.clone());
            }
            self.pause = None;
        }
        match self.shared.database() {
            Some(database) => Ok(database),
            None => self.recover(),
        }
    }

    fn give_up_database(&mut self) {
        // A reader may hold it a moment longer; behind the fence it can do nothing to the file.
        self.fence.close();
        self.shared.set_database(None);
    }

    /// Opens the database again as the disk has it.
    fn recover(&mut self) -> Result<Arc<Database>, StoreError> {
        self.file.settle_after_failed_sync()?;
        let as_store_error = |e: crate::OpenError| match e {
            crate::OpenError::Damaged { detail, .. } => StoreError::Damaged(detail),
            crate::OpenError::DiskFull => StoreError::DiskFull,
            other => std::io::Error::other(other.to_string()).into(),
        };
        let (database, fence) = database::open(&self.file, self.shared.options.cache_bytes, false)
            .map_err(as_store_error)?;
        let mut head = format::read_head(&database, &self.shared.sealer)?;
        head.high_water = head.high_water.max(self.head.high_water);
        self.head = head;
        self.fence = fence;
        self.shared.publish(&self.head);
        self.shared.set_database(Some(Arc::clone(&database)));
        tracing::info!("the store has recovered from a failed commit");
        Ok(database)
    }

    /// So that results can be read while nothing is written.
    fn recover_if_possible(&mut self) {
        if let Err(error) = self.recover() {
            tracing::error!(%error, "the store cannot recover yet");
        }
    }

    /// Writes what is left to mark and lets go of the file before anybody is told.
    fn close(mut self, waiting: Vec<oneshot::Sender<()>>) {
        self.commit(Vec::new());
        let database = self.shared.database();
        self.shared.set_database(None);
        // Whoever holds it last closes it: let that be this thread, before the lock goes.
        for _ in 0..PATIENCE {
            match &database {
                Some(database) if Arc::strong_count(database) > 1 => std::thread::yield_now(),
                _ => break,
            }
        }
        drop(database);
        drop(self);
        for done in waiting {
            let _ = done.send(());
        }
    }
}
