//! Names: making, linking, removing, renaming, listing.

use super::inode::{Inode, Node};
use super::limits::entry_cost;
use super::resolve::Target;
use super::{Directory, FileTree, InodeNumber, ROOT};
use crate::errno::Errno;
use crate::types::FileType;

/// One line of a listing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listed<'a> {
    /// Where a listing goes on after this line.
    pub(crate) cookie: u64,
    pub(crate) inode: InodeNumber,
    pub(crate) file_type: FileType,
    pub(crate) name: &'a str,
}

impl FileTree {
    /// Makes a file or a symbolic link. A link's target is relative and not empty.
    pub(crate) fn create(
        &mut self,
        directory: InodeNumber,
        name: &str,
        node: Node,
        now: u64,
    ) -> Result<InodeNumber, Errno> {
        match &node {
            Node::Symlink(target) if target.is_empty() => return Err(Errno::NoEnt),
            Node::Symlink(target) if target.starts_with('/') => return Err(Errno::Perm),
            _ => {}
        }
        self.vacancy(directory, name)?;
        if matches!(node, Node::Directory(_)) && self.depth(directory)? >= self.limits().depth {
            return Err(Errno::NoSpc);
        }
        let size = node.size();
        self.usage.take_inode(size)?;
        let number = self.last_inode + 1;
        if let Err(full) = self.usage.take_bytes(entry_cost(name)) {
            self.usage.give_inode(size);
            return Err(full);
        }
        self.last_inode = number;
        let mut inode = Inode::new(node, now);
        inode.links = 1;
        self.inodes.insert(number, inode);
        self.directory_mut(directory)?.insert(name, number);
        self.touch_directory(directory, now)?;
        Ok(number)
    }

    pub(crate) fn create_file(
        &mut self,
        directory: InodeNumber,
        name: &str,
        now: u64,
    ) -> Result<InodeNumber, Errno> {
        self.create(directory, name, Node::File(Vec::new()), now)
    }

    pub(crate) fn create_directory(
        &mut self,
        directory: InodeNumber,
        name: &str,
        now: u64,
    ) -> Result<InodeNumber, Errno> {
        self.create(directory, name, Node::Directory(Directory::new(directory)), now)
    }

    pub(crate) fn create_symlink(
        &mut self,
        directory: InodeNumber,
        name: &str,
        target: &str,
        now: u64,
    ) -> Result<InodeNumber, Errno> {
        self.create(directory, name, Node::Symlink(target.to_owned()), now)
    }

    /// Gives what has a name another one. Directories have one name only.
    pub(crate) fn link(
        &mut self,
        number: InodeNumber,
        directory: InodeNumber,
        name: &str,
        now: u64,
    ) -> Result<(), Errno> {
        if self.directory(number).is_ok() {
            return Err(Errno::Perm);
        }
        self.vacancy(directory, name)?;
        self.usage.take_bytes(entry_cost(name))?;
        let inode = self.inode_mut(number)?;
        inode.links += 1;
        inode.times.change = now;
        self.directory_mut(directory)?.insert(name, number);
        self.touch_directory(directory, now)
    }

    /// Removes the name of a file or a symbolic link.
    pub(crate) fn unlink(&mut self, target: &Target, now: u64) -> Result<(), Errno> {
        let number = target.existing()?;
        if self.directory(number).is_ok() {
            return Err(Errno::IsDir);
        }
        if target.wants_directory {
            return Err(Errno::NotDir);
        }
        self.remove_entry(target, now)
    }

    /// Removes an empty directory.
    pub(crate) fn remove_directory(&mut self, target: &Target, now: u64) -> Result<(), Errno> {
        let directory = self.directory(target.existing()?)?;
        if target.entry.is_none() {
            // The path ends in `.` or `..`, and so uses the directory that it names.
            return Err(Errno::Inval);
        }
        if !directory.is_empty() {
            return Err(Errno::NotEmpty);
        }
        self.remove_entry(target, now)
    }

    /// Moves what `from` names to `to`, in place of what is there.
    pub(crate) fn rename(&mut self, from: &Target, to: &Target, now: u64) -> Result<(), Errno> {
        let moved = from.existing()?;
        let Some((from_directory, from_name)) = &from.entry else { return Err(Errno::Busy) };
        let Some((to_directory, to_name)) = &to.entry else { return Err(Errno::Busy) };
        let is_directory = self.directory(moved).is_ok();
        if !is_directory && (from.wants_directory || to.wants_directory) {
            return Err(Errno::NotDir);
        }
        if to.inode == Some(moved) {
            return Ok(());
        }
        self.check_alive(*to_directory)?;
        if is_directory {
            self.check_move(moved, *to_directory)?;
        }
        match to.inode {
            Some(there) => self.check_replace(there, is_directory)?,
            None => self.usage.take_bytes(entry_cost(to_name))?,
        }
        self.directory_mut(*from_directory)?.remove(from_name);
        self.usage.give_bytes(entry_cost(from_name));
        if let Some(replaced) = self.directory_mut(*to_directory)?.insert(to_name, moved) {
            self.lose_link(replaced, now)?;
        }
        if is_directory {
            self.directory_mut(moved)?.parent = *to_directory;
        }
        self.inode_mut(moved)?.times.change = now;
        self.touch_directory(*from_directory, now)?;
        self.touch_directory(*to_directory, now)
    }

    /// What a directory names after `cookie`, `.` and `..` first.
    pub(crate) fn list(
        &self,
        number: InodeNumber,
        cookie: u64,
    ) -> Result<impl Iterator<Item = Listed<'_>>, Errno> {
        let directory = self.directory(number)?;
        let file_type = FileType::Directory;
        let dots = [
            Listed { cookie: 1, inode: number, file_type, name: "." },
            Listed { cookie: 2, inode: directory.parent, file_type, name: ".." },
        ];
        let named = directory.after(cookie.max(2)).filter_map(|(cookie, name, inode)| {
            let file_type = self.inode(inode).ok()?.file_type();
            Some(Listed { cookie, inode, file_type, name })
        });
        Ok(dots.into_iter().filter(move |dot| dot.cookie > cookie).chain(named))
    }

    /// The name is free, and its directory is still there.
    fn vacancy(&self, directory: InodeNumber, name: &str) -> Result<(), Errno> {
        if self.directory(directory)?.get(name).is_some() {
            return Err(Errno::Exist);
        }
        self.check_alive(directory)
    }

    fn check_alive(&self, directory: InodeNumber) -> Result<(), Errno> {
        if self.inode(directory)?.links == 0 { Err(Errno::NoEnt) } else { Ok(()) }
    }

    /// A directory goes neither into itself nor so deep that what it holds breaks the limit.
    fn check_move(&self, moved: InodeNumber, to: InodeNumber) -> Result<(), Errno> {
        let mut above = to;
        while above != ROOT {
            if above == moved {
                return Err(Errno::Inval);
            }
            above = self.directory(above)?.parent;
        }
        let deepest = self.depth(to)?.saturating_add(self.height(moved)?);
        if deepest > self.limits().depth { Err(Errno::NoSpc) } else { Ok(()) }
    }

    fn check_replace(&self, there: InodeNumber, by_directory: bool) -> Result<(), Errno> {
        match (&self.inode(there)?.node, by_directory) {
            (Node::Directory(_), false) => Err(Errno::IsDir),
            (Node::Directory(directory), true) if !directory.is_empty() => Err(Errno::NotEmpty),
            (Node::Directory(_), true) => Ok(()),
            (_, true) => Err(Errno::NotDir),
            (_, false) => Ok(()),
        }
    }

    fn remove_entry(&mut self, target: &Target, now: u64) -> Result<(), Errno> {
        let (directory, name) = target.entry.as_ref().ok_or(Errno::Inval)?;
        let removed = self.directory_mut(*directory)?.remove(name).ok_or(Errno::NoEnt)?;
        self.usage.give_bytes(entry_cost(name));
        self.lose_link(removed, now)?;
        self.touch_directory(*directory, now)
    }

    fn lose_link(&mut self, number: InodeNumber, now: u64) -> Result<(), Errno> {
        let inode = self.inode_mut(number)?;
        inode.links = inode.links.saturating_sub(1);
        inode.times.change = now;
        self.drop_if_unused(number);
        Ok(())
    }

    fn touch_directory(&mut self, number: InodeNumber, now: u64) -> Result<(), Errno> {
        let times = &mut self.inode_mut(number)?.times;
        times.modify = now;
        times.change = now;
        Ok(())
    }

    /// Directories between the root and this one, itself included.
    fn depth(&self, directory: InodeNumber) -> Result<u32, Errno> {
        let mut depth = 0_u32;
        let mut at = directory;
        while at != ROOT {
            depth = depth.saturating_add(1);
            at = self.directory(at)?.parent;
        }
        Ok(depth)
    }

    /// The longest chain of directories from this one down, itself included.
    fn height(&self, directory: InodeNumber) -> Result<u32, Errno> {
        let mut height = 0;
        let mut pending = vec![(directory, 1)];
        while let Some((at, level)) = pending.pop() {
            height = height.max(level);
            let below = self.directory(at)?.iter().map(|(_, inode)| inode);
            pending.extend(below.filter(|i| self.directory(*i).is_ok()).map(|i| (i, level + 1)));
        }
        Ok(height)
    }
}
