//! Stopping a run: by the clock, or by the worker.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use crate::wire::monotonic;

/// When one run must end.
#[derive(Debug)]
pub(crate) struct Control {
    began: Instant,
    deadline: Instant,
    stopped: AtomicBool,
}

/// Why a run must end now. Travels through wasm as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Halt {
    #[error("out of time")]
    OutOfTime,
    #[error("stopped")]
    Stopped,
    #[error("too much output")]
    OutputTooLarge,
}

impl Control {
    #[allow(clippy::disallowed_methods, reason = "a deadline inside a process of its own")]
    /// `deadline` by [`monotonic`].
    pub(crate) fn new(deadline: Duration) -> Self {
        let (began, left) = (Instant::now(), deadline.saturating_sub(monotonic()));
        let deadline = began.checked_add(left).unwrap_or(began);
        Self { began, deadline, stopped: AtomicBool::new(false) }
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// The time since the run began, if it may go on.
    #[allow(clippy::disallowed_methods, reason = "a deadline inside a process of its own")]
    pub(crate) fn check(&self) -> Result<Duration, Halt> {
        let now = Instant::now();
        if self.stopped.load(Ordering::SeqCst) {
            Err(Halt::Stopped)
        } else if now >= self.deadline {
            Err(Halt::OutOfTime)
        } else {
            Ok(now.saturating_duration_since(self.began))
        }
    }

    /// Time since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Time until it must end.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(self.began + self.began.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_waited_in_the_pipe_has_no_more_time_than_the_worker_gave_it() {
        let late = Control::new(monotonic().saturating_sub(Duration::from_millis(1)));
        assert_eq!((late.check(), late.left()), (Err(Halt::OutOfTime), Duration::ZERO));
        let early = Control::new(monotonic() + Duration::from_secs(60));
        assert!(early.check().is_ok());
        let minute = Duration::from_secs(50)..=Duration::from_secs(60);
        assert!(minute.contains(&early.left()));
    }
}
