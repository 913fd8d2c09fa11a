//! Large values in files of their own, written and synced before the commit that refers to them.
//!
//! A file's name is never used twice, and its content is sealed to its name. What no row refers to
//! is removed after the commit that let go of it, or at the next start.

use std::{collections::BTreeSet, io, sync::Arc};

use bytes::Bytes;
use sealwork_platform::Disk;

use crate::{
    StoreError,
    record::Whereabouts,
    sealing::{Place, Sealer},
};

pub(crate) const DIRECTORY: &str = "blobs";

#[derive(Debug)]
pub(crate) struct Blobs {
    disk: Arc<dyn Disk>,
    threshold: usize,
}

impl Blobs {
    pub(crate) fn new(disk: Arc<dyn Disk>, threshold: usize) -> Self {
        Self { disk, threshold }
    }

    /// Whether a value of `len` bytes gets a file of its own.
    pub(crate) fn takes(&self, len: usize) -> bool {
        len > self.threshold
    }

    /// Puts `content` where it belongs: a synced file, or the row.
    pub(crate) fn place(&self, sealer: &Sealer, content: &[u8]) -> io::Result<Whereabouts> {
        if !self.takes(content.len()) {
            return Ok(Whereabouts::Inline);
        }
        let name = sealer.unique_name();
        let sealed = sealer.seal(of(&[name.as_bytes()]), content);
        match self.disk.write_atomic(&path(&name), &sealed) {
            Ok(()) => Ok(Whereabouts::Blob(name)),
            Err(error) => {
                self.remove(&name);
                Err(error)
            }
        }
    }

    /// The content of a file; `None` when it is gone.
    pub(crate) fn read(&self, sealer: &Sealer, name: &str) -> Result<Option<Bytes>, StoreError> {
        let sealed = match self.disk.read(&path(name)) {
            Ok(sealed) => sealed,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let plain = sealer.open_owned(of(&[name.as_bytes()]), sealed);
        plain.map(|plain| Some(plain.into())).ok_or_else(|| StoreError::damaged(DIRECTORY))
    }

    /// Removes a file. One that stays is removed at the next start.
    pub(crate) fn remove(&self, name: &str) {
        if let Err(error) = self.disk.remove(&path(name)) {
            tracing::debug!(%error, "a blob could not be removed; the next start does it");
        }
    }

    /// Removes every file that is not among `kept`, and unfinished ones.
    pub(crate) fn sweep(&self, kept: &BTreeSet<String>) -> io::Result<usize> {
        let mut removed = 0;
        for name in self.disk.list(DIRECTORY)? {
            if !kept.contains(&name) {
                self.disk.remove(&path(&name))?;
                removed += 1;
            }
        }
        if removed > 0 {
            self.disk.sync_directory(DIRECTORY)?;
        }
        Ok(removed)
    }
}

fn path(name: &str) -> String {
    format!("{DIRECTORY}/{name}")
}

fn of<'a>(key: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: DIRECTORY, key }
}
