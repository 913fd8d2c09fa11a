//! Files for what is too large for memory and belongs to no job's row yet.

use std::sync::Arc;

use sealwork_platform::Entropy;
use zeroize::Zeroizing;

use crate::{
    Store, StoreError,
    pieces::{PieceReader, PieceWriter},
    sealing::Sealer,
    shared::Shared,
};

/// Takes content piece by piece into a file below `blobs`, sealed under a key that is in memory
/// alone: what a host keeps of the file opens for nobody once this is gone. Dropping it removes the
/// file; a crash leaves one that the next start removes.
pub struct Spool {
    writer: PieceWriter,
    file: Temporary,
    len: u64,
}

/// Content that has been spooled. Dropping it and its [`SpooledPieces`] removes the file.
pub struct Spooled {
    file: Arc<Temporary>,
    len: u64,
}

/// Spooled content while it is read: pieces of at most 64 KiB.
pub struct SpooledPieces {
    reader: PieceReader,
    file: Arc<Temporary>,
}

struct Temporary {
    shared: Arc<Shared>,
    sealer: Sealer,
    name: String,
}

impl Store {
    /// Begins to spool.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn spool(&self, entropy: &dyn Entropy) -> Result<Spool, StoreError> {
        let shared = self.shared();
        let sealer = Sealer::new(&Zeroizing::new(entropy.array()), entropy);
        let name = sealer.unique_name();
        let writer = shared.blobs.create(&name)?;
        let file = Temporary { shared: Arc::clone(shared), sealer, name };
        Ok(Spool { writer, file, len: 0 })
    }
}

impl Spool {
    /// Appends.
    ///
    /// # Errors
    /// [`StoreError`]; then the content has a gap.
    pub fn push(&mut self, content: &[u8]) -> Result<(), StoreError> {
        self.writer.push(&self.file.sealer, content)?;
        self.len += content.len() as u64;
        Ok(())
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Ends it, so that it can be read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(self) -> Result<Spooled, StoreError> {
        let Self { writer, file, len } = self;
        writer.finish(&file.sealer)?;
        Ok(Spooled { file: Arc::new(file), len })
    }
}

impl Spooled {
    /// Bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The content from its beginning, piece by piece.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pieces(&self) -> Result<SpooledPieces, StoreError> {
        let reader = self.file.shared.blobs.reader(&self.file.name)?;
        Ok(SpooledPieces { reader, file: Arc::clone(&self.file) })
    }
}

impl Iterator for SpooledPieces {
    type Item = Result<Zeroizing<Vec<u8>>, StoreError>;

    /// Nothing comes after an error.
    fn next(&mut self) -> Option<Self::Item> {
        let piece = self.reader.next(&self.file.sealer)?;
        Some(piece.map(Zeroizing::new))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.shared.blobs.remove(&self.name);
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spool({} bytes)", self.len)
    }
}

impl std::fmt::Debug for SpooledPieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpooledPieces")
    }
}

impl std::fmt::Debug for Spooled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spooled({} bytes)", self.len)
    }
}
