//! Words and records of the interface, laid out as `wasi_snapshot_preview1.witx` says.

use crate::errno::Errno;
use bitflags::bitflags;

bitflags! {
    /// What a descriptor may be used for.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Rights: u64 {
        const FD_DATASYNC = 1;
        const FD_READ = 1 << 1;
        const FD_SEEK = 1 << 2;
        const FD_FDSTAT_SET_FLAGS = 1 << 3;
        const FD_SYNC = 1 << 4;
        const FD_TELL = 1 << 5;
        const FD_WRITE = 1 << 6;
        const FD_ADVISE = 1 << 7;
        const FD_ALLOCATE = 1 << 8;
        const PATH_CREATE_DIRECTORY = 1 << 9;
        const PATH_CREATE_FILE = 1 << 10;
        const PATH_LINK_SOURCE = 1 << 11;
        const PATH_LINK_TARGET = 1 << 12;
        const PATH_OPEN = 1 << 13;
        const FD_READDIR = 1 << 14;
        const PATH_READLINK = 1 << 15;
        const PATH_RENAME_SOURCE = 1 << 16;
        const PATH_RENAME_TARGET = 1 << 17;
        const PATH_FILESTAT_GET = 1 << 18;
        const PATH_FILESTAT_SET_SIZE = 1 << 19;
        const PATH_FILESTAT_SET_TIMES = 1 << 20;
        const FD_FILESTAT_GET = 1 << 21;
        const FD_FILESTAT_SET_SIZE = 1 << 22;
        const FD_FILESTAT_SET_TIMES = 1 << 23;
        const PATH_SYMLINK = 1 << 24;
        const PATH_REMOVE_DIRECTORY = 1 << 25;
        const PATH_UNLINK_FILE = 1 << 26;
        const POLL_FD_READWRITE = 1 << 27;

        /// All that makes sense on a regular file.
        const FILE = Self::FD_DATASYNC.bits()
            | Self::FD_READ.bits()
            | Self::FD_SEEK.bits()
            | Self::FD_FDSTAT_SET_FLAGS.bits()
            | Self::FD_SYNC.bits()
            | Self::FD_TELL.bits()
            | Self::FD_WRITE.bits()
            | Self::FD_ADVISE.bits()
            | Self::FD_ALLOCATE.bits()
            | Self::FD_FILESTAT_GET.bits()
            | Self::FD_FILESTAT_SET_SIZE.bits()
            | Self::FD_FILESTAT_SET_TIMES.bits()
            | Self::POLL_FD_READWRITE.bits();

        /// All that makes sense on a directory.
        const DIRECTORY = Self::FD_DATASYNC.bits()
            | Self::FD_FDSTAT_SET_FLAGS.bits()
            | Self::FD_SYNC.bits()
            | Self::PATH_CREATE_DIRECTORY.bits()
            | Self::PATH_CREATE_FILE.bits()
            | Self::PATH_LINK_SOURCE.bits()
            | Self::PATH_LINK_TARGET.bits()
            | Self::PATH_OPEN.bits()
            | Self::FD_READDIR.bits()
            | Self::PATH_READLINK.bits()
            | Self::PATH_RENAME_SOURCE.bits()
            | Self::PATH_RENAME_TARGET.bits()
            | Self::PATH_FILESTAT_GET.bits()
            | Self::PATH_FILESTAT_SET_SIZE.bits()
            | Self::PATH_FILESTAT_SET_TIMES.bits()
            | Self::FD_FILESTAT_GET.bits()
            | Self::FD_FILESTAT_SET_TIMES.bits()
            | Self::PATH_SYMLINK.bits()
            | Self::PATH_REMOVE_DIRECTORY.bits()
            | Self::PATH_UNLINK_FILE.bits();

        /// All that makes sense on a standard stream, but for its direction.
        const STREAM = Self::FD_DATASYNC.bits()
            | Self::FD_FDSTAT_SET_FLAGS.bits()
            | Self::FD_SYNC.bits()
            | Self::FD_FILESTAT_GET.bits()
            | Self::POLL_FD_READWRITE.bits();
    }

    /// State of a descriptor. In memory, synchronous writes are what all writes are.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct FdFlags: u16 {
        const APPEND = 1;
        const DSYNC = 1 << 1;
        const NONBLOCK = 1 << 2;
        const RSYNC = 1 << 3;
        const SYNC = 1 << 4;
    }

    /// How `path_open` opens.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct OpenFlags: u16 {
        const CREATE = 1;
        const DIRECTORY = 1 << 1;
        const EXCLUSIVE = 1 << 2;
        const TRUNCATE = 1 << 3;
    }

    /// Which times to set.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct TimeFlags: u16 {
        const ACCESS = 1;
        const ACCESS_NOW = 1 << 1;
        const MODIFY = 1 << 2;
        const MODIFY_NOW = 1 << 3;
    }

    /// How a path is looked up.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct LookupFlags: u32 {
        const FOLLOW = 1;
    }
}

/// Flags of 16 bits arrive in a 32-bit parameter; unknown bits are an error.
pub(crate) fn flags16<F: bitflags::Flags<Bits = u16>>(value: u32) -> Result<F, Errno> {
    u16::try_from(value).ok().and_then(F::from_bits).ok_or(Errno::Inval)
}

/// The lookup flags; unknown bits are an error.
pub(crate) fn lookup_flags(value: u32) -> Result<LookupFlags, Errno> {
    LookupFlags::from_bits(value).ok_or(Errno::Inval)
}

/// What stands behind a descriptor or a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FileType {
    /// A standard stream: neither a terminal nor a file.
    Unknown = 0,
    Directory = 3,
    RegularFile = 4,
    SymbolicLink = 7,
}

/// Attributes of a file, a directory, a symbolic link or a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStat {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) file_type: FileType,
    pub(crate) links: u64,
    pub(crate) size: u64,
    pub(crate) times: Times,
}

/// When an inode was last read, changed in content, and changed at all: nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Times {
    pub(crate) access: u64,
    pub(crate) modify: u64,
    pub(crate) change: u64,
}

impl FileStat {
    pub(crate) const SIZE: u32 = 64;

    /// The record as the guest reads it.
    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE as usize] {
        let mut record = [0; Self::SIZE as usize];
        put(&mut record, 0, &self.device.to_le_bytes());
        put(&mut record, 8, &self.inode.to_le_bytes());
        put(&mut record, 16, &[self.file_type as u8]);
        put(&mut record, 24, &self.links.to_le_bytes());
        put(&mut record, 32, &self.size.to_le_bytes());
        put(&mut record, 40, &self.times.access.to_le_bytes());
        put(&mut record, 48, &self.times.modify.to_le_bytes());
        put(&mut record, 56, &self.times.change.to_le_bytes());
        record
    }
}

/// Attributes of a descriptor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FdStat {
    pub(crate) file_type: FileType,
    pub(crate) flags: FdFlags,
    pub(crate) base: Rights,
    pub(crate) inheriting: Rights,
}

impl FdStat {
    pub(crate) const SIZE: u32 = 24;

    /// The record as the guest reads it.
    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE as usize] {
        let mut record = [0; Self::SIZE as usize];
        put(&mut record, 0, &[self.file_type as u8]);
        put(&mut record, 2, &self.flags.bits().to_le_bytes());
        put(&mut record, 8, &self.base.bits().to_le_bytes());
        put(&mut record, 16, &self.inheriting.bits().to_le_bytes());
        record
    }
}

/// The head of a directory entry; its name follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DirEntry {
    pub(crate) next: u64,
    pub(crate) inode: u64,
    pub(crate) name_len: u32,
    pub(crate) file_type: FileType,
}

impl DirEntry {
    pub(crate) const SIZE: u32 = 24;

    /// The record as the guest reads it.
    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE as usize] {
        let mut record = [0; Self::SIZE as usize];
        put(&mut record, 0, &self.next.to_le_bytes());
        put(&mut record, 8, &self.inode.to_le_bytes());
        put(&mut record, 16, &self.name_len.to_le_bytes());
        put(&mut record, 20, &[self.file_type as u8]);
        record
    }
}

/// Lays `field` at `at` of a record.
pub(crate) fn put(record: &mut [u8], at: usize, field: &[u8]) {
    if let Some(place) = record.get_mut(at..at + field.len()) {
        place.copy_from_slice(field);
    }
}
