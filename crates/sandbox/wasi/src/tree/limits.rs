//! What a tree may hold.

use crate::errno::Errno;

/// Bounds of a program's file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FsLimits {
    /// Bytes of file content, symbolic link targets, and directory entries. An entry counts twice
    /// its name and 128 bytes.
    pub bytes: u64,
    /// Files, directories and symbolic links, the root not counted, those that are removed but
    /// still open counted.
    pub inodes: u64,
    /// Directories inside each other, the root not counted.
    pub depth: u32,
    /// Descriptors open at once, standard streams and preopened directories included.
    pub open_files: u32,
}

impl Default for FsLimits {
    /// 64 MiB, 65,536 inodes, 64 directories deep, 1,024 open descriptors.
    fn default() -> Self {
        Self { bytes: 64 << 20, inodes: 1 << 16, depth: 64, open_files: 1024 }
    }
}

/// What an entry costs beside its name: the host's own structures.
const ENTRY_OVERHEAD: u64 = 128;

/// What of the limits is used.
#[derive(Debug, Clone)]
pub(crate) struct Usage {
    limits: FsLimits,
    bytes: u64,
    inodes: u64,
}

impl Usage {
    pub(crate) fn new(limits: FsLimits) -> Self {
        Self { limits, bytes: 0, inodes: 0 }
    }

    pub(crate) fn limits(&self) -> &FsLimits {
        &self.limits
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn inodes(&self) -> u64 {
        self.inodes
    }

    /// Bytes that are left.
    pub(crate) fn room(&self) -> u64 {
        self.limits.bytes.saturating_sub(self.bytes)
    }

    pub(crate) fn take_bytes(&mut self, bytes: u64) -> Result<(), Errno> {
        if bytes > self.room() {
            return Err(Errno::NoSpc);
        }
        self.bytes += bytes;
        Ok(())
    }

    pub(crate) fn give_bytes(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Takes an inode and the bytes of its first content, both or neither.
    pub(crate) fn take_inode(&mut self, bytes: u64) -> Result<(), Errno> {
        if self.inodes >= self.limits.inodes {
            return Err(Errno::NoSpc);
        }
        self.take_bytes(bytes)?;
        self.inodes += 1;
        Ok(())
    }

    pub(crate) fn give_inode(&mut self, bytes: u64) {
        self.inodes = self.inodes.saturating_sub(1);
        self.give_bytes(bytes);
    }
}

/// What a directory entry of this name costs.
pub(crate) fn entry_cost(name: &str) -> u64 {
    2 * name.len() as u64 + ENTRY_OVERHEAD
}
