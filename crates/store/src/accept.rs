//! Journalling a job: entry, body and replay entry in one commit.

use bytes::Bytes;
use redb::ReadableTable;
use sealwork_job::{JobId, Timestamp};
use tokio::sync::oneshot;

use crate::{
    AcceptError, JournalEntry, ReplayEntry, StoreError,
    batch::{Batch, Failure, Operation, own},
    doubt::Doubts,
    record::{JobRecord, Whereabouts, row},
    shared::Shared,
    tables::PENDING_ROW,
};

pub(crate) struct Accept {
    record: JobRecord,
    body: Bytes,
    replay: Option<([u8; 16], Timestamp)>,
    outcome: Result<(), AcceptError>,
    answer: oneshot::Sender<Result<(), AcceptError>>,
}

impl Accept {
    /// `body` says where the entry's body is: in a file that is synced already, or to be put into
    /// the row.
    pub(crate) fn new(
        shared: &Shared,
        entry: &JournalEntry,
        replay: Option<&ReplayEntry>,
        body: Whereabouts,
        answer: oneshot::Sender<Result<(), AcceptError>>,
    ) -> Self {
        let replay = replay.map(|r| (shared.sealer.replay_key(&r.scope, &r.nonce), r.until));
        let record = JobRecord::new(entry, replay.map(|(key, _)| key), body);
        Self { record, body: entry.body.clone(), replay, outcome: Ok(()), answer }
    }

    /// What keeps the job out, if anything does.
    fn obstacle(&self, batch: &Batch<'_>) -> Result<Option<AcceptError>, StoreError> {
        if let Some(job) = self.replayed(batch)? {
            return Ok(Some(AcceptError::Replayed(job)));
        }
        // What is known of earlier arrivals is forgotten at this time: without it a commit that was
        // held up for long enough would take the same job once more.
        if self.replay.is_some_and(|(_, until)| until < batch.now) {
            return Ok(Some(AcceptError::Expired));
        }
        let Some(position) = self.record.lane() else { return Ok(None) };
        let last = batch.last_position(&position.lane)?;
        Ok(last
            .filter(|last| *last >= position.position)
            .map(|last| AcceptError::LaneOrder { last }))
    }

    /// The job that this one is, if it came before.
    fn replayed(&self, batch: &Batch<'_>) -> Result<Option<JobId>, StoreError> {
        if batch.location(self.record.id())?.is_some() {
            return Ok(Some(self.record.id()));
        }
        let Some((key, _)) = self.replay else { return Ok(None) };
        let known = batch.tables.replay.get(key)?.map(|entry| entry.value());
        Ok(known.filter(|(until, _)| Timestamp(*until) >= batch.now).map(|(_, job)| JobId(job)))
    }

    fn write(&self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let id = self.record.id();
        if let Some((key, until)) = self.replay {
            // An expired entry that was not swept yet may be in the way.
            batch.forget_replay(key)?;
            batch.tables.replay.insert(key, (until.as_millis(), *id.as_bytes()))?;
            batch.tables.replay_until.insert((until.as_millis(), key), ())?;
        }
        if let Some(position) = self.record.lane() {
            batch.set_last_position(&position.lane, position.position)?;
        }
        let key = batch.head.next_accept;
        batch.head.next_accept += 1;
        let body = match self.record.body {
            Whereabouts::Inline => Some(&self.body[..]),
            Whereabouts::Blob(_) => None,
        };
        let row = row::seal(&batch.shared.sealer, "pending", key, &self.record, body)?;
        batch.tables.pending.insert(key, row.as_slice())?;
        batch.tables.jobs.insert(id.as_bytes(), (PENDING_ROW, key))?;
        batch.note_accepted();
        Ok(())
    }

    fn blob(self) -> Option<String> {
        match self.record.body {
            Whereabouts::Inline => None,
            Whereabouts::Blob(name) => Some(name),
        }
    }
}

impl Operation for Accept {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        match own(self.obstacle(batch))? {
            Ok(None) => return self.write(batch),
            Ok(Some(obstacle)) => self.outcome = Err(obstacle),
            Err(damaged) => self.outcome = Err(damaged.into()),
        }
        batch.let_go(self.record.body.clone());
        Ok(())
    }

    fn committed(self: Box<Self>) {
        // Whoever has stopped waiting finds the job by its id.
        let _ = self.answer.send(self.outcome);
    }

    fn failed(self: Box<Self>, failure: &Failure, shared: &Shared, doubts: &mut Doubts) {
        let mut this = *self;
        let (answer, _) = oneshot::channel();
        let answer = std::mem::replace(&mut this.answer, answer);
        let id = this.record.id();
        match (failure.in_doubt, this.blob()) {
            (true, blob) => doubts.disowned.push((id, blob)),
            (false, Some(blob)) => shared.blobs.remove(&blob),
            (false, None) => {}
        }
        let _ = answer.send(Err(failure.error.clone().into()));
    }
}
