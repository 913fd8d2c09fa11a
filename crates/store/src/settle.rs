//! Settling a job: outcome, receipt, end of the chain and outbox entry in one commit.

use std::{io::Error, sync::Arc};

use bytes::Bytes;
use sealwork_job::{Digest, JobId};
use tokio::sync::oneshot;

use crate::{
    ChainHead, Response, SettleError, SettledSummary, Settlement, StoreError,
    batch::{Batch, Failure, Operation, own},
    database::unpanicked,
    doubt::Doubts,
    record::{JobRecord, OutboxRecord, SettledRecord, Whereabouts, row, seal_record},
    sealing::Place,
    shared::Shared,
    tables::{Location, SETTLED_ROW},
};

pub(crate) type Make = Box<dyn FnMut(ChainHead) -> Settlement + Send>;

/// Where a response is, and its bytes where that is the row.
type Placed = (Whereabouts, Option<Bytes>);

pub(crate) struct Settle {
    job: JobId,
    make: Make,
    outcome: Result<SettledSummary, SettleError>,
    /// The file that the response went into.
    blob: Option<String>,
    /// Whether an earlier attempt had done it.
    recognised: bool,
    answer: oneshot::Sender<Result<SettledSummary, SettleError>>,
}

/// What is found of the job.
enum Found {
    Pending {
        key: u64,
        record: Box<JobRecord>,
    },
    Settled(SettledSummary),
    /// Settled, and its result evicted since.
    Evicted,
}

impl Settle {
    pub(crate) fn new(
        job: JobId,
        make: Make,
        answer: oneshot::Sender<Result<SettledSummary, SettleError>>,
    ) -> Self {
        Self {
            job,
            make,
            outcome: Err(SettleError::Unknown),
            blob: None,
            recognised: false,
            answer,
        }
    }

    fn find(&self, batch: &Batch<'_>) -> Result<Option<Found>, StoreError> {
        Ok(match batch.location(self.job)? {
            None => None,
            Some(Location::Pending(key)) => {
                let record = batch.pending_record(key)?;
                if record.id() != self.job {
                    return Err(StoreError::damaged("pending"));
                }
                Some(Found::Pending { key, record: Box::new(record) })
            }
            Some(Location::Settled(sequence)) => {
                let receipt_digest = Digest(batch.settled_record(sequence)?.receipt_digest);
                Some(Found::Settled(SettledSummary { sequence, receipt_digest }))
            }
            Some(Location::Receipt(_)) => Some(Found::Evicted),
        })
    }

    fn settle(
        &mut self,
        batch: &mut Batch<'_>,
        key: u64,
        job: JobRecord,
    ) -> Result<Result<SettledSummary, SettleError>, StoreError> {
        let chain = batch.head.chain();
        let Some(made) = unpanicked(|| (self.make)(chain)) else {
            return Ok(Err(SettleError::Panicked));
        };
        let shared = batch.shared;
        let sequence = chain.next_sequence;
        let (response, inline) = match own(place(shared, made.response))? {
            Ok(Some(placed)) => placed,
            Ok(None) => return Ok(Err(SettleError::Panicked)),
            Err(damaged) => return Ok(Err(damaged.into())),
        };
        if let Whereabouts::Blob(name) = &response {
            shared.blobs.count_result(name);
            self.blob = Some(name.clone());
        }
        let started = batch.tables.running.remove(key)?.is_some();
        batch.let_go(job.body.clone());
        let record = SettledRecord {
            job,
            started,
            code: made.code,
            settled_at: made.settled_at,
            receipt_digest: made.receipt_digest.0,
            response,
        };
        let row = row::seal(&shared.sealer, "settled", sequence, &record, inline.as_deref())?;
        batch.tables.pending.remove(key)?;
        batch.tables.settled.insert(sequence, row.as_slice())?;
        batch.tables.jobs.insert(self.job.as_bytes(), (SETTLED_ROW, sequence))?;
        let number = sequence.to_be_bytes();
        batch.tables.receipt_jobs.insert(sequence, self.job.as_bytes())?;
        let place = Place { table: "receipts", key: &[&number] };
        let receipt = shared.sealer.seal(place, made.receipt.as_bytes());
        batch.tables.receipts.insert(sequence, receipt.as_slice())?;
        if let Some(entry) = made.outbox {
            let place = Place { table: "outbox", key: &[entry.door.as_bytes(), &number] };
            let record =
                OutboxRecord { job: *self.job.as_bytes(), payload: entry.payload.to_vec() };
            let sealed = seal_record(&shared.sealer, place, &record)?;
            batch.tables.outbox.insert((entry.door.as_str(), sequence), sealed.as_slice())?;
        }
        batch.head.next_sequence += 1;
        batch.head.digest = made.receipt_digest.0;
        batch.touch();
        Ok(Ok(SettledSummary { sequence, receipt_digest: made.receipt_digest }))
    }
}

/// Puts a response where it belongs, and gives back what goes into the row; `None`: making it
/// panicked.
fn place(shared: &Shared, response: Response) -> Result<Option<Placed>, StoreError> {
    let placed = match response {
        Response::Whole(bytes) => {
            let placed = shared.blobs.place(&shared.sealer, &bytes)?;
            let inline = (placed == Whereabouts::Inline).then_some(bytes);
            return Ok(Some((placed, inline)));
        }
        // What a panic leaves behind the next start removes.
        Response::Poured(pour) => unpanicked(|| shared.blobs.pour(&shared.sealer, pour)),
    };
    Ok(placed.transpose()?.map(|placed| (placed, None)))
}

impl Operation for Settle {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        self.outcome = match own(self.find(batch))? {
            Err(damaged) => Err(damaged.into()),
            Ok(None) => Err(SettleError::Unknown),
            Ok(Some(Found::Pending { key, record })) => {
                // Whatever was tried before did not reach the disk.
                batch.doubts.settled.remove(&self.job);
                self.settle(batch, key, *record)?
            }
            Ok(Some(Found::Evicted)) => Err(SettleError::AlreadySettled),
            Ok(Some(Found::Settled(summary))) => {
                // An attempt whose commit was said to have failed had reached the disk.
                match batch.doubts.settled.remove(&self.job) {
                    Some(digest) if digest == summary.receipt_digest => {
                        self.recognised = true;
                        Ok(summary)
                    }
                    _ => Err(SettleError::AlreadySettled),
                }
            }
        };
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let _ = self.answer.send(self.outcome);
    }

    fn failed(self: Box<Self>, failure: &Failure, shared: &Shared, doubts: &mut Doubts) {
        if (failure.in_doubt || self.recognised)
            && let Ok(summary) = &self.outcome
        {
            doubts.settled.insert(self.job, summary.receipt_digest);
        }
        if failure.in_doubt {
            doubts.responses.extend(self.blob.map(|blob| (self.job, blob)));
        } else if let Some(blob) = self.blob {
            shared.blobs.remove(&blob);
        }
        // Damage of this job's own comes with a commit. Of the whole batch it says nothing about
        // this job, which may settle at the next try.
        let error = match &failure.error {
            StoreError::Damaged(detail) => StoreError::Disk(Arc::new(Error::other(detail.clone()))),
            other => other.clone(),
        };
        let _ = self.answer.send(Err(error.into()));
    }
}
