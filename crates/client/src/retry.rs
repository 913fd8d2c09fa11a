use std::time::Duration;

use sealwork_platform::Entropy;

/// How often and after which pauses a call is made again.
///
/// Only calls that may be repeated are: all of `/v1` is, since a job's nonce makes a second
/// submission of the same envelope known to the worker.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Tries in all; 1 means no retry.
    pub attempts: u32,
    /// Upper bound of the first pause; each further one doubles it.
    pub first: Duration,
    /// No pause is longer, except where the worker asks for more in `Retry-After`.
    pub longest: Duration,
    /// All pauses together are no longer; a `Retry-After` beyond what is left of it ends the tries,
    /// and the refusal is given back instead.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            first: Duration::from_millis(200),
            longest: Duration::from_secs(10),
            patience: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// One try, no pauses.
    pub fn none() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The pause after the failed try number `attempt` (from 1), when the pauses before it came to
    /// `paused`; nothing when that try was the last.
    ///
    /// Between half of and the full exponential bound, so that clients that failed together do not
    /// come back together; never shorter than the worker asks.
    pub fn pause(
        &self,
        attempt: u32,
        paused: Duration,
        asked: Option<Duration>,
        entropy: &dyn Entropy,
    ) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let factor = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let bound = self.first.saturating_mul(factor).min(self.longest);
        let mut random = [0; 4];
        entropy.fill(&mut random);
        let fraction = f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX);
        let pause = bound.mul_f64(0.5 + fraction / 2.0);
        let pause = asked.map_or(pause, |asked| asked.max(pause));
        (pause <= self.patience.saturating_sub(paused)).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    #[derive(Debug)]
    struct Always(u8);

    impl Entropy for Always {
        fn fill(&self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    #[test]
    fn pauses_double_stay_within_their_bounds_and_end() {
        let policy = RetryPolicy { attempts: 4, ..RetryPolicy::default() };
        let longest = |attempt| policy.pause(attempt, NONE, None, &Always(0xff));
        let shortest = |attempt| policy.pause(attempt, NONE, None, &Always(0));
        assert_eq!(longest(1), Some(Duration::from_millis(200)));
        assert_eq!(longest(3), Some(Duration::from_millis(800)));
        assert_eq!(shortest(3), Some(Duration::from_millis(400)));
        assert_eq!(longest(4), None);
        let many = RetryPolicy { attempts: 1000, ..policy };
        assert_eq!(many.pause(900, NONE, None, &Always(0xff)), Some(Duration::from_secs(10)));
    }

    #[test]
    fn retry_after_lengthens_a_pause_and_beyond_patience_ends_the_tries() {
        let policy = RetryPolicy::default();
        let asked = |secs| policy.pause(1, NONE, Some(Duration::from_secs(secs)), &Always(0xff));
        assert_eq!(asked(7), Some(Duration::from_secs(7)));
        assert_eq!(asked(0), Some(Duration::from_millis(200)));
        assert_eq!(asked(61), None);
    }

    #[test]
    fn all_pauses_together_stay_within_patience() {
        let policy = RetryPolicy { attempts: u32::MAX, ..RetryPolicy::default() };
        let mut paused = NONE;
        let mut attempt = 1;
        while let Some(pause) = policy.pause(attempt, paused, None, &Always(0x80)) {
            paused += pause;
            attempt += 1;
        }
        assert!(paused <= policy.patience && paused > policy.patience / 2, "{paused:?}");
        let asked = Some(Duration::from_secs(31));
        assert_eq!(policy.pause(1, Duration::from_secs(30), asked, &Always(0)), None);
    }
}
