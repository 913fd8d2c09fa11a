use std::time::Duration;

use tokio::time::Instant;
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

/// The time one page may take, and the job's stop flag.
pub(crate) struct PageBudget {
    pub(crate) until: Instant,
    pub(crate) stop: CancellationToken,
}

impl PageBudget {
    pub(crate) fn new(time: Duration, stop: CancellationToken) -> Self {
        Self { until: Instant::now() + time, stop }
    }
}

impl Budget for PageBudget {
    fn allows(&self) -> bool {
        !self.stop.is_cancelled() && Instant::now() < self.until
    }
}
