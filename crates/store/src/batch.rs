//! One transaction and the operations in it.

use std::{collections::BTreeSet, sync::Arc};

use redb::{ReadableTable, WriteTransaction};
use sealwork_job::{JobId, LaneId, LanePosition, Timestamp};

use crate::{
    StoreError,
    doubt::Doubts,
    format,
    record::{Head, JobRecord, SettledRecord, Whereabouts, row},
    sealing::Place,
    shared::Shared,
    tables::{Location, Tables},
};

/// Expired replay entries that one commit removes at least.
const SWEPT_AT_LEAST: usize = 64;

/// Why a batch did not happen.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) error: StoreError,
    /// The commit itself failed: it may have reached the disk all the same.
    pub(crate) in_doubt: bool,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error, in_doubt: false }
    }
}

/// A change that waits for a commit.
pub(crate) trait Operation: Send {
    /// Makes the change. What the operation itself may not do, it remembers and changes nothing;
    /// an error is the disk's, and undoes the whole batch.
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError>;
    /// Answers: the change is on disk.
    fn committed(self: Box<Self>);
    /// Answers: nothing of it is on disk, or that is in doubt.
    fn failed(self: Box<Self>, failure: &Failure, shared: &Shared, doubts: &mut Doubts);
}

pub(crate) struct Batch<'t> {
    pub(crate) tables: Tables<'t>,
    pub(crate) shared: &'t Arc<Shared>,
    pub(crate) doubts: &'t mut Doubts,
    pub(crate) head: Head,
    /// The time by which expiry is judged: never before what an earlier commit has seen.
    pub(crate) now: Timestamp,
    /// Files that nothing refers to once this is committed.
    pub(crate) obsolete: Vec<String>,
    accepted: usize,
    changed: bool,
}

/// What a batch leaves for after its commit.
pub(crate) struct Finished {
    pub(crate) head: Head,
    pub(crate) obsolete: Vec<String>,
    pub(crate) changed: bool,
}

impl<'t> Batch<'t> {
    pub(crate) fn begin(
        transaction: &'t WriteTransaction,
        shared: &'t Arc<Shared>,
        doubts: &'t mut Doubts,
        head: Head,
    ) -> Result<Self, StoreError> {
        let now = shared.clock.now().max(head.high_water);
        let tables = Tables::open(transaction)?;
        let mut batch = Self {
            tables,
            shared,
            doubts,
            head,
            now,
            obsolete: Vec::new(),
            accepted: 0,
            changed: false,
        };
        if !batch.doubts.is_clear() {
            batch.clear_doubts()?;
        }
        Ok(batch)
    }

    /// Notes that there is something to commit.
    pub(crate) fn touch(&mut self) {
        self.changed = true;
    }

    pub(crate) fn location(&self, job: JobId) -> Result<Option<Location>, StoreError> {
        self.tables.jobs.get(job.as_bytes())?.map(|at| Location::decode(at.value())).transpose()
    }

    /// Whether the index says that the job's row is there. Unlike [`Self::location`], a damaged
    /// index is no error here: what asks must not fail with it.
    pub(crate) fn points_to(&self, job: JobId, at: (u8, u64)) -> Result<bool, StoreError> {
        Ok(self.tables.jobs.get(job.as_bytes())?.is_some_and(|found| found.value() == at))
    }

    pub(crate) fn pending_record(&self, key: u64) -> Result<JobRecord, StoreError> {
        let row = self.tables.pending.get(key)?.ok_or_else(|| StoreError::damaged("pending"))?;
        row::open_head(&self.shared.sealer, "pending", key, row.value())
    }

    pub(crate) fn settled_record(&self, sequence: u64) -> Result<SettledRecord, StoreError> {
        let row =
            self.tables.settled.get(sequence)?.ok_or_else(|| StoreError::damaged("settled"))?;
        row::open_head(&self.shared.sealer, "settled", sequence, row.value())
    }

    /// The last position that the lane has taken.
    pub(crate) fn last_position(&self, lane: &LaneId) -> Result<Option<u64>, StoreError> {
        let Some(sealed) = self.tables.lanes.get(lane.0.as_str())? else { return Ok(None) };
        let place = Place { table: "lanes", key: &[lane.0.as_bytes()] };
        let last = self.shared.sealer.open(place, sealed.value());
        let last = last.and_then(|last| <[u8; 8]>::try_from(last.as_slice()).ok());
        last.map(u64::from_be_bytes).map(Some).ok_or_else(|| StoreError::damaged("lanes"))
    }

    pub(crate) fn set_last_position(&mut self, lane: &LaneId, last: u64) -> Result<(), StoreError> {
        let place = Place { table: "lanes", key: &[lane.0.as_bytes()] };
        let last = self.shared.sealer.seal(place, &last.to_be_bytes());
        self.tables.lanes.insert(lane.0.as_str(), last.as_slice())?;
        Ok(())
    }

    /// Makes room for the position again: its job was never acknowledged and comes once more.
    fn take_back_position(&mut self, position: &LanePosition) -> Result<(), StoreError> {
        if self.last_position(&position.lane)? != Some(position.position) {
            return Ok(());
        }
        match position.position.checked_sub(1) {
            Some(before) => self.set_last_position(&position.lane, before),
            None => {
                self.tables.lanes.remove(position.lane.0.as_str())?;
                Ok(())
            }
        }
    }

    pub(crate) fn note_accepted(&mut self) {
        self.accepted += 1;
        self.touch();
    }

    pub(crate) fn let_go(&mut self, whereabouts: Whereabouts) {
        if let Whereabouts::Blob(name) = whereabouts {
            self.obsolete.push(name);
        }
    }

    /// Removes the replay entry under `key`, whatever time it has.
    pub(crate) fn forget_replay(&mut self, key: [u8; 16]) -> Result<(), StoreError> {
        let until = self.tables.replay.remove(key)?.map(|entry| entry.value().0);
        if let Some(until) = until {
            self.tables.replay_until.remove((until, key))?;
        }
        Ok(())
    }

    /// Marks results that were handed out.
    pub(crate) fn deliver(&mut self, jobs: &BTreeSet<JobId>) -> Result<(), StoreError> {
        for job in jobs {
            if let Ok(Some(Location::Settled(sequence))) = own(self.location(*job))?
                && self.tables.delivered.insert(sequence, ())?.is_none()
            {
                self.touch();
            }
        }
        Ok(())
    }

    /// Writes what every commit writes. The tables are closed then.
    pub(crate) fn finish(mut self) -> Result<Finished, StoreError> {
        if self.changed {
            self.sweep_replay_entries()?;
            self.head.high_water = self.now;
            format::write_head(&mut self.tables, &self.shared.sealer, &self.head)?;
        }
        Ok(Finished { head: self.head, obsolete: self.obsolete, changed: self.changed })
    }

    /// Twice as many as came in, so that they never pile up.
    fn sweep_replay_entries(&mut self) -> Result<(), StoreError> {
        for _ in 0..SWEPT_AT_LEAST.max(2 * self.accepted) {
            let Some((until, key)) = self.tables.replay_until.first()?.map(|(at, _)| at.value())
            else {
                break;
            };
            if Timestamp(until) >= self.now {
                break;
            }
            self.tables.replay_until.remove((until, key))?;
            self.tables.replay.remove(key)?;
        }
        Ok(())
    }

    fn clear_doubts(&mut self) -> Result<(), StoreError> {
        for (job, blob) in self.doubts.disowned.clone() {
            if let Ok(Some(Location::Pending(key))) = own(self.location(job))?
                && let Ok(record) = own(self.pending_record(key))?
            {
                self.tables.pending.remove(key)?;
                self.tables.running.remove(key)?;
                self.tables.jobs.remove(job.as_bytes())?;
                if let Some(position) = record.lane() {
                    // A damaged mark of the lane keeps its jobs out; nothing else may suffer.
                    let _ = own(self.take_back_position(position))?;
                }
                if let Some(replay) = record.replay {
                    self.forget_replay(replay)?;
                }
                self.touch();
            }
            self.obsolete.extend(blob);
        }
        for (job, name) in self.doubts.responses.clone() {
            let in_use = match own(self.location(job))? {
                Ok(Some(Location::Settled(sequence))) => own(self.settled_record(sequence))?
                    .map_or(true, |record| record.response == Whereabouts::Blob(name.clone())),
                _ => false,
            };
            if !in_use {
                self.obsolete.push(name);
            }
        }
        Ok(())
    }
}

/// Splits what damaged one operation from what fails the whole batch: a row that does not open
/// concerns nobody but who asked for it.
pub(crate) fn own<T>(result: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match result {
        Err(StoreError::Damaged(detail)) => Ok(Err(StoreError::Damaged(detail))),
        Err(other) => Err(other),
        Ok(value) => Ok(Ok(value)),
    }
}
