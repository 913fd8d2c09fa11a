//! Opening redb on the store's file.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use redb::Database;
use sealwork_platform::Disk;

use crate::{
    OpenError,
    backend::{Fence, Memory, SharedFile},
    format,
    sealing::Sealer,
};

/// The store's file in the data directory.
pub(crate) const FILE: &str = "store.redb";
/// Held while the store is open: it guards the moment before [`FILE`] exists.
pub(crate) const LOCK: &str = "store.lock";

/// Makes an empty store when there is none and it may. The caller holds [`LOCK`].
///
/// It is made in memory and written whole, so that a file that exists is a complete store, and a
/// file that is not one was damaged later.
pub(crate) fn create_if_absent(
    disk: &dyn Disk,
    sealer: &Sealer,
    may_create: bool,
) -> Result<(), OpenError> {
    if disk.list("").map_err(OpenError::from_io)?.iter().any(|name| name == FILE) {
        return Ok(());
    }
    if !may_create {
        return Err(OpenError::Missing);
    }
    let memory = Memory::default();
    let database = Database::builder()
        .create_with_backend(memory.clone())
        .map_err(|e| OpenError::from(redb::Error::from(e)))?;
    format::initialise(&database, sealer)?;
    drop(database);
    disk.write_atomic(FILE, &memory.take()).map_err(OpenError::from_io)
}

/// Opens the file's database, repairing it after an unclean end.
pub(crate) fn open(
    file: &SharedFile,
    cache_bytes: usize,
    verify: bool,
) -> Result<(Arc<Database>, Fence), OpenError> {
    // redb would make a new database of an empty file.
    if file.len().map_err(OpenError::from_io)? == 0 {
        return Err(OpenError::damaged("it is empty"));
    }
    let (backend, fence) = file.backend();
    let opened = unpanicked(|| {
        let mut database =
            Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)?;
        if verify && !database.check_integrity()? {
            tracing::warn!("the store's file had damaged pages outside of its data; repaired");
        }
        Ok::<_, redb::DatabaseError>(database)
    });
    match opened {
        Some(Ok(database)) => Ok((Arc::new(database), fence)),
        Some(Err(error)) => Err(redb::Error::from(error).into()),
        None => {
            fence.close();
            Err(OpenError::damaged("its pages contradict each other"))
        }
    }
}

/// Runs `work`; `None` when it panicked: redb does so on some damaged files.
pub(crate) fn unpanicked<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
