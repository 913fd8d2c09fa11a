//! Reading of what others wrote: whole files of other layouts, and blocks made to do harm. The
//! encoder here is not the one under test.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
};

use proptest::prelude::*;
use sealwork_content::{Block, Blocks, Cid, Codec, ContentError, ReadLimits, read};
use sealwork_job::Code;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Blocks in memory; counts how often one is asked for.
#[derive(Default)]
struct Memory {
    blocks: HashMap<Cid, Block>,
    reads: Cell<u64>,
}

impl Memory {
    fn put(&mut self, codec: Codec, bytes: Vec<u8>) -> Cid {
        let cid = Cid::of(codec, &bytes);
        self.blocks.insert(cid, Block::checked(cid, bytes.into()).unwrap());
        cid
    }

    fn leaf(&mut self, bytes: &[u8]) -> Cid {
        self.put(Codec::Raw, bytes.to_vec())
    }

    /// A node with these parts and the sizes it states for them.
    fn node(&mut self, parts: &[(Cid, u64)]) -> Cid {
        let size = parts.iter().map(|part| part.1).fold(0, u64::wrapping_add);
        self.node_with(parts, size, "")
    }

    fn node_with(&mut self, parts: &[(Cid, u64)], size: u64, name: &str) -> Cid {
        let mut data = vec![0x08, 2, 0x18];
        data.extend(varint(size));
        let mut node = Vec::new();
        for (cid, part) in parts {
            data.push(0x20);
            data.extend(varint(*part));
            let mut link = bytes_field(0x0a, &cid.to_bytes());
            link.extend(bytes_field(0x12, name.as_bytes()));
            link.extend([0x18, 0]);
            node.extend(bytes_field(0x12, &link));
        }
        node.extend(bytes_field(0x0a, &data));
        self.put(Codec::DagPb, node)
    }

    fn read(&self, root: Cid, limits: ReadLimits) -> Result<Vec<u8>, ContentError> {
        self.reads.set(0);
        read(self, root, limits)
    }

    fn refuse(&self, root: Cid) -> ContentError {
        self.read(root, ReadLimits::default()).unwrap_err()
    }
}

impl Blocks for Memory {
    fn block(&self, cid: Cid) -> Result<Block, ContentError> {
        self.reads.set(self.reads.get() + 1);
        self.blocks.get(&cid).cloned().ok_or(ContentError::Unknown(cid))
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

fn bytes_field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag][..], &varint(bytes.len() as u64), bytes].concat()
}

#[derive(Deserialize)]
struct Vectors {
    read: Vec<Dag>,
    refused: Vec<Dag>,
}

#[derive(Deserialize)]
struct Dag {
    what: String,
    size: usize,
    root: String,
    blocks: BTreeMap<String, String>,
}

impl Dag {
    fn load(&self) -> (Memory, Cid) {
        let mut memory = Memory::default();
        for (cid, bytes) in &self.blocks {
            let cid: Cid = cid.parse().unwrap();
            let made = memory.put(cid.codec(), hex::decode(bytes).unwrap());
            assert_eq!(made, cid, "{}", self.what);
        }
        (memory, self.root.parse().unwrap())
    }
}

/// From boxo, the library behind kubo's `ipfs add`: see `tests/boxo`.
fn vectors() -> Vectors {
    serde_json::from_str(include_str!("data/boxo.json")).unwrap()
}

fn content(size: usize) -> Vec<u8> {
    (0..size.div_ceil(32) as u64).flat_map(|n| Sha256::digest(n.to_be_bytes())).take(size).collect()
}

#[test]
fn files_that_boxo_wrote_in_other_layouts_read_back() {
    let vectors = vectors().read;
    assert!(vectors.len() >= 6);
    for dag in vectors {
        let (memory, root) = dag.load();
        let read = memory.read(root, ReadLimits::default());
        assert_eq!(read.unwrap(), content(dag.size), "{}", dag.what);
    }
}

#[test]
fn things_of_boxo_that_are_no_file_are_refused_by_name() {
    let vectors = vectors().refused;
    assert!(vectors.len() >= 3);
    for dag in vectors {
        let (memory, root) = dag.load();
        let error = memory.refuse(root);
        assert!(
            matches!(&error, ContentError::NotAFile { kind, .. } if *kind == dag.what),
            "{}: {error}",
            dag.what
        );
        assert_eq!(error.code(), Code::ContentNotAFile);
    }
}

#[test]
fn no_block_is_read_after_the_root_when_the_root_is_too_large() {
    let mut memory = Memory::default();
    let leaf = memory.leaf(&[1; 100]);
    let root = memory.node(&[(leaf, 100), (leaf, 100)]);
    let limits = ReadLimits { bytes: 199, ..ReadLimits::default() };
    let error = memory.read(root, limits).unwrap_err();
    assert!(matches!(error, ContentError::TooLarge { size: 200, limit: 199 }));
    assert_eq!(memory.reads.get(), 1);
    let single = ReadLimits { bytes: 99, ..ReadLimits::default() };
    assert_eq!(memory.read(leaf, single).unwrap_err().code(), Code::ContentTooLarge);
    let exact = ReadLimits { bytes: 200, ..ReadLimits::default() };
    assert_eq!(memory.read(root, exact).unwrap(), [1; 200]);
}

/// Every level links twice to the one below: 2^60 leaves in 61 blocks.
#[test]
fn a_tree_that_doubles_at_every_level_is_refused_at_its_root() {
    let mut memory = Memory::default();
    let (mut cid, mut size) = (memory.leaf(&[1]), 1u64);
    for _ in 0..60 {
        (cid, size) = (memory.node(&[(cid, size), (cid, size)]), size * 2);
    }
    let error = memory.refuse(cid);
    assert!(matches!(error, ContentError::TooLarge { size, .. } if size == 1 << 60), "{error}");
    assert_eq!(memory.reads.get(), 1);
}

/// As above without any content, so that no size gives it away.
#[test]
fn an_empty_tree_that_doubles_is_stopped_by_the_number_of_blocks() {
    let mut memory = Memory::default();
    let mut cid = memory.leaf(b"");
    for _ in 0..60 {
        cid = memory.node(&[(cid, 0), (cid, 0)]);
    }
    let limits = ReadLimits { blocks: 500, depth: 100, ..ReadLimits::default() };
    let error = memory.read(cid, limits).unwrap_err();
    assert!(matches!(error, ContentError::TooManyBlocks { limit: 500, .. }), "{error}");
    assert!(memory.reads.get() <= 500);
    assert_eq!(memory.refuse(cid).code(), Code::ContentTooLarge);
}

#[test]
fn a_chain_is_read_to_the_limit_of_depth_and_not_further() {
    let mut memory = Memory::default();
    let mut chain = vec![memory.leaf(b"end")];
    for level in 0..20 {
        chain.push(memory.node(&[(chain[level], 3)]));
    }
    let limits = ReadLimits { depth: 16, ..ReadLimits::default() };
    assert_eq!(memory.read(chain[16], limits).unwrap(), b"end");
    let error = memory.read(chain[17], limits).unwrap_err();
    assert!(matches!(error, ContentError::TooDeep { limit: 16, .. }), "{error}");
    assert_eq!(error.code(), Code::ContentTooLarge);
}

#[test]
fn a_wide_node_is_refused_before_its_parts_are_read() {
    let mut memory = Memory::default();
    let leaf = memory.leaf(b"");
    let root = memory.node(&vec![(leaf, 0); 1000]);
    let limits = ReadLimits { blocks: 1000, ..ReadLimits::default() };
    assert!(matches!(memory.read(root, limits), Err(ContentError::TooManyBlocks { .. })));
    assert_eq!(memory.reads.get(), 1);
    let exact = ReadLimits { blocks: 1001, ..ReadLimits::default() };
    assert!(memory.read(root, exact).unwrap().is_empty());
}

#[test]
fn sizes_that_are_not_true_are_found() {
    let mut memory = Memory::default();
    let leaf = memory.leaf(&[1; 10]);
    for stated in [0, 9, 11, u64::MAX] {
        let root = memory.node(&[(leaf, stated)]);
        let error = memory.refuse(root);
        assert!(
            matches!(error, ContentError::Invalid { cid, .. } if cid == leaf)
                || matches!(error, ContentError::TooLarge { size: u64::MAX, .. }),
            "{stated}: {error}"
        );
    }
    let inner = memory.node(&[(leaf, 10)]);
    let root = memory.node(&[(inner, 11)]);
    assert!(matches!(memory.refuse(root), ContentError::Invalid { cid, .. } if cid == inner));
    let total = memory.node_with(&[(leaf, 10)], 11, "");
    assert_eq!(memory.refuse(total).code(), Code::ContentInvalid);
    let overflow = memory.node(&[(leaf, u64::MAX), (leaf, 11)]);
    assert_eq!(memory.refuse(overflow).code(), Code::ContentInvalid);
}

#[test]
fn nodes_that_are_no_part_of_a_file_are_refused() {
    let mut memory = Memory::default();
    let leaf = memory.leaf(b"leaf");
    let named = memory.node_with(&[(leaf, 4)], 4, "leaf");
    let no_data = memory.put(Codec::DagPb, Vec::new());
    let foreign = memory.put(Codec::DagPb, bytes_field(0x0a, b"not protobuf"));
    let garbage = memory.put(Codec::DagPb, b"\xff\xff\xff".to_vec());
    let mut link = bytes_field(0x0a, &leaf.to_bytes());
    link = bytes_field(0x12, &link);
    let fewer_sizes = [&link[..], &bytes_field(0x0a, &[0x08, 2])].concat();
    let fewer_sizes = memory.put(Codec::DagPb, fewer_sizes);
    let more_sizes = memory.put(Codec::DagPb, bytes_field(0x0a, &[0x08, 2, 0x18, 4, 0x20, 4]));
    for cid in [named, no_data, foreign, garbage, fewer_sizes, more_sizes] {
        let error = memory.refuse(cid);
        assert!(matches!(error, ContentError::Invalid { cid: of, .. } if of == cid), "{error}");
        assert_eq!(error.code(), Code::ContentInvalid);
    }
}

#[test]
fn a_directory_below_a_file_is_refused() {
    let mut memory = Memory::default();
    let directory = memory.put(Codec::DagPb, bytes_field(0x0a, &[0x08, 1]));
    let root = memory.node(&[(directory, 0)]);
    assert!(matches!(memory.refuse(root), ContentError::NotAFile { cid, .. } if cid == directory));
}

/// The levels of a hostile tree, from its leaves: the parts of each node, as places in the level
/// below, and what is added to each stated size.
fn levels() -> impl Strategy<Value = Vec<Vec<Vec<(usize, u8)>>>> {
    let part = (any::<usize>(), prop_oneof![9 => Just(0u8), 1 => any::<u8>()]);
    let node = prop::collection::vec(part, 0..4);
    prop::collection::vec(prop::collection::vec(node, 1..4), 0..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    /// Whatever the tree, no more than the limits is read or handed out.
    #[test]
    fn any_tree_reads_within_its_limits_or_is_refused(
        leaves in prop::collection::vec(0usize..50, 1..4),
        levels in levels(),
        bytes in 0u64..2000,
        blocks in 1u64..100,
        depth in 0u32..7,
    ) {
        let mut memory = Memory::default();
        let mut below: Vec<_> = leaves
            .iter()
            .map(|size| (memory.leaf(&vec![1; *size]), *size as u64))
            .collect();
        for level in levels {
            below = level
                .iter()
                .map(|node| {
                    let parts: Vec<_> = node
                        .iter()
                        .map(|(at, lie)| {
                            let (cid, size) = below[at % below.len()];
                            (cid, size + u64::from(*lie))
                        })
                        .collect();
                    let size = parts.iter().map(|part| part.1).sum();
                    (memory.node(&parts), size)
                })
                .collect();
        }
        let (root, size) = below[0];
        let limits = ReadLimits { bytes, blocks, depth };
        match memory.read(root, limits) {
            Ok(content) => {
                prop_assert_eq!(content.len() as u64, size);
                prop_assert!(size <= bytes);
            }
            Err(error) => prop_assert!(matches!(
                error.code(),
                Code::ContentInvalid | Code::ContentTooLarge
            )),
        }
        prop_assert!(memory.reads.get() <= blocks);
    }
}
