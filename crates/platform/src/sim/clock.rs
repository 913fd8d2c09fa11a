use std::{
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};

use sealwork_job::Timestamp;
use tokio::time::Instant;

use crate::Clock;

/// A clock over tokio's time, which a test can pause, with a wall time that a test can move.
///
/// Clones of the `Arc` it lives in share the offset. Monotonic time ignores the offset, as a real
/// machine's does when its wall clock is set.
#[derive(Debug)]
pub struct SimClock {
    started: Instant,
    base: Timestamp,
    offset_ms: AtomicI64,
}

impl SimClock {
    /// A clock that shows `base` now.
    pub fn at(base: Timestamp) -> Self {
        Self { started: Instant::now(), base, offset_ms: AtomicI64::new(0) }
    }

    /// Moves the wall time by `by_ms` milliseconds, back when negative.
    pub fn jump(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Relaxed);
    }

    /// Moves the wall time forward.
    pub fn advance(&self, by: Duration) {
        self.jump(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let shown = self.base.plus(self.started.elapsed()).as_millis();
        Timestamp(shown.saturating_add_signed(self.offset_ms.load(Relaxed)))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn wall_time_follows_paused_time_and_jumps_both_ways() {
        let clock = SimClock::at(Timestamp(1_000_000));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(clock.now(), Timestamp(1_005_000));
        clock.jump(-1_000_000);
        assert_eq!(clock.now(), Timestamp(5_000));
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), Timestamp(6_000));
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
    }
}
