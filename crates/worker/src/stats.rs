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

type Counters = BTreeMap<&'static str, u64>;

/// Counters per requester since boot, moved by `settle` alone.
#[derive(Debug, Default)]
pub(crate) struct Stats(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counters: BTreeMap<RequesterId, Counters>,
    others: Counters,
    last_operation: Option<Timestamp>,
}

/// The counters at one moment, as one requester may see them.
#[derive(Debug, Clone, Default)]
pub struct StatsSnapshot {
    /// Requester, then counter.
    pub counters: BTreeMap<String, Counters>,
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
        let Inner { counters, others, .. } = &mut *inner;
        let counters = if counters.len() < MAX_REQUESTERS || counters.contains_key(requester) {
            counters.entry(requester.clone()).or_default()
        } else {
            others
        };
        for (stat, by) in stats {
            *counters.entry(stat).or_default() += by;
        }
    }

    /// Workers that ask over Masa's routes are shown to everybody, by their ids: validators score
    /// by them. Whoever else asked is shown to itself alone, and summed up for the others.
    pub(crate) fn snapshot(&self, reader: &RequesterId) -> StatsSnapshot {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shown: BTreeMap<String, Counters> = BTreeMap::new();
        let mut others = inner.others.clone();
        for (requester, counters) in &inner.counters {
            let name = match requester.scheme() {
                "masa" => requester.value().to_owned(),
                _ if requester == reader => requester.to_string(),
                _ => {
                    sum(&mut others, counters);
                    continue;
                }
            };
            shown.insert(name, counters.clone());
        }
        if !others.is_empty() {
            sum(shown.entry(OTHERS.to_owned()).or_default(), &others);
        }
        StatsSnapshot { counters: shown, last_operation: inner.last_operation }
    }
}

fn sum(into: &mut Counters, counters: &Counters) {
    for (stat, by) in counters {
        *into.entry(stat).or_default() += by;
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
        let snapshot = stats.snapshot(&RequesterId::anonymous());
        assert_eq!(snapshot.counters.len(), MAX_REQUESTERS + 1);
        assert_eq!(snapshot.counters[OTHERS]["web_success"], 5);
        assert_eq!(snapshot.last_operation, Some(Timestamp(7)));
    }

    #[test]
    fn a_job_without_counters_is_no_operation() {
        let stats = Stats::default();
        stats.add(&RequesterId::anonymous(), &[], Timestamp(7));
        assert_eq!(stats.snapshot(&RequesterId::anonymous()).last_operation, None);
    }

    #[test]
    fn a_requester_sees_itself_and_masas_workers_but_no_other_requester() {
        let stats = Stats::default();
        let [alice, bob] = ["alice", "bob"].map(|name| RequesterId::new("api-key", name));
        for requester in [&alice, &bob, &RequesterId::new("masa", "alice")] {
            stats.add(requester, &[("web_success", 1)], Timestamp(7));
        }
        let names = |reader| stats.snapshot(reader).counters.into_keys().collect::<Vec<_>>();
        assert_eq!(names(&alice), ["alice", "api-key:alice", "others"]);
        assert_eq!(names(&RequesterId::new("masa", "v")), ["alice", "others"]);
        assert_eq!(stats.snapshot(&bob).counters["others"]["web_success"], 1);
    }
}
