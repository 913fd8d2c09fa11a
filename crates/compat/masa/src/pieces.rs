//! Results that are sealed and opened piece by piece, in constant memory (reference 2.3).

use std::io;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    Base64Error, BlobError, IV_LEN, MasaJob, OpenResultError, Ring, RingError, TAG_LEN,
    base64_pieces::{Decoder, Encoder, encoded_len},
    gcm::Gcm,
};

/// Seals one result: its blob is [`Self::iv`], the sealed pieces, [`Self::finish`].
pub struct ResultSealer {
    iv: [u8; IV_LEN],
    gcm: Gcm,
}

impl Ring {
    /// Seals a result under the newest key, bound to the `nonce` of its job. `iv` must be random.
    ///
    /// # Errors
    /// [`RingError::Empty`].
    pub fn result_sealer(&self, iv: [u8; IV_LEN], nonce: &str) -> Result<ResultSealer, RingError> {
        let newest = self.result_keys(nonce).next().ok_or(RingError::Empty)?;
        Ok(ResultSealer { iv, gcm: Gcm::new(&newest, iv) })
    }

    /// Opens a result whose text is read piece by piece, and more than once: `text` begins it anew
    /// each time. Nothing of it is given before all of it has been found genuine, so each reading
    /// must give the same bytes.
    ///
    /// # Errors
    /// [`OpenPiecesError`].
    pub fn open_result_pieces<P>(
        &self,
        encrypted_request: &[u8],
        text: impl Fn() -> io::Result<P>,
    ) -> Result<OpenedPieces<P>, OpenPiecesError>
    where
        P: Iterator<Item = io::Result<Zeroizing<Vec<u8>>>>,
    {
        let request = self.unseal_request(encrypted_request).map_err(OpenResultError::Request)?;
        let job = MasaJob::from_json(&request).map_err(OpenResultError::Job)?;
        let keys: Vec<_> = self.result_keys(&job.quote).collect();
        let (mut blob, mut len) = (Blob::of(text()?), 0);
        let first = blob.next().transpose().map_err(|error| self.refused(error))?;
        let mut candidates: Vec<Gcm> = keys.iter().map(|key| Gcm::new(key, blob.iv)).collect();
        for piece in first.map(Ok).into_iter().chain(&mut blob) {
            let piece = piece.map_err(|error| self.refused(error))?;
            len += piece.len() as u64;
            candidates.iter_mut().for_each(|gcm| gcm.authenticate(&piece));
        }
        let (iv, tag) = (blob.iv, blob.tag());
        let opens =
            candidates.into_iter().map(Gcm::tag).position(|it| bool::from(it[..].ct_eq(&tag)));
        let key = opens.and_then(|at| keys.get(at));
        let key = key.ok_or_else(|| self.refused(BlobFault::Blob(BlobError::Tampered)))?;
        Ok(OpenedPieces { gcm: Gcm::new(key, iv), blob: Blob::of(text()?), len })
    }

    fn refused(&self, fault: BlobFault) -> OpenPiecesError {
        let error = match fault {
            BlobFault::Io(error) => return OpenPiecesError::Io(error),
            BlobFault::Text(error) => RingError::Encoding(error),
            BlobFault::Blob(error) => RingError::NoKeyOpens(vec![error; self.len()]),
        };
        OpenPiecesError::Result(OpenResultError::Result(error))
    }
}

impl ResultSealer {
    /// What the blob begins with.
    pub fn iv(&self) -> [u8; IV_LEN] {
        self.iv
    }

    /// Seals the next piece in place.
    pub fn seal(&mut self, piece: &mut [u8]) {
        self.gcm.encrypt(piece);
    }

    /// What the blob ends with.
    pub fn finish(self) -> [u8; TAG_LEN] {
        self.gcm.tag()
    }
}

/// Why a result does not open that is read piece by piece.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenPiecesError {
    /// As of one that is not.
    #[error(transparent)]
    Result(#[from] OpenResultError),
    /// Its text cannot be read.
    #[error("the sealed text cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The text of a result: base64 twice over of the pieces of its blob.
pub struct TextPieces<P> {
    blob: P,
    encoders: Option<[Encoder; 2]>,
}

impl<P> TextPieces<P> {
    /// Of the pieces of a blob.
    pub fn of(blob: P) -> Self {
        Self { blob, encoders: Some(Default::default()) }
    }

    /// How many characters the text of a blob of so many bytes has.
    pub fn len_of(blob: u64) -> u64 {
        encoded_len(encoded_len(blob))
    }
}

impl<B: AsRef<[u8]>, E, P: Iterator<Item = Result<B, E>>> Iterator for TextPieces<P> {
    type Item = Result<String, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let [inner, outer] = self.encoders.as_mut()?;
        match self.blob.next() {
            Some(Ok(piece)) => Some(Ok(outer.push(inner.push(piece.as_ref()).as_bytes()))),
            Some(Err(error)) => {
                self.encoders = None;
                Some(Err(error))
            }
            None => {
                let [inner, mut outer] = self.encoders.take()?;
                let last = outer.push(inner.finish().as_bytes());
                Some(Ok(last + &outer.finish()))
            }
        }
    }
}

/// A result that has been found genuine, piece by piece. Nothing comes after an error.
pub struct OpenedPieces<P> {
    gcm: Gcm,
    blob: Blob<P>,
    len: u64,
}

impl<P> OpenedPieces<P> {
    /// Bytes of all pieces together.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<P: Iterator<Item = io::Result<Zeroizing<Vec<u8>>>>> Iterator for OpenedPieces<P> {
    type Item = io::Result<Zeroizing<Vec<u8>>>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.blob.next()? {
            Ok(mut piece) => {
                self.gcm.decrypt(&mut piece);
                Ok(Zeroizing::new(piece))
            }
            Err(BlobFault::Io(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::InvalidData.into()),
        })
    }
}

/// The ciphertext of a blob, out of the text that it is encoded in.
struct Blob<P> {
    text: P,
    decoders: Option<[Decoder; 2]>,
    /// The first bytes; whole before anything is given.
    iv: [u8; IV_LEN],
    iv_len: usize,
    /// The last bytes so far: the tag, when there are no more.
    held: Vec<u8>,
}

enum BlobFault {
    Io(io::Error),
    Text(Base64Error),
    Blob(BlobError),
}

impl<P: Iterator<Item = io::Result<Zeroizing<Vec<u8>>>>> Blob<P> {
    fn of(text: P) -> Self {
        let decoders = Some(Default::default());
        Self { text, decoders, iv: [0; IV_LEN], iv_len: 0, held: Vec::new() }
    }

    /// The last bytes, after the last piece. Of other ones than [`TAG_LEN`] no blob ends.
    fn tag(&self) -> Vec<u8> {
        self.held.clone()
    }

    /// The bytes of the blob that the next piece of text completes; `None` at its end.
    fn decoded(&mut self) -> Result<Option<Vec<u8>>, BlobFault> {
        let Some([outer, inner]) = &mut self.decoders else { return Ok(None) };
        let of_inner = |error| BlobFault::Blob(BlobError::Encoding(error));
        if let Some(piece) = self.text.next() {
            let text = outer.push(&piece.map_err(BlobFault::Io)?).map_err(BlobFault::Text)?;
            return inner.push(&text).map(Some).map_err(of_inner);
        }
        let Some([outer, mut inner]) = self.decoders.take() else { return Ok(None) };
        let text = outer.finish().map_err(BlobFault::Text)?;
        let mut last = inner.push(&text).map_err(of_inner)?;
        last.extend(inner.finish().map_err(of_inner)?);
        Ok(Some(last))
    }

    fn ciphertext(&mut self) -> Result<Option<Vec<u8>>, BlobFault> {
        while let Some(decoded) = self.decoded()? {
            let (iv, rest) = decoded.split_at(decoded.len().min(IV_LEN - self.iv_len));
            self.iv[self.iv_len..self.iv_len + iv.len()].copy_from_slice(iv);
            self.iv_len += iv.len();
            self.held.extend_from_slice(rest);
            let ready = self.held.len().saturating_sub(TAG_LEN);
            if ready > 0 {
                let after = self.held.split_off(ready);
                return Ok(Some(std::mem::replace(&mut self.held, after)));
            }
        }
        if self.iv_len < IV_LEN {
            return Err(BlobFault::Blob(BlobError::TooShort));
        }
        Ok(None)
    }
}

impl<P: Iterator<Item = io::Result<Zeroizing<Vec<u8>>>>> Iterator for Blob<P> {
    type Item = Result<Vec<u8>, BlobFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.ciphertext();
        if next.is_err() {
            self.decoders = None;
        }
        next.transpose()
    }
}
