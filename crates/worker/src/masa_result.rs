//! Masa results: how the store keeps them, and how large ones are sealed and opened piece by piece.

use std::{
    io::{Error, ErrorKind},
    sync::Arc,
};

use bytes::{Buf as _, Bytes, BytesMut};
use sealwork_compat_masa::{OpenPiecesError, OpenedPieces, Ring, TextPieces};
use sealwork_job::{Failure, Outcome, Output};
use sealwork_platform::Entropy;
use sealwork_seal::SealedOutcome;
use sealwork_store::{Content, Sink, Spool, Spooled, SpooledPieces, StoreError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Bytes that are sealed at once.
const PIECE: usize = 64 << 10;
/// Ends what is said beside a result; the sealed blob follows, when there is one.
const END_OF_HEAD: u8 = b'\n';

/// What the store keeps beside a sealed Masa result, or in its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasaResult {
    /// The failed job's error, in clear text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where the next page begins; of a failed job, where its items can be fetched without paying
    /// again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Of a result that is not complete: the code of what stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The way that answered, for example `apify`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<String>,
}

/// What stores have that were written before results were sealed piece by piece.
#[derive(Deserialize)]
struct WholeResult {
    sealed: Option<String>,
    #[serde(flatten)]
    head: MasaResult,
}

/// A Masa result that is about to be sealed.
pub(crate) struct MasaDraft {
    head: MasaResult,
    /// With what the output is sealed; absent, there is none.
    seal: Option<(Arc<Ring>, Zeroizing<String>)>,
}

impl MasaDraft {
    /// Masa's results have no place for what the engine says beside them: what clients need of it
    /// goes in headers, by the names that engines give it.
    pub(crate) fn new(ring: Arc<Ring>, nonce: Zeroizing<String>, sealed: &SealedOutcome) -> Self {
        let said = |path| sealed.details.as_ref()?.pointer(path)?.as_str().map(str::to_owned);
        let way = said("/way").filter(|way| !way.is_empty());
        let (head, seals) = match &sealed.outcome {
            Outcome::Output(_) if ring.is_empty() => {
                let error = Some(sealwork_compat_masa::RingError::Empty.to_string());
                (MasaResult { error, ..MasaResult::default() }, false)
            }
            Outcome::Output(Output { next_cursor, .. }) => {
                let (next_cursor, stopped) = (next_cursor.clone(), said("/stopped/code"));
                (MasaResult { error: None, next_cursor, stopped, way }, true)
            }
            Outcome::Failure(Failure { message, .. }) => {
                let (error, next_cursor) = (Some(message.clone()), said("/resume"));
                (MasaResult { error, next_cursor, stopped: None, way }, false)
            }
        };
        Self { head, seal: seals.then_some((ring, nonce)) }
    }

    /// A failure, said in the clear.
    pub(crate) fn failed(failure: &Failure) -> Self {
        let error = Some(failure.message.clone());
        Self { head: MasaResult { error, ..MasaResult::default() }, seal: None }
    }

    /// Gives what the store keeps, piece by piece.
    pub(crate) fn pour(
        &self,
        outcome: &Outcome,
        spooled: Option<&Spooled>,
        entropy: &dyn Entropy,
        sink: &mut Sink<'_>,
    ) -> Result<(), StoreError> {
        let mut head = serde_json::to_vec(&self.head).map_err(Error::from)?;
        head.push(END_OF_HEAD);
        sink(&head)?;
        let (Some((ring, nonce)), Outcome::Output(output)) = (&self.seal, outcome) else {
            return Ok(());
        };
        let sealer = ring.result_sealer(entropy.array(), nonce);
        let mut sealer = sealer.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
        sink(&sealer.iv())?;
        let mut piece = Zeroizing::new(Vec::with_capacity(PIECE));
        let mut seal = |plain: &[u8]| {
            piece.clear();
            piece.extend_from_slice(plain);
            sealer.seal(&mut piece);
            sink(&piece)
        };
        for plain in spooled.map(Spooled::pieces).transpose()?.into_iter().flatten() {
            seal(&plain?)?;
        }
        output.data.chunks(PIECE).try_for_each(seal)?;
        sink(&sealer.finish())
    }

    /// The same in memory, for what is not spooled.
    pub(crate) fn whole(&self, outcome: &Outcome, entropy: &dyn Entropy) -> Bytes {
        let mut whole = BytesMut::new();
        let poured = self.pour(outcome, None, entropy, &mut |piece| {
            whole.extend_from_slice(piece);
            Ok(())
        });
        // Memory takes everything, and an empty ring seals nothing.
        poured.map_or_else(|_| Bytes::new(), |()| whole.freeze())
    }
}

/// What the store keeps of a Masa job: what is said beside its result, and the result's sealed text
/// if it has one.
pub(crate) fn read(mut stored: Content) -> Result<(MasaResult, Option<SealedText>), StoreError> {
    let (mut read, mut head_len) = (BytesMut::new(), None);
    while head_len.is_none()
        && let Some(piece) = stored.next()
    {
        let searched = read.len();
        read.extend_from_slice(&piece?);
        let found = read.get(searched..).and_then(|new| new.iter().position(|b| *b == END_OF_HEAD));
        head_len = found.map(|at| searched + at);
    }
    let damaged = || StoreError::Damaged("a Masa result".to_owned());
    let Some(head_len) = head_len else {
        let WholeResult { head, sealed } = serde_json::from_slice(&read).map_err(|_| damaged())?;
        return Ok((head, sealed.map(SealedText::whole)));
    };
    let head = serde_json::from_slice(&read[..head_len]).map_err(|_| damaged())?;
    read.advance(head_len + 1);
    let blob_len = stored.len() - head_len as u64 - 1;
    let first = read.freeze();
    let text = (blob_len > 0).then(|| SealedText {
        len: TextPieces::<Blob>::len_of(blob_len),
        pieces: Pieces::OfBlob(TextPieces::of(Blob { first: Some(first), rest: stored })),
    });
    Ok((head, text))
}

/// The sealed text of a Masa result, piece by piece. Nothing comes after an error.
pub struct SealedText {
    len: u64,
    pieces: Pieces,
}

enum Pieces {
    OfBlob(TextPieces<Blob>),
    Whole(Option<Bytes>),
}

impl SealedText {
    fn whole(text: String) -> Self {
        Self { len: text.len() as u64, pieces: Pieces::Whole(Some(text.into())) }
    }

    /// Characters of all pieces together.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Iterator for SealedText {
    type Item = Result<Bytes, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.pieces {
            Pieces::OfBlob(pieces) => Some(pieces.next()?.map(Bytes::from)),
            Pieces::Whole(text) => text.take().map(Ok),
        }
    }
}

impl std::fmt::Debug for SealedText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedText({} characters)", self.len)
    }
}

/// A sealed blob: what was read together with its head, and what the store still has.
struct Blob {
    first: Option<Bytes>,
    rest: Content,
}

impl Iterator for Blob {
    type Item = Result<Bytes, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.first.take().map(Ok).or_else(|| self.rest.next())
    }
}

/// Takes the sealed text of a large result, to open it: the text is on the disk meanwhile, sealed
/// once more under a key in memory, and the opened result is nowhere whole.
pub struct ResultSpool {
    pub(crate) spool: Spool,
    pub(crate) ring: Arc<Ring>,
}

/// A result that was opened out of a [`ResultSpool`], piece by piece.
pub type OpenedResult = OpenedPieces<TextOnDisk>;

/// The sealed text that a [`ResultSpool`] took.
pub struct TextOnDisk(SpooledPieces);

impl Iterator for TextOnDisk {
    type Item = Result<Zeroizing<Vec<u8>>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map_err(Error::other))
    }
}

impl ResultSpool {
    /// Takes the next piece of the text.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn push(&mut self, text: &[u8]) -> Result<(), StoreError> {
        self.spool.push(text)
    }

    /// Opens the result with the sealed job that it belongs to. Reads all of it before it gives
    /// anything.
    ///
    /// # Errors
    /// [`OpenPiecesError`].
    pub fn open(self, encrypted_request: &[u8]) -> Result<OpenedResult, OpenPiecesError> {
        let spooled = self.spool.finish().map_err(Error::other)?;
        self.ring.open_result_pieces(encrypted_request, || {
            Ok(TextOnDisk(spooled.pieces().map_err(Error::other)?))
        })
    }
}

impl std::fmt::Debug for ResultSpool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ResultSpool({} bytes)", self.spool.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_was_stored_whole_is_still_read() {
        let stored = Bytes::from_static(br#"{"sealed":"c2VhbGVk","next_cursor":"7"}"#);
        let (head, text) = read(stored.into()).unwrap();
        assert_eq!(head.next_cursor.as_deref(), Some("7"));
        let text = text.unwrap();
        assert_eq!(text.len(), 8);
        let pieces: Vec<_> = text.map(Result::unwrap).collect();
        assert_eq!(pieces, [Bytes::from_static(b"c2VhbGVk")]);
        let failed = Bytes::from_static(br#"{"error":"no"}"#);
        let (head, text) = read(failed.into()).unwrap();
        assert_eq!((head.error.as_deref(), text.is_none()), (Some("no"), true));
        assert!(read(Bytes::from_static(b"{").into()).is_err());
    }
}
