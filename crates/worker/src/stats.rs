use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use sealwork_engine::Stat;
use sealwork_job::{RequesterId, Timestamp};

/// Most requesters whose counters are kept apart; the rest share one entry, so that names that
/// come once cannot fill the memory.
const MAX_REQUESTERS: usize = 10_000;
const OTHERS: &str = "others";

/// Counters per requester since boot, moved by `settle` alone.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counters: BTreeMap<String, BTreeMap<&'static str, u64>>,
    last_operation: Option<Timestamp>,
}

/// The counters at one moment.
#[derive(Debug, Clone, Default)]
pub struct StatsSnapshot {
    /// Requester, then counter.
    pub counters: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// When a counter last moved.
    pub last_operation: Option<Timestamp>,
}

impl Stats {
    pub(crate) fn add(&self, requester: &RequesterId, stats: &[Stat], now: Timestamp) {
        if stats.is_empty() {
            return;
        }
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last_operation = Some(now);
        let name = if inner.counters.len() < MAX_REQUESTERS
            || inner.counters.contains_key(requester.value())
        {
            requester.value()
        } else {
            OTHERS
        };
        let counters = inner.counters.entry(name.to_owned()).or_default();
        for (stat, by) in stats {
            *counters.entry(stat).or_default() += by;
        }
    }

    pub(crate) fn snapshot(&self) -> StatsSnapshot {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        StatsSnapshot { counters: inner.counters.clone(), last_operation: inner.last_operation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_kept_per_requester_and_bounded_in_their_number() {
        let stats = Stats::default();
        for n in 0..MAX_REQUESTERS + 5 {
            let requester = RequesterId::new("masa", &n.to_string());
            stats.add(&requester, &[("web_success", 1)], Timestamp(7));
        }
        let snapshot = stats.snapshot();
        assert_eq!(snapshot.counters.len(), MAX_REQUESTERS + 1);
        assert_eq!(snapshot.counters[OTHERS]["web_success"], 5);
        assert_eq!(snapshot.last_operation, Some(Timestamp(7)));
    }

    #[test]
    fn a_job_without_counters_is_no_operation() {
        let stats = Stats::default();
        stats.add(&RequesterId::anonymous(), &[], Timestamp(7));
        assert_eq!(stats.snapshot().last_operation, None);
    }
}
