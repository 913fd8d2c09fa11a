use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio_util::sync::CancellationToken;

/// Says now and then whether work on a page may go on.
pub trait Budget {
    /// Whether to go on. Asked every few KiB of input and every few hundred elements.
    fn allows(&self) -> bool;
}

/// No bound but that of the input's size.
#[derive(Debug, Clone, Copy)]
pub struct Unlimited;

impl Budget for Unlimited {
    fn allows(&self) -> bool {
        true
    }
}

/// The CPU time that one page may take, and the job's stop flag. CPU time and not the clock's: a
/// page must not be cut because the machine is busy with others.
pub(crate) struct PageBudget {
    until: Duration,
    stop: CancellationToken,
}

impl PageBudget {
    /// Begins now, for the thread that calls it.
    pub(crate) fn begin(time: Duration, stop: CancellationToken) -> Self {
        Self { until: thread_cpu() + time, stop }
    }
}

impl Budget for PageBudget {
    fn allows(&self) -> bool {
        !self.stop.is_cancelled() && thread_cpu() < self.until
    }
}

/// The CPU time that this thread has used.
fn thread_cpu() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_does_not_use_the_budget_up_and_working_does() {
        let budget = PageBudget::begin(Duration::from_millis(20), CancellationToken::new());
        std::thread::sleep(Duration::from_millis(60));
        assert!(budget.allows());
        let mut work = 0_u64;
        while budget.allows() {
            work = std::hint::black_box(work + 1);
        }
        assert!(work > 0);
    }

    #[test]
    fn a_stopped_job_has_no_budget() {
        let stop = CancellationToken::new();
        let budget = PageBudget::begin(Duration::from_secs(60), stop.clone());
        assert!(budget.allows());
        stop.cancel();
        assert!(!budget.allows());
    }
}
