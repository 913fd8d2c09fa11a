//! Reading jobs, results, receipts and the journal.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use redb::{Range, ReadTransaction, ReadableTable, ReadableTableMetadata};
use sealwork_job::{JobId, Timestamp};

use crate::{
    Content, DamagedJob, JobView, PendingError, PendingJob, ReplayEntry, Store, StoreError,
    StoreUsage,
    blobs::Blobs,
    database::unpanicked,
    record::{JobRecord, SettledRecord, Whereabouts, row},
    sealing::Place,
    shared::Shared,
    tables::{
        DAMAGED, DELIVERED, JOBS, Location, OUTBOX, PENDING, PENDING_ROW, RECEIPT_JOBS, RECEIPTS,
        REPLAY, RUNNING, SETTLED,
    },
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
            Some(Location::Receipt(_)) => Ok(None),
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
                content(shared, "pending", key, row.value(), &record.body)?
                    .map(Content::whole)
                    .transpose()
            }
            Some(Location::Settled(_) | Location::Receipt(_)) | None => Ok(None),
        })
    }

    /// The response of a settled job, to be read piece by piece.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn response(&self, job: JobId) -> Result<Option<Content>, StoreError> {
        self.read(|transaction, shared| match Location::read(transaction, job)? {
            Some(Location::Settled(sequence)) => {
                let table = transaction.open_table(SETTLED)?;
                let row = table.get(sequence)?.ok_or_else(|| StoreError::damaged("settled"))?;
                let record: SettledRecord =
                    row::open_head(&shared.sealer, "settled", sequence, row.value())?;
                same(record.job.id(), job, "settled")?;
                content(shared, "settled", sequence, row.value(), &record.response)
            }
            Some(Location::Pending(_) | Location::Receipt(_)) | None => Ok(None),
        })
    }

    /// The receipt of a settled job, as long as it is kept: it outlives the result.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn receipt_of(&self, job: JobId) -> Result<Option<String>, StoreError> {
        self.read(|transaction, shared| match Location::read(transaction, job)? {
            Some(Location::Settled(sequence) | Location::Receipt(sequence)) => {
                let of = transaction.open_table(RECEIPT_JOBS)?.get(sequence)?;
                same(of.map_or(job, |of| JobId(of.value())), job, "receipt_jobs")?;
                receipt(transaction, shared, sequence)
            }
            Some(Location::Pending(_)) | None => Ok(None),
        })
    }

    /// The receipt of this number, if it is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn receipt_at(&self, sequence: u64) -> Result<Option<String>, StoreError> {
        self.read(|transaction, shared| receipt(transaction, shared, sequence))
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

    /// The unsettled jobs in the order of acceptance, as of now. One that does not read back is an
    /// error among them and not the end: [`Store::quarantine`] sets it aside.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pending(&self) -> Result<Pending, StoreError> {
        self.read(|transaction, shared| {
            let table = transaction.open_table(PENDING)?;
            let running = transaction.open_table(RUNNING)?;
            let jobs = transaction.open_table(JOBS)?;
            let left = usize::try_from(table.len()?).unwrap_or(usize::MAX);
            let rows = Some(table.range::<u64>(..)?);
            Ok(Pending { rows, running, jobs, left, shared: Arc::clone(shared) })
        })
    }

    /// The accepted job whose nonce this is, while it is remembered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn replayed(&self, entry: &ReplayEntry) -> Result<Option<JobId>, StoreError> {
        self.read(|transaction, shared| {
            let key = shared.sealer.replay_key(&entry.scope, &entry.nonce);
            let known = transaction.open_table(REPLAY)?.get(key)?.map(|entry| entry.value());
            let now = shared.clock.now().max(shared.high_water());
            Ok(known.filter(|(until, _)| Timestamp(*until) >= now).map(|(_, job)| JobId(job)))
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
                damaged: transaction.open_table(DAMAGED)?.len()?,
                replay_entries: transaction.open_table(REPLAY)?.len()?,
                outbox: transaction.open_table(OUTBOX)?.len()?,
                file_bytes,
            })
        })
    }
}

/// The unsettled jobs in the order of acceptance, read one at a time.
pub struct Pending {
    /// None once the file itself could not be read: there is no knowing what comes after.
    rows: Option<Range<'static, u64, &'static [u8]>>,
    running: redb::ReadOnlyTable<u64, ()>,
    jobs: redb::ReadOnlyTable<[u8; 16], (u8, u64)>,
    left: usize,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pending({} left)", self.left)
    }
}

impl Pending {
    fn read_next(&mut self) -> Option<Result<PendingJob, PendingError>> {
        let (key, row) = match self.rows.as_mut()?.next()? {
            Ok((key, row)) => (key.value(), row),
            Err(error) => {
                self.give_up();
                return Some(Err(StoreError::from(error).into()));
            }
        };
        let row = row.value();
        Some(self.job(key, row).map_err(|error| self.blame(key, row, error)))
    }

    fn job(&self, key: u64, row: &[u8]) -> Result<PendingJob, StoreError> {
        let (record, body) = whole(&self.shared, key, row)?;
        let started = self.running.get(key)?.is_some();
        Ok(PendingJob { entry: record.into_entry(body), started })
    }

    fn give_up(&mut self) {
        (self.rows, self.left) = (None, 0);
    }

    /// Says whose row it is that is damaged.
    fn blame(&self, key: u64, row: &[u8], error: StoreError) -> PendingError {
        if !matches!(error, StoreError::Damaged(_)) {
            return error.into();
        }
        let job = match row::open_head::<JobRecord>(&self.shared.sealer, "pending", key, row) {
            Ok(record) => Some(record.id()),
            Err(_) => match job_at(&self.jobs, key) {
                Ok(job) => job,
                Err(error) => return error.into(),
            },
        };
        PendingError::Damaged(DamagedJob { number: key, job })
    }
}

impl Iterator for Pending {
    type Item = Result<PendingJob, PendingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = unpanicked(|| self.read_next());
        self.left = self.left.saturating_sub(1);
        next.unwrap_or_else(|| {
            self.give_up();
            Some(Err(StoreError::damaged("pending").into()))
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Exact but for an error of the file itself, which ends it early.
impl ExactSizeIterator for Pending {}

/// The job whose row in `pending` has this key, by the index.
pub(crate) fn job_at(
    jobs: &impl ReadableTable<[u8; 16], (u8, u64)>,
    key: u64,
) -> Result<Option<JobId>, StoreError> {
    for entry in jobs.iter()? {
        let (job, at) = entry?;
        if at.value() == (PENDING_ROW, key) {
            return Ok(Some(JobId(job.value())));
        }
    }
    Ok(None)
}

/// A row of `pending` with its body.
pub(crate) fn whole(
    shared: &Arc<Shared>,
    key: u64,
    row: &[u8],
) -> Result<(JobRecord, Bytes), StoreError> {
    let record: JobRecord = row::open_head(&shared.sealer, "pending", key, row)?;
    let body = content(shared, "pending", key, row, &record.body)?
        .ok_or_else(|| StoreError::damaged("blobs"))?;
    Ok((record, body.whole()?))
}

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
    shared: &Arc<Shared>,
    table: &'static str,
    key: u64,
    row: &[u8],
    whereabouts: &Whereabouts,
) -> Result<Option<Content>, StoreError> {
    match whereabouts {
        Whereabouts::Inline => row::open_body(&shared.sealer, table, key, row)
            .map(|body| Some(Content::from(Bytes::from(body)))),
        Whereabouts::Blob(name) => Blobs::read(shared, name),
    }
}

fn receipt(
    transaction: &ReadTransaction,
    shared: &Shared,
    sequence: u64,
) -> Result<Option<String>, StoreError> {
    let table = transaction.open_table(RECEIPTS)?;
    let sealed = table.get(sequence)?;
    sealed.map(|sealed| open_receipt(shared, sequence, sealed.value())).transpose()
}

fn open_receipt(shared: &Shared, sequence: u64, sealed: &[u8]) -> Result<String, StoreError> {
    let place = Place { table: "receipts", key: &[&sequence.to_be_bytes()] };
    shared
        .sealer
        .open(place, sealed)
        .and_then(|receipt| String::from_utf8(receipt).ok())
        .ok_or_else(|| StoreError::damaged("receipts"))
}

/// Every file that a row refers to; `None` when some rows do not say.
pub(crate) fn referenced_blobs(shared: &Shared) -> Result<Option<BTreeSet<String>>, StoreError> {
    let mut named = BTreeSet::new();
    let mut all_say = true;
    let mut note = |whereabouts: Result<Whereabouts, StoreError>| match whereabouts {
        Ok(Whereabouts::Inline) => {}
        Ok(Whereabouts::Blob(name)) => {
            named.insert(name);
        }
        Err(_) => all_say = false,
    };
    let of_pending = |key, row: &[u8]| {
        row::open_head::<JobRecord>(&shared.sealer, "pending", key, row).map(|job| job.body)
    };
    shared.read(|transaction| {
        for row in transaction.open_table(PENDING)?.range::<u64>(..)? {
            let (key, row) = row?;
            note(of_pending(key.value(), row.value()));
        }
        for row in transaction.open_table(DAMAGED)?.range::<u64>(..)? {
            let (key, row) = row?;
            note(of_pending(key.value(), row.value().1));
        }
        for row in transaction.open_table(SETTLED)?.range::<u64>(..)? {
            let (key, row) = row?;
            let record = row::open_head::<SettledRecord>(
                &shared.sealer,
                "settled",
                key.value(),
                row.value(),
            );
            if let Ok(SettledRecord { response: Whereabouts::Blob(name), .. }) = &record {
                shared.blobs.count_result(name);
            }
            note(record.map(|record| record.response));
        }
        Ok(())
    })?;
    Ok(all_say.then_some(named))
}
