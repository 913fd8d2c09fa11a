//! What doors have to deliver.

use bytes::Bytes;
use sealwork_job::JobId;
use tokio::sync::oneshot;

use crate::{
    Store, StoreError,
    batch::{Batch, Failure, Operation},
    doubt::Doubts,
    record::{OutboxRecord, open_record},
    sealing::Place,
    shared::Shared,
    tables::{OUTBOX, SETTLED_ROW},
};

/// Something to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// Its place: the number of the job's receipt.
    pub sequence: u64,
    /// The job.
    pub job: JobId,
    /// What the settlement put there, in the door's own form.
    pub payload: Bytes,
}

/// One door's undelivered entries, in the order in which the jobs settled.
#[derive(Debug, Clone)]
pub struct Outbox {
    store: Store,
    door: String,
}

impl Outbox {
    pub(crate) fn new(store: Store, door: String) -> Self {
        Self { store, door }
    }

    /// Up to `limit` entries after the one numbered `after`, or from the oldest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list(&self, after: Option<u64>, limit: usize) -> Result<Vec<OutboxItem>, StoreError> {
        let Some(first) = after.map_or(Some(0), |after| after.checked_add(1)) else {
            return Ok(Vec::new());
        };
        let door = self.door.as_str();
        self.store.read(|transaction, shared| {
            let table = transaction.open_table(OUTBOX)?;
            let mut items = Vec::new();
            for row in table.range((door, first)..=(door, u64::MAX))?.take(limit) {
                let (at, sealed) = row?;
                let sequence = at.value().1;
                let number = sequence.to_be_bytes();
                let place = Place { table: "outbox", key: &[door.as_bytes(), &number] };
                let record: OutboxRecord = open_record(&shared.sealer, place, sealed.value())?;
                items.push(OutboxItem {
                    sequence,
                    job: JobId(record.job),
                    payload: record.payload.into(),
                });
            }
            Ok(items)
        })
    }

    /// Removes a delivered entry and marks its job as delivered. An unknown one is no error.
    ///
    /// # Errors
    /// [`StoreError`]; then the entry may be delivered again.
    pub async fn ack(&self, sequence: u64) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.store.apply(Ack { door: self.door.clone(), sequence, answer }).await?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }
}

struct Ack {
    door: String,
    sequence: u64,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Ack {
    fn is_still_kept(&self, batch: &Batch<'_>, job: JobId) -> Result<bool, StoreError> {
        batch.points_to(job, (SETTLED_ROW, self.sequence))
    }
}

impl Operation for Ack {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let number = self.sequence.to_be_bytes();
        let place = Place { table: "outbox", key: &[self.door.as_bytes(), &number] };
        let job = match batch.tables.outbox.remove((self.door.as_str(), self.sequence))? {
            None => return Ok(()),
            // An entry that does not open was still delivered, or never can be.
            Some(sealed) => {
                open_record::<OutboxRecord>(&batch.shared.sealer, place, sealed.value()).ok()
            }
        };
        batch.touch();
        if let Some(record) = job
            && self.is_still_kept(batch, JobId(record.job))?
        {
            batch.tables.delivered.insert(self.sequence, ())?;
        }
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let _ = self.answer.send(Ok(()));
    }

    fn failed(self: Box<Self>, failure: &Failure, _: &Shared, _: &mut Doubts) {
        let _ = self.answer.send(Err(failure.error.clone()));
    }
}
