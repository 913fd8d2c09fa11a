use std::sync::Arc;

use sealwork_egress::{Gate, Place, Share};

/// What a crawl holds without asking.
const FREE: usize = 1 << 20;
/// What is asked for at a time.
const UNIT: usize = 256 << 10;

/// The memory of all crawls together, in units that requesters share. A crawl that gets no more does
/// not wait, as each of them would wait for the others: it ends with what it has.
pub(crate) fn results(bytes: u64) -> Arc<Gate> {
    Gate::new(usize::try_from(bytes).unwrap_or(usize::MAX) / UNIT)
}

/// What one crawl holds: its result as far as it is not on the disk, and the addresses it knows.
pub(crate) struct Memory {
    of_all: Arc<Gate>,
    share: Share,
    taken: Vec<Place>,
    free: usize,
    was_refused: bool,
}

impl Memory {
    pub(crate) fn new(of_all: Arc<Gate>, share: Share) -> Self {
        Self { of_all, share, taken: Vec::new(), free: FREE, was_refused: false }
    }

    /// Takes so many bytes, or none; whether it did.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        while self.free < bytes {
            let Some(unit) = self.of_all.try_enter(&self.share) else {
                self.was_refused = true;
                return false;
            };
            self.taken.push(unit);
            self.free += UNIT;
        }
        self.free -= bytes;
        true
    }

    /// Gives bytes back, for what this crawl takes next.
    pub(crate) fn give_back(&mut self, bytes: usize) {
        self.free += bytes;
    }

    /// Whether the worker had no more at some time.
    pub(crate) fn was_refused(&self) -> bool {
        self.was_refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(name: &str) -> Share {
        Some(name.into())
    }

    #[test]
    fn one_requesters_crawls_leave_memory_to_others_and_give_all_of_it_back() {
        let all = results(16 * UNIT as u64);
        let mut first = Memory::new(Arc::clone(&all), share("a"));
        assert!(first.take(FREE + 14 * UNIT));
        assert!(!first.take(1) && first.was_refused(), "two units are for others");
        let mut second = Memory::new(Arc::clone(&all), share("a"));
        assert!(second.take(FREE) && !second.take(1), "the share is the requester's");
        let mut other = Memory::new(Arc::clone(&all), share("b"));
        assert!(other.take(FREE + 2 * UNIT) && !other.take(1));
        first.give_back(10);
        assert!(first.take(10) && !first.take(1));
        drop(first);
        assert!(second.take(14 * UNIT));
    }
}
