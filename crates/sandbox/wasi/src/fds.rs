//! The descriptors of a program.

use crate::errno::Errno;
use crate::tree::InodeNumber;
use crate::types::{FdFlags, FdStat, FileType, Rights};

/// What a descriptor stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    Stdin,
    Stdout,
    Stderr,
    File { inode: InodeNumber, position: u64 },
    Directory { inode: InodeNumber, preopen: Option<String> },
}

/// An open descriptor.
#[derive(Debug, Clone)]
pub(crate) struct Descriptor {
    pub(crate) resource: Resource,
    pub(crate) base: Rights,
    pub(crate) inheriting: Rights,
    pub(crate) flags: FdFlags,
}

impl Descriptor {
    pub(crate) fn stream(resource: Resource, direction: Rights) -> Self {
        Self {
            resource,
            base: Rights::STREAM | direction,
            inheriting: Rights::empty(),
            flags: FdFlags::empty(),
        }
    }

    pub(crate) fn preopen(inode: InodeNumber, name: String) -> Self {
        Self {
            resource: Resource::Directory { inode, preopen: Some(name) },
            base: Rights::DIRECTORY,
            inheriting: Rights::DIRECTORY | Rights::FILE,
            flags: FdFlags::empty(),
        }
    }

    /// The inode that it keeps open, if any.
    pub(crate) fn inode(&self) -> Option<InodeNumber> {
        match self.resource {
            Resource::File { inode, .. } | Resource::Directory { inode, .. } => Some(inode),
            Resource::Stdin | Resource::Stdout | Resource::Stderr => None,
        }
    }

    pub(crate) fn stat(&self) -> FdStat {
        let file_type = match self.resource {
            Resource::File { .. } => FileType::RegularFile,
            Resource::Directory { .. } => FileType::Directory,
            Resource::Stdin | Resource::Stdout | Resource::Stderr => FileType::Unknown,
        };
        FdStat { file_type, flags: self.flags, base: self.base, inheriting: self.inheriting }
    }

    /// Checks that it may be used so.
    pub(crate) fn need(&self, rights: Rights) -> Result<(), Errno> {
        if self.base.contains(rights) { Ok(()) } else { Err(Errno::NotCapable) }
    }

    /// Reading or writing without the right is what POSIX calls a bad descriptor.
    pub(crate) fn need_transfer(&self, rights: Rights) -> Result<(), Errno> {
        self.need(rights).map_err(|_| Errno::BadF)
    }

    /// The file that it stands for.
    pub(crate) fn file(&self) -> Result<InodeNumber, Errno> {
        match self.resource {
            Resource::File { inode, .. } => Ok(inode),
            Resource::Directory { .. } => Err(Errno::IsDir),
            Resource::Stdin | Resource::Stdout | Resource::Stderr => Err(Errno::SPipe),
        }
    }

    /// The directory that it stands for.
    pub(crate) fn directory(&self) -> Result<InodeNumber, Errno> {
        match self.resource {
            Resource::Directory { inode, .. } => Ok(inode),
            _ => Err(Errno::NotDir),
        }
    }

    /// The name of the preopened directory that it stands for. Anything else is a bad descriptor:
    /// that is how programs find the end of the list.
    pub(crate) fn preopen_name(&self) -> Result<&str, Errno> {
        match &self.resource {
            Resource::Directory { preopen: Some(name), .. } => Ok(name),
            _ => Err(Errno::BadF),
        }
    }
}

/// The table of descriptors, bounded in number.
#[derive(Debug)]
pub(crate) struct Descriptors {
    slots: Vec<Option<Descriptor>>,
    limit: usize,
}

impl Descriptors {
    pub(crate) fn new(limit: u32) -> Self {
        Self { slots: Vec::new(), limit: limit as usize }
    }

    pub(crate) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.slots.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::BadF)
    }

    pub(crate) fn get_mut(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        self.slots.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::BadF)
    }

    /// The number that the next descriptor gets: the lowest free one, as POSIX has it.
    pub(crate) fn vacant(&self) -> Result<u32, Errno> {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        match u32::try_from(free) {
            Ok(fd) if free < self.limit => Ok(fd),
            _ => Err(Errno::MFile),
        }
    }

    /// Opens a descriptor under the lowest free number.
    pub(crate) fn insert(&mut self, descriptor: Descriptor) -> Result<u32, Errno> {
        let fd = self.vacant()?;
        match self.slots.get_mut(fd as usize) {
            Some(slot) => *slot = Some(descriptor),
            None => self.slots.push(Some(descriptor)),
        }
        Ok(fd)
    }

    pub(crate) fn remove(&mut self, fd: u32) -> Result<Descriptor, Errno> {
        self.slots.get_mut(fd as usize).and_then(Option::take).ok_or(Errno::BadF)
    }

    /// Puts the descriptor `from` in the place of `to`, and gives back what was there.
    pub(crate) fn renumber(&mut self, from: u32, to: u32) -> Result<Descriptor, Errno> {
        self.get(to)?;
        let moved = self.remove(from)?;
        Ok(std::mem::replace(self.get_mut(to)?, moved))
    }
}
