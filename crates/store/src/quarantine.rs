//! Setting aside what does not read, so that the rest goes on and nothing vanishes.

use redb::ReadableTable;
use tokio::sync::oneshot;

use crate::{
    StoreError,
    batch::{Batch, Failure, Operation, own},
    doubt::Doubts,
    read,
    shared::Shared,
    tables::DAMAGED_ROW,
};

pub(crate) struct Quarantine {
    keys: Vec<u64>,
    outcome: Result<usize, StoreError>,
    answer: oneshot::Sender<Result<usize, StoreError>>,
}

impl Quarantine {
    pub(crate) fn new(keys: Vec<u64>, answer: oneshot::Sender<Result<usize, StoreError>>) -> Self {
        Self { keys, outcome: Ok(0), answer }
    }

    /// The rows that do not read. An error of the disk tells nothing about a row.
    fn damaged(&self, batch: &Batch<'_>) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let mut damaged = Vec::new();
        for key in &self.keys {
            let Some(row) = batch.tables.pending.get(key)? else { continue };
            if own(read::whole(batch.shared, *key, row.value()))?.is_err() {
                damaged.push((*key, row.value().to_vec()));
            }
        }
        Ok(damaged)
    }

    fn set_aside(batch: &mut Batch<'_>, key: u64, row: &[u8]) -> Result<(), StoreError> {
        let job = read::job_at(&batch.tables.jobs, key)?;
        batch.tables.pending.remove(key)?;
        batch.tables.running.remove(key)?;
        if let Some(job) = job {
            batch.tables.jobs.insert(job.as_bytes(), (DAMAGED_ROW, key))?;
        }
        batch.tables.damaged.insert(key, (job.map(|job| *job.as_bytes()), row))?;
        tracing::error!(
            number = key,
            job = job.map(tracing::field::display),
            "an accepted job does not read back; its row is set aside"
        );
        batch.touch();
        Ok(())
    }
}

impl Operation for Quarantine {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let damaged = match self.damaged(batch) {
            Ok(damaged) => damaged,
            Err(error) => {
                self.outcome = Err(error);
                return Ok(());
            }
        };
        for (key, row) in &damaged {
            Self::set_aside(batch, *key, row)?;
        }
        self.outcome = Ok(damaged.len());
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let _ = self.answer.send(self.outcome);
    }

    fn failed(self: Box<Self>, failure: &Failure, _: &Shared, _: &mut Doubts) {
        let _ = self.answer.send(Err(failure.error.clone()));
    }
}
