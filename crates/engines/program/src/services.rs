//! What one job's program reaches, and what it is billed for.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_engine::Meter;
use sealwork_sandbox::{Services, Used};

use crate::fetch::{self, Fetches};

/// The services of one run.
pub(crate) struct JobServices {
    fetches: Fetches,
    meter: Arc<Meter>,
    billed: Mutex<Used>,
}

impl JobServices {
    pub(crate) fn new(fetches: Fetches, meter: Arc<Meter>) -> Self {
        Self { fetches, meter, billed: Mutex::default() }
    }
}

#[async_trait]
impl Services for JobServices {
    async fn call(&self, request: Bytes) -> Bytes {
        self.fetches.answer(&request).await
    }

    fn no_room(&self) -> Bytes {
        fetch::no_room()
    }

    /// At once, so that a job whose engine or process is ended from outside is billed as well.
    fn used(&self, so_far: Used) {
        let mut billed = self.billed.lock().unwrap_or_else(PoisonError::into_inner);
        self.meter.add_cpu(so_far.cpu.saturating_sub(billed.cpu));
        self.meter.add_fuel(so_far.fuel.saturating_sub(billed.fuel));
        self.meter.note_memory(so_far.peak_memory);
        *billed = Used {
            fuel: so_far.fuel.max(billed.fuel),
            cpu: so_far.cpu.max(billed.cpu),
            peak_memory: so_far.peak_memory.max(billed.peak_memory),
        };
    }
}
