//! The error rate over the last ten minutes (reference 4.6), sliding instead of tumbling.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use sealwork_job::{Code, Family, Timestamp};
use sealwork_platform::Clock;

/// Minutes in the window.
const MINUTES: u64 = 10;
/// Fewer requests than this say nothing about the worker.
const MIN_SAMPLE: u64 = 20;
/// From this share of errors on the worker is not ready.
const UNHEALTHY: f64 = 0.95;
/// Bits of a [`Counter`] that count; the rest name the minute.
const COUNT_BITS: u32 = 40;

/// What a request came to, as far as the worker's health goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was served.
    Success,
    /// The worker failed.
    Error,
    /// It says nothing about the worker: the client's mistake, a job that failed or is not done.
    Ignored,
}

impl Verdict {
    /// Of an answer with an error.
    pub(crate) fn of(code: Code, is_server_error: bool) -> Self {
        match code.family() {
            Family::Fault | Family::Capacity if is_server_error => Self::Error,
            _ => Self::Ignored,
        }
    }
}

/// How a worker's doors have been doing: what `/readyz` judges by.
#[derive(Debug)]
pub struct Health {
    clock: Arc<dyn Clock>,
    window: HealthWindow,
}

impl Health {
    /// Nothing has been asked yet.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        let window = HealthWindow::new(clock.now());
        Arc::new(Self { clock, window })
    }

    /// Counts an answer.
    pub(crate) fn record(&self, verdict: Verdict) {
        self.window.record(verdict, self.clock.monotonic());
    }

    pub(crate) fn stats(&self) -> HealthStats {
        self.window.stats(self.clock.now(), self.clock.monotonic())
    }
}

/// Counts successes and errors per minute, without a lock.
#[derive(Debug)]
pub(crate) struct HealthWindow {
    started: Timestamp,
    minutes: [Minute; MINUTES as usize],
}

#[derive(Debug, Default)]
struct Minute {
    successes: Counter,
    errors: Counter,
}

/// The number of the minute and its count in one word, so that both change at once.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    fn add(&self, minute: u64) {
        let mask = (1 << COUNT_BITS) - 1;
        let next = |word: u64| {
            let count = if word >> COUNT_BITS == minute { word & mask } else { 0 };
            Some(minute << COUNT_BITS | (count + 1).min(mask))
        };
        // `next` never gives up, so this cannot fail.
        let _ = self.0.fetch_update(Relaxed, Relaxed, next);
    }

    /// The count, if it is of one of the last [`MINUTES`].
    fn recent(&self, minute: u64) -> u64 {
        let word = self.0.load(Relaxed);
        let age = minute.wrapping_sub(word >> COUNT_BITS);
        if age < MINUTES { word & ((1 << COUNT_BITS) - 1) } else { 0 }
    }
}

/// The window at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HealthStats {
    pub(crate) errors: u64,
    pub(crate) successes: u64,
    pub(crate) window_start: Timestamp,
}

impl HealthStats {
    pub(crate) fn total(&self) -> u64 {
        self.errors + self.successes
    }

    /// The share of errors, 0 without requests.
    #[allow(clippy::cast_precision_loss, reason = "counts of ten minutes")]
    pub(crate) fn error_rate(&self) -> f64 {
        match self.total() {
            0 => 0.0,
            total => self.errors as f64 / total as f64,
        }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.total() < MIN_SAMPLE || self.error_rate() < UNHEALTHY
    }
}

impl HealthWindow {
    /// An empty window that begins now.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { started: now, minutes: Default::default() }
    }

    /// Counts a request that ended at `uptime`, the reading of a clock that never goes back.
    pub(crate) fn record(&self, verdict: Verdict, uptime: Duration) {
        let minute = minute_of(uptime);
        let Some(slot) = self.minutes.get((minute % MINUTES) as usize) else { return };
        match verdict {
            Verdict::Success => slot.successes.add(minute),
            Verdict::Error => slot.errors.add(minute),
            Verdict::Ignored => {}
        }
    }

    /// The last ten minutes, `now` and `uptime` being the present by both clocks.
    pub(crate) fn stats(&self, now: Timestamp, uptime: Duration) -> HealthStats {
        let minute = minute_of(uptime);
        let sum = |counter: fn(&Minute) -> &Counter| {
            self.minutes.iter().map(|slot| counter(slot).recent(minute)).sum()
        };
        let into_minute = uptime.as_secs() % 60;
        let window = (MINUTES - 1) * 60 + into_minute;
        let start = Timestamp::from_secs(now.as_secs().saturating_sub(window));
        HealthStats {
            errors: sum(|slot| &slot.errors),
            successes: sum(|slot| &slot.successes),
            window_start: start.max(self.started),
        }
    }
}

/// Numbered from 1, so that an untouched counter is of no minute; wraps after 31 years.
fn minute_of(uptime: Duration) -> u64 {
    (uptime.as_secs() / 60 + MINUTES) & ((1 << (64 - COUNT_BITS)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_700_000_000_000);

    fn minutes(n: u64) -> Duration {
        Duration::from_secs(60 * n)
    }

    fn filled(errors: u32, successes: u32) -> HealthStats {
        let window = HealthWindow::new(START);
        (0..errors).for_each(|_| window.record(Verdict::Error, minutes(0)));
        (0..successes).for_each(|_| window.record(Verdict::Success, minutes(0)));
        window.stats(START, minutes(0))
    }

    #[test]
    fn an_empty_window_is_healthy_from_the_start() {
        let stats = HealthWindow::new(START).stats(START, minutes(0));
        assert_eq!((stats.total(), stats.window_start), (0, START));
        assert!(stats.is_healthy() && stats.error_rate() == 0.0);
    }

    #[test]
    fn five_percent_of_errors_are_healthy_and_ninety_six_are_not() {
        assert!(filled(5, 95).is_healthy());
        assert!(filled(94, 6).is_healthy());
        assert!(!filled(95, 5).is_healthy());
        assert!(!filled(96, 4).is_healthy());
    }

    #[test]
    fn a_few_requests_say_nothing() {
        assert!(filled(1, 0).is_healthy());
        assert!(filled(19, 0).is_healthy());
        assert!(!filled(20, 0).is_healthy());
    }

    #[test]
    fn errors_leave_the_window_by_themselves_after_ten_minutes() {
        let window = HealthWindow::new(START);
        (0..50).for_each(|_| window.record(Verdict::Error, minutes(3)));
        assert!(!window.stats(START, minutes(12)).is_healthy());
        assert_eq!(window.stats(START, minutes(13)).total(), 0);
        // A slot that is used again forgets the minute that it held before.
        window.record(Verdict::Success, minutes(13));
        assert_eq!(window.stats(START, minutes(13)).total(), 1);
    }

    #[test]
    fn the_window_begins_at_most_ten_minutes_ago_and_never_before_the_start() {
        let window = HealthWindow::new(START);
        let now = START.plus(minutes(4));
        assert_eq!(window.stats(now, minutes(4)).window_start, START);
        let now = START.plus(minutes(30));
        let uptime = minutes(30) + Duration::from_secs(20);
        let start = window.stats(now, uptime).window_start;
        assert_eq!(now.since(start), minutes(9) + Duration::from_secs(20));
    }

    #[test]
    fn what_says_nothing_about_the_worker_is_not_counted() {
        let window = HealthWindow::new(START);
        window.record(Verdict::Ignored, minutes(0));
        assert_eq!(window.stats(START, minutes(0)).total(), 0);
    }
}
