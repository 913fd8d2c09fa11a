use std::sync::Arc;

use bytes::Bytes;

use crate::{StoreError, pieces::PieceReader, shared::Shared};

/// A stored value, given piece by piece. It stays readable when its job is evicted meanwhile.
pub struct Content {
    source: Source,
    len: u64,
}

enum Source {
    Whole(Bytes),
    Pieces(PieceReader, Arc<Shared>),
}

impl Content {
    pub(crate) fn pieces(reader: PieceReader, shared: Arc<Shared>) -> Self {
        Self { len: reader.len(), source: Source::Pieces(reader, shared) }
    }

    /// Bytes of all pieces together.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All of it in memory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn whole(self) -> Result<Bytes, StoreError> {
        if let Source::Whole(bytes) = self.source {
            return Ok(bytes);
        }
        let mut whole = Vec::with_capacity(usize::try_from(self.len).unwrap_or(0));
        for piece in self {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole.into())
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self { len: bytes.len() as u64, source: Source::Whole(bytes) }
    }
}

impl Iterator for Content {
    type Item = Result<Bytes, StoreError>;

    /// Nothing comes after an error.
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Source::Whole(bytes) if bytes.is_empty() => None,
            Source::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
            Source::Pieces(reader, shared) => {
                reader.next(&shared.sealer).map(|piece| piece.map(Bytes::from))
            }
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({} bytes)", self.len)
    }
}
