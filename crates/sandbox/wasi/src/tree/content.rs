//! Content and times: reading, writing, cutting, stamping.

use super::inode::Node;
use super::{FileTree, InodeNumber};
use crate::errno::Errno;
use crate::types::TimeFlags;

impl FileTree {
    /// Copies from `offset` of a file; nothing at its end.
    pub(crate) fn read(
        &mut self,
        number: InodeNumber,
        offset: u64,
        into: &mut [u8],
        now: u64,
    ) -> Result<usize, Errno> {
        let inode = self.inode_mut(number)?;
        let Node::File(content) = &inode.node else { return Err(Errno::IsDir) };
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let rest = &content[start..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        inode.times.access = now;
        Ok(count)
    }

    /// Writes at `offset` of a file what the limits let in, with zeros before it where the file is
    /// shorter; [`Errno::NoSpc`] where they let in nothing.
    pub(crate) fn write(
        &mut self,
        number: InodeNumber,
        offset: u64,
        bytes: &[u8],
        now: u64,
    ) -> Result<usize, Errno> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let longest = self.size(number)?.saturating_add(self.usage.room());
        let room = longest.saturating_sub(offset);
        let count = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if count == 0 {
            return Err(Errno::NoSpc);
        }
        let end = offset.checked_add(count as u64).ok_or(Errno::FBig)?;
        if end > self.size(number)? {
            self.set_size(number, end, now)?;
        }
        let inode = self.inode_mut(number)?;
        let Node::File(content) = &mut inode.node else { return Err(Errno::IsDir) };
        let place = usize::try_from(offset).ok().and_then(|start| content.get_mut(start..));
        let place = place.and_then(|rest| rest.get_mut(..count)).ok_or(Errno::FBig)?;
        place.copy_from_slice(&bytes[..count]);
        inode.times.modify = now;
        inode.times.change = now;
        Ok(count)
    }

    /// Cuts a file, or lengthens it by zeros.
    pub(crate) fn set_size(
        &mut self,
        number: InodeNumber,
        size: u64,
        now: u64,
    ) -> Result<(), Errno> {
        let before = self.size(number)?;
        let len = usize::try_from(size).map_err(|_| Errno::FBig)?;
        self.usage.take_bytes(size.saturating_sub(before))?;
        let inode = self.inode_mut(number)?;
        let Node::File(content) = &mut inode.node else { return Err(Errno::IsDir) };
        if content.try_reserve(len.saturating_sub(content.len())).is_err() {
            self.usage.give_bytes(size.saturating_sub(before));
            return Err(Errno::NoSpc);
        }
        content.resize(len, 0);
        if size < before {
            content.shrink_to_fit();
        }
        inode.times.modify = now;
        inode.times.change = now;
        self.usage.give_bytes(before.saturating_sub(size));
        Ok(())
    }

    /// The length of a file.
    pub(crate) fn size(&self, number: InodeNumber) -> Result<u64, Errno> {
        match &self.inode(number)?.node {
            Node::File(content) => Ok(content.len() as u64),
            _ => Err(Errno::IsDir),
        }
    }

    /// The target of a symbolic link.
    pub(crate) fn read_link(&self, number: InodeNumber) -> Result<&str, Errno> {
        match &self.inode(number)?.node {
            Node::Symlink(target) => Ok(target),
            _ => Err(Errno::Inval),
        }
    }

    /// Sets the times that `flags` choose.
    pub(crate) fn set_times(
        &mut self,
        number: InodeNumber,
        access: u64,
        modify: u64,
        flags: TimeFlags,
        now: u64,
    ) -> Result<(), Errno> {
        let both = |given, now| flags.contains(given) && flags.contains(now);
        if both(TimeFlags::ACCESS, TimeFlags::ACCESS_NOW)
            || both(TimeFlags::MODIFY, TimeFlags::MODIFY_NOW)
        {
            return Err(Errno::Inval);
        }
        let times = &mut self.inode_mut(number)?.times;
        if flags.contains(TimeFlags::ACCESS) {
            times.access = access;
        } else if flags.contains(TimeFlags::ACCESS_NOW) {
            times.access = now;
        }
        if flags.contains(TimeFlags::MODIFY) {
            times.modify = modify;
        } else if flags.contains(TimeFlags::MODIFY_NOW) {
            times.modify = now;
        }
        times.change = now;
        Ok(())
    }
}
