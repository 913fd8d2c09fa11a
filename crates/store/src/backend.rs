//! redb's storage over a file of the platform's disk.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::StorageBackend;
use sealwork_platform::DiskFile;

/// The store's file, which outlives the databases that are opened on it one after the other.
#[derive(Debug, Clone)]
pub(crate) struct SharedFile {
    file: Arc<dyn DiskFile>,
    sync_failed: Arc<AtomicBool>,
}

/// How much is read and written at once when a file is written again.
const CHUNK: usize = 1 << 20;
const BLOCK: usize = 4096;

impl SharedFile {
    pub(crate) fn new(file: Box<dyn DiskFile>) -> Self {
        Self { file: Arc::from(file), sync_failed: Arc::default() }
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    /// After a failed sync, makes sure that what can be read is what is on the disk.
    ///
    /// Linux marks pages whose write-back failed as written: they read back, no later sync writes
    /// them, and a loss of power takes them away. Writing everything again makes them dirty again.
    pub(crate) fn settle_after_failed_sync(&self) -> io::Result<()> {
        if !self.sync_failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let len = self.file.len()?;
        let mut buffer = vec![0; CHUNK];
        let mut offset = 0;
        while offset < len {
            let size = usize::try_from(len - offset).unwrap_or(CHUNK).min(CHUNK);
            let chunk = &mut buffer[..size];
            self.file.read_exact_at(offset, chunk)?;
            for (n, block) in chunk.chunks(BLOCK).enumerate() {
                let at = offset + (n * BLOCK) as u64;
                // Blocks of zeros were never written, and writing them would need room on the
                // disk; but the last one makes the file's length last, too.
                if at + block.len() as u64 == len || block.iter().any(|byte| *byte != 0) {
                    self.file.write_all_at(at, block)?;
                }
            }
            offset += size as u64;
        }
        self.file.sync()?;
        self.sync_failed.store(false, Ordering::Release);
        Ok(())
    }

    /// A backend for one database, and the means to cut it off.
    pub(crate) fn backend(&self) -> (Backend, Fence) {
        let fence = Fence(Arc::new(RwLock::new(Some(self.clone()))));
        (Backend(fence.clone()), fence)
    }

    /// The file without keeping it open.
    pub(crate) fn downgrade(&self) -> Weak<dyn DiskFile> {
        Arc::downgrade(&self.file)
    }
}

/// Cuts a given-up database off from the file: it neither touches what its successor writes nor
/// keeps the file open, whoever still holds on to it.
#[derive(Debug, Clone)]
pub(crate) struct Fence(Arc<RwLock<Option<SharedFile>>>);

impl Fence {
    pub(crate) fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Uses the file; closing waits meanwhile.
    fn with<T>(&self, work: impl FnOnce(&SharedFile) -> io::Result<T>) -> io::Result<T> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => work(file),
            None => Err(io::Error::other("this database has been given up")),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Backend(Fence);

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.with(|shared| shared.file.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.with(|shared| shared.file.read_exact_at(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.with(|shared| shared.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.with(|shared| {
            let synced = shared.file.sync();
            if synced.is_err() {
                shared.sync_failed.store(true, Ordering::Release);
            }
            synced
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.with(|shared| shared.file.write_all_at(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.0.close();
        Ok(())
    }
}

/// Storage in memory: an empty store is made here and then written to the disk whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.bytes())
    }

    fn bytes(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn range(offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
    Ok(start..start.saturating_add(len))
}

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let range = range(offset, out.len())?;
        out.copy_from_slice(self.bytes().get(range).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.bytes().resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let range = range(offset, data.len())?;
        let mut bytes = self.bytes();
        bytes.get_mut(range).ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(data);
        Ok(())
    }
}
