//! A tree as the caller makes it before a run and reads it after.

use super::inode::{Inode, Node};
use super::limits::Usage;
use super::{BTreeMap, Directory, FileTree, FsLimits, InodeNumber, ROOT};
use crate::errno::Errno;
use std::fmt;

/// Why the caller's files do not make a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The limits of the tree are reached.
    #[error(
        "{path}: the files exceed the limits of the program's file system; bring fewer or raise them"
    )]
    TooMuch {
        /// What did not fit.
        path: String,
    },
    /// The place is taken, or something on the way to it is not a directory.
    #[error("{path}: another file is there or on the way; give each path once")]
    Taken {
        /// What could not be placed.
        path: String,
    },
    /// A path with `..`, NUL, an overlong name, or nothing in it; a link to an absolute path or to
    /// nothing.
    #[error("{path}: not a path or link that the program's file system holds; use relative names")]
    Unfit {
        /// What was refused.
        path: String,
    },
}

/// What a path of a tree leads to.
#[derive(PartialEq, Eq)]
pub enum Entry<'a> {
    /// A file and its content.
    File(&'a [u8]),
    /// A directory and the names in it, sorted.
    Directory(Vec<&'a str>),
    /// A symbolic link and its target.
    Symlink(&'a str),
}

/// Sizes only: names and contents are the requester's.
impl fmt::Debug for Entry<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(content) => write!(formatter, "File({} bytes)", content.len()),
            Self::Directory(names) => write!(formatter, "Directory({} names)", names.len()),
            Self::Symlink(target) => write!(formatter, "Symlink({} bytes)", target.len()),
        }
    }
}

impl FileTree {
    /// An empty tree. `now` (nanoseconds since 1970) becomes the times of what the caller adds.
    pub fn new(limits: FsLimits, now: u64) -> Self {
        let mut root = Inode::new(Node::Directory(Directory::new(ROOT)), now);
        root.links = 1;
        Self {
            inodes: BTreeMap::from([(ROOT, root)]),
            last_inode: ROOT,
            usage: Usage::new(limits),
            made_at: now,
        }
    }

    /// Adds a directory, and those above it where they are missing. One that is there is left.
    ///
    /// # Errors
    /// [`TreeError`] says which path, and why.
    pub fn add_directory(&mut self, path: &str) -> Result<(), TreeError> {
        self.make_directories(names(path)?).map(|_| ()).map_err(|errno| refused(path, errno))
    }

    /// Adds a file, and the directories above it where they are missing.
    ///
    /// # Errors
    /// [`TreeError`] says which path, and why.
    pub fn add_file(&mut self, path: &str, content: Vec<u8>) -> Result<(), TreeError> {
        self.add(path, Node::File(content))
    }

    /// Adds a symbolic link, and the directories above it where they are missing.
    ///
    /// # Errors
    /// [`TreeError`] says which path, and why; an absolute target is unfit.
    pub fn add_symlink(&mut self, path: &str, target: &str) -> Result<(), TreeError> {
        self.add(path, Node::Symlink(target.to_owned()))
    }

    /// What is at `path`; symbolic links are not followed. None where nothing is.
    pub fn get(&self, path: &str) -> Option<Entry<'_>> {
        let mut at = ROOT;
        for name in names(path).ok()? {
            at = self.directory(at).ok()?.get(name)?;
        }
        Some(match &self.inode(at).ok()?.node {
            Node::File(content) => Entry::File(content),
            Node::Directory(directory) => {
                Entry::Directory(directory.iter().map(|(name, _)| name).collect())
            }
            Node::Symlink(target) => Entry::Symlink(target),
        })
    }

    /// The directory at `path`, for a preopen.
    pub(crate) fn directory_at(&self, path: &str) -> Option<InodeNumber> {
        let mut at = ROOT;
        for name in names(path).ok()? {
            at = self.directory(at).ok()?.get(name)?;
        }
        self.directory(at).is_ok().then_some(at)
    }

    fn add(&mut self, path: &str, node: Node) -> Result<(), TreeError> {
        let mut above = names(path)?;
        let name = above.pop().ok_or_else(|| refused(path, Errno::Inval))?;
        let placed = self
            .make_directories(above)
            .and_then(|directory| self.create(directory, name, node, self.made_at));
        placed.map(|_| ()).map_err(|errno| refused(path, errno))
    }

    fn make_directories(&mut self, names: Vec<&str>) -> Result<InodeNumber, Errno> {
        let mut at = ROOT;
        for name in names {
            at = match self.directory(at)?.get(name) {
                Some(there) => there,
                None => self.create_directory(at, name, self.made_at)?,
            };
        }
        self.directory(at)?;
        Ok(at)
    }
}

/// The names of a path from the root. Nothing but `.` is the root itself.
fn names(path: &str) -> Result<Vec<&str>, TreeError> {
    let names = path.split('/').filter(|name| !name.is_empty() && *name != ".");
    let fit = |name: &str| name != ".." && name.len() <= 255 && !name.contains('\0');
    names.map(|name| fit(name).then_some(name).ok_or_else(|| refused(path, Errno::Inval))).collect()
}

fn refused(path: &str, errno: Errno) -> TreeError {
    let path = path.to_owned();
    match errno {
        Errno::NoSpc => TreeError::TooMuch { path },
        Errno::Exist | Errno::NotDir => TreeError::Taken { path },
        _ => TreeError::Unfit { path },
    }
}
