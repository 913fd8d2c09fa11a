use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use sealwork_job::{JobId, Limits, RequesterId, Usage};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Spool;

/// What an engine may know about the job that it performs.
#[derive(Clone)]
pub struct Context {
    /// The job.
    pub job: JobId,
    /// Who asked.
    pub requester: RequesterId,
    /// Who is counted where requesters divide something: the API key or chain account where there
    /// is one, else the requester.
    pub account: RequesterId,
    /// Resolved limits: the job's, else the operator's default.
    pub limits: Limits,
    /// The input section of the job's envelope.
    pub input: Option<Bytes>,
    /// When the job will be stopped.
    pub deadline: Instant,
    /// Fires when the job is stopped, for work that runs outside the engine's future.
    pub stop: CancellationToken,
    /// Where use is counted.
    pub meter: Arc<Meter>,
    /// Where the beginning of a large output goes; `None` where the whole is sealed at once.
    pub spool: Option<Arc<dyn Spool>>,
}

impl Context {
    /// Whether the job has been stopped: blocking work asks this now and then.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Time left until the deadline.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Counts what one job uses. Shared by everything that works for the job.
#[derive(Debug, Default)]
pub struct Meter {
    cpu_us: AtomicU64,
    egress_requests: AtomicU64,
    egress_sent_bytes: AtomicU64,
    egress_received_bytes: AtomicU64,
    peak_memory_bytes: AtomicU64,
    fuel: AtomicU64,
}

impl Meter {
    /// Adds CPU time.
    pub fn add_cpu(&self, time: Duration) {
        self.cpu_us.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Counts an outgoing request, unless there have been `most`; whether it counted.
    pub fn take_egress_request(&self, most: u64) -> bool {
        let next = |count: u64| (count < most).then_some(count + 1);
        self.egress_requests.fetch_update(Relaxed, Relaxed, next).is_ok()
    }

    /// Adds bytes sent by outgoing requests.
    pub fn add_egress_sent(&self, bytes: u64) {
        self.egress_sent_bytes.fetch_add(bytes, Relaxed);
    }

    /// Adds bytes received by outgoing requests and returns how many there were with them.
    pub fn add_egress_received(&self, bytes: u64) -> u64 {
        self.egress_received_bytes.fetch_add(bytes, Relaxed) + bytes
    }

    /// Notes a memory use; the highest counts.
    pub fn note_memory(&self, bytes: u64) {
        self.peak_memory_bytes.fetch_max(bytes, Relaxed);
    }

    /// Adds instructions in the engine's unit.
    pub fn add_fuel(&self, fuel: u64) {
        self.fuel.fetch_add(fuel, Relaxed);
    }

    /// What has been used so far; wall time and output size are the worker's to fill in.
    pub fn usage(&self) -> Usage {
        Usage {
            cpu_us: self.cpu_us.load(Relaxed),
            egress_requests: self.egress_requests.load(Relaxed),
            egress_sent_bytes: self.egress_sent_bytes.load(Relaxed),
            egress_received_bytes: self.egress_received_bytes.load(Relaxed),
            peak_memory_bytes: self.peak_memory_bytes.load(Relaxed),
            fuel: self.fuel.load(Relaxed),
            ..Usage::default()
        }
    }
}
