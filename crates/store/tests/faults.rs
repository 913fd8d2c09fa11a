//! A disk that is full, read-only or failing: coded errors, nothing lost, and the store goes on
//! when the disk does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{sync::Arc, time::Duration};

use sealwork_job::{Code, Digest};
use sealwork_platform::{
    Disk,
    sim::{DiskFault, PowerCut, SimClock, SimDisk},
};
use sealwork_store::{
    AcceptError, JournalEntry, OpenError, SettleError, Store, StoreError, StoreOptions,
};
use support::*;

async fn filled(disk: &SimDisk, clock: Arc<SimClock>) -> Store {
    let store = open_with(disk, clock, 1, options()).unwrap();
    for n in 0..10 {
        accept(&store, n, 1000).await;
    }
    for n in 0..5 {
        settle(&store, n, 1000).await;
    }
    store
}

fn check_filled(store: &Store) {
    assert_eq!(check_chain(store, 0, Digest([0; 32])), (0..5).map(job).collect::<Vec<_>>());
    for n in 0..5 {
        assert_eq!(response(store, job(n)), Some(content("response", n, 1000)));
    }
    for n in 5..10 {
        assert_eq!(store.body(job(n)).unwrap(), Some(content("body", n, 1000)));
    }
}

/// Accepts until the disk is full; how many jobs fit.
async fn fill(store: &Store, from: u64) -> (u64, AcceptError) {
    for n in from.. {
        if let Err(error) = store.accept(entry(n, 1900), Some(replay(n))).await {
            return (n - from, error);
        }
    }
    unreachable!("the disk never got full")
}

#[tokio::test(start_paused = true)]
async fn on_a_full_disk_nothing_is_accepted_nothing_is_lost_and_results_can_be_read() {
    let disk = SimDisk::new(1);
    let store = filled(&disk, clock()).await;
    disk.inject(DiskFault::Full);
    let (fitted, error) = fill(&store, 100).await;
    assert!(matches!(error, AcceptError::Store(StoreError::DiskFull)), "{error}");
    assert_eq!(error.code(), Code::StoreUnavailable);
    // The free pages of the file could still be used.
    assert!(fitted > 0);
    check_filled(&store);
    let error = store.settle(job(5), |head| settlement(5, 1_000_000, head)).await.unwrap_err();
    assert!(matches!(error, SettleError::Store(StoreError::DiskFull)), "{error}");
    assert!(Disk::list(&disk, "blobs").unwrap().is_empty(), "no part of the response is left");
    disk.heal();
    tokio::time::advance(Duration::from_secs(1)).await;
    for n in 5..10 {
        settle(&store, n, 1000).await;
    }
    accept(&store, 20, 100_000).await;
    assert_eq!(check_chain(&store, 0, Digest([0; 32])).len(), 10);
    disk.lose_power();
    let store = open(&disk, 2);
    assert_eq!(store.pending().unwrap().len() as u64, fitted + 1);
    assert_eq!(check_chain(&store, 0, Digest([0; 32])).len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_not_tried_again_with_every_change() {
    let disk = SimDisk::new(1);
    let store = filled(&disk, clock()).await;
    disk.inject(DiskFault::Full);
    fill(&store, 100).await;
    let before = disk.activity();
    for n in 0..100 {
        let refused = store.accept(entry(1000 + n, 1900), None).await;
        assert!(matches!(refused, Err(AcceptError::Store(StoreError::DiskFull))));
    }
    assert_eq!(disk.activity(), before);
}

#[tokio::test(start_paused = true)]
async fn every_single_io_error_is_survived_without_loss() {
    // One failing operation after the other, until the work takes fewer operations than that.
    for nth in 0..200 {
        let disk = SimDisk::new(nth);
        let store = filled(&disk, clock()).await;
        let before = disk.activity();
        disk.inject(DiskFault::FailOnce(nth));
        let mut failures = 0;
        for n in 5..8 {
            while let Err(error) = store.settle(job(n), move |head| settlement(n, 3000, head)).await
            {
                assert!(matches!(error, SettleError::Store(StoreError::Disk(_))), "{error}");
                assert_eq!(error.code(), Code::StoreUnavailable);
                failures += 1;
            }
        }
        while store.accept(entry(30, 3000), Some(replay(30))).await.is_err() {
            failures += 1;
        }
        check_chain(&store, 0, Digest([0; 32]));
        let after = disk.activity();
        disk.heal();
        disk.lose_power();
        let store = open(&disk, 2);
        assert_eq!(check_chain(&store, 0, Digest([0; 32])).len(), 8, "operation {nth}");
        assert_eq!(store.body(job(30)).unwrap(), Some(content("body", 30, 3000)));
        assert!(failures <= 1, "one error, one failed change");
        if nth >= (after.writes + after.syncs) - (before.writes + before.syncs) {
            return;
        }
    }
    unreachable!("the work takes more operations than were tried");
}

#[tokio::test(start_paused = true)]
async fn a_lane_takes_a_position_again_whose_job_failed_to_reach_the_disk() {
    for nth in 0..40 {
        let disk = SimDisk::new(nth);
        let store = open(&disk, 1);
        let at = |n, position| JournalEntry { lane: Some(in_lane(position)), ..entry(n, 100) };
        store.accept(at(1, 5), Some(replay(1))).await.unwrap();
        disk.inject(DiskFault::FailOnce(nth));
        let first = store.accept(at(2, 6), Some(replay(2))).await;
        if first.is_err() {
            store.accept(at(2, 6), Some(replay(2))).await.unwrap();
        }
        disk.heal();
        disk.lose_power();
        let store = open(&disk, 2);
        let refused = store.accept(at(3, 6), None).await.unwrap_err();
        assert!(matches!(refused, AcceptError::LaneOrder { last: 6 }), "{refused}");
        assert_eq!(refused.code(), Code::LaneOrder);
        store.accept(at(3, 7), None).await.unwrap();
        assert_eq!(store.pending().unwrap().len(), 3);
        if first.is_ok() {
            assert!(nth > 0, "no operation failed");
            return;
        }
    }
    unreachable!("accepting takes more operations than were tried");
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_for_long_gives_coded_errors_and_recovers() {
    let disk = SimDisk::new(3);
    let store = filled(&disk, clock()).await;
    disk.inject(DiskFault::FailWrites);
    disk.inject(DiskFault::FailReads);
    for n in 40..45 {
        let error = store.accept(entry(n, 10), Some(replay(n))).await.unwrap_err();
        assert_eq!(error.code(), Code::StoreUnavailable);
        let error = store.settle(job(5), |head| settlement(5, 1, head)).await.unwrap_err();
        assert_eq!(error.code(), Code::StoreUnavailable);
        assert!(store.namespace("a").put("b", b"c".to_vec()).await.is_err());
        assert!(store.evict(0, Duration::ZERO, NOW).await.is_err());
    }
    assert_eq!(store.job(job(5)).unwrap_err().code(), Code::StoreUnavailable);
    disk.heal();
    // The first read after that wakes the recovery.
    let _ = store.job(job(5));
    accept(&store, 50, 10).await;
    check_filled(&store);
    for n in 40..45 {
        assert_eq!(store.job(job(n)).unwrap(), None, "what was refused is not there");
        accept(&store, n, 10).await;
    }
    settle(&store, 5, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_settlement_whose_commit_failed_after_reaching_the_disk_is_recognised() {
    let mut recognised = 0;
    for seed in 0..60 {
        let disk = SimDisk::new(seed);
        let store = filled(&disk, clock()).await;
        // The commit's only sync: the disk may have taken everything all the same.
        let writes = disk.activity();
        settle(&store, 5, 10).await;
        let of_one = disk.activity().writes - writes.writes;
        disk.inject(DiskFault::FailOnce(of_one + seed % 3));
        let mut makes = 0;
        while store.settle(job(6), |head| settlement(6, 10, head)).await.is_err() {
            makes += 1;
        }
        recognised += usize::from(makes > 0);
        let jobs = check_chain(&store, 0, Digest([0; 32]));
        assert_eq!(jobs.len(), 7, "seed {seed}");
        let again = store.settle(job(6), |head| settlement(6, 10, head)).await;
        assert!(matches!(again, Err(SettleError::AlreadySettled)), "seed {seed}");
    }
    assert!(recognised > 0);
}

#[tokio::test]
async fn what_cannot_be_opened_says_why_and_what_to_do() {
    let open = |disk: &SimDisk| open_with(disk, clock(), 2, options());
    let advice = |disk: &SimDisk, words: &str| {
        let error = open(disk).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        error
    };
    let disk = SimDisk::new(1);
    let store = filled(&disk, clock()).await;
    assert!(matches!(advice(&disk, "another process"), OpenError::Locked));
    store.close().await;

    disk.inject(DiskFault::ReadOnly);
    assert!(matches!(advice(&disk, "writable"), OpenError::NotWritable(_)));
    assert!(matches!(
        {
            let empty = SimDisk::new(1);
            empty.inject(DiskFault::ReadOnly);
            advice(&empty, "0700")
        },
        OpenError::NotWritable(_)
    ));
    disk.heal();
    let empty = SimDisk::new(1);
    empty.inject(DiskFault::Full);
    assert!(matches!(advice(&empty, "free some space"), OpenError::DiskFull));
    empty.heal();
    assert!(open(&empty).is_ok(), "a start on a full disk leaves nothing in the way");

    let wrong_key = Store::open(
        Arc::new(disk.clone()),
        clock(),
        &sealwork_platform::OsEntropy,
        &[8; 32],
        options(),
    );
    let error = wrong_key.unwrap_err();
    assert!(matches!(error, OpenError::WrongKey) && error.to_string().contains("root.key"));
    check_filled(&open(&disk).unwrap());
}

#[tokio::test]
async fn a_damaged_file_is_refused_or_harmless_wherever_the_damage_is() {
    let disk = SimDisk::new(1);
    filled(&disk, clock()).await.close().await;
    let whole = disk.read("store.redb").unwrap();
    let mut refused = 0;
    let damages = (0..whole.len()).step_by(1021).map(|at| (at, 64));
    for (at, len) in damages.chain([(0, 4096), (0, 9), (4096, 100_000)]) {
        let mut damaged = whole.clone();
        let end = (at + len).min(damaged.len());
        damaged[at..end].iter_mut().for_each(|byte| *byte ^= 0xa5);
        refused += usize::from(refuses(&damaged).await);
    }
    assert!(refused > 10, "{refused}");
    for truncated in [0, 1, 100, 4096, whole.len() / 2] {
        assert!(refuses(&whole[..truncated]).await, "{truncated}");
    }
    assert!(refuses(b"this is no redb file").await);
}

/// Whether a store with this file is refused as damaged; otherwise everything in it reads.
async fn refuses(file: &[u8]) -> bool {
    let disk = SimDisk::new(1);
    disk.write_atomic("store.redb", file).unwrap();
    match open_with(&disk, clock(), 2, options()) {
        Ok(store) => {
            check_filled(&store);
            store.close().await;
            false
        }
        Err(OpenError::Damaged { detail, .. }) => {
            assert!(!detail.is_empty());
            true
        }
        // The key check is itself a sealed value.
        Err(OpenError::WrongKey) => true,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_missing_body_file_is_an_error_of_that_job_alone() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    accept(&store, 1, 5000).await;
    accept(&store, 2, 5000).await;
    let files = disk.list("blobs").unwrap();
    disk.write_atomic(&format!("blobs/{}", files[0]), b"something else").unwrap();
    let bodies = [store.body(job(1)), store.body(job(2))];
    assert_eq!(bodies.iter().filter(|b| matches!(b, Err(StoreError::Damaged(_)))).count(), 1);
    settle(&store, 1, 10).await;
    settle(&store, 2, 10).await;
}

#[tokio::test]
async fn files_that_no_job_refers_to_are_removed_at_the_start() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    accept(&store, 1, 5000).await;
    store.close().await;
    disk.write_atomic("blobs/left-over", b"x").unwrap();
    disk.cut_power(PowerCut::AfterSync(0));
    let _ = disk.write_atomic("blobs/unfinished", b"x");
    disk.lose_power();
    let store = open_with(&disk, clock(), 2, StoreOptions { verify: false, ..options() }).unwrap();
    assert_eq!(disk.list("blobs").unwrap().len(), 1);
    assert_eq!(store.body(job(1)).unwrap(), Some(content("body", 1, 5000)));
}
