//! Forgetting the highest time that a commit has seen.

use tokio::sync::oneshot;

use crate::{
    StoreError,
    batch::{Batch, Failure, Operation},
    doubt::Doubts,
    shared::Shared,
};

pub(crate) struct ResetClock(oneshot::Sender<Result<(), StoreError>>);

impl ResetClock {
    pub(crate) fn new(answer: oneshot::Sender<Result<(), StoreError>>) -> Self {
        Self(answer)
    }
}

impl Operation for ResetClock {
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        batch.now = batch.shared.clock.now();
        batch.touch();
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let _ = self.0.send(Ok(()));
    }

    fn failed(self: Box<Self>, failure: &Failure, _: &Shared, _: &mut Doubts) {
        let _ = self.0.send(Err(failure.error.clone()));
    }
}
