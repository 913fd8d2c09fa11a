//! Time as a program sees it: coarse.

/// The grain of both clocks in nanoseconds: 1 ms, too coarse to time other tenants' cache lines.
pub const COARSE_NS: u64 = 1_000_000;

/// Where the time comes from. Readings may be as fine as they like: the program sees them cut to
/// [`COARSE_NS`].
pub trait WasiClock: Send {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    fn realtime_ns(&self) -> u64;

    /// Nanoseconds since a moment in the past; never goes back.
    fn monotonic_ns(&self) -> u64;
}

/// The two clocks of a program.
pub(crate) struct Clocks {
    source: Box<dyn WasiClock>,
    last_realtime: u64,
    last_monotonic: u64,
}

impl Clocks {
    pub(crate) fn new(source: Box<dyn WasiClock>) -> Self {
        Self { source, last_realtime: 0, last_monotonic: 0 }
    }

    /// The wall clock for a program that asks. Each reading is later than the one before it, by a
    /// nanosecond where the grain has not moved: programs take two readings to differ.
    pub(crate) fn realtime(&mut self) -> u64 {
        self.last_realtime = self.now().max(self.last_realtime.saturating_add(1));
        self.last_realtime
    }

    /// The steady clock for a program that asks; strictly increasing, as [`Clocks::realtime`] is.
    pub(crate) fn monotonic(&mut self) -> u64 {
        self.last_monotonic = self.steady().max(self.last_monotonic.saturating_add(1));
        self.last_monotonic
    }

    /// The moment that goes into a file's times.
    pub(crate) fn now(&self) -> u64 {
        coarse(self.source.realtime_ns())
    }

    /// The moment of the steady clock at which a wait of `ns` ends. It lies on a grain and is
    /// reckoned from what the program has seen of the clock: where in a grain the wait began does
    /// not show.
    pub(crate) fn after(&self, ns: u64) -> u64 {
        self.at_monotonic(self.steady().max(self.last_monotonic).saturating_add(ns))
    }

    /// The same for a wait until `moment` of the steady clock; zero for one that is over.
    pub(crate) fn at_monotonic(&self, moment: u64) -> u64 {
        if moment <= self.steady().max(self.last_monotonic) { 0 } else { grain_up(moment) }
    }

    /// The same for a wait until `moment` of the wall clock.
    pub(crate) fn at_realtime(&self, moment: u64) -> u64 {
        self.after(moment.saturating_sub(self.now().max(self.last_realtime)))
    }

    /// Whether a wait until `deadline` of the steady clock would end at once.
    pub(crate) fn is_past(&self, deadline: u64) -> bool {
        self.steady() >= deadline
    }

    fn steady(&self) -> u64 {
        coarse(self.source.monotonic_ns())
    }
}

fn coarse(ns: u64) -> u64 {
    ns - ns % COARSE_NS
}

fn grain_up(ns: u64) -> u64 {
    ns.div_ceil(COARSE_NS).saturating_mul(COARSE_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;

    impl WasiClock for Still {
        fn realtime_ns(&self) -> u64 {
            7_900_000
        }
        fn monotonic_ns(&self) -> u64 {
            3_200_000
        }
    }

    #[test]
    fn readings_are_coarse_and_strictly_increasing() {
        let mut clocks = Clocks::new(Box::new(Still));
        assert_eq!([clocks.realtime(), clocks.realtime()], [7_000_000, 7_000_001]);
        assert_eq!([clocks.monotonic(), clocks.monotonic()], [3_000_000, 3_000_001]);
        assert_eq!(clocks.now(), 7_000_000);
    }

    #[test]
    fn a_wait_ends_on_a_grain_and_for_the_program_never_early() {
        let mut clocks = Clocks::new(Box::new(Still));
        assert_eq!(clocks.after(1), 4_000_000);
        assert_eq!(clocks.after(1_000_000), 4_000_000);
        assert_eq!(clocks.after(1_000_001), 5_000_000);
        assert_eq!(clocks.at_monotonic(5_000_001), 6_000_000);
        assert_eq!(clocks.at_realtime(8_000_000), 4_000_000);
        assert_eq!(clocks.after(u64::MAX), u64::MAX);
        clocks.monotonic();
        let read = clocks.monotonic();
        assert_eq!(clocks.after(1_000_000), 5_000_000);
        assert!(clocks.after(1_000_000) - read >= 1_000_000);
    }

    #[test]
    fn a_wait_for_nothing_or_for_the_past_is_over() {
        let mut clocks = Clocks::new(Box::new(Still));
        let (wall, steady) = (clocks.realtime(), clocks.monotonic());
        let over = [clocks.after(0), clocks.at_monotonic(steady), clocks.at_realtime(wall)];
        assert_eq!(over, [0; 3]);
        assert!(clocks.is_past(0) && clocks.is_past(3_000_000) && !clocks.is_past(4_000_000));
    }
}
