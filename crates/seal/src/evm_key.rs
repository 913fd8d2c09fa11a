use std::fmt;

use k256::ecdsa::SigningKey;

use crate::derive::{Purpose, derive_key};

/// The worker's identity on EVM chains: a secp256k1 key. Erased when dropped.
pub struct EvmKey(SigningKey);

impl EvmKey {
    /// The one that belongs to a root secret ([`Purpose::EvmSigner`]).
    #[allow(clippy::missing_panics_doc, reason = "256 failures in a row do not happen")]
    pub fn derive(root: &[u8; 32]) -> Self {
        let contexts = std::iter::once(String::new()).chain((1..256).map(|n| n.to_string()));
        // One scalar in 2^128 is none of the group's.
        let mut keys = contexts.filter_map(|context| {
            let scalar = derive_key(root, Purpose::EvmSigner, context.as_bytes());
            SigningKey::from_slice(&*scalar).ok()
        });
        #[allow(clippy::expect_used, reason = "each of 256 fails with a probability of 2^-128")]
        Self(keys.next().expect("a scalar of the group"))
    }

    /// The public key as EVM chains hash it for an address: X and Y, 32 bytes each, big-endian.
    pub fn public(&self) -> [u8; 64] {
        let mut public = [0; 64];
        let point = self.0.verifying_key().to_sec1_point(false);
        // After the byte that says "uncompressed" come exactly these.
        public.copy_from_slice(&point.as_bytes()[1..]);
        public
    }
}

impl fmt::Debug for EvmKey {
    /// Shows the public half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EvmKey({})", hex::encode(self.public()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_key_is_the_derived_scalar_times_the_generator() {
        let root = [7; 32];
        let scalar = derive_key(&root, Purpose::EvmSigner, b"");
        let expected = SigningKey::from_slice(&*scalar).unwrap();
        let public = EvmKey::derive(&root).public();
        let sec1 = [&[4][..], &public].concat();
        let read = k256::ecdsa::VerifyingKey::from_sec1_bytes(&sec1).unwrap();
        assert_eq!(&read, expected.verifying_key());
        assert_ne!(public, EvmKey::derive(&[8; 32]).public());
        assert!(!format!("{:?}", EvmKey::derive(&root)).contains(&hex::encode(*scalar)));
    }
}
