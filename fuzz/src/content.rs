//! What content is named by and made of: both come from anybody.

use bytes::Bytes;
use sealwork_content::{Block, Blocks, Cid, Codec, ContentError, ReadLimits, import, read};

const LIMITS: ReadLimits = ReadLimits { bytes: 64 << 10, depth: 4, blocks: 64 };

/// A CID, as text and as bytes.
pub fn content_cid(data: &[u8]) {
    if let Ok(cid) = Cid::from_bytes(data) {
        assert_eq!(Cid::from_bytes(&cid.to_bytes()), Ok(cid), "what was read is written");
    }
    if let Some(cid) = std::str::from_utf8(data).ok().and_then(|text| text.parse::<Cid>().ok()) {
        assert_eq!(cid.to_string().parse(), Ok(cid), "what was read is written");
    }
}

/// The blocks of a file, from a source that gives what it likes: each block has its length before
/// it, two bytes, and the last one is the root.
pub fn content_file(data: &[u8]) {
    let source = Liar(blocks(data));
    if let Some(root) = source.0.last() {
        let root = Cid::of(Codec::DagPb, root);
        if let Ok(content) = read(&source, root, LIMITS) {
            assert!(content.len() as u64 <= LIMITS.bytes, "{} bytes", content.len());
        }
    }
    let imported = import(Bytes::copy_from_slice(data));
    let own = Liar(imported.blocks.iter().map(|block| block.bytes().clone()).collect());
    let again = read(&own, imported.root, ReadLimits::default());
    assert_eq!(again.expect("what was imported is read"), data);
}

fn blocks(mut data: &[u8]) -> Vec<Bytes> {
    let mut blocks = Vec::new();
    while let Some((len, rest)) = data.split_first_chunk::<2>() {
        let (block, rest) = rest.split_at(rest.len().min(u16::from_be_bytes(*len).into()));
        blocks.push(Bytes::copy_from_slice(block));
        data = rest;
    }
    blocks
}

/// Gives the block that is asked for, and any other where it has none.
struct Liar(Vec<Bytes>);

impl Blocks for Liar {
    fn block(&self, cid: Cid) -> Result<Block, ContentError> {
        let honest = self.0.iter().find(|bytes| Cid::of(cid.codec(), bytes) == cid);
        let other = || self.0.get(usize::from(cid.digest()[0]) % self.0.len());
        let bytes = honest.or_else(other).ok_or(ContentError::Unknown(cid))?;
        Block::checked(Cid::of(cid.codec(), bytes), bytes.clone())
    }
}
