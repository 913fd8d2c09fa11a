use std::{fmt::Debug, io};

/// A directory tree that the worker owns. Paths are relative, `/`-separated, without `..`.
pub trait Disk: Debug + Send + Sync {
    /// Opens `path` for reading and writing, creating it when absent (readable by the owner alone,
    /// its name synced), and locks it: nobody else opens it until the file is dropped.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when somebody holds it.
    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens `path` for reading, whoever holds it.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when it is absent.
    fn open_to_read(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// The whole content of `path`.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// Writes `path` whole, readable by the owner alone, synced, and visible only when complete.
    fn write_atomic(&self, path: &str, content: &[u8]) -> io::Result<()>;
    /// Removes `path`; a missing one is no error.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Names of the files in `directory`, sorted; a missing one is empty. Unfinished files of
    /// [`Self::write_atomic`] that a crash left behind are among them, as `.NAME.tmp`.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Makes creations and removals in `directory` durable.
    fn sync_directory(&self, directory: &str) -> io::Result<()>;
    /// Whether nobody but the owner may read or write `path`.
    fn is_private(&self, path: &str) -> io::Result<bool>;
}

/// An open file.
pub trait DiskFile: Debug + Send + Sync {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether it is empty.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Fills `out` from `offset`; an end before that is an error.
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes all of `data` at `offset`.
    fn write_all_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Cuts or extends with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Returns when everything written so far survives a loss of power.
    fn sync(&self) -> io::Result<()>;
}
