//! Eviction: the oldest settled results first, receipts by a count of their own.

use std::time::Duration;

use redb::{ReadableTable, ReadableTableMetadata};
use sealwork_job::{JobId, Timestamp};
use tokio::sync::oneshot;

use crate::{
    StoreError,
    batch::{Batch, Failure, Operation, own},
    doubt::Doubts,
    record::{SettledRecord, Whereabouts},
    shared::Shared,
    tables::{RECEIPT_ROW, SETTLED_ROW},
};

/// Rows that one commit removes at most, so that nothing else waits long.
pub(crate) const AT_ONCE: usize = 256;

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) count: u64,
    pub(crate) age: Duration,
    pub(crate) now: Timestamp,
    /// Bytes of results in files of their own.
    pub(crate) bytes: u64,
}

impl Keep {
    /// Whether the oldest of `settled` results, which settled at `oldest`, must go; they have `bytes`.
    pub(crate) fn is_exceeded(&self, settled: u64, bytes: u64, oldest: Timestamp) -> bool {
        settled > self.count || bytes > self.bytes || self.now.since(oldest) > self.age
    }
}

/// What one commit removed.
#[derive(Debug, Default)]
pub(crate) struct Evicted {
    /// Jobs whose results went, in the order in which they settled.
    pub(crate) jobs: Vec<JobId>,
    /// Whether there is more to remove.
    pub(crate) has_more: bool,
}

pub(crate) struct Evict {
    keep: Keep,
    /// Bytes that go with this commit.
    freed: u64,
    outcome: Evicted,
    answer: oneshot::Sender<Result<Evicted, StoreError>>,
}

impl Evict {
    pub(crate) fn new(keep: Keep, answer: oneshot::Sender<Result<Evicted, StoreError>>) -> Self {
        Self { keep, freed: 0, outcome: Evicted::default(), answer }
    }

    fn remove(
        batch: &mut Batch<'_>,
        sequence: u64,
        record: SettledRecord,
    ) -> Result<(), StoreError> {
        batch.tables.settled.remove(sequence)?;
        batch.tables.delivered.remove(sequence)?;
        let id = record.job.id();
        if batch.points_to(id, (SETTLED_ROW, sequence))? {
            batch.tables.jobs.insert(id.as_bytes(), (RECEIPT_ROW, sequence))?;
        }
        batch.let_go(record.response);
        Ok(())
    }

    /// A row that does not open can neither be read nor grow old: it goes, its receipt stays.
    fn remove_damaged(batch: &mut Batch<'_>, sequence: u64) -> Result<(), StoreError> {
        batch.tables.settled.remove(sequence)?;
        batch.tables.delivered.remove(sequence)?;
        let job = batch.tables.receipt_jobs.get(sequence)?.map(|job| JobId(job.value()));
        match job {
            Some(job) if batch.points_to(job, (SETTLED_ROW, sequence))? => {
                batch.tables.jobs.insert(job.as_bytes(), (RECEIPT_ROW, sequence))?;
            }
            _ => batch.tables.jobs.retain(|_, at| at != (SETTLED_ROW, sequence))?,
        }
        tracing::warn!(
            sequence,
            job = job.map(tracing::field::display),
            "a stored result does not open; it is removed, its receipt stays"
        );
        Ok(())
    }

    /// Removes the oldest result if it must go, or cannot be read; false when it stays.
    fn remove_oldest(&mut self, batch: &mut Batch<'_>) -> Result<bool, StoreError> {
        let Some(sequence) = batch.tables.settled.first()?.map(|(key, _)| key.value()) else {
            return Ok(false);
        };
        match own(batch.settled_record(sequence))? {
            Err(_) => Self::remove_damaged(batch, sequence)?,
            Ok(record) => {
                let settled = batch.tables.settled.len()?;
                let blobs = &batch.shared.blobs;
                let bytes = blobs.all_result_bytes().saturating_sub(self.freed);
                if !self.keep.is_exceeded(settled, bytes, record.settled_at) {
                    return Ok(false);
                }
                if let Whereabouts::Blob(name) = &record.response {
                    self.freed += blobs.result_bytes(name);
                }
                self.outcome.jobs.push(record.job.id());
                Self::remove(batch, sequence, record)?;
            }
        }
        batch.touch();
        Ok(true)
    }
}

impl Operation for Evict {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let mut results = 0;
        while results < AT_ONCE && self.remove_oldest(batch)? {
            results += 1;
        }
        let receipts = prune_receipts(batch)?;
        self.outcome.has_more = results == AT_ONCE || receipts == AT_ONCE;
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let _ = self.answer.send(Ok(self.outcome));
    }

    fn failed(self: Box<Self>, failure: &Failure, _: &Shared, _: &mut Doubts) {
        let _ = self.answer.send(Err(failure.error.clone()));
    }
}

/// The number of the first receipt that stays. Receipts outlive their results up to a count; the
/// receipt of a kept result always stays.
pub(crate) fn receipts_from(next: u64, kept: u64, oldest_result: Option<u64>) -> u64 {
    let by_count = next.saturating_sub(kept);
    oldest_result.map_or(by_count, |oldest| oldest.min(by_count))
}

/// Removes receipts that nothing keeps, oldest first; how many.
fn prune_receipts(batch: &mut Batch<'_>) -> Result<usize, StoreError> {
    let oldest_result = batch.tables.settled.first()?.map(|(key, _)| key.value());
    let kept = batch.shared.options.receipts_kept;
    let bound = receipts_from(batch.head.next_sequence, kept, oldest_result);
    for pruned in 0..AT_ONCE {
        let oldest = batch.tables.receipts.first()?.map(|(key, _)| key.value());
        let Some(sequence) = oldest.filter(|sequence| *sequence < bound) else {
            return Ok(pruned);
        };
        batch.tables.receipts.remove(sequence)?;
        let job = batch.tables.receipt_jobs.remove(sequence)?.map(|job| JobId(job.value()));
        if let Some(job) = job
            && batch.points_to(job, (RECEIPT_ROW, sequence))?
        {
            batch.tables.jobs.remove(job.as_bytes())?;
        }
        batch.touch();
    }
    Ok(AT_ONCE)
}
