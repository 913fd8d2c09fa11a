//! Reading jobs, results, receipts and the journal.

use std::sync::Arc;

use bytes::Bytes;
use redb::{Range, ReadTransaction, ReadableTableMetadata};
use sealwork_job::JobId;

use crate::{
    JobView, PendingJob, Store, StoreError, StoreUsage,
    database::unpanicked,
    record::{JobRecord, SettledRecord, Whereabouts, row},
    sealing::Place,
    shared::Shared,
    tables::{DELIVERED, Location, OUTBOX, PENDING, RECEIPTS, REPLAY, RUNNING, SETTLED},
};

impl Store {
    /// The job, if it is known and its result has not been evicted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn job(&self, job: JobId) -> Result<Option<JobView>, StoreError> {
        self.read(|transaction, shared| match Location::read(transaction, job)? {
            None => Ok(None),
            Some(Location::Pending(key)) => {
                let record = pending(transaction, shared, key)?;
                same(record.id(), job, "pending")?;
                let started = transaction.open_table(RUNNING)?.get(key)?.is_some();
                Ok(Some(JobView { entry: record.into_entry(Bytes::new()), started, settled: None }))
            }
            Some(Location::Settled(sequence)) => {
                let record = settled(transaction, shared, sequence)?;
                same(record.job.id(), job, "settled")?;
                let delivered = shared.delivered().contains(&job)
                    || transaction.open_table(DELIVERED)?.get(sequence)?.is_some();
                let settled = Some(record.settled(sequence, delivered));
                let entry = record.job.into_entry(Bytes::new());
                Ok(Some(JobView { entry, started: record.started, settled }))
            }
        })
    }

    /// The body of an unsettled job.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn body(&self, job: JobId) -> Result<Option<Bytes>, StoreError> {
        self.read(|transaction, shared| match Location::read(transaction, job)? {
            Some(Location::Pending(key)) => {
                let table = transaction.open_table(PENDING)?;
                let row = table.get(key)?.ok_or_else(|| StoreError::damaged("pending"))?;
                let record: JobRecord =
                    row::open_head(&shared.sealer, "pending", key, row.value())?;
                same(record.id(), job, "pending")?;
                content(shared, "pending", key, row.value(), &record.body)
            }
            Some(Location::Settled(_)) | None => Ok(None),
        })
    }

    /// The response of a settled job.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn response(&self, job: JobId) -> Result<Option<Bytes>, StoreError> {
        self.read(|transaction, shared| match Location::read(transaction, job)? {
            Some(Location::Settled(sequence)) => {
                let table = transaction.open_table(SETTLED)?;
                let row = table.get(sequence)?.ok_or_else(|| StoreError::damaged("settled"))?;
                let record: SettledRecord =
                    row::open_head(&shared.sealer, "settled", sequence, row.value())?;
                same(record.job.id(), job, "settled")?;
                content(shared, "settled", sequence, row.value(), &record.response)
            }
            Some(Location::Pending(_)) | None => Ok(None),
        })
    }

    /// The receipt of a settled job whose result has not been evicted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn receipt(&self, job: JobId) -> Result<Option<String>, StoreError> {
        self.read(|transaction, shared| match Location::read(transaction, job)? {
            Some(Location::Settled(sequence)) => {
                let record = settled(transaction, shared, sequence)?;
                same(record.job.id(), job, "settled")?;
                let table = transaction.open_table(RECEIPTS)?;
                let sealed = table.get(sequence)?;
                sealed.map(|sealed| open_receipt(shared, sequence, sealed.value())).transpose()
            }
            Some(Location::Pending(_)) | None => Ok(None),
        })
    }

    /// Up to `limit` receipts from the one numbered `first` on, each with its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn receipts_from(
        &self,
        first: u64,
        limit: usize,
    ) -> Result<Vec<(u64, String)>, StoreError> {
        self.read(|transaction, shared| {
            let table = transaction.open_table(RECEIPTS)?;
            let mut receipts = Vec::new();
            for row in table.range(first..)?.take(limit) {
                let (sequence, sealed) = row?;
                let sequence = sequence.value();
                receipts.push((sequence, open_receipt(shared, sequence, sealed.value())?));
            }
            Ok(receipts)
        })
    }

    /// The unsettled jobs in the order of acceptance, as of now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pending(&self) -> Result<Pending, StoreError> {
        self.read(|transaction, shared| {
            let table = transaction.open_table(PENDING)?;
            let running = transaction.open_table(RUNNING)?;
            let left = usize::try_from(table.len()?).unwrap_or(usize::MAX);
            Ok(Pending { rows: table.range::<u64>(..)?, running, left, shared: Arc::clone(shared) })
        })
    }

    /// How much the store holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn usage(&self) -> Result<StoreUsage, StoreError> {
        let file_bytes = self.file_bytes()?;
        self.read(|transaction, _| {
            Ok(StoreUsage {
                pending: transaction.open_table(PENDING)?.len()?,
                settled: transaction.open_table(SETTLED)?.len()?,
                receipts: transaction.open_table(RECEIPTS)?.len()?,
                replay_entries: transaction.open_table(REPLAY)?.len()?,
                outbox: transaction.open_table(OUTBOX)?.len()?,
                file_bytes,
            })
        })
    }
}

/// The unsettled jobs in the order of acceptance, read one at a time.
pub struct Pending {
    rows: Range<'static, u64, &'static [u8]>,
    running: redb::ReadOnlyTable<u64, ()>,
    left: usize,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pending({} left)", self.left)
    }
}

impl Pending {
    fn read_next(&mut self) -> Option<Result<PendingJob, StoreError>> {
        let row = self.rows.next()?;
        Some(row.map_err(StoreError::from).and_then(|(key, row)| {
            let (key, row) = (key.value(), row.value());
            let shared = &self.shared;
            let record: JobRecord = row::open_head(&shared.sealer, "pending", key, row)?;
            let body = content(shared, "pending", key, row, &record.body)?
                .ok_or_else(|| StoreError::damaged("blobs"))?;
            let started = self.running.get(key)?.is_some();
            Ok(PendingJob { entry: record.into_entry(body), started })
        }))
    }
}

impl Iterator for Pending {
    type Item = Result<PendingJob, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = unpanicked(|| self.read_next());
        self.left = self.left.saturating_sub(1);
        next.unwrap_or_else(|| Some(Err(StoreError::damaged("pending"))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Pending {}

fn pending(
    transaction: &ReadTransaction,
    shared: &Shared,
    key: u64,
) -> Result<JobRecord, StoreError> {
    let table = transaction.open_table(PENDING)?;
    let row = table.get(key)?.ok_or_else(|| StoreError::damaged("pending"))?;
    row::open_head(&shared.sealer, "pending", key, row.value())
}

fn settled(
    transaction: &ReadTransaction,
    shared: &Shared,
    sequence: u64,
) -> Result<SettledRecord, StoreError> {
    let table = transaction.open_table(SETTLED)?;
    let row = table.get(sequence)?.ok_or_else(|| StoreError::damaged("settled"))?;
    row::open_head(&shared.sealer, "settled", sequence, row.value())
}

/// The index says where a job's row is, unsealed; the row itself says whose it is.
fn same(found: JobId, asked: JobId, table: &str) -> Result<(), StoreError> {
    if found == asked { Ok(()) } else { Err(StoreError::damaged(table)) }
}

fn content(
    shared: &Shared,
    table: &'static str,
    key: u64,
    row: &[u8],
    whereabouts: &Whereabouts,
) -> Result<Option<Bytes>, StoreError> {
    match whereabouts {
        Whereabouts::Inline => {
            row::open_body(&shared.sealer, table, key, row).map(|body| Some(body.into()))
        }
        Whereabouts::Blob(name) => shared.blobs.read(&shared.sealer, name),
    }
}

fn open_receipt(shared: &Shared, sequence: u64, sealed: &[u8]) -> Result<String, StoreError> {
    let place = Place { table: "receipts", key: &[&sequence.to_be_bytes()] };
    shared
        .sealer
        .open(place, sealed)
        .and_then(|receipt| String::from_utf8(receipt).ok())
        .ok_or_else(|| StoreError::damaged("receipts"))
}

/// Every file that a row refers to.
pub(crate) fn referenced_blobs(
    shared: &Shared,
) -> Result<std::collections::BTreeSet<String>, StoreError> {
    let mut names = std::collections::BTreeSet::new();
    let mut note = |whereabouts| {
        if let Whereabouts::Blob(name) = whereabouts {
            names.insert(name);
        }
    };
    shared.read(|transaction| {
        for row in transaction.open_table(PENDING)?.range::<u64>(..)? {
            let (key, row) = row?;
            let record: JobRecord =
                row::open_head(&shared.sealer, "pending", key.value(), row.value())?;
            note(record.body);
        }
        for row in transaction.open_table(SETTLED)?.range::<u64>(..)? {
            let (key, row) = row?;
            let record: SettledRecord =
                row::open_head(&shared.sealer, "settled", key.value(), row.value())?;
            note(record.response);
        }
        Ok(())
    })?;
    Ok(names)
}
