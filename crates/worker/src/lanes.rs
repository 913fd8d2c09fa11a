use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sealwork_job::LaneId;
use tokio::sync::OwnedMutexGuard;

/// Lets one job of each lane at a time through admission. Lanes are few: a chain's shards.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<HashMap<LaneId, Arc<tokio::sync::Mutex<()>>>>);

impl Lanes {
    /// Waits until the job submitted to the lane before this one is journalled and scheduled.
    pub(crate) async fn enter(&self, lane: &LaneId) -> OwnedMutexGuard<()> {
        let gate = {
            let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(gates.entry(lane.clone()).or_default())
        };
        gate.lock_owned().await
    }
}
