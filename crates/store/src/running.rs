//! Marking a job as running, before what must not happen twice begins.

use sealwork_job::JobId;
use tokio::sync::oneshot;

use crate::{
    SettleError, StoreError,
    batch::{Batch, Failure, Operation, own},
    doubt::Doubts,
    shared::Shared,
    tables::Location,
};

pub(crate) struct MarkRunning {
    job: JobId,
    outcome: Result<(), SettleError>,
    answer: oneshot::Sender<Result<(), SettleError>>,
}

impl MarkRunning {
    pub(crate) fn new(job: JobId, answer: oneshot::Sender<Result<(), SettleError>>) -> Self {
        Self { job, outcome: Ok(()), answer }
    }
}

impl Operation for MarkRunning {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        self.outcome = match own(batch.location(self.job))? {
            Err(damaged) => Err(damaged.into()),
            Ok(None) => Err(SettleError::Unknown),
            Ok(Some(Location::Settled(_) | Location::Receipt(_))) => {
                Err(SettleError::AlreadySettled)
            }
            Ok(Some(Location::Pending(key))) => {
                batch.tables.running.insert(key, ())?;
                batch.touch();
                Ok(())
            }
        };
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let _ = self.answer.send(self.outcome);
    }

    fn failed(self: Box<Self>, failure: &Failure, _: &Shared, _: &mut Doubts) {
        // A mark that is there all the same does no harm: the job has not begun, and marking it
        // again is allowed.
        let _ = self.answer.send(Err(failure.error.clone().into()));
    }
}
