//! What the store promises its callers on a disk that works.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use sealwork_job::{Digest, JobState, Timestamp};
use sealwork_platform::{Disk as _, sim::SimDisk};
use sealwork_store::{
    AcceptError, CommitterKind, OpenError, SettleError, StoreError, StoreOptions,
};
use support::*;

#[tokio::test]
async fn an_accepted_job_reads_back_whole_before_and_after_a_restart() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    for (n, len) in [(0, 0), (1, 100), (2, 2048), (3, 2049), (4, 100_000)] {
        accept(&store, n, len).await;
    }
    for restart in [false, true] {
        let store = if restart {
            store.close().await;
            open(&disk, 2)
        } else {
            store.clone()
        };
        for (n, len) in [(0, 0), (1, 100), (2, 2048), (3, 2049), (4, 100_000)] {
            let view = store.job(job(n)).unwrap().unwrap();
            let expected = entry(n, len);
            assert_eq!(store.body(job(n)).unwrap(), Some(expected.body.clone()));
            assert_eq!(view.entry.clone(), {
                let mut e = expected;
                e.body.clear();
                e
            });
            assert_eq!((view.state(), view.started), (JobState::Accepted, false));
        }
        assert_eq!(disk_blobs(&disk), 2);
    }
}

#[tokio::test]
async fn pending_jobs_come_back_in_the_order_of_acceptance_and_know_whether_they_ran() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    for n in [5, 3, 9, 1] {
        accept(&store, n, 3000).await;
    }
    store.mark_running(job(9)).await.unwrap();
    settle(&store, 3, 10).await;
    store.close().await;
    let store = open(&disk, 2);
    let pending = store.pending().unwrap();
    assert_eq!(pending.len(), 3);
    let found: Vec<_> =
        pending.map(|p| p.unwrap()).map(|p| (p.entry.id, p.started, p.entry.body)).collect();
    let expected: Vec<_> =
        [5, 9, 1].map(|n| (job(n), n == 9, content("body", n, 3000))).into_iter().collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_job_settles_exactly_once_with_its_receipt_response_and_outbox_entry() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    for n in 0..6 {
        accept(&store, n, 3000).await;
        store.mark_running(job(n)).await.unwrap();
    }
    for n in 0..6 {
        settle(&store, n, 5000 * (n as usize % 2)).await;
    }
    let again = store.settle(job(3), |_| unreachable!("a settled job is not settled again")).await;
    assert!(matches!(again, Err(SettleError::AlreadySettled)));
    let unknown = store.settle(job(99), |_| unreachable!("nor is an unknown one")).await;
    assert!(matches!(unknown, Err(SettleError::Unknown)));
    let marked = store.mark_running(job(3)).await;
    assert!(matches!(marked, Err(SettleError::AlreadySettled)));
    assert!(matches!(store.mark_running(job(99)).await, Err(SettleError::Unknown)));
    store.close().await;
    let store = open(&disk, 2);
    assert_eq!(check_chain(&store, 0, Digest([0; 32])), (0..6).map(job).collect::<Vec<_>>());
    for n in 0..6 {
        let view = store.job(job(n)).unwrap().unwrap();
        let settled = view.settled.clone().unwrap();
        assert_eq!((settled.sequence, view.started), (n, true));
        assert_eq!(view.state(), JobState::Settled { code: "ok".into(), at: Timestamp(NOW.0 + n) });
        let expected = content("response", n, 5000 * (n as usize % 2));
        assert_eq!(response(&store, job(n)), Some(expected));
        assert!(store.receipt_of(job(n)).unwrap().unwrap().ends_with(&job(n).to_string()));
        assert_eq!(store.body(job(n)).unwrap(), None);
    }
    let items = store.outbox("evm").list(None, 10).unwrap();
    assert_eq!(items.iter().map(|i| i.job).collect::<Vec<_>>(), [job(0), job(4)]);
    assert_eq!(items[1].payload, content("outbox", 4, 40));
    assert!(store.outbox("substrate").list(None, 10).unwrap().is_empty());
    // The bodies' files went with the bodies; three responses have files.
    assert_eq!(disk_blobs(&disk), 3);
}

#[tokio::test]
async fn a_nonce_is_taken_once_until_its_time_is_over() {
    let disk = SimDisk::new(1);
    let clock = clock();
    let store = open_with(&disk, clock.clone(), 1, options()).unwrap();
    accept(&store, 1, 10).await;
    let same_nonce = |n| store.accept(entry(n, 5000), Some(replay(1)));
    assert!(matches!(same_nonce(2).await, Err(AcceptError::Replayed(id)) if id == job(1)));
    assert_eq!(store.job(job(2)).unwrap(), None);
    assert_eq!(disk_blobs(&disk), 0, "the refused body's file is gone");
    settle(&store, 1, 10).await;
    assert!(matches!(same_nonce(2).await, Err(AcceptError::Replayed(id)) if id == job(1)));
    let mut other_scope = replay(1);
    other_scope.scope = "masa".to_owned();
    store.accept(entry(3, 10), Some(other_scope)).await.unwrap();
    store.accept(entry(4, 10), None).await.unwrap();
    assert!(matches!(
        store.accept(entry(4, 10), None).await,
        Err(AcceptError::Replayed(id)) if id == job(4)
    ));
    clock.advance(Duration::from_secs(3601));
    let mut later = replay(1);
    later.until = Timestamp(NOW.0 + 9_999_999);
    store.accept(entry(2, 10), Some(later)).await.unwrap();
    assert_eq!(store.usage().unwrap().replay_entries, 1, "expired entries are swept");
}

#[tokio::test]
async fn setting_the_clock_back_does_not_revive_a_nonce() {
    let disk = SimDisk::new(1);
    let clock = clock();
    let store = open_with(&disk, clock.clone(), 1, options()).unwrap();
    clock.advance(Duration::from_secs(3000));
    accept(&store, 1, 10).await;
    let high = store.clock_high_water();
    assert!(high >= Timestamp(NOW.0 + 3_000_000));
    store.close().await;
    clock.jump(-100_000_000);
    let store = open_with(&disk, clock, 2, options()).unwrap();
    assert_eq!(store.clock_high_water(), high);
    let mut expired = replay(5);
    expired.until = Timestamp(high.0 - 1);
    // By the high-water mark, not by the clock that was set back: nothing would remember it.
    let refused = store.accept(entry(5, 5000), Some(expired)).await;
    assert!(matches!(refused, Err(AcceptError::Expired)), "{refused:?}");
    assert_eq!((store.job(job(5)).unwrap(), disk_blobs(&disk)), (None, 0));
    assert!(matches!(
        store.accept(entry(7, 10), Some(replay(1))).await,
        Err(AcceptError::Replayed(_))
    ));
}

#[tokio::test]
async fn handing_out_a_result_shows_at_once_and_after_the_next_commit_for_good() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    for n in 0..3 {
        accept(&store, n, 10).await;
        settle(&store, n, 10).await;
    }
    let delivered = |store: &sealwork_store::Store, n| {
        store.job(job(n)).unwrap().unwrap().settled.unwrap().delivered
    };
    store.mark_delivered(job(1));
    store.mark_delivered(job(77));
    assert!(delivered(&store, 1) && !delivered(&store, 2));
    accept(&store, 9, 10).await;
    disk.lose_power();
    let store = open(&disk, 2);
    assert!(delivered(&store, 1) && !delivered(&store, 2));
    store.mark_delivered(job(2));
    store.close().await;
    assert!(delivered(&open(&disk, 3), 2), "closing writes it, too");
}

#[tokio::test]
async fn many_changes_at_once_share_a_sync() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    let before = disk.activity().syncs;
    let accepts = (0..200).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { accept(&store, n, 100).await })
    });
    for accept in accepts.collect::<Vec<_>>() {
        accept.await.unwrap();
    }
    assert!(disk.activity().syncs - before <= 2, "{}", disk.activity().syncs - before);
    assert_eq!(store.pending().unwrap().len(), 200);
}

#[tokio::test]
async fn one_refused_or_panicking_change_does_not_fail_the_others_of_its_batch() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    accept(&store, 1, 10).await;
    accept(&store, 2, 10).await;
    accept(&store, 3, 10).await;
    let (replayed, accepted, panicked, unknown, settled) = tokio::join!(
        store.accept(entry(10, 10), Some(replay(1))),
        store.accept(entry(11, 10), Some(replay(11))),
        store.settle(job(1), |_| panic!("a defect of the caller")),
        store.settle(job(99), |head| settlement(99, 1, head)),
        store.settle(job(2), |head| settlement(2, 1, head)),
    );
    assert!(matches!(replayed, Err(AcceptError::Replayed(_))));
    assert!(matches!(panicked, Err(SettleError::Panicked)));
    assert!(matches!(unknown, Err(SettleError::Unknown)));
    assert!(accepted.is_ok() && settled.unwrap().sequence == 0);
    settle(&store, 1, 1).await;
    check_chain(&store, 0, Digest([0; 32]));
}

#[tokio::test]
async fn a_full_queue_refuses_accepts_and_makes_settlements_wait() {
    let disk = SimDisk::new(1);
    let options = StoreOptions { queue_capacity: 4, ..options() };
    let store = open_with(&disk, clock(), 1, options).unwrap();
    for n in 0..8 {
        accept(&store, n, 10).await;
    }
    let many = (0..8).map(|n| {
        let store = store.clone();
        async move { tokio::join!(settle(&store, n, 1), store.accept(entry(n + 100, 1), None)).1 }
    });
    let results = futures_util::future::join_all(many).await;
    let refused = results.iter().filter(|r| matches!(r, Err(AcceptError::Full))).count();
    assert!(refused > 0 && refused < 8, "{refused}");
    assert_eq!(store.usage().unwrap().settled, 8);
    assert_eq!(store.usage().unwrap().pending, 8 - refused as u64);
}

#[tokio::test]
async fn a_store_that_must_be_there_is_not_made() {
    let disk = SimDisk::new(1);
    let must_be_there = || StoreOptions { create: false, ..options() };
    let missing = open_with(&disk, clock(), 1, must_be_there()).unwrap_err();
    assert!(matches!(missing, OpenError::Missing), "{missing}");
    assert!(!disk.list("").unwrap().iter().any(|name| name == "store.redb"));
    open(&disk, 2).close().await;
    assert!(open_with(&disk, clock(), 3, must_be_there()).is_ok());
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    let other = store.clone();
    accept(&store, 1, 10).await;
    tokio::join!(store.close(), other.close());
    assert!(matches!(store.job(job(1)), Err(StoreError::Closed)));
    assert!(matches!(
        store.accept(entry(2, 10), None).await,
        Err(AcceptError::Store(StoreError::Closed))
    ));
    assert!(matches!(
        store.settle(job(1), |head| settlement(1, 1, head)).await,
        Err(SettleError::Store(StoreError::Closed))
    ));
    assert!(matches!(store.namespace("a").put("b", b"c".to_vec()).await, Err(StoreError::Closed)));
    store.close().await;
    open(&disk, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_thread_committer_works_on_a_real_disk_too() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let disk = sealwork_platform::RealDisk::open_root(directory.path()).unwrap();
        let options = StoreOptions { committer: CommitterKind::Thread, ..options() };
        sealwork_store::Store::open(
            std::sync::Arc::new(disk),
            clock(),
            &sealwork_platform::OsEntropy,
            &KEY,
            options,
        )
    };
    let store = open().unwrap();
    assert!(matches!(open(), Err(sealwork_store::OpenError::Locked)));
    let jobs = (0..50).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            accept(&store, n, 200 * n as usize).await;
            settle(&store, n, 200 * n as usize).await;
        })
    });
    for job in jobs.collect::<Vec<_>>() {
        job.await.unwrap();
    }
    store.close().await;
    let store = open().unwrap();
    assert_eq!(check_chain(&store, 0, Digest([0; 32])).len(), 50);
    let expected = content("response", 49, 200 * 49);
    assert_eq!(response(&store, job(49)), Some(expected));
    drop(store);
}

fn disk_blobs(disk: &SimDisk) -> usize {
    sealwork_platform::Disk::list(disk, "blobs").unwrap().len()
}
