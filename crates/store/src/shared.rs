//! What readers and the committer share.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use redb::{Database, ReadTransaction, ReadableDatabase};
use sealwork_job::{JobId, Timestamp};
use sealwork_platform::Clock;

use crate::{
    ChainHead, StoreError, StoreOptions, blobs::Blobs, database::unpanicked, record::Head,
    sealing::Sealer,
};

pub(crate) struct Shared {
    pub(crate) sealer: Sealer,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: StoreOptions,
    /// None while the disk has not recovered from a failure, and after the end.
    database: RwLock<Option<Arc<Database>>>,
    high_water: AtomicU64,
    chain: Mutex<ChainHead>,
    /// Results that were handed out since the last commit.
    delivered: Mutex<BTreeSet<JobId>>,
}

impl Shared {
    pub(crate) fn new(
        sealer: Sealer,
        blobs: Blobs,
        clock: Arc<dyn Clock>,
        options: StoreOptions,
        head: &Head,
        database: Arc<Database>,
    ) -> Self {
        Self {
            sealer,
            blobs,
            clock,
            options,
            database: RwLock::new(Some(database)),
            high_water: AtomicU64::new(head.high_water.as_millis()),
            chain: Mutex::new(head.chain()),
            delivered: Mutex::default(),
        }
    }

    pub(crate) fn database(&self) -> Option<Arc<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_database(&self, database: Option<Arc<Database>>) {
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = database;
    }

    /// Shows what a commit has moved on.
    pub(crate) fn publish(&self, head: &Head) {
        self.high_water.store(head.high_water.as_millis(), Ordering::Release);
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = head.chain();
    }

    pub(crate) fn high_water(&self) -> Timestamp {
        Timestamp(self.high_water.load(Ordering::Acquire))
    }

    pub(crate) fn chain(&self) -> ChainHead {
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Results that were handed out and are not marked on disk yet.
    pub(crate) fn delivered(&self) -> MutexGuard<'_, BTreeSet<JobId>> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from what is committed.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let database = self.database().ok_or(StoreError::Closed)?;
        unpanicked(|| read(&database.begin_read()?)).unwrap_or_else(|| {
            Err(StoreError::Damaged("its pages contradict each other".to_owned()))
        })
    }
}
