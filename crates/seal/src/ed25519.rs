//! The signing half of Ed25519 (RFC 8032): by aws-lc-rs where the crate is built with `native`, in
//! pure Rust elsewhere. Both give the same bytes: the signature is deterministic.

#[cfg(feature = "native")]
pub(crate) use native::SigningKey;
#[cfg(not(feature = "native"))]
pub(crate) use portable::SigningKey;

#[cfg(feature = "native")]
mod native {
    use aws_lc_rs::signature::Ed25519KeyPair;

    /// A private key. Erased when dropped.
    pub(crate) struct SigningKey(Ed25519KeyPair);

    impl SigningKey {
        #[allow(clippy::expect_used, reason = "fails for other lengths than 32 bytes only")]
        pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
            Self(Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes are a seed"))
        }

        pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
            let mut signature = [0; 64];
            signature.copy_from_slice(self.0.sign(message).as_ref());
            signature
        }
    }
}

#[cfg(any(test, not(feature = "native")))]
mod portable {
    use ed25519_dalek::Signer;

    /// A private key. Erased when dropped.
    pub(crate) struct SigningKey(ed25519_dalek::SigningKey);

    impl SigningKey {
        pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
            Self(ed25519_dalek::SigningKey::from_bytes(seed))
        }

        pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
            self.0.sign(message).to_bytes()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_ways_of_signing_give_the_same_bytes(
            seed: [u8; 32],
            message in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            let chosen = SigningKey::from_seed(&seed).sign(&message);
            prop_assert_eq!(chosen, portable::SigningKey::from_seed(&seed).sign(&message));
        }
    }
}
