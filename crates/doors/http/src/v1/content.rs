use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// A sealed response.
pub enum Content {
    /// In memory.
    Whole(Bytes),
    /// Read from the disk as the client takes it.
    Pieces {
        /// Bytes of all pieces together.
        len: u64,
        /// The pieces, at most 128 KiB each; nothing comes after an error.
        pieces: Box<dyn Iterator<Item = io::Result<Bytes>> + Send>,
    },
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let len = match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Pieces { len, .. } => *len,
        };
        write!(f, "Content({len} bytes)")
    }
}

/// Bytes of an answer that are in memory at a time: the piece at hand, and what the connection has
/// not sent yet. Goes with an answer, in its extensions, that is not whole in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InFlight(pub(crate) u64);

impl InFlight {
    const OF_PIECES: Self = Self(1 << 20);
}

impl Content {
    /// The answer's body, and what it takes of the memory where that is less than its length.
    pub(crate) fn into_body(self) -> (Body, Option<InFlight>) {
        match self {
            Self::Whole(bytes) => (Body::from(bytes), None),
            Self::Pieces { len, pieces } => {
                let in_flight = (len > InFlight::OF_PIECES.0).then_some(InFlight::OF_PIECES);
                (Body::new(Pieces { left: len, pieces }), in_flight)
            }
        }
    }
}

/// A body of known length that is read as it is sent.
struct Pieces {
    left: u64,
    pieces: Box<dyn Iterator<Item = io::Result<Bytes>> + Send>,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    /// An error breaks the connection off: the client sees that bytes are missing.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = self.pieces.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
        if let Err(error) = &piece {
            tracing::error!(%error, "a result cannot be read any further");
        }
        Poll::Ready(Some(piece.map(|piece| {
            self.left = self.left.saturating_sub(piece.len() as u64);
            Frame::data(piece)
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    use super::*;

    fn pieces(len: u64, pieces: Vec<io::Result<Bytes>>) -> Content {
        Content::Pieces { len, pieces: Box::new(pieces.into_iter()) }
    }

    #[tokio::test]
    async fn pieces_become_a_body_of_known_length_that_counts_little_memory() {
        let of = |byte: u8| Ok(Bytes::from(vec![byte; 1 << 20]));
        let (mut body, in_flight) = pieces(3 << 20, vec![of(1), of(2), of(3)]).into_body();
        assert_eq!(in_flight.map(|it| it.0), Some(1 << 20));
        assert_eq!(body.size_hint().exact(), Some(3 << 20));
        body.frame().await.unwrap().unwrap();
        assert_eq!(body.size_hint().exact(), Some(2 << 20));
        let rest = body.collect().await.unwrap().to_bytes();
        assert!(rest[..1 << 20].iter().all(|byte| *byte == 2) && rest.len() == 2 << 20);
    }

    #[tokio::test]
    async fn a_result_that_does_not_read_to_its_end_breaks_off() {
        let first = || Ok(Bytes::from_static(b"abc"));
        let failed = Err(io::ErrorKind::InvalidData.into());
        for left in [vec![first(), failed], vec![first()]] {
            let (mut body, in_flight) = pieces(6, left).into_body();
            assert!(in_flight.is_none(), "what is small counts whole");
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
            assert!(!body.is_end_stream());
            assert!(body.frame().await.unwrap().is_err());
        }
    }
}
