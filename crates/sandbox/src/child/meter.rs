//! What a run has used so far: told to the worker now and then, so that it knows should the process
//! be killed.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::serve::Process;
use crate::wire::{FromChild, Used};

/// How often the worker hears it. A killed run has used at most so much more, and the time that one
/// call of the host takes; more where others of its process spoke whenever it would have.
const EVERY: Duration = Duration::from_millis(10);

/// The meter of one run. Read by the thread that performs the run: the CPU time is that thread's.
pub(crate) struct Meter {
    process: Arc<Process>,
    run: u32,
    cpu_before: Duration,
    fuel: AtomicU64,
    told_ms: AtomicU64,
    pub(crate) peak: PeakMemory,
}

/// The most that the memories of a run came to, also for who does not hold them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PeakMemory(Arc<AtomicU64>);

impl PeakMemory {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn at_least(&self, bytes: u64) {
        self.0.fetch_max(bytes, Relaxed);
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("run", &self.run).finish_non_exhaustive()
    }
}

impl Meter {
    /// Begins, on the thread that performs the run.
    pub(crate) fn start(process: Arc<Process>, run: u32) -> Self {
        Self {
            process,
            run,
            cpu_before: cpu_time(),
            fuel: AtomicU64::new(0),
            told_ms: AtomicU64::new(0),
            peak: PeakMemory::default(),
        }
    }

    pub(crate) fn cpu(&self) -> Duration {
        cpu_time().saturating_sub(self.cpu_before)
    }

    /// Notes that at least so much fuel is burnt.
    pub(crate) fn burnt(&self, fuel: u64) {
        self.fuel.fetch_max(fuel, Relaxed);
    }

    /// Tells the worker, `elapsed` after the beginning, unless it was told a moment ago.
    pub(crate) fn tell(&self, elapsed: Duration) {
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(self.told_ms.load(Relaxed)) < EVERY.as_millis() as u64 {
            return;
        }
        let (fuel, peak_memory) = (self.fuel.load(Relaxed), self.peak.bytes());
        let used = Used { fuel, cpu: self.cpu(), peak_memory };
        // The programs of a process are not to wait for one another's bills.
        if self.process.mention(&FromChild::Used { run: self.run, used }) {
            self.told_ms.store(now, Relaxed);
        }
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}
