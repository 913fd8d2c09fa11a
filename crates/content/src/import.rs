use std::{collections::BTreeSet, mem};

use bytes::Bytes;

use crate::{
    Block, Cid, Codec,
    dag_pb::{self, Link},
    unix_fs,
};

/// A file in blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What names the file.
    pub root: Cid,
    /// Every block once, each after those it links to: the root is the last.
    pub blocks: Vec<Block>,
    /// The size of the file in bytes.
    pub size: u64,
}

/// Cuts a file into the blocks that `ipfs add --cid-version=1 --raw-leaves` makes of it: raw leaves
/// of 256 KiB under a balanced tree of nodes with at most 174 links. A file of one chunk is one raw
/// block. The leaves share the memory of `content`.
pub fn import(content: Bytes) -> Imported {
    Layout::KUBO.import(content)
}

/// How a file is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Bytes of a leaf: at least 1.
    pub(crate) chunk: usize,
    /// Links of a node: at least 2.
    pub(crate) links: usize,
}

impl Layout {
    /// What kubo does unless it is told otherwise.
    pub(crate) const KUBO: Self = Self { chunk: 262_144, links: 174 };

    pub(crate) fn import(self, content: Bytes) -> Imported {
        let mut tree = Tree::new(self);
        let mut at = 0;
        while at < content.len() {
            let end = content.len().min(at.saturating_add(self.chunk));
            tree.push_leaf(content.slice(at..end));
            at = end;
        }
        if content.is_empty() {
            tree.push_leaf(content.clone());
        }
        let root = tree.finish();
        Imported { root, blocks: tree.blocks, size: content.len() as u64 }
    }
}

/// A subtree that waits for its parent.
#[derive(Debug, Clone, Copy)]
struct Part {
    link: Link,
    /// Bytes of the file in it.
    size: u64,
}

/// A tree in the making, from left to right.
struct Tree {
    layout: Layout,
    /// Parts without a parent yet: leaves first, then the nodes above them, level by level. Each
    /// level has fewer than `layout.links`.
    open: Vec<Vec<Part>>,
    blocks: Vec<Block>,
    made: BTreeSet<Cid>,
}

impl Tree {
    fn new(layout: Layout) -> Self {
        Self { layout, open: vec![Vec::new()], blocks: Vec::new(), made: BTreeSet::new() }
    }

    fn push_leaf(&mut self, chunk: Bytes) {
        let size = chunk.len() as u64;
        let cid = self.keep(Block::of(Codec::Raw, chunk));
        self.push(0, Part { link: Link { cid, tree_size: size }, size });
    }

    fn push(&mut self, level: usize, part: Part) {
        if level == self.open.len() {
            self.open.push(Vec::new());
        }
        self.open[level].push(part);
        if self.open[level].len() == self.layout.links {
            self.close(level);
        }
    }

    /// Puts the open parts of a level under one node.
    fn close(&mut self, level: usize) {
        let parts = mem::take(&mut self.open[level]);
        let links: Vec<_> = parts.iter().map(|part| part.link).collect();
        let sizes = parts.iter().map(|part| part.size);
        let node =
            Block::of(Codec::DagPb, dag_pb::encode(&links, &unix_fs::encode(sizes.clone())).into());
        let tree_size = node.len() + links.iter().map(|link| link.tree_size).sum::<u64>();
        let size = sizes.sum();
        let cid = self.keep(node);
        self.push(level + 1, Part { link: Link { cid, tree_size }, size });
    }

    /// Closes what is open from the leaves up, until one part is left: even a single leaf gets the
    /// nodes between it and the root, so that all leaves are equally deep.
    fn finish(&mut self) -> Cid {
        let mut level = 0;
        loop {
            let top = level + 1 == self.open.len();
            match self.open[level].as_slice() {
                [root] if top => return root.link.cid,
                [] => {}
                _ => self.close(level),
            }
            level += 1;
        }
    }

    fn keep(&mut self, block: Block) -> Cid {
        let cid = block.cid();
        if self.made.insert(cid) {
            self.blocks.push(block);
        }
        cid
    }
}

#[cfg(test)]
mod tests;
