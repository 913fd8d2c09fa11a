use std::time::Duration;

/// Watches that a body keeps a minimum rate. Only the time spent waiting for the network counts:
/// a reader that takes its time is not the sender's fault.
#[derive(Debug)]
pub(crate) struct Pace {
    floor: u64,
    window: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    pub(crate) fn new(floor: u64, window: Duration) -> Self {
        Self { floor, window, waited: Duration::ZERO, bytes: 0 }
    }

    /// How long the next wait may last before the window is over.
    pub(crate) fn patience(&self) -> Duration {
        self.window.saturating_sub(self.waited)
    }

    /// The least rate, in bytes per second.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Notes a wait and what it brought; false when a whole window brought too little.
    pub(crate) fn note(&mut self, waited: Duration, bytes: u64) -> bool {
        self.waited += waited;
        self.bytes += bytes;
        if self.waited < self.window {
            return true;
        }
        let least = u128::from(self.floor) * self.waited.as_millis() / 1000;
        let kept = u128::from(self.bytes) >= least;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_with_too_few_bytes_fails_and_the_next_one_starts_anew() {
        let mut pace = Pace::new(100, Duration::from_secs(10));
        assert!(pace.note(Duration::from_secs(9), 900));
        assert_eq!(pace.patience(), Duration::from_secs(1));
        assert!(pace.note(Duration::from_secs(1), 100));
        assert!(pace.note(Duration::from_secs(9), 999));
        assert!(!pace.note(Duration::from_secs(1), 0));
        assert_eq!(pace.patience(), Duration::from_secs(10));
    }
}
