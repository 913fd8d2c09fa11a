//! Eviction: the oldest settled results first, receipts by a count of their own.

use std::time::Duration;

use redb::ReadableTable;
use sealwork_job::{JobId, Timestamp};
use tokio::sync::oneshot;

use crate::{
    StoreError,
    batch::{Batch, Failure, Operation, own},
    doubt::Doubts,
    record::SettledRecord,
    shared::Shared,
    tables::{Location, SETTLED_ROW},
};

/// Rows that one commit removes at most, so that nothing else waits long.
pub(crate) const AT_ONCE: usize = 256;

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) count: u64,
    pub(crate) age: Duration,
    pub(crate) now: Timestamp,
}

impl Keep {
    /// Whether the oldest of `settled` results, which settled at `oldest`, must go.
    pub(crate) fn is_exceeded(&self, settled: u64, oldest: Timestamp) -> bool {
        settled > self.count || self.now.since(oldest) > self.age
    }
}

pub(crate) type Evicted = Result<Vec<JobId>, StoreError>;

pub(crate) struct Evict {
    keep: Keep,
    outcome: Evicted,
    answer: oneshot::Sender<Evicted>,
}

impl Evict {
    pub(crate) fn new(keep: Keep, answer: oneshot::Sender<Evicted>) -> Self {
        Self { keep, outcome: Ok(Vec::new()), answer }
    }

    fn remove(
        batch: &mut Batch<'_>,
        sequence: u64,
        record: SettledRecord,
    ) -> Result<(), StoreError> {
        batch.tables.settled.remove(sequence)?;
        batch.tables.delivered.remove(sequence)?;
        let id = record.job.id();
        if batch.location(id)? == Some(Location::Settled(sequence)) {
            batch.tables.jobs.remove(id.as_bytes())?;
        }
        batch.let_go(record.response);
        batch.touch();
        Ok(())
    }

    /// A row that does not open still takes up room: it goes, and so does whatever points to it.
    fn remove_damaged(batch: &mut Batch<'_>, sequence: u64) -> Result<(), StoreError> {
        batch.tables.settled.remove(sequence)?;
        batch.tables.delivered.remove(sequence)?;
        batch.tables.jobs.retain(|_, at| at != (SETTLED_ROW, sequence))?;
        batch.touch();
        Ok(())
    }
}

impl Operation for Evict {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let mut gone = Vec::new();
        while gone.len() < AT_ONCE {
            let Some(sequence) = batch.tables.settled.first()?.map(|(key, _)| key.value()) else {
                break;
            };
            let settled = redb::ReadableTableMetadata::len(&batch.tables.settled)?;
            match own(batch.settled_record(sequence))? {
                Ok(record) => {
                    if !self.keep.is_exceeded(settled, record.settled_at) {
                        break;
                    }
                    gone.push(record.job.id());
                    Self::remove(batch, sequence, record)?;
                }
                Err(_) if settled > self.keep.count => Self::remove_damaged(batch, sequence)?,
                Err(damaged) => {
                    self.outcome = Err(damaged);
                    return Ok(());
                }
            }
        }
        prune_receipts(batch)?;
        self.outcome = Ok(gone);
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let _ = self.answer.send(self.outcome);
    }

    fn failed(self: Box<Self>, failure: &Failure, _: &Shared, _: &mut Doubts) {
        let _ = self.answer.send(Err(failure.error.clone()));
    }
}

/// Receipts outlive their results up to a count; the receipt of a kept result always stays.
fn prune_receipts(batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let kept_from = batch.head.next_sequence.saturating_sub(batch.shared.options.receipts_kept);
    let oldest_result = batch.tables.settled.first()?.map(|(key, _)| key.value());
    let bound = oldest_result.map_or(kept_from, |oldest| oldest.min(kept_from));
    for _ in 0..AT_ONCE {
        let Some(sequence) = batch.tables.receipts.first()?.map(|(key, _)| key.value()) else {
            break;
        };
        if sequence >= bound {
            break;
        }
        batch.tables.receipts.remove(sequence)?;
        batch.touch();
    }
    Ok(())
}
