use std::{fmt::Debug, io};

/// A directory tree that the worker owns. Paths are relative, `/`-separated, without `..`.
pub trait Disk: Debug + Send + Sync {
    /// Opens `path` for reading and writing, creating it when absent, and locks it for this
    /// process alone.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another process holds it.
    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// The whole content of `path`.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// Writes `path` whole, readable by the owner alone, synced, and visible only when complete.
    fn write_atomic(&self, path: &str, content: &[u8]) -> io::Result<()>;
    /// Removes `path`; a missing one is no error.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Names of the files in `directory`; a missing one is empty.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;
    /// Makes creations and removals in `directory` durable.
    fn sync_directory(&self, directory: &str) -> io::Result<()>;
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

/// A directory on the machine's file system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    #[allow(dead_code, reason = "filled in with the disk's implementation")]
    root: std::path::PathBuf,
}

impl RealDisk {
    /// The data directory at `root`, created when absent (mode 0700).
    ///
    /// # Errors
    /// What the file system says.
    pub fn open_root(_root: impl Into<std::path::PathBuf>) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Disk for RealDisk {
    fn open(&self, _path: &str) -> io::Result<Box<dyn DiskFile>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn read(&self, _path: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn write_atomic(&self, _path: &str, _content: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn remove(&self, _path: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn list(&self, _directory: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn sync_directory(&self, _directory: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
