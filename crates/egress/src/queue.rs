use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::error::Phase;

/// What a fetch spends its time on: waiting for the worker's other fetches, or the network.
#[derive(Debug, Default)]
pub(crate) struct Queue(AtomicBool);

impl Queue {
    /// Waits for a place that others have.
    pub(crate) async fn wait<T>(&self, place: impl Future<Output = T>) -> T {
        self.0.store(true, Relaxed);
        let place = place.await;
        self.0.store(false, Relaxed);
        place
    }

    /// What took too long, when the time for all of the fetch is over.
    pub(crate) fn phase(&self) -> Phase {
        if self.0.load(Relaxed) { Phase::Queue } else { Phase::Total }
    }
}
