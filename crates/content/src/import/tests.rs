use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::{ContentError, ReadLimits, read};

/// What boxo, the library behind kubo's `ipfs add`, makes of the same files: `tests/boxo`.
const BOXO: &str = include_str!("../../tests/data/boxo.json");

#[derive(Deserialize)]
struct Vectors {
    files: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    size: usize,
    chunk: usize,
    links: usize,
    root: Cid,
    blocks: usize,
}

/// The beginning of the sequence from which all vectors take their content.
fn content(size: usize) -> Bytes {
    let mut all = Vec::with_capacity(size + 32);
    for n in 0u64.. {
        if all.len() >= size {
            break;
        }
        all.extend_from_slice(&Sha256::digest(n.to_be_bytes()));
    }
    all.truncate(size);
    all.into()
}

fn blocks_of(imported: &Imported) -> BTreeMap<Cid, Block> {
    imported.blocks.iter().map(|block| (block.cid(), block.clone())).collect()
}

impl crate::Blocks for BTreeMap<Cid, Block> {
    fn block(&self, cid: Cid) -> Result<Block, ContentError> {
        self.get(&cid).cloned().ok_or(ContentError::Unknown(cid))
    }
}

#[test]
fn files_have_the_cids_and_blocks_that_boxo_gives_them() {
    let vectors: Vectors = serde_json::from_str(BOXO).unwrap();
    let largest = vectors.files.iter().map(|file| file.size).max().unwrap();
    let all = content(largest);
    for Vector { size, chunk, links, root, blocks } in vectors.files {
        let imported = Layout { chunk, links }.import(all.slice(..size));
        assert_eq!(imported.root, root, "{size} bytes in chunks of {chunk}, {links} links");
        assert_eq!(imported.blocks.len(), blocks, "{size} bytes in chunks of {chunk}");
        assert_eq!(imported.size, size as u64);
    }
}

#[test]
fn the_public_layout_is_that_of_kubo() {
    let file = content(Layout::KUBO.chunk * 2 + 1);
    assert_eq!(import(file.clone()), Layout { chunk: 262_144, links: 174 }.import(file));
}

#[test]
fn small_files_are_the_raw_blocks_that_kubo_prints() {
    for (file, cid) in [
        ("", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        ("hello world", "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
    ] {
        let imported = import(Bytes::from_static(file.as_bytes()));
        assert_eq!(imported.root.to_string(), cid);
        assert_eq!(imported.blocks.len(), 1);
    }
}

#[test]
fn a_block_that_occurs_often_is_kept_once() {
    let imported = Layout { chunk: 16, links: 3 }.import(vec![7; 16 * 9].into());
    // One leaf, one node above three of it, one root above three of that.
    assert_eq!(imported.blocks.len(), 3);
    assert_eq!(imported.blocks.last().map(Block::cid), Some(imported.root));
}

proptest! {
    /// Sizes around the edges of chunks and full trees.
    #[test]
    fn an_imported_file_reads_back(
        chunk in 1usize..20,
        links in 2usize..5,
        leaves in 0usize..70,
        extra in 0usize..3,
        seed: u8,
    ) {
        let size = (leaves * chunk + extra).saturating_sub(1);
        let file: Bytes = (0..size).map(|n| (n / 3) as u8 ^ seed).collect();
        let imported = Layout { chunk, links }.import(file.clone());
        let limits = ReadLimits { bytes: size as u64, ..ReadLimits::default() };
        let blocks = blocks_of(&imported);
        prop_assert_eq!(blocks.len(), imported.blocks.len());
        prop_assert_eq!(read(&blocks, imported.root, limits).unwrap(), file);
    }

    #[test]
    fn a_file_with_a_block_missing_does_not_read(leaves in 1usize..40, gap: prop::sample::Index) {
        let file: Bytes = (0..leaves * 4).map(|n| n as u8).collect();
        let imported = Layout { chunk: 4, links: 3 }.import(file);
        let mut blocks = blocks_of(&imported);
        let gone = imported.blocks[gap.index(imported.blocks.len())].cid();
        blocks.remove(&gone);
        let refused = read(&blocks, imported.root, ReadLimits::default()).unwrap_err();
        prop_assert!(matches!(refused, ContentError::Unknown(cid) if cid == gone));
    }
}
