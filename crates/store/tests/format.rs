//! The files in `data/` were written by the version that introduced their format. They must open
//! for good, and a store of a format to come must be refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use redb::{Database, TableDefinition};
use sealwork_job::Digest;
use sealwork_platform::{Disk, RealDisk, sim::SimDisk};
use sealwork_store::{FORMAT, JournalEntry, OpenError, Store};
use support::*;

const FILE: &str = "store.redb";

/// What the file of format 1 holds: see [`write_example`].
#[tokio::test]
async fn a_store_of_format_1_opens_whole() {
    let disk = SimDisk::new(1);
    disk.write_atomic(FILE, &unpack(include_bytes!("data/format-1.store"))).unwrap();
    let store = open(&disk, 2);
    check_example(&store);
    accept(&store, 50, 10).await;
    settle(&store, 1, 10).await;
    assert_eq!(check_chain(&store, 0, Digest([0; 32])).len(), 3);
    check_receipts_without_results(&store).await;
}

#[tokio::test]
async fn a_store_of_format_2_opens_whole() {
    let disk = SimDisk::new(1);
    disk.write_atomic(FILE, &unpack(include_bytes!("data/format-2.store"))).unwrap();
    let store = open(&disk, 2);
    check_example(&store);
    check_receipts_without_results(&store).await;
}

#[tokio::test]
async fn a_store_of_format_3_opens_whole() {
    let disk = SimDisk::new(1);
    disk.write_atomic(FILE, &unpack(include_bytes!("data/format-3.store"))).unwrap();
    let store = open(&disk, 2);
    check_example(&store);
    check_receipts_without_results(&store).await;
}

/// The index of receipts by job is what format 2 added.
async fn check_receipts_without_results(store: &Store) {
    store.evict(0, std::time::Duration::MAX, NOW).await.unwrap();
    for (sequence, n) in [(0, 0), (1, 2)] {
        assert_eq!(response(store, job(n)), None);
        let receipt = store.receipt_of(job(n)).unwrap().unwrap();
        assert!(receipt.ends_with(&job(n).to_string()), "{receipt}");
        assert_eq!(store.receipt_at(sequence).unwrap(), Some(receipt));
    }
}

#[tokio::test]
async fn the_format_written_today_is_the_one_in_data() {
    let disk = SimDisk::new(1);
    write_example(&disk).await;
    check_example(&open(&disk, 2));
    assert_eq!(FORMAT, 3, "a new format needs a file of its own in data/ and a test above");
}

#[tokio::test]
async fn a_newer_format_is_refused_with_both_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open_root(directory.path()).unwrap();
    disk.write_atomic(FILE, &unpack(include_bytes!("data/format-1.store"))).unwrap();
    {
        let database = Database::open(directory.path().join(FILE)).unwrap();
        let transaction = database.begin_write().unwrap();
        {
            let meta = TableDefinition::<&str, &[u8]>::new("meta");
            let mut meta = transaction.open_table(meta).unwrap();
            meta.insert("format", (FORMAT + 1).to_le_bytes().as_slice()).unwrap();
        }
        transaction.commit().unwrap();
    }
    let opened = sealwork_store::Store::open(
        std::sync::Arc::new(disk),
        clock(),
        &sealwork_platform::OsEntropy,
        &KEY,
        options(),
    );
    let error = opened.unwrap_err();
    assert!(
        matches!(error, OpenError::NewerFormat { found, supported: FORMAT } if found == FORMAT + 1)
    );
    assert!(error.to_string().contains("newer"), "{error}");
}

/// Two settled jobs, two pending ones of which one runs, values of a door, and an entry to deliver.
async fn write_example(disk: &SimDisk) {
    let store = open(disk, 1);
    for n in 0..4 {
        accept(&store, n, 300).await;
    }
    settle(&store, 0, 400).await;
    settle(&store, 2, 400).await;
    store.mark_delivered(job(2));
    store.mark_running(job(3)).await.unwrap();
    store.namespace("door").put("cursor", b"12345".to_vec()).await.unwrap();
    store.close().await;
}

fn check_example(store: &sealwork_store::Store) {
    let pending: Vec<_> = store.pending().unwrap().map(|p| p.unwrap()).collect();
    assert_eq!(pending.iter().map(|p| p.started).collect::<Vec<_>>(), [false, true]);
    assert_eq!(pending[0].entry, entry(1, 300));
    // The lane of the file in `data/` has another name.
    assert_eq!(pending[1].entry.lane.as_ref().map(|lane| lane.position), Some(3));
    let (entry_3, lane) = (entry(3, 300), pending[1].entry.lane.clone());
    assert_eq!(pending[1].entry, JournalEntry { lane, ..entry_3 });
    assert_eq!(check_chain(store, 0, Digest([0; 32])), [job(0), job(2)]);
    for (n, delivered) in [(0, false), (2, true)] {
        let settled = store.job(job(n)).unwrap().unwrap().settled.unwrap();
        assert_eq!((settled.code.as_str(), settled.delivered), ("ok", delivered));
        assert_eq!(response(store, job(n)), Some(content("response", n, 400)));
    }
    assert_eq!(store.namespace("door").get("cursor").unwrap().unwrap()[..], *b"12345");
    assert_eq!(store.outbox("evm").list(None, 9).unwrap()[0].payload, content("outbox", 0, 40));
    assert_eq!(store.usage().unwrap().replay_entries, 4);
    assert!(store.clock_high_water() >= NOW);
}

/// A store's file is mostly zeros; in `data/` they are left out:
/// `length u64 BE | (offset u64 BE, length u32 BE, bytes)*`.
fn unpack(packed: &[u8]) -> Vec<u8> {
    let number =
        |at: usize, len| packed[at..at + len].iter().fold(0, |n, b| n << 8 | usize::from(*b));
    let mut file = vec![0; number(0, 8)];
    let mut at = 8;
    while at < packed.len() {
        let (offset, len) = (number(at, 8), number(at + 8, 4));
        file[offset..offset + len].copy_from_slice(&packed[at + 12..at + 12 + len]);
        at += 12 + len;
    }
    file
}

fn pack(file: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 256;
    let mut packed = (file.len() as u64).to_be_bytes().to_vec();
    for (n, block) in file.chunks(BLOCK).enumerate() {
        if block.iter().any(|byte| *byte != 0) {
            packed.extend_from_slice(&((n * BLOCK) as u64).to_be_bytes());
            packed.extend_from_slice(&(block.len() as u32).to_be_bytes());
            packed.extend_from_slice(block);
        }
    }
    packed
}

/// Writes the example of the present format to the file that `SEALWORK_WRITE_EXAMPLE` names, to be
/// put into `data/` when the format changes.
#[tokio::test]
async fn the_example_packs_and_unpacks() {
    let disk = SimDisk::new(1);
    write_example(&disk).await;
    let file = disk.read(FILE).unwrap();
    assert_eq!(unpack(&pack(&file)), file);
    let environment = sealwork_platform::Environment::of_process();
    if let Some(path) = environment.var("SEALWORK_WRITE_EXAMPLE") {
        let path = std::path::Path::new(path);
        let directory = RealDisk::open_root(path.parent().unwrap()).unwrap();
        directory.write_atomic(path.file_name().unwrap().to_str().unwrap(), &pack(&file)).unwrap();
    }
}
