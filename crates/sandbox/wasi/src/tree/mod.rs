//! The file system of one program: a tree in memory, bounded in every direction.

mod build;
mod content;
mod directory;
mod inode;
mod limits;
mod names;
mod resolve;
#[cfg(test)]
mod tests;

use crate::errno::Errno;
use crate::types::FileStat;
pub use build::{Entry, TreeError};
use directory::Directory;
pub(crate) use inode::InodeNumber;
use inode::{Inode, Node};
pub use limits::FsLimits;
use limits::Usage;
pub(crate) use resolve::{Target, ends_in_slash};
use std::collections::BTreeMap;
use std::fmt;

const ROOT: InodeNumber = 1;

/// Files, directories and symbolic links in memory, within [`FsLimits`].
///
/// The caller builds it before a run ([`FileTree::add_file`] and its kin) and reads it after
/// ([`FileTree::get`]). Paths of these methods are relative to the root and may start with `/`.
#[derive(Clone)]
pub struct FileTree {
    inodes: BTreeMap<InodeNumber, Inode>,
    last_inode: InodeNumber,
    usage: Usage,
    made_at: u64,
}

/// Sizes only: names and contents are the requester's.
impl fmt::Debug for FileTree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FileTree")
            .field("bytes", &self.used_bytes())
            .field("inodes", &self.used_inodes())
            .finish()
    }
}

impl FileTree {
    /// Bytes in use, counted as [`FsLimits::bytes`] says.
    pub fn used_bytes(&self) -> u64 {
        self.usage.bytes()
    }

    /// Inodes in use, counted as [`FsLimits::inodes`] says.
    pub fn used_inodes(&self) -> u64 {
        self.usage.inodes()
    }

    pub(crate) fn limits(&self) -> &FsLimits {
        self.usage.limits()
    }

    pub(crate) fn stat(&self, number: InodeNumber) -> Result<FileStat, Errno> {
        Ok(self.inode(number)?.stat(number))
    }

    /// Notes a descriptor of an inode, which keeps it even when its last name goes.
    pub(crate) fn open(&mut self, number: InodeNumber) -> Result<(), Errno> {
        self.inode_mut(number)?.open += 1;
        Ok(())
    }

    /// Notes that a descriptor is gone.
    pub(crate) fn close(&mut self, number: InodeNumber) {
        if let Ok(inode) = self.inode_mut(number) {
            inode.open = inode.open.saturating_sub(1);
            self.drop_if_unused(number);
        }
    }

    /// Gives back what nothing names and nothing has open.
    fn drop_if_unused(&mut self, number: InodeNumber) {
        let unused = |inode: &Inode| inode.links == 0 && inode.open == 0;
        if self.inodes.get(&number).is_some_and(unused)
            && let Some(inode) = self.inodes.remove(&number)
        {
            self.usage.give_inode(inode.node.size());
        }
    }

    fn inode(&self, number: InodeNumber) -> Result<&Inode, Errno> {
        self.inodes.get(&number).ok_or(Errno::Io)
    }

    fn inode_mut(&mut self, number: InodeNumber) -> Result<&mut Inode, Errno> {
        self.inodes.get_mut(&number).ok_or(Errno::Io)
    }

    fn directory(&self, number: InodeNumber) -> Result<&Directory, Errno> {
        match &self.inode(number)?.node {
            Node::Directory(directory) => Ok(directory),
            _ => Err(Errno::NotDir),
        }
    }

    fn directory_mut(&mut self, number: InodeNumber) -> Result<&mut Directory, Errno> {
        match &mut self.inode_mut(number)?.node {
            Node::Directory(directory) => Ok(directory),
            _ => Err(Errno::NotDir),
        }
    }
}
