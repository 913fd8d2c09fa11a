//! The files of a command: placed in its tree, and looked at in advance by the same rules.

use sealwork_wasi::{Entry, FileTree, FsLimits, TreeError};

/// Why files and directories do not fit together; quotes the path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// A file cannot be placed.
    #[error(transparent)]
    File(#[from] TreeError),
    /// A directory to be found open is none.
    #[error("{path}: no such directory among the files")]
    NoDirectory {
        /// The path among the files.
        path: String,
    },
}

/// Places a file; a path that ends in `/` is a directory, which has no content.
pub(crate) fn place(tree: &mut FileTree, path: &str, content: Vec<u8>) -> Result<(), TreeError> {
    match path.strip_suffix('/') {
        Some(directory) => tree.add_directory(directory),
        None => tree.add_file(path, content),
    }
}

/// Whether a command could have these files and find these directories open, whatever its files
/// contain.
///
/// # Errors
/// [`FilesError`]: the first that does not fit.
pub fn check_files<'a>(
    files: impl IntoIterator<Item = &'a str>,
    directories: impl IntoIterator<Item = &'a str>,
) -> Result<(), FilesError> {
    let mut tree = FileTree::new(FsLimits::default(), 0);
    for path in files {
        place(&mut tree, path, Vec::new())?;
    }
    for path in directories {
        if !matches!(tree.get(path), Some(Entry::Directory(_))) {
            return Err(FilesError::NoDirectory { path: path.to_owned() });
        }
    }
    Ok(())
}
