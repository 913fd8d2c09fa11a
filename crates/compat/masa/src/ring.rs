//! Masa's ring of symmetric keys, and what is sealed under it (reference 2.3, 2.4).

use std::fmt;

use aes_gcm::{
    Aes256Gcm, Key, KeyInit, Nonce, Tag,
    aead::{AeadInOut, inout::InOutBuf},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::base64::{self, Base64Error};

/// Keys kept: the newest seals, both open.
pub const RING_SIZE: usize = 2;
/// Bytes of the random value that each sealing needs.
pub const IV_LEN: usize = 12;
/// Bytes by which a sealed blob shows that it is genuine.
pub const TAG_LEN: usize = 16;

/// Why something does not open, in the words that Masa's clients see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// There is no key yet.
    #[error("no keys available in key ring")]
    Empty,
    /// The outer encoding is broken.
    #[error("failed to decrypt with any key in the ring: base64 decode error: {0}")]
    Encoding(Base64Error),
    /// No key opens it; one reason per key, newest first.
    #[error("failed to decrypt with any key in the ring: failed to decrypt with any key. Errors: {}", PerKey(.0))]
    NoKeyOpens(Vec<BlobError>),
}

/// Why one key does not open a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// The inner encoding is broken.
    #[error("{0}")]
    Encoding(Base64Error),
    /// Too short for an IV.
    #[error("invalid cipher text length")]
    TooShort,
    /// Another key, or changed bytes.
    #[error("cipher: message authentication failed")]
    Tampered,
}

struct PerKey<'a>(&'a [BlobError]);

impl fmt::Display for PerKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}key {}: AES decrypt error: {error}", index + 1)?;
        }
        Ok(())
    }
}

/// Up to [`RING_SIZE`] keys, newest first. Every worker of a Masa fleet holds the same ones.
#[derive(Clone, Default)]
pub struct Ring {
    keys: Vec<RingKey>,
}

impl Ring {
    /// A ring without keys: seals and opens nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A ring of `keys`, newest first; more than [`RING_SIZE`] are dropped.
    pub fn from_keys<'a>(keys: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        Self { keys: keys.into_iter().take(RING_SIZE).map(RingKey::new).collect() }
    }

    /// The ring after `key` has been pushed: newest, with the oldest dropped. A key that is in the
    /// ring already changes nothing, not even the order.
    #[must_use]
    pub fn with_key(&self, key: &[u8; 32]) -> Self {
        if self.keys.iter().any(|known| bool::from(known.bytes.ct_eq(key))) {
            return self.clone();
        }
        let older = self.keys.iter().take(RING_SIZE - 1).cloned();
        Self { keys: std::iter::once(RingKey::new(key)).chain(older).collect() }
    }

    /// The keys, newest first.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &[u8; 32]> {
        self.keys.iter().map(|key| &*key.bytes)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Seals a job under the newest key. `iv` must be random and is never used again.
    ///
    /// # Errors
    /// [`RingError::Empty`].
    pub fn seal_request(&self, iv: [u8; IV_LEN], job: &[u8]) -> Result<String, RingError> {
        let newest = self.keys.first().ok_or(RingError::Empty)?;
        Ok(seal(&newest.cipher, iv, job))
    }

    /// Opens what [`Self::seal_request`], or a Go worker with the same ring, sealed.
    ///
    /// # Errors
    /// [`RingError`].
    pub fn unseal_request(&self, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, RingError> {
        self.unseal(blob, |key, inner| open(&key.cipher, inner))
    }

    /// Seals a result under the newest key, bound to the `nonce` of its job.
    ///
    /// # Errors
    /// [`RingError::Empty`].
    pub fn seal_result(
        &self,
        iv: [u8; IV_LEN],
        nonce: &str,
        data: &[u8],
    ) -> Result<String, RingError> {
        let newest = self.keys.first().ok_or(RingError::Empty)?;
        Ok(seal(&newest.result_cipher(nonce), iv, data))
    }

    /// Opens what [`Self::seal_result`], or a Go worker with the same ring, sealed.
    ///
    /// # Errors
    /// [`RingError`].
    pub fn unseal_result(&self, nonce: &str, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, RingError> {
        self.unseal(blob, |key, inner| open(&key.result_cipher(nonce), inner))
    }

    /// The keys under which results of the job with this nonce are sealed, newest first.
    pub(crate) fn result_keys(&self, nonce: &str) -> impl Iterator<Item = Zeroizing<[u8; 32]>> {
        self.keys.iter().map(move |key| key.result_key(nonce))
    }

    fn unseal(
        &self,
        blob: &[u8],
        open: impl Fn(&RingKey, Vec<u8>) -> Result<Vec<u8>, BlobError>,
    ) -> Result<Zeroizing<Vec<u8>>, RingError> {
        if self.is_empty() {
            return Err(RingError::Empty);
        }
        let outer = base64::decode(blob).map_err(RingError::Encoding)?;
        // Every key meets the same inner encoding, so a broken one is broken for each.
        let inner = base64::decode(&outer).map_err(BlobError::Encoding);
        let mut errors = Vec::new();
        for key in &self.keys {
            match inner.clone().and_then(|inner| open(key, inner)) {
                Ok(data) => return Ok(Zeroizing::new(data)),
                Err(error) => errors.push(error),
            }
        }
        Err(RingError::NoKeyOpens(errors))
    }
}

impl fmt::Debug for Ring {
    /// Shows how many keys there are, nothing of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ring({} keys)", self.keys.len())
    }
}

/// One key, with the cipher for requests ready.
#[derive(Clone)]
struct RingKey {
    bytes: Zeroizing<[u8; 32]>,
    cipher: Aes256Gcm,
}

impl RingKey {
    fn new(bytes: &[u8; 32]) -> Self {
        Self {
            bytes: Zeroizing::new(*bytes),
            cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(*bytes)),
        }
    }

    fn result_cipher(&self, nonce: &str) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*self.result_key(nonce)))
    }

    /// The key for results of the job with `nonce`; an empty one means the request key.
    fn result_key(&self, nonce: &str) -> Zeroizing<[u8; 32]> {
        let derived = (!nonce.is_empty()).then(|| derive_result_key(&self.bytes, nonce)).flatten();
        derived.unwrap_or_else(|| self.bytes.clone())
    }
}

/// The nonce keys the MAC and the ring key is its message; the key is 32 hex digits as text.
fn derive_result_key(key: &[u8; 32], nonce: &str) -> Option<Zeroizing<[u8; 32]>> {
    // HMAC takes keys of every length, so this never fails.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(nonce.as_bytes()).ok()?;
    mac.update(key);
    let mut digest = mac.finalize().into_bytes();
    let mut derived = Zeroizing::new([0; 32]);
    let written = hex::encode_to_slice(&digest[..16], &mut *derived);
    digest.zeroize();
    written.ok().map(|()| derived)
}

/// `base64(base64(IV || ciphertext || tag))`.
fn seal(cipher: &Aes256Gcm, iv: [u8; IV_LEN], plaintext: &[u8]) -> String {
    let mut sealed = Vec::with_capacity(IV_LEN + plaintext.len() + TAG_LEN);
    sealed.extend_from_slice(&iv);
    sealed.extend_from_slice(plaintext);
    let (_, body) = sealed.split_at_mut(IV_LEN);
    match cipher.encrypt_inout_detached(&Nonce::from(iv), b"", InOutBuf::from(body)) {
        Ok(tag) => sealed.extend_from_slice(&tag),
        // Only above 64 GiB; nothing of the plaintext may leave then.
        Err(_) => sealed.zeroize(),
    }
    base64::encode(base64::encode(&sealed).as_bytes())
}

/// Opens in place, so that no second copy of the plaintext exists.
fn open(cipher: &Aes256Gcm, mut sealed: Vec<u8>) -> Result<Vec<u8>, BlobError> {
    let (iv, rest) = sealed.split_first_chunk_mut::<IV_LEN>().ok_or(BlobError::TooShort)?;
    let (body, tag) = rest.split_last_chunk_mut::<TAG_LEN>().ok_or(BlobError::Tampered)?;
    cipher
        .decrypt_inout_detached(&Nonce::from(*iv), b"", InOutBuf::from(body), &Tag::from(*tag))
        .map_err(|_| BlobError::Tampered)?;
    sealed.truncate(sealed.len() - TAG_LEN);
    sealed.drain(..IV_LEN);
    Ok(sealed)
}
