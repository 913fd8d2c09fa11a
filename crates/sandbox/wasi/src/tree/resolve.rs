//! From a directory and a path to a place in the tree, never above that directory.

use super::FileTree;
use super::inode::{InodeNumber, Node};
use crate::errno::Errno;

/// The longest name, in bytes (`NAME_MAX` of Linux).
const MAX_NAME: usize = 255;
/// The most symbolic links that one lookup follows (as Linux).
const MAX_SYMLINKS: u32 = 40;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// What is there, if anything.
    pub(crate) inode: Option<InodeNumber>,
    /// The directory and the name in it; none for a path that ends in `.` or `..`.
    pub(crate) entry: Option<(InodeNumber, String)>,
    /// Whether the path can only mean a directory: it ends in a slash, `.` or `..`.
    pub(crate) wants_directory: bool,
}

impl Target {
    /// What is there.
    pub(crate) fn existing(&self) -> Result<InodeNumber, Errno> {
        self.inode.ok_or(Errno::NoEnt)
    }

    /// The directory and the name for something to be made there.
    pub(crate) fn vacant(self) -> Result<(InodeNumber, String), Errno> {
        match (self.inode, self.entry) {
            (None, Some(entry)) => Ok(entry),
            _ => Err(Errno::Exist),
        }
    }
}

impl FileTree {
    /// Walks `path` from `base`. `.` and `..` and relative symbolic links work; what would leave
    /// `base` ends in [`Errno::Perm`]: an absolute path, an absolute link, or a `..` too many. A
    /// symbolic link at the end is followed where `follow` says so.
    pub(crate) fn resolve<'a>(
        &'a self,
        base: InodeNumber,
        path: &'a str,
        follow: bool,
    ) -> Result<Target, Errno> {
        if path.is_empty() {
            return Err(Errno::NoEnt);
        }
        let mut walk = Walk { way: vec![base], pending: Vec::new(), wants_directory: false };
        let mut links = 0;
        walk.push(path)?;
        while let Some(name) = walk.pending.pop() {
            let last = walk.pending.is_empty();
            let here = walk.here();
            match name {
                "." => {}
                ".." => walk.up()?,
                name => {
                    if name.len() > MAX_NAME {
                        return Err(Errno::NameTooLong);
                    }
                    let found = self.directory(here)?.get(name);
                    let node = found.map(|inode| self.inode(inode)).transpose()?;
                    match node.map(|inode| &inode.node) {
                        Some(Node::Symlink(target)) if !last || follow => {
                            links += 1;
                            if links > MAX_SYMLINKS {
                                return Err(Errno::Loop);
                            }
                            walk.push(target)?;
                            continue;
                        }
                        _ if last => {
                            return Ok(Target {
                                inode: found,
                                entry: Some((here, name.to_owned())),
                                wants_directory: walk.wants_directory,
                            });
                        }
                        Some(Node::Directory(_)) => walk.way.extend(found),
                        Some(_) => return Err(Errno::NotDir),
                        None => return Err(Errno::NoEnt),
                    }
                }
            }
        }
        Ok(Target { inode: Some(walk.here()), entry: None, wants_directory: true })
    }
}

/// Whether a path ends in a slash, which makes a lookup follow a symbolic link before it.
pub(crate) fn ends_in_slash(path: &str) -> bool {
    path.ends_with('/')
}

struct Walk<'a> {
    /// From the base to where the walk is. Only directories come here.
    way: Vec<InodeNumber>,
    /// What is still to be walked, the next name last.
    pending: Vec<&'a str>,
    wants_directory: bool,
}

impl<'a> Walk<'a> {
    fn here(&self) -> InodeNumber {
        self.way.last().copied().unwrap_or_default()
    }

    fn up(&mut self) -> Result<(), Errno> {
        if self.way.len() < 2 {
            return Err(Errno::Perm);
        }
        self.way.pop();
        Ok(())
    }

    /// Puts a path before what is still to be walked.
    fn push(&mut self, path: &'a str) -> Result<(), Errno> {
        if path.starts_with('/') {
            return Err(Errno::Perm);
        }
        self.wants_directory |= self.pending.is_empty() && ends_in_slash(path);
        let names = path.split('/').filter(|name| !name.is_empty());
        self.pending.extend(names.rev());
        Ok(())
    }
}
