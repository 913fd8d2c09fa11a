//! Eviction, receipts, outboxes and namespaces against simple models.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use sealwork_job::{Digest, Timestamp};
use sealwork_platform::{Disk, sim::SimDisk};
use sealwork_store::{SettleError, Settlement, Store, StoreOptions};
use support::*;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

#[tokio::test]
async fn results_go_oldest_first_by_count_and_by_age_and_their_files_with_them() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    for n in [4, 2, 9, 7, 1, 3] {
        accept(&store, n, 10).await;
        settle(&store, n, 3000).await;
    }
    let evict = |count, age, now| store.evict(count, Duration::from_millis(age), Timestamp(now));
    assert!(evict(6, 1_000_000, NOW.0).await.unwrap().is_empty());
    assert_eq!(evict(4, 1_000_000, NOW.0).await.unwrap(), [job(4), job(2)]);
    assert_eq!(disk.list("blobs").unwrap().len(), 4);
    assert_eq!(store.job(job(4)).unwrap(), None);
    assert_eq!(response(&store, job(4)), None);
    // Job 9 settled at NOW + 9: too old for 100 ms at NOW + 110, the one after it not.
    assert_eq!(evict(4, 100, NOW.0 + 109).await.unwrap(), []);
    assert_eq!(evict(4, 100, NOW.0 + 110).await.unwrap(), [job(9), job(7), job(1), job(3)]);
    assert!(disk.list("blobs").unwrap().is_empty());
    assert_eq!(check_chain(&store, 0, Digest([0; 32])).len(), 6, "receipts stay");
}

/// Fails when the files of settled results are not counted at the start (src/read.rs).
#[tokio::test]
async fn results_go_oldest_first_when_their_files_have_too_many_bytes_also_after_a_restart() {
    let disk = SimDisk::new(1);
    // Room for three files of 3,000 bytes and what sealing adds.
    let options = || StoreOptions { results_bytes: 10_000, ..options() };
    let store = open_with(&disk, clock(), 1, options()).unwrap();
    for n in 0..4 {
        accept(&store, n, 10).await;
        settle(&store, n, 3000).await;
    }
    let evict = async |store: &Store| store.evict(100, Duration::MAX, NOW).await.unwrap();
    assert_eq!(evict(&store).await, [job(0)]);
    assert_eq!(disk.list("blobs").unwrap().len(), 3);
    assert_eq!(evict(&store).await, []);
    store.close().await;
    let store = open_with(&disk, clock(), 2, options()).unwrap();
    accept(&store, 5, 10).await;
    settle(&store, 5, 3000).await;
    assert_eq!(evict(&store).await, [job(1)]);
    // Small results have no files and count by number only.
    for n in 10..30 {
        accept(&store, n, 10).await;
        settle(&store, n, 100).await;
    }
    assert_eq!(evict(&store).await, []);
}

#[tokio::test]
async fn more_results_than_one_commit_removes_all_go_in_order() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    let all = (0..700).map(|n| {
        let store = &store;
        async move {
            accept(store, n, 10).await;
            settle(store, n, 10).await;
        }
    });
    futures_util::future::join_all(all).await;
    let order = check_chain(&store, 0, Digest([0; 32]));
    let evicted = store.evict(100, Duration::MAX, NOW).await.unwrap();
    assert_eq!(evicted, order[..600]);
    assert_eq!(store.usage().unwrap().settled, 100);
}

#[tokio::test]
async fn receipts_have_a_count_of_their_own_and_never_go_before_their_results() {
    let disk = SimDisk::new(1);
    let options = StoreOptions { receipts_kept: 3, ..options() };
    let store = open_with(&disk, clock(), 1, options).unwrap();
    for n in 0..10 {
        accept(&store, n, 10).await;
        settle(&store, n, 10).await;
    }
    store.evict(5, Duration::MAX, NOW).await.unwrap();
    assert_eq!(store.usage().unwrap().receipts, 5);
    assert!(store.receipt_of(job(5)).unwrap().is_some());
    store.evict(1, Duration::MAX, NOW).await.unwrap();
    let kept: Vec<_> = store.receipts_from(0, 100).unwrap().into_iter().map(|(n, _)| n).collect();
    assert_eq!(kept, [7, 8, 9]);
    assert_eq!(store.receipts_from(8, 1).unwrap().len(), 1);
    assert_eq!(store.chain_head().next_sequence, 10);
    for n in 0..10 {
        let by_job = store.receipt_of(job(n)).unwrap();
        assert_eq!((by_job.is_some(), &by_job), (n >= 7, &store.receipt_at(n).unwrap()));
        assert_eq!(store.response(job(n)).unwrap().is_some(), n == 9, "results went before");
    }
    assert!(matches!(store.mark_running(job(8)).await, Err(SettleError::AlreadySettled)));
    assert!(matches!(store.mark_running(job(1)).await, Err(SettleError::Unknown)));
}

#[tokio::test]
async fn a_lower_count_of_receipts_takes_hold_without_a_result_to_evict() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    let all = (0..600).map(|n| {
        let store = &store;
        async move {
            accept(store, n, 10).await;
            settle(store, n, 10).await;
        }
    });
    futures_util::future::join_all(all).await;
    store.evict(2, Duration::MAX, NOW).await.unwrap();
    assert_eq!(store.usage().unwrap().receipts, 600);
    store.close().await;
    let fewer = StoreOptions { receipts_kept: 5, ..options() };
    let store = open_with(&disk, clock(), 2, fewer).unwrap();
    assert!(store.evict(2, Duration::MAX, NOW).await.unwrap().is_empty());
    assert_eq!(store.usage().unwrap().receipts, 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_left_is_always_the_newest_settled(
        steps in prop::collection::vec((0u8..4, 0usize..12), 1..40),
    ) {
        block_on(async {
            let disk = SimDisk::new(1);
            let mut store = open(&disk, 1);
            let (mut next, mut pending, mut settled) = (0u64, Vec::new(), Vec::new());
            for (step, (kind, n)) in steps.into_iter().enumerate() {
                match kind {
                    0 | 1 => {
                        accept(&store, next, 10).await;
                        pending.push(next);
                        next += 1;
                    }
                    2 if !pending.is_empty() => {
                        let n = pending.remove(n % pending.len());
                        settle(&store, n, 2000 + 100 * n as usize).await;
                        settled.push(n);
                    }
                    3 => {
                        let gone = settled.len().saturating_sub(n);
                        let expected: Vec<_> = settled.drain(..gone).map(job).collect();
                        assert_eq!(store.evict(n, Duration::MAX, NOW).await.unwrap(), expected);
                    }
                    _ => {
                        store.close().await;
                        store = open(&disk, step as u64 + 2);
                    }
                }
                for n in 0..next {
                    let view = store.job(job(n)).unwrap();
                    let is_settled = view.as_ref().is_some_and(|v| v.settled.is_some());
                    assert_eq!(view.is_some(), pending.contains(&n) || settled.contains(&n));
                    assert_eq!(is_settled, settled.contains(&n));
                }
            }
        });
    }

    #[test]
    fn a_namespace_is_an_ordered_map_that_no_other_one_touches(
        changes in prop::collection::vec(
            (0u8..3, prop::collection::vec(0u8..4, 0..3), prop::option::of(0u8..9)), 0..60,
        ),
        prefix in prop::collection::vec(0u8..4, 0..2),
        after in prop::option::of(prop::collection::vec(0u8..4, 0..3)),
        limit in 0usize..8,
    ) {
        block_on(async {
            let store = open(&SimDisk::new(1), 1);
            // Names that are prefixes of one another.
            let names = ["a", "ab", "b"];
            let mut model: BTreeMap<(u8, Vec<u8>), u8> = BTreeMap::new();
            for (name, key, value) in changes {
                let namespace = store.namespace(names[usize::from(name)]);
                match value {
                    Some(value) => {
                        namespace.put(key.clone(), vec![value]).await.unwrap();
                        model.insert((name, key), value);
                    }
                    None => {
                        namespace.delete(key.clone()).await.unwrap();
                        model.remove(&(name, key));
                    }
                }
            }
            for (name, text) in (0u8..).zip(names) {
                let namespace = store.namespace(text);
                let expected: Vec<_> = model
                    .iter()
                    .filter(|((of, key), _)| *of == name && key.starts_with(&prefix))
                    .filter(|((_, key), _)| after.as_ref().is_none_or(|after| key > after))
                    .map(|((_, key), value)| (key.clone(), vec![*value].into()))
                    .take(limit)
                    .collect();
                let found = namespace.scan(&prefix, after.as_deref(), limit).unwrap();
                assert_eq!(found, expected);
                for (key, value) in namespace.scan([], None, usize::MAX).unwrap() {
                    assert_eq!(namespace.get(key).unwrap(), Some(value));
                }
            }
        });
    }

    #[test]
    fn an_outbox_lists_what_is_not_acknowledged_in_the_order_of_settlement(
        doors in prop::collection::vec(prop::option::of(0usize..3), 1..20),
        acks in prop::collection::vec((0usize..3, 0u64..20), 0..20),
        after in prop::option::of(0u64..20),
        limit in 0usize..10,
    ) {
        block_on(async {
            let store = open(&SimDisk::new(1), 1);
            let names = ["evm", "evm-2", "substrate"];
            let mut model = BTreeSet::new();
            for (n, door) in (0u64..).zip(&doors) {
                accept(&store, n, 10).await;
                let outbox = door.map(|door| sealwork_store::OutboxEntry {
                    door: names[door].to_owned(),
                    payload: content("outbox", n, 30),
                });
                let make = move |head| Settlement { outbox: outbox.clone(), ..settlement(n, 10, head) };
                let sequence = store.settle(job(n), make).await.unwrap().sequence;
                model.extend(door.map(|door| (door, sequence)));
            }
            for (door, sequence) in acks {
                store.outbox(names[door]).ack(sequence).await.unwrap();
                let delivered = model.remove(&(door, sequence));
                if delivered {
                    let view = store.job(job(sequence)).unwrap().unwrap();
                    assert!(view.settled.unwrap().delivered);
                }
            }
            for (door, name) in names.iter().enumerate() {
                let expected: Vec<_> = model
                    .iter()
                    .filter(|(of, sequence)| *of == door && after.is_none_or(|a| *sequence > a))
                    .map(|(_, sequence)| (*sequence, job(*sequence), content("outbox", *sequence, 30)))
                    .take(limit)
                    .collect();
                let found = store.outbox(*name).list(after, limit).unwrap();
                let found: Vec<_> =
                    found.into_iter().map(|i| (i.sequence, i.job, i.payload)).collect();
                assert_eq!(found, expected);
            }
        });
    }
}
