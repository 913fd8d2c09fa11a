use crate::{
    Block, Cid, Codec, ContentError, dag_pb,
    unix_fs::{self, Entry},
    wire::Malformed,
};

/// Where blocks come from.
pub trait Blocks {
    /// The block that `cid` names.
    ///
    /// # Errors
    /// [`ContentError::Unknown`] when it is not there; what else the source has to say.
    fn block(&self, cid: Cid) -> Result<Block, ContentError>;
}

/// Bounds of one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Size of the content in bytes.
    pub bytes: u64,
    /// Levels of nodes above the deepest leaf. kubo's balanced layout needs 4 for 200 TiB.
    pub depth: u32,
    /// Blocks, each counted as often as it is read.
    pub blocks: u64,
}

impl Default for ReadLimits {
    /// 64 MiB in up to 65536 blocks, 16 levels deep.
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 16, blocks: 1 << 16 }
    }
}

/// Puts a file together. Work and memory are bounded by `limits`, whatever the blocks say.
///
/// # Errors
/// What the source says, [`ContentError::Invalid`], [`ContentError::NotAFile`],
/// [`ContentError::TooLarge`], [`ContentError::TooDeep`], [`ContentError::TooManyBlocks`].
pub fn read(
    blocks: &(impl Blocks + ?Sized),
    root: Cid,
    limits: ReadLimits,
) -> Result<Vec<u8>, ContentError> {
    let mut content = Vec::new();
    walk(blocks, root, limits, |_, bytes| content.extend_from_slice(bytes))?;
    Ok(content)
}

/// A block that is still to be read.
struct Ahead {
    cid: Cid,
    depth: u32,
    /// Bytes of content that the node above says are in it.
    stated: Option<u64>,
}

/// Reads every block of a file in the order of the content, and hands out each with the content
/// that it holds itself. Returns the size of the file.
///
/// Each node states its size, and the sizes of its parts: the root's is checked against the limit,
/// each other one against what its parent stated. So a node that lies is found when it is opened,
/// and never more is handed out than the root stated.
pub(crate) fn walk(
    blocks: &(impl Blocks + ?Sized),
    root: Cid,
    limits: ReadLimits,
    mut visit: impl FnMut(&Block, &[u8]),
) -> Result<u64, ContentError> {
    let too_many = ContentError::TooManyBlocks { root, limit: limits.blocks };
    let mut total = 0;
    let mut seen = 0u64;
    let mut ahead = vec![Ahead { cid: root, depth: 0, stated: None }];
    while let Some(Ahead { cid, depth, stated }) = ahead.pop() {
        seen += 1;
        let block = blocks.block(cid)?;
        let part = Part::of(&block)?;
        match stated {
            Some(stated) if stated == part.size => {}
            Some(_) => {
                return Err(invalid(cid, Malformed("its size is not what its parent states")));
            }
            None if part.size > limits.bytes => {
                return Err(ContentError::TooLarge { size: part.size, limit: limits.bytes });
            }
            None => total = part.size,
        }
        if !part.below.is_empty() && depth == limits.depth {
            return Err(ContentError::TooDeep { root, limit: limits.depth });
        }
        // What is ahead counts, so that a wide node is refused before any of its parts is read.
        if seen + (ahead.len() + part.below.len()) as u64 > limits.blocks {
            return Err(too_many);
        }
        visit(&block, part.data);
        ahead.extend(part.below.into_iter().rev().map(|(cid, size)| Ahead {
            cid,
            depth: depth + 1,
            stated: Some(size),
        }));
    }
    Ok(total)
}

/// One block's part of a file.
struct Part<'a> {
    data: &'a [u8],
    /// The blocks that follow, with the bytes of content in each.
    below: Vec<(Cid, u64)>,
    size: u64,
}

impl<'a> Part<'a> {
    fn of(block: &'a Block) -> Result<Self, ContentError> {
        match block.cid().codec() {
            Codec::Raw => Ok(Self { data: block.bytes(), below: Vec::new(), size: block.len() }),
            Codec::DagPb => Self::of_node(block),
        }
    }

    fn of_node(block: &'a Block) -> Result<Self, ContentError> {
        let cid = block.cid();
        let invalid = |malformed| invalid(cid, malformed);
        let node = dag_pb::decode(block.bytes()).map_err(invalid)?;
        let data = node.data.ok_or_else(|| invalid(Malformed("the node has no file data")))?;
        let file = match unix_fs::decode(data).map_err(invalid)? {
            Entry::File(file) => file,
            Entry::Other(kind) => return Err(ContentError::NotAFile { cid, kind }),
        };
        // Names would also make room for bytes that no limit counts.
        if node.named {
            return Err(invalid(Malformed("the parts of a file have names")));
        }
        if file.parts.len() != node.links.len() {
            return Err(invalid(Malformed("there are not as many sizes as parts")));
        }
        let below = node.links.iter().map(|link| link.cid).zip(file.parts).collect();
        Ok(Self { data: file.data, below, size: file.size })
    }
}

fn invalid(cid: Cid, Malformed(detail): Malformed) -> ContentError {
    ContentError::Invalid { cid, detail }
}
