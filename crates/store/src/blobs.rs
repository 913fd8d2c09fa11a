//! Large values in files of their own, written and synced before the commit that refers to them.
//!
//! A file's name is never used twice, and its content is sealed to its name, in pieces. Formats 1
//! and 2 sealed it whole; such files stay as they are until their rows go. What no row refers to is
//! removed after the commit that let go of it, or at the next start.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sealwork_platform::Disk;

use crate::{
    Content, Sink, StoreError,
    pieces::{PieceReader, PieceWriter},
    record::Whereabouts,
    sealing::{Place, Sealer},
    shared::Shared,
};

pub(crate) const DIRECTORY: &str = "blobs";
/// The end of the name of a file that is sealed in pieces.
const IN_PIECES: &str = ".pieces";

#[derive(Debug)]
pub(crate) struct Blobs {
    disk: Arc<dyn Disk>,
    threshold: usize,
    /// The files of settled results, and their bytes.
    results: Mutex<HashMap<String, u64>>,
}

impl Blobs {
    pub(crate) fn new(disk: Arc<dyn Disk>, threshold: usize) -> Self {
        Self { disk, threshold, results: Mutex::default() }
    }

    /// Whether a value of `len` bytes gets a file of its own.
    pub(crate) fn takes(&self, len: usize) -> bool {
        len > self.threshold
    }

    /// Puts `content` where it belongs: a synced file, or the row.
    pub(crate) fn place(&self, sealer: &Sealer, content: &[u8]) -> Result<Whereabouts, StoreError> {
        if self.takes(content.len()) {
            self.pour(sealer, |sink| sink(content))
        } else {
            Ok(Whereabouts::Inline)
        }
    }

    /// Puts what `pour` gives, piece by piece, into a synced file.
    pub(crate) fn pour(
        &self,
        sealer: &Sealer,
        pour: impl FnOnce(&mut Sink<'_>) -> Result<(), StoreError>,
    ) -> Result<Whereabouts, StoreError> {
        let name = format!("{}{IN_PIECES}", sealer.unique_name());
        let poured = self.create(&name).map_err(StoreError::from).and_then(|mut writer| {
            pour(&mut |piece| Ok(writer.push(sealer, piece)?))?;
            Ok(writer.finish(sealer)?.sync()?)
        });
        match poured {
            Ok(()) => Ok(Whereabouts::Blob(name)),
            Err(error) => {
                self.remove(&name);
                Err(error)
            }
        }
    }

    /// A new file, whose name is synced.
    pub(crate) fn create(&self, name: &str) -> io::Result<PieceWriter> {
        Ok(PieceWriter::new(self.disk.open(&path(name))?, name.to_owned()))
    }

    /// Reads a file that is sealed in pieces.
    pub(crate) fn reader(&self, name: &str) -> io::Result<PieceReader> {
        PieceReader::new(self.disk.open_to_read(&path(name))?, name.to_owned())
    }

    /// The content of a file; `None` when it is gone.
    pub(crate) fn read(shared: &Arc<Shared>, name: &str) -> Result<Option<Content>, StoreError> {
        let blobs = &shared.blobs;
        let content = if name.ends_with(IN_PIECES) {
            blobs.reader(name).map(|reader| Ok(Content::pieces(reader, Arc::clone(shared))))
        } else {
            blobs.disk.read(&path(name)).map(|sealed| {
                let plain = shared.sealer.open_owned(of(&[name.as_bytes()]), sealed);
                plain
                    .map(|plain| Content::from(bytes::Bytes::from(plain)))
                    .ok_or_else(|| StoreError::damaged(DIRECTORY))
            })
        };
        match content {
            Ok(content) => content.map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Counts a settled result's file.
    pub(crate) fn count_result(&self, name: &str) {
        let len = self.disk.open_to_read(&path(name)).and_then(|file| file.len());
        // One that is gone takes no room.
        self.results().insert(name.to_owned(), len.unwrap_or(0));
    }

    /// The bytes of a settled result's file.
    pub(crate) fn result_bytes(&self, name: &str) -> u64 {
        self.results().get(name).copied().unwrap_or(0)
    }

    /// The bytes of all settled results that have files of their own.
    pub(crate) fn all_result_bytes(&self) -> u64 {
        self.results().values().sum()
    }

    fn results(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a file. One that stays is removed at the next start.
    pub(crate) fn remove(&self, name: &str) {
        self.results().remove(name);
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
