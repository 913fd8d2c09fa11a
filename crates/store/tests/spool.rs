//! Large content on its way: spooled, poured into a response, read piece by piece.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use bytes::Bytes;
use sealwork_platform::{
    Disk,
    sim::{DiskFault, SeededEntropy, SimDisk},
};
use sealwork_store::{Response, SettleError, Settlement, Store, StoreError};
use support::*;

const LARGE: usize = 300_000;

fn spooled(store: &Store, content: &[u8]) -> sealwork_store::Spooled {
    let mut spool = store.spool(&SeededEntropy::new(7)).unwrap();
    for part in content.chunks(1000) {
        spool.push(part).unwrap();
    }
    spool.finish().unwrap()
}

#[tokio::test]
async fn spooled_content_reads_back_twice_and_leaves_with_its_owner() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    let content = content("output", 1, LARGE);
    let spooled = spooled(&store, &content);
    for _ in 0..2 {
        let mut read = Vec::new();
        for piece in spooled.pieces().unwrap() {
            read.extend_from_slice(&piece.unwrap());
        }
        assert!(read == content[..], "{} bytes", read.len());
    }
    let files = disk.list("blobs").unwrap();
    let on_disk = disk.read(&format!("blobs/{}", files[0])).unwrap();
    assert!(!on_disk.windows(32).any(|window| content[..32] == *window), "it is sealed");
    let mut reading = spooled.pieces().unwrap();
    drop(spooled);
    assert_eq!(&*reading.next().unwrap().unwrap(), &content[..64 << 10], "it is being read");
    drop(reading);
    assert!(disk.list("blobs").unwrap().is_empty());
}

#[tokio::test]
async fn what_a_crash_leaves_of_a_spool_goes_at_the_next_start() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    let mut spool = store.spool(&SeededEntropy::new(7)).unwrap();
    spool.push(&content("output", 1, LARGE)).unwrap();
    disk.lose_power();
    std::mem::forget(spool);
    assert_eq!(disk.list("blobs").unwrap().len(), 1);
    open(&disk, 2).close().await;
    assert!(disk.list("blobs").unwrap().is_empty());
}

fn poured(head: sealwork_store::ChainHead, n: u64, parts: Vec<Bytes>) -> Settlement {
    let pour =
        move |sink: &mut sealwork_store::Sink<'_>| parts.iter().try_for_each(|part| sink(part));
    Settlement { response: Response::Poured(Box::new(pour)), ..settlement(n, 0, head) }
}

#[tokio::test]
async fn a_poured_response_is_given_piece_by_piece_also_after_its_eviction() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    let parts: Vec<Bytes> = (0..5).map(|n| content("part", n, 70_001)).collect();
    accept(&store, 1, 10).await;
    let made = parts.clone();
    store.settle(job(1), move |head| poured(head, 1, made.clone())).await.unwrap();
    let reading = store.response(job(1)).unwrap().unwrap();
    assert_eq!(reading.len(), 5 * 70_001);
    store.evict(0, std::time::Duration::MAX, NOW).await.unwrap();
    assert!(disk.list("blobs").unwrap().is_empty());
    let pieces: Vec<Bytes> = reading.map(Result::unwrap).collect();
    assert!(pieces.iter().all(|piece| piece.len() <= 64 << 10));
    assert!(pieces.concat() == parts.concat());
}

#[tokio::test]
async fn a_pour_that_fails_settles_nothing_and_harms_no_other_job() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    accept(&store, 1, 10).await;
    accept(&store, 2, 10).await;
    let failing = |head| {
        let pour = |sink: &mut sealwork_store::Sink<'_>| {
            sink(&[1; 100_000])?;
            Err(StoreError::Damaged("the spool does not read".to_owned()))
        };
        Settlement { response: Response::Poured(Box::new(pour)), ..settlement(1, 0, head) }
    };
    let (failed, settled) = tokio::join!(
        store.settle(job(1), failing),
        store.settle(job(2), |head| settlement(2, 10, head)),
    );
    assert!(matches!(failed, Err(SettleError::Store(StoreError::Damaged(_)))), "{failed:?}");
    assert_eq!(settled.unwrap().sequence, 0);
    assert!(disk.list("blobs").unwrap().is_empty());
    settle(&store, 1, 10).await;
}

#[tokio::test]
async fn a_panic_while_pouring_is_told_and_the_store_goes_on() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    accept(&store, 1, 10).await;
    let panicking = |head| {
        let pour = |_: &mut sealwork_store::Sink<'_>| panic!("as asked");
        Settlement { response: Response::Poured(Box::new(pour)), ..settlement(1, 0, head) }
    };
    assert!(matches!(store.settle(job(1), panicking).await, Err(SettleError::Panicked)));
    settle(&store, 1, 10).await;
    store.close().await;
    open(&disk, 2).close().await;
    assert!(disk.list("blobs").unwrap().is_empty());
}

#[tokio::test]
async fn a_full_disk_refuses_the_spool_and_the_room_comes_back() {
    let disk = SimDisk::new(1);
    let store = open(&disk, 1);
    let mut spool = store.spool(&SeededEntropy::new(7)).unwrap();
    disk.inject(DiskFault::Full);
    let error = spool.push(&content("output", 1, LARGE)).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull), "{error}");
    drop(spool);
    assert!(disk.list("blobs").unwrap().is_empty());
}
