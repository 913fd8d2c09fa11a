//! What a name stands for.

use super::directory::Directory;
use crate::types::{FileStat, FileType, Times};

/// The number of an inode: unique in a tree, never used twice.
pub(crate) type InodeNumber = u64;

/// The device number of everything in a tree.
const DEVICE: u64 = 1;

/// A file, a directory or a symbolic link.
#[derive(Clone)]
pub(crate) struct Inode {
    pub(crate) node: Node,
    pub(crate) times: Times,
    /// Names of it; zero for what is removed and only still open.
    pub(crate) links: u64,
    /// Descriptors of it.
    pub(crate) open: u64,
}

/// What an inode holds.
#[derive(Clone)]
pub(crate) enum Node {
    File(Vec<u8>),
    Directory(Directory),
    Symlink(String),
}

impl Inode {
    pub(crate) fn new(node: Node, now: u64) -> Self {
        Self { node, times: Times { access: now, modify: now, change: now }, links: 0, open: 0 }
    }

    pub(crate) fn file_type(&self) -> FileType {
        match self.node {
            Node::File(_) => FileType::RegularFile,
            Node::Directory(_) => FileType::Directory,
            Node::Symlink(_) => FileType::SymbolicLink,
        }
    }

    pub(crate) fn stat(&self, number: InodeNumber) -> FileStat {
        FileStat {
            device: DEVICE,
            inode: number,
            file_type: self.file_type(),
            links: self.links,
            size: self.node.size(),
            times: self.times,
        }
    }
}

impl Node {
    /// Bytes of content: what it costs beside its names.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Node::File(content) => content.len() as u64,
            Node::Directory(_) => 0,
            Node::Symlink(target) => target.len() as u64,
        }
    }
}
