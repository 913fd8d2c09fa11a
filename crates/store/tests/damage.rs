//! Rows that do not read back: they concern nobody but their own job.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use sealwork_job::{Digest, JobId};
use sealwork_platform::{Disk, RealDisk, sim::SimDisk};
use sealwork_store::{
    AcceptError, DamagedJob, PendingError, SettleError, Store, StoreError, StoreUsage,
};
use support::*;

const FILE: &str = "store.redb";
const PENDING: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pending");
const SETTLED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("settled");
const DAMAGED: TableDefinition<'_, u64, (Option<[u8; 16]>, &[u8])> =
    TableDefinition::new("damaged");

/// Uses the closed store's file as redb's.
fn with_database<T>(disk: &SimDisk, work: impl FnOnce(&Database) -> T) -> T {
    let directory = tempfile::tempdir().unwrap();
    let real = RealDisk::open_root(directory.path()).unwrap();
    real.write_atomic(FILE, &disk.read(FILE).unwrap()).unwrap();
    let database = Database::open(directory.path().join(FILE)).unwrap();
    let result = work(&database);
    drop(database);
    disk.write_atomic(FILE, &real.read(FILE).unwrap()).unwrap();
    result
}

/// Flips a bit of a row: of its entry with `at` 40, of its body with the row's last byte.
fn damage(disk: &SimDisk, table: TableDefinition<'_, u64, &[u8]>, key: u64, at: usize) {
    with_database(disk, |database| {
        let transaction = database.begin_write().unwrap();
        {
            let mut table = transaction.open_table(table).unwrap();
            let mut row = table.get(key).unwrap().unwrap().value().to_vec();
            let at = at.min(row.len() - 1);
            row[at] ^= 1;
            table.insert(key, row.as_slice()).unwrap();
        }
        transaction.commit().unwrap();
    });
}

const ENTRY: usize = 40;
const BODY: usize = usize::MAX;

fn read_pending(store: &Store) -> (Vec<JobId>, Vec<DamagedJob>) {
    let (mut whole, mut damaged) = (Vec::new(), Vec::new());
    for pending in store.pending().unwrap() {
        match pending {
            Ok(pending) => whole.push(pending.entry.id),
            Err(PendingError::Damaged(job)) => damaged.push(job),
            Err(error) => panic!("{error}"),
        }
    }
    (whole, damaged)
}

async fn with_damaged_pending() -> (SimDisk, Store) {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    for n in 0..4 {
        accept(&store, n, 100).await;
    }
    accept(&store, 4, 5000).await;
    store.mark_running(job(1)).await.unwrap();
    store.close().await;
    damage(&disk, PENDING, 1, ENTRY);
    damage(&disk, PENDING, 2, BODY);
    (disk.clone(), open(&disk, 2))
}

#[tokio::test]
async fn unsettled_jobs_that_do_not_read_are_named_and_the_others_follow() {
    let (_, store) = with_damaged_pending().await;
    let (whole, damaged) = read_pending(&store);
    assert_eq!(whole, [job(0), job(3), job(4)]);
    let named = |number| DamagedJob { number, job: Some(job(number)) };
    assert_eq!(damaged, [named(1), named(2)], "one by the index, one by its own entry");
    let text = PendingError::Damaged(damaged[0]).to_string();
    assert!(text.contains(&job(1).to_string()), "{text}");
    settle(&store, 0, 10).await;
    // An entry that reads is enough to settle the job.
    settle(&store, 2, 10).await;
    assert_eq!(check_chain(&store, 0, Digest([0; 32])), [job(0), job(2)]);
}

#[tokio::test]
async fn a_job_set_aside_is_neither_pending_nor_lost_nor_taken_again() {
    let (disk, store) = with_damaged_pending().await;
    // Number 0 reads, and there is no 99: both are left alone.
    assert_eq!(store.quarantine([0, 1, 2, 99]).await.unwrap(), 2);
    assert_eq!(store.quarantine([1]).await.unwrap(), 0);
    store.close().await;
    let store = open(&disk, 3);
    assert_eq!(read_pending(&store), (vec![job(0), job(3), job(4)], vec![]));
    let StoreUsage { pending, damaged, .. } = store.usage().unwrap();
    assert_eq!((pending, damaged), (3, 2));
    let asked = store.job(job(1)).unwrap_err();
    assert!(asked.to_string().contains("set aside"), "{asked}");
    assert!(matches!(
        store.settle(job(1), |_| unreachable!()).await,
        Err(SettleError::Store(StoreError::Damaged(_)))
    ));
    let again = store.accept(entry(77, 10), Some(replay(1))).await;
    assert!(matches!(again, Err(AcceptError::Replayed(id)) if id == job(1)));
    assert_eq!(store.body(job(4)).unwrap(), Some(content("body", 4, 5000)));
    settle(&store, 0, 10).await;
    store.close().await;
    with_database(&disk, |database| {
        let transaction = database.begin_read().unwrap();
        let rows: Vec<_> = transaction
            .open_table(DAMAGED)
            .unwrap()
            .iter()
            .unwrap()
            .map(|row| row.unwrap())
            .map(|(key, row)| (key.value(), row.value().0, row.value().1.len() > 200))
            .collect();
        let kept = |n| (n, Some(*job(n).as_bytes()), true);
        assert_eq!(rows, [kept(1), kept(2)], "the rows stay in the file");
    });
}

#[tokio::test]
async fn a_body_file_of_a_job_that_does_not_read_is_not_taken_for_a_left_over() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    accept(&store, 0, 5000).await;
    store.close().await;
    damage(&disk, PENDING, 0, ENTRY);
    for seed in 2..4 {
        let store = open(&disk, seed);
        store.quarantine([0]).await.unwrap();
        store.close().await;
    }
    assert_eq!(disk.list("blobs").unwrap().len(), 1);
}

#[tokio::test]
async fn a_missing_body_file_counts_as_damage_and_a_failing_disk_does_not() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    accept(&store, 0, 5000).await;
    let file = disk.list("blobs").unwrap().remove(0);
    let path = format!("blobs/{file}");
    disk.inject(sealwork_platform::sim::DiskFault::FailReads);
    let failed = store.pending().unwrap().next().unwrap();
    assert!(matches!(failed, Err(PendingError::Store(StoreError::Disk(_)))), "{failed:?}");
    assert!(matches!(store.quarantine([0]).await, Err(StoreError::Disk(_))));
    disk.heal();
    assert_eq!(read_pending(&store).0, [job(0)]);
    disk.remove(&path).unwrap();
    assert_eq!(read_pending(&store).1, [DamagedJob { number: 0, job: Some(job(0)) }]);
    assert_eq!(store.quarantine([0]).await.unwrap(), 1);
}

#[tokio::test]
async fn results_that_do_not_open_hold_up_no_eviction_and_leave_their_receipts() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    for n in 0..5 {
        accept(&store, n, 10).await;
        settle(&store, n, 3000).await;
    }
    store.close().await;
    damage(&disk, SETTLED, 0, ENTRY);
    damage(&disk, SETTLED, 2, ENTRY);
    let store = open(&disk, 2);
    // Job 1 is too old; jobs 3 and 4, settled at NOW + 3 and later, are not.
    let evicted = store.evict(9, Duration::from_millis(100), sealwork_job::Timestamp(NOW.0 + 102));
    assert_eq!(evicted.await.unwrap(), [job(1)]);
    assert_eq!(store.usage().unwrap().settled, 2);
    for n in 0..5 {
        assert_eq!(store.response(job(n)).unwrap().is_some(), n >= 3);
        assert_eq!(store.job(job(n)).unwrap().is_some(), n >= 3);
        assert!(store.receipt_of(job(n)).unwrap().is_some());
    }
    check_chain(&store, 0, Digest([0; 32]));
    store.close().await;
    open(&disk, 3).close().await;
    assert_eq!(disk.list("blobs").unwrap().len(), 2, "their files go with the next start");
}
