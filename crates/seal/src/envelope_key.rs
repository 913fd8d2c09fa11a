use std::fmt;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    Suite, SuiteId,
    aead::{Cipher, KEY_LEN, NONCE_LEN, TAG_LEN},
    context::PrivateKey,
    digest::sha256,
    length_prefix,
};

const WRAP_VERSION: u8 = 1;
const WRAP_HEADER_LEN: usize = 10;
const SECRET_LEN: usize = 32;
const WRAPPED_LEN: usize = WRAP_HEADER_LEN + NONCE_LEN + SECRET_LEN + TAG_LEN;

/// The id of an envelope key: the first 8 bytes of SHA-256 over the label
/// `sealwork/v1 envelope-key`, the suite's number and the public key; written as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    pub(crate) fn of_envelope_key(suite: SuiteId, public: &[u8]) -> Self {
        Self::first_of(&[b"sealwork/v1 envelope-key", &[suite.0], public])
    }

    pub(crate) fn of_receipt_key(public: &[u8; 32]) -> Self {
        Self::first_of(&[b"sealwork/v1 receipt-key", public])
    }

    fn first_of(parts: &[&[u8]]) -> Self {
        let digest = sha256(parts).0;
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl std::str::FromStr for KeyId {
    type Err = sealwork_job::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut id = [0; 8];
        hex::decode_to_slice(text, &mut id)
            .map_err(|_| sealwork_job::IdError::Malformed("key id (16 hex digits)"))?;
        Ok(Self(id))
    }
}

impl Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A public key that jobs are sealed to, with the time in which it is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicEnvelopeKey {
    /// Its id.
    pub id: KeyId,
    /// Its suite, perhaps one that this version does not know.
    pub suite: SuiteId,
    /// The key itself.
    pub public: Vec<u8>,
    /// Offered from this time on, in seconds since 1970.
    pub not_before: u64,
    /// Not offered from this time on, in seconds since 1970.
    pub not_after: u64,
}

/// Why a wrapped key cannot be taken back into use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnwrapError {
    /// Not of the form, or of another version.
    #[error("not a wrapped envelope key of a version this program reads")]
    Malformed,
    /// Does not authenticate: changed, or wrapped under another root secret.
    #[error("the wrapped envelope key does not open under this root secret")]
    Tampered,
}

/// An envelope key pair: random, kept for an epoch, erased when dropped.
pub struct EnvelopeKeyPair {
    suite: Suite,
    id: KeyId,
    public: Vec<u8>,
    secret: PrivateKey,
}

impl EnvelopeKeyPair {
    /// Makes a random key pair.
    pub fn generate(suite: Suite, rng: &mut impl CryptoRng) -> Self {
        let (secret, public) = PrivateKey::generate(suite, rng);
        Self { suite, id: KeyId::of_envelope_key(suite.id(), &public), public, secret }
    }

    /// Its suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Its public half, without a time in which it is offered: the caller sets that.
    pub fn public(&self) -> PublicEnvelopeKey {
        PublicEnvelopeKey {
            id: self.id,
            suite: self.suite.id(),
            public: self.public.clone(),
            not_before: 0,
            not_after: 0,
        }
    }

    /// Seals the key pair for the disk, under a key that [`crate::derive::Purpose::EnvelopeWrap`]
    /// gives (docs/formats.md, "Wrapped envelope keys").
    pub fn wrap(&self, key: &[u8; KEY_LEN], rng: &mut impl CryptoRng) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let mut secret = self.secret.to_bytes();
        let mut out = Vec::with_capacity(WRAPPED_LEN);
        out.extend_from_slice(&[WRAP_VERSION, self.suite.id().0]);
        out.extend_from_slice(&self.id.0);
        let tag = Cipher::new(key).seal(&nonce, &wrap_aad(&out), &mut *secret);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&*secret);
        out.extend_from_slice(&tag);
        out
    }

    /// Opens what [`Self::wrap`] sealed.
    ///
    /// # Errors
    /// [`UnwrapError`].
    pub fn unwrap(key: &[u8; KEY_LEN], wrapped: &[u8]) -> Result<Self, UnwrapError> {
        if wrapped.len() != WRAPPED_LEN || wrapped[0] != WRAP_VERSION {
            return Err(UnwrapError::Malformed);
        }
        let suite = SuiteId(wrapped[1]).known().ok_or(UnwrapError::Malformed)?;
        let (header, rest) = wrapped.split_at(WRAP_HEADER_LEN);
        let (nonce, rest) = rest.split_first_chunk().ok_or(UnwrapError::Malformed)?;
        let (sealed, tag) = rest.split_first_chunk::<SECRET_LEN>().ok_or(UnwrapError::Malformed)?;
        let tag = tag.try_into().map_err(|_| UnwrapError::Malformed)?;
        let mut bytes = Zeroizing::new(*sealed);
        if !Cipher::new(key).open(nonce, &wrap_aad(header), &mut *bytes, tag) {
            return Err(UnwrapError::Tampered);
        }
        let secret = PrivateKey::from_bytes(suite, &bytes).map_err(|_| UnwrapError::Malformed)?;
        let public = secret.public();
        let id = KeyId::of_envelope_key(suite.id(), &public);
        if header[2..] != id.0 {
            return Err(UnwrapError::Malformed);
        }
        Ok(Self { suite, id, public, secret })
    }

    pub(crate) fn secret(&self) -> &PrivateKey {
        &self.secret
    }
}

impl fmt::Debug for EnvelopeKeyPair {
    /// Shows the id, never the secret half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnvelopeKeyPair({}, {})", self.suite, self.id)
    }
}

fn wrap_aad(header: &[u8]) -> Vec<u8> {
    length_prefix::join(&[b"sealwork/v1 wrapped-envelope-key", header])
}
