//! Frames: a plaintext of any length, sealed piece by piece, so that both ends can stream.
//!
//! All frames but the last hold 64 KiB. Each is authenticated with its index and whether it is the
//! last one, so that none can be left out, repeated, moved or added.

use zeroize::Zeroizing;

use crate::{
    EnvelopeError,
    aead::{Cipher, NONCE_LEN, TAG_LEN},
    context::{OpenContext, SealContext},
};

/// Bytes of plaintext in each frame but the last.
pub const FRAME_LEN: usize = 64 << 10;
/// Bytes of each sealed frame but the last.
pub const SEALED_FRAME_LEN: usize = FRAME_LEN + TAG_LEN;

/// Length of the frames that hold `len` bytes of plaintext. There is at least one frame.
pub fn sealed_len(len: usize) -> usize {
    len.saturating_add(len.div_ceil(FRAME_LEN).max(1).saturating_mul(TAG_LEN))
}

/// Length of the plaintext in `len` bytes of frames; nothing when no plaintext gives this length.
pub fn plaintext_len(len: usize) -> Option<usize> {
    let plain = len.checked_sub(len.div_ceil(SEALED_FRAME_LEN) * TAG_LEN)?;
    (sealed_len(plain) == len).then_some(plain)
}

pub(crate) enum SealKey {
    Request(SealContext),
    Response(ResponseKey),
}

pub(crate) enum OpenKey {
    Request(OpenContext),
    Response(ResponseKey),
}

/// Key and base nonce of a response; the nonce of each frame is the base nonce xor the index.
pub(crate) struct ResponseKey {
    pub(crate) cipher: Cipher,
    pub(crate) base_nonce: Zeroizing<[u8; NONCE_LEN]>,
}

impl ResponseKey {
    fn nonce(&self, index: u64) -> [u8; NONCE_LEN] {
        let mut nonce = *self.base_nonce;
        for (byte, index) in nonce[NONCE_LEN - 8..].iter_mut().zip(index.to_be_bytes()) {
            *byte ^= index;
        }
        nonce
    }
}

/// Additional data: a prefix that all frames share, then index and final flag.
struct Aad(Vec<u8>);

impl Aad {
    fn new(prefix: &[&[u8]]) -> Self {
        let mut bytes = prefix.concat();
        bytes.extend_from_slice(&[0; 9]);
        Self(bytes)
    }

    fn of(&mut self, index: u64, last: bool) -> &[u8] {
        let at = self.0.len() - 9;
        self.0[at..at + 8].copy_from_slice(&index.to_be_bytes());
        self.0[at + 8] = u8::from(last);
        &self.0
    }
}

/// What a pending frame has room for at first.
const SMALLEST_ROOM: usize = 1024;

/// Seals a plaintext that comes in pieces.
pub struct FrameSealer {
    key: SealKey,
    aad: Aad,
    index: u64,
    /// Plaintext of which it is not known yet whether more follows; at most one frame.
    pending: Zeroizing<Vec<u8>>,
}

impl FrameSealer {
    pub(crate) fn new(key: SealKey, aad: &[&[u8]]) -> Self {
        Self { key, aad: Aad::new(aad), index: 0, pending: Zeroizing::default() }
    }

    /// Takes more plaintext and appends the frames that it completes to `out`.
    pub fn push(&mut self, mut plaintext: &[u8], out: &mut Vec<u8>) {
        // A full frame is sealed when more follows: until then it may be the last one.
        while self.pending.len() + plaintext.len() > FRAME_LEN {
            let (piece, rest) = plaintext.split_at(FRAME_LEN - self.pending.len());
            plaintext = rest;
            if self.pending.is_empty() {
                self.seal(piece, false, out);
            } else {
                self.keep(piece);
                let full = std::mem::take(&mut self.pending);
                self.seal(&full, false, out);
            }
        }
        if !plaintext.is_empty() {
            self.keep(plaintext);
        }
    }

    /// Adds to what is pending. Grows it by hand: `Vec` would leave a copy of the plaintext behind,
    /// and a whole frame's room costs more to erase than a small message costs to seal.
    fn keep(&mut self, plaintext: &[u8]) {
        let len = self.pending.len() + plaintext.len();
        if len > self.pending.capacity() {
            let room = len.next_power_of_two().clamp(SMALLEST_ROOM, FRAME_LEN);
            let mut grown = Zeroizing::new(Vec::with_capacity(room));
            grown.extend_from_slice(&self.pending);
            self.pending = grown;
        }
        self.pending.extend_from_slice(plaintext);
    }

    /// Appends the last frame to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let last = std::mem::take(&mut self.pending);
        self.seal(&last, true, out);
    }

    /// Seals a whole plaintext without a copy of it in between.
    pub(crate) fn seal_all(mut self, plaintext: &[u8], out: &mut Vec<u8>) {
        let full = plaintext.len().saturating_sub(1) / FRAME_LEN * FRAME_LEN;
        let (frames, last) = plaintext.split_at(full);
        for frame in frames.chunks_exact(FRAME_LEN) {
            self.seal(frame, false, out);
        }
        self.seal(last, true, out);
    }

    fn seal(&mut self, piece: &[u8], last: bool, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(piece);
        let aad = self.aad.of(self.index, last);
        let tag = match &mut self.key {
            SealKey::Request(context) => context.seal(aad, &mut out[at..]),
            SealKey::Response(key) => key.cipher.seal(&key.nonce(self.index), aad, &mut out[at..]),
        };
        out.extend_from_slice(&tag);
        self.index += 1;
    }
}

/// Opens frames that come in pieces.
///
/// What it gives out before [`FrameOpener::finish`] has succeeded is authentic, but not known to
/// be complete.
pub struct FrameOpener {
    key: OpenKey,
    aad: Aad,
    index: u64,
    /// Sealed bytes of which it is not known yet whether more follow; at most one frame.
    pending: Vec<u8>,
    /// Sealed bytes taken so far, for messages.
    taken: usize,
}

impl FrameOpener {
    pub(crate) fn new(key: OpenKey, aad: &[&[u8]]) -> Self {
        Self { key, aad: Aad::new(aad), index: 0, pending: Vec::new(), taken: 0 }
    }

    /// Takes more sealed bytes and appends the plaintext of the frames that are complete to `out`.
    ///
    /// Reserve enough room in `out` for the whole plaintext, or erase what growing it leaves
    /// behind.
    ///
    /// # Errors
    /// [`EnvelopeError::Tampered`]: throw everything away that came before.
    pub fn push(&mut self, mut sealed: &[u8], out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        self.taken += sealed.len();
        while self.pending.len() + sealed.len() > SEALED_FRAME_LEN {
            let (piece, rest) = sealed.split_at(SEALED_FRAME_LEN - self.pending.len());
            sealed = rest;
            let opened = if self.pending.is_empty() {
                self.open(piece, false, out)
            } else {
                self.pending.extend_from_slice(piece);
                let full = std::mem::take(&mut self.pending);
                self.open(&full, false, out)
            };
            if !opened {
                return Err(EnvelopeError::Tampered);
            }
        }
        self.pending.extend_from_slice(sealed);
        Ok(())
    }

    /// Opens the last frame.
    ///
    /// # Errors
    /// [`EnvelopeError::Truncated`] when frames are missing at the end, [`EnvelopeError::Tampered`]
    /// for every other change.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        let last = std::mem::take(&mut self.pending);
        if last.len() < TAG_LEN {
            return Err(EnvelopeError::Truncated { len: self.taken });
        }
        if self.open(&last, true, out) {
            return Ok(());
        }
        // The same frame with another flag: more was to come.
        let at = out.len();
        if last.len() == SEALED_FRAME_LEN && self.open(&last, false, out) {
            zeroize::Zeroize::zeroize(&mut out[at..]);
            out.truncate(at);
            return Err(EnvelopeError::Truncated { len: self.taken });
        }
        Err(EnvelopeError::Tampered)
    }

    /// Opens all frames at once.
    pub(crate) fn open_all(mut self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let mut out = Zeroizing::new(Vec::with_capacity(sealed.len()));
        let full = sealed.len().saturating_sub(1) / SEALED_FRAME_LEN * SEALED_FRAME_LEN;
        let (frames, last) = sealed.split_at(full);
        self.taken = full;
        for frame in frames.chunks_exact(SEALED_FRAME_LEN) {
            if !self.open(frame, false, &mut out) {
                return Err(EnvelopeError::Tampered);
            }
        }
        self.push(last, &mut out)?;
        self.finish(&mut out)?;
        Ok(out)
    }

    /// Opens one frame; leaves `out` as it was, and it that frame's turn, when it does not
    /// authenticate.
    fn open(&mut self, frame: &[u8], last: bool, out: &mut Vec<u8>) -> bool {
        let Some((text, tag)) = frame.split_last_chunk::<TAG_LEN>() else { return false };
        let at = out.len();
        out.extend_from_slice(text);
        let aad = self.aad.of(self.index, last);
        let opened = match &mut self.key {
            OpenKey::Request(context) => context.open(aad, &mut out[at..], tag),
            OpenKey::Response(key) => {
                key.cipher.open(&key.nonce(self.index), aad, &mut out[at..], tag)
            }
        };
        if opened {
            self.index += 1;
        } else {
            out.truncate(at);
        }
        opened
    }
}
