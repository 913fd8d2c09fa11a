use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use sealwork_job::WorkerId;
use serde::{Deserialize, Serialize};

use crate::{KeyId, digest::sha256, ed25519::SigningKey};

pub(crate) const ALGORITHM: &str = "EdDSA";

/// The Ed25519 key with which a worker signs receipts and key configs. Erased when dropped.
pub struct ReceiptKey {
    signing: SigningKey,
    public: ReceiptPublicKey,
}

impl ReceiptKey {
    /// From its seed, which [`crate::derive::Purpose::ReceiptEd25519`] gives.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let public = ed25519_dalek::SigningKey::from_bytes(seed).verifying_key();
        Self { signing: SigningKey::from_seed(seed), public: ReceiptPublicKey(public) }
    }

    /// Its public half.
    pub fn public(&self) -> ReceiptPublicKey {
        self.public.clone()
    }

    pub(crate) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message)
    }
}

impl fmt::Debug for ReceiptKey {
    /// Shows the id, never the secret half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiptKey({})", self.public.id())
    }
}

/// The public half of a worker's receipt key: what its receipts are checked with.
///
/// In JSON `{"alg":"EdDSA","id":"16 hex digits","public":"base64"}`.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiptPublicKey(VerifyingKey);

impl ReceiptPublicKey {
    /// From the 32 bytes of RFC 8032; nothing when they are no point of the curve.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// The 32 bytes of RFC 8032.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Its id, which receipts name as `kid`: the first 8 bytes of SHA-256 over the label
    /// `sealwork/v1 receipt-key` and the key.
    pub fn id(&self) -> KeyId {
        KeyId::of_receipt_key(self.as_bytes())
    }

    /// The worker to whom it belongs: SHA-256 of the key.
    pub fn worker_id(&self) -> WorkerId {
        WorkerId(sha256(&[self.as_bytes()]).0)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Debug for ReceiptPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiptPublicKey({})", hex::encode(self.as_bytes()))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    alg: String,
    id: KeyId,
    public: String,
}

impl Serialize for ReceiptPublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let public = STANDARD.encode(self.as_bytes());
        Jwk { alg: ALGORITHM.to_owned(), id: self.id(), public }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ReceiptPublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let jwk = Jwk::deserialize(deserializer)?;
        if jwk.alg != ALGORITHM {
            return Err(D::Error::custom("the receipt key's algorithm is not EdDSA"));
        }
        STANDARD
            .decode(&jwk.public)
            .ok()
            .and_then(|bytes| Self::from_bytes(&bytes.try_into().ok()?))
            .filter(|key| key.id() == jwk.id)
            .ok_or_else(|| D::Error::custom("the receipt key is not valid, or its id not its own"))
    }
}
