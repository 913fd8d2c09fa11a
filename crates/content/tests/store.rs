//! The block store on a simulated disk that fails and loses power, and on a real one.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use sealwork_content::{
    Block, BlockStore, Cid, Codec, ContentError, Damage, PinName, ReadLimits, StoreLimits, import,
};
use sealwork_job::Code;
use sealwork_platform::{
    Disk, RealDisk,
    sim::{DiskFault, PowerCut, SimDisk},
};

const CHUNK: usize = 262_144;

fn open(disk: &SimDisk, limits: StoreLimits) -> BlockStore {
    BlockStore::open(Arc::new(disk.clone()), "content", limits).unwrap()
}

fn new() -> (SimDisk, BlockStore) {
    let disk = SimDisk::new(1);
    let store = open(&disk, StoreLimits::default());
    (disk, store)
}

fn name(text: &str) -> PinName {
    text.parse().unwrap()
}

/// A file of three leaves and a root; files of other seeds share no block with it.
fn file(seed: u8) -> Bytes {
    (0..2 * CHUNK + 100).map(|n| (n / CHUNK) as u8 ^ (n % 251) as u8 ^ seed).collect()
}

fn raw(content: &'static [u8]) -> Block {
    let bytes = Bytes::from_static(content);
    Block::checked(Cid::of(Codec::Raw, content), bytes).unwrap()
}

fn path(cid: Cid) -> String {
    format!("content/blocks/{cid}")
}

#[test]
fn added_content_reads_back_by_its_cid_after_a_restart() {
    let (disk, store) = new();
    let pin = store.add(name("prog.wasm"), file(0)).unwrap();
    assert_eq!(pin.root, import(file(0)).root);
    assert_eq!(pin.size, file(0).len() as u64);
    let before = (store.blocks(), store.total_bytes(), store.pins());
    assert_eq!(before.0.len(), 4);
    drop(store);
    disk.lose_power();
    let store = open(&disk, StoreLimits::default());
    assert_eq!((store.blocks(), store.total_bytes(), store.pins()), before);
    assert_eq!(store.read(pin.root).unwrap(), file(0));
    assert!(store.check().unwrap().is_empty());
}

#[test]
fn the_total_is_the_size_of_the_blocks_that_are_there() {
    let (_disk, store) = new();
    let blocks = import(file(0)).blocks;
    let expected = blocks.iter().map(|block| block.bytes().len() as u64).sum::<u64>();
    store.add(name("one"), file(0)).unwrap();
    store.add(name("other-name"), file(0)).unwrap();
    assert_eq!(store.total_bytes(), expected);
    let listed = store.blocks();
    assert!(blocks.iter().all(|block| listed.contains(&block.cid()) && store.has(block.cid())));
    assert_eq!(listed.len(), blocks.len());
}

#[test]
fn a_block_that_is_not_there_is_unknown() {
    let (_disk, store) = new();
    let cid = raw(b"nowhere").cid();
    let error = store.get(cid).unwrap_err();
    assert!(matches!(error, ContentError::Unknown(of) if of == cid));
    assert_eq!(error.code(), Code::ContentUnknown);
    assert!(!store.has(cid));
    assert!(matches!(store.read(cid), Err(ContentError::Unknown(_))));
    assert!(matches!(store.pin(name("n"), cid), Err(ContentError::Unknown(_))));
}

#[test]
fn a_changed_or_truncated_block_is_reported_and_never_handed_out() {
    let (disk, store) = new();
    let pin = store.add(name("prog"), file(0)).unwrap();
    let leaf = import(file(0)).blocks[1].cid();
    let whole = disk.read(&path(leaf)).unwrap();
    let mut flipped = whole.clone();
    flipped[1000] ^= 1;
    for bad in [&flipped[..], &whole[..whole.len() - 1], b""] {
        disk.write_atomic(&path(leaf), bad).unwrap();
        let error = store.get(leaf).unwrap_err();
        assert!(matches!(error, ContentError::Damaged(of) if of == leaf));
        assert_eq!(error.code(), Code::ContentDamaged);
        assert!(matches!(store.read(pin.root), Err(ContentError::Damaged(_))));
        assert_eq!(store.check().unwrap(), Damage { blocks: vec![leaf], ..Damage::default() });
    }
}

#[test]
fn adding_content_again_repairs_what_is_damaged_or_gone() {
    let (disk, store) = new();
    let pin = store.add(name("prog"), file(0)).unwrap();
    let total = store.total_bytes();
    let blocks = import(file(0)).blocks;
    disk.write_atomic(&path(blocks[0].cid()), b"rot").unwrap();
    disk.remove(&path(blocks[1].cid())).unwrap();
    let damage = store.check().unwrap();
    assert_eq!(
        damage,
        Damage { blocks: vec![blocks[0].cid()], missing: vec![blocks[1].cid()], pins: vec![] }
    );
    // The index of a store that opens now counts what is there.
    drop(store);
    let store = open(&disk, StoreLimits::default());
    assert_eq!(store.check().unwrap(), damage);
    assert_eq!(store.add(name("prog"), file(0)).unwrap(), pin);
    assert!(store.check().unwrap().is_empty());
    assert_eq!(store.total_bytes(), total);
    assert_eq!(store.read(pin.root).unwrap(), file(0));
}

#[test]
fn removing_a_name_removes_the_blocks_that_no_other_name_needs() {
    let (disk, store) = new();
    // Shares its first two leaves with file(0).
    let longer = Bytes::from([&file(0)[..2 * CHUNK], &[1; 200]].concat());
    let short = store.add(name("short"), file(0)).unwrap();
    let long = store.add(name("long"), longer.clone()).unwrap();
    assert_eq!(store.blocks().len(), 6);
    let collected = store.remove(&name("short")).unwrap();
    assert_eq!(collected.blocks, 2);
    assert_eq!(store.read(long.root).unwrap(), longer);
    assert!(matches!(store.read(short.root), Err(ContentError::Unknown(_))));
    let rest = store.total_bytes();
    assert_eq!(store.remove(&name("long")).unwrap().bytes, rest);
    assert_eq!((store.total_bytes(), store.blocks().len(), store.pins().len()), (0, 0, 0));
    drop(store);
    disk.lose_power();
    assert!(disk.list("content/blocks").unwrap().is_empty());
    assert!(disk.list("content/pins").unwrap().is_empty());
}

#[test]
fn content_under_two_names_stays_until_both_are_removed() {
    let (_disk, store) = new();
    let pin = store.add(name("a"), file(0)).unwrap();
    store.pin(name("b"), pin.root).unwrap();
    assert_eq!(store.remove(&name("a")).unwrap().blocks, 0);
    assert_eq!(store.read(pin.root).unwrap(), file(0));
    assert_eq!(store.remove(&name("b")).unwrap().blocks, 4);
}

#[test]
fn a_name_stands_for_one_content_until_it_is_removed() {
    let (_disk, store) = new();
    let pin = store.add(name("prog"), file(0)).unwrap();
    let taken = store.add(name("prog"), file(1)).unwrap_err();
    assert!(matches!(&taken, ContentError::NameTaken { root, .. } if *root == pin.root));
    assert_eq!(taken.code(), Code::ContentNameTaken);
    assert_eq!(store.blocks().len(), 4, "nothing of the refused content was kept");
    store.remove(&name("prog")).unwrap();
    let gone = store.remove(&name("prog")).unwrap_err();
    assert_eq!(gone.code(), Code::ContentUnknown);
    store.add(name("prog"), file(1)).unwrap();
}

#[test]
fn blocks_without_a_name_stay_until_the_next_collection() {
    let (disk, store) = new();
    let imported = import(file(0));
    for block in &imported.blocks {
        assert!(store.put(block).unwrap());
        assert!(!store.put(block).unwrap());
    }
    let loose = raw(b"loose");
    store.put(&loose).unwrap();
    drop(store);
    let store = open(&disk, StoreLimits::default());
    assert_eq!(store.get(loose.cid()).unwrap(), loose);
    let pin = store.pin(name("fetched"), imported.root).unwrap();
    assert_eq!((pin.root, pin.size), (imported.root, imported.size));
    let collected = store.collect().unwrap();
    assert_eq!((collected.blocks, collected.bytes), (1, 5));
    assert_eq!(store.read(pin.root).unwrap(), file(0));
}

#[test]
fn content_that_does_not_fit_is_refused_before_anything_is_written() {
    let (bytes, count) = {
        let (_disk, store) = new();
        store.add(name("prog"), file(0)).unwrap();
        (store.total_bytes(), store.blocks().len() as u64)
    };
    let exact = StoreLimits { bytes, blocks: count, pins: 1, ..StoreLimits::default() };
    for limits in
        [StoreLimits { bytes: bytes - 1, ..exact }, StoreLimits { blocks: count - 1, ..exact }]
    {
        let disk = SimDisk::new(1);
        let store = open(&disk, limits);
        let before = disk.activity().writes;
        let full = store.add(name("prog"), file(0)).unwrap_err();
        assert_eq!(full.code(), Code::ContentStoreFull);
        assert_eq!(disk.activity().writes, before);
        assert!(store.blocks().is_empty());
    }
    let disk = SimDisk::new(1);
    let store = open(&disk, exact);
    store.add(name("prog"), file(0)).unwrap();
    // What is there takes no more room; another block or name does.
    store.add(name("prog"), file(0)).unwrap();
    assert_eq!(store.put(&raw(b"x")).unwrap_err().code(), Code::ContentStoreFull);
    let full = store.pin(name("second"), import(file(0)).root).unwrap_err();
    assert!(matches!(full, ContentError::StoreFull { what: "names", limit: 1 }));
    store.remove(&name("prog")).unwrap();
    store.put(&raw(b"x")).unwrap();
}

#[test]
fn content_above_the_limit_is_refused_when_it_is_added_and_when_it_is_read() {
    let disk = SimDisk::new(1);
    let small = StoreLimits {
        content: ReadLimits { bytes: 1000, ..ReadLimits::default() },
        ..StoreLimits::default()
    };
    let pin = open(&disk, StoreLimits::default()).add(name("prog"), file(0)).unwrap();
    let store = open(&disk, small);
    let read = store.read(pin.root).unwrap_err();
    assert!(matches!(read, ContentError::TooLarge { limit: 1000, .. }));
    let add = store.add(name("other"), vec![1; 1001].into()).unwrap_err();
    assert_eq!(add.code(), Code::ContentTooLarge);
    store.add(name("other"), vec![1; 1000].into()).unwrap();
}

#[test]
fn a_directory_is_open_in_one_store_at_a_time() {
    let (disk, store) = new();
    let again = BlockStore::open(Arc::new(disk.clone()), "content", StoreLimits::default());
    assert!(matches!(again, Err(ContentError::Locked)));
    drop(store);
    open(&disk, StoreLimits::default());
}

#[test]
fn while_a_names_record_is_damaged_no_block_is_removed() {
    let (disk, store) = new();
    let kept = store.add(name("kept"), file(0)).unwrap();
    store.add(name("gone"), file(1)).unwrap();
    drop(store);
    let record = disk.read("content/pins/kept").unwrap();
    let without_blocks = format!(r#"{{"root":"{}","size":1,"blocks":[]}}"#, kept.root);
    let cut = &record[..record.len() - 1];
    for bad in [cut, b"", b"{}", b"{\"root\":\"x\"}", without_blocks.as_bytes()] {
        disk.write_atomic("content/pins/kept", bad).unwrap();
        let store = open(&disk, StoreLimits::default());
        assert_eq!(store.check().unwrap().pins, [name("kept")]);
        let refused = store.collect().unwrap_err();
        assert!(matches!(refused, ContentError::DamagedPin(_)));
        assert_eq!(refused.code(), Code::ContentDamaged);
    }
    let store = open(&disk, StoreLimits::default());
    assert_eq!(store.remove(&name("gone")).unwrap().blocks, 0);
    assert_eq!(store.read(kept.root).unwrap(), file(0), "content still reads by its CID");
    // Adding it again makes the record whole; then the blocks of the other name can go.
    assert_eq!(store.add(name("kept"), file(0)).unwrap(), kept);
    assert_eq!(store.collect().unwrap().blocks, 4);
    assert!(store.check().unwrap().is_empty());
}

#[test]
fn a_damaged_record_can_be_removed() {
    let (disk, store) = new();
    store.add(name("prog"), file(0)).unwrap();
    drop(store);
    disk.write_atomic("content/pins/prog", b"rot").unwrap();
    let store = open(&disk, StoreLimits::default());
    assert_eq!(store.remove(&name("prog")).unwrap().blocks, 4);
    assert!(store.check().unwrap().is_empty());
}

#[test]
fn files_of_others_in_the_directory_are_left_alone_and_unfinished_ones_removed() {
    let (disk, store) = new();
    store.add(name("prog"), file(0)).unwrap();
    let count = store.blocks().len();
    drop(store);
    let upper = import(file(0)).root.to_string().to_uppercase();
    disk.write_atomic("content/blocks/notes.txt", b"mine").unwrap();
    disk.write_atomic(&format!("content/blocks/{upper}"), b"mine").unwrap();
    disk.write_atomic("content/blocks/.bafk.tmp", b"half").unwrap();
    disk.write_atomic("content/pins/.prog.tmp", b"half").unwrap();
    let store = open(&disk, StoreLimits::default());
    assert_eq!(store.blocks().len(), count);
    assert_eq!(disk.list("content/blocks").unwrap().len(), count + 2);
    assert_eq!(disk.list("content/pins").unwrap(), ["prog"]);
}

#[test]
fn a_failed_write_leaves_the_store_as_it_was() {
    for n in 0..30 {
        let (disk, store) = new();
        let before = store.add(name("before"), file(1)).unwrap();
        let total = store.total_bytes();
        disk.inject(DiskFault::FailOnce(n));
        let added = store.add(name("prog"), file(0));
        disk.heal();
        match added {
            Ok(_) => {
                assert!(n > 10, "{n} writes cannot be all");
                return;
            }
            Err(error) => assert_eq!(error.code(), Code::StoreUnavailable),
        }
        assert_eq!(store.pins(), std::slice::from_ref(&before));
        assert!(matches!(store.blocks().len(), 4 | 8), "all blocks or none, failure at {n}");
        store.collect().unwrap();
        assert_eq!(store.total_bytes(), total, "failure at write {n}");
        assert_eq!(store.read(before.root).unwrap(), file(1));
        let pin = store.add(name("prog"), file(0)).unwrap();
        assert_eq!(store.read(pin.root).unwrap(), file(0));
        assert!(store.check().unwrap().is_empty());
    }
    panic!("every write failed");
}

#[test]
fn a_disk_that_does_not_read_is_not_taken_for_missing_content() {
    let (disk, store) = new();
    let pin = store.add(name("prog"), file(0)).unwrap();
    disk.inject(DiskFault::FailReads);
    assert_eq!(store.read(pin.root).unwrap_err().code(), Code::StoreUnavailable);
    assert_eq!(store.check().unwrap_err().code(), Code::StoreUnavailable);
    disk.heal();
    assert_eq!(store.read(pin.root).unwrap(), file(0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whenever the power goes, each name stands for whole content, and what was answered stays.
    #[test]
    fn after_a_loss_of_power_every_name_has_all_its_blocks(seed: u64, at in 0u64..30, write: bool) {
        let disk = SimDisk::new(seed);
        let store = open(&disk, StoreLimits::default());
        store.add(name("first"), Bytes::from_static(b"first")).unwrap();
        disk.cut_power(if write { PowerCut::AtWrite(at) } else { PowerCut::BeforeSync(at) });
        let added = store.add(name("second"), vec![7; CHUNK + 1].into());
        let removed = store.remove(&name("first"));
        drop(store);
        disk.heal();
        disk.lose_power();
        let store = open(&disk, StoreLimits::default());
        let damage = store.check().unwrap();
        prop_assert!(damage.is_empty(), "{damage:?}");
        let names: Vec<_> = store.pins().iter().map(|pin| pin.name.to_string()).collect();
        if added.is_ok() {
            prop_assert!(names.contains(&"second".to_owned()));
        }
        if removed.is_ok() {
            prop_assert!(!names.contains(&"first".to_owned()));
        }
        for pin in store.pins() {
            prop_assert_eq!(store.read(pin.root).unwrap().len() as u64, pin.size);
        }
        store.collect().unwrap();
        let loose = if names.contains(&"first".to_owned()) { 1 } else { 0 };
        let second = if names.contains(&"second".to_owned()) { 3 } else { 0 };
        prop_assert_eq!(store.blocks().len(), loose + second);
    }
}

#[test]
fn the_store_works_on_a_real_file_system() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let disk = RealDisk::open_root(directory.path().join("data")).unwrap();
        BlockStore::open(Arc::new(disk), "content", StoreLimits::default())
    };
    let store = open().unwrap();
    let pin = store.add(name("prog"), file(0)).unwrap();
    assert!(matches!(open(), Err(ContentError::Locked)));
    drop(store);
    let store = open().unwrap();
    assert_eq!(store.read(pin.root).unwrap(), file(0));
    assert_eq!(store.remove(&name("prog")).unwrap().blocks, 4);
    assert!(store.blocks().is_empty());
}
