//! DHKEM(X25519, HKDF-SHA256) whose receiver computes with aws-lc-rs.
//!
//! A worker opens an envelope for every job, and the agreement is the largest part of it: aws-lc-rs
//! takes half of the time of the portable arithmetic, and the public half of the key is kept beside
//! it instead of being computed again for each envelope. Everything else is hpke's own.

use std::sync::Arc;

use aws_lc_rs::agreement::{self, UnparsedPublicKey};
use hpke::{
    Deserializable, HpkeError, Kem, Serializable,
    kdf::{HkdfSha256, Kdf},
    kem::{SharedSecret, X25519HkdfSha256 as Portable},
};
use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// `"KEM" || I2OSP(kem_id, 2)` of RFC 9180 section 4.1.
const SUITE_ID: [u8; 5] = *b"KEM\x00\x20";

/// The KEM; its keys and encapsulated keys have the bytes of hpke's own.
pub(crate) struct X25519HkdfSha256;

/// A private key in both forms, with its public half. Both erase themselves when dropped.
#[derive(Clone)]
pub(crate) struct PrivateKey {
    portable: <Portable as Kem>::PrivateKey,
    agreeing: Arc<agreement::PrivateKey>,
    public: <Portable as Kem>::PublicKey,
}

impl ConstantTimeEq for PrivateKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.portable.ct_eq(&other.portable)
    }
}

impl Serializable for PrivateKey {
    type OutputSize = <<Portable as Kem>::PrivateKey as Serializable>::OutputSize;

    fn write_exact(&self, out: &mut [u8]) {
        self.portable.write_exact(out);
    }
}

impl Deserializable for PrivateKey {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        Self::of(Deserializable::from_bytes(encoded)?).ok_or(HpkeError::ValidationError)
    }
}

impl PrivateKey {
    fn of(portable: <Portable as Kem>::PrivateKey) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        portable.write_exact(&mut *bytes);
        let agreeing = agreement::PrivateKey::from_private_key(&agreement::X25519, &*bytes).ok()?;
        let public = Portable::sk_to_pk(&portable);
        Some(Self { portable, agreeing: Arc::new(agreeing), public })
    }
}

impl Kem for X25519HkdfSha256 {
    type PublicKey = <Portable as Kem>::PublicKey;
    type PrivateKey = PrivateKey;
    type EncappedKey = <Portable as Kem>::EncappedKey;
    type NSecret = <Portable as Kem>::NSecret;

    const KEM_ID: u16 = Portable::KEM_ID;

    fn sk_to_pk(secret: &PrivateKey) -> Self::PublicKey {
        secret.public.clone()
    }

    #[allow(clippy::expect_used, reason = "fails for other lengths than 32 bytes only")]
    fn derive_keypair(ikm: &[u8]) -> (PrivateKey, Self::PublicKey) {
        let (portable, public) = Portable::derive_keypair(ikm);
        (PrivateKey::of(portable).expect("32 bytes are a private key"), public)
    }

    /// Decap of RFC 9180 section 4.1.
    fn decap(
        secret: &PrivateKey,
        sender: Option<&Self::PublicKey>,
        encapsulated: &Self::EncappedKey,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        // Envelopes are of mode base: nobody is authenticated by the KEM.
        if sender.is_some() {
            return Err(HpkeError::DecapError);
        }
        let mut context = [0; 64];
        encapsulated.write_exact(&mut context[..32]);
        secret.public.write_exact(&mut context[32..]);
        let peer = UnparsedPublicKey::new(&agreement::X25519, &context[..32]);
        // Refuses the all-zero result, as RFC 9180 section 7.1.4 demands.
        agreement::agree(&secret.agreeing, peer, HpkeError::DecapError, |agreed| {
            let mut shared = SharedSecret::default();
            HkdfSha256::extract_and_expand(agreed, &SUITE_ID, &context, &mut shared.0)?;
            Ok(shared)
        })
    }

    /// Encap of RFC 9180 section 4.1: hpke's, for requesters seal once where a worker opens
    /// thousands.
    fn encap_with_rng(
        recipient: &Self::PublicKey,
        sender: Option<(&PrivateKey, &Self::PublicKey)>,
        rng: &mut impl CryptoRng,
    ) -> Result<(SharedSecret<Self>, Self::EncappedKey), HpkeError> {
        let sender = sender.map(|(secret, public)| (&secret.portable, public));
        let (shared, encapsulated) = Portable::encap_with_rng(recipient, sender, rng)?;
        let mut own = SharedSecret::default();
        own.0.copy_from_slice(&shared.0);
        Ok((own, encapsulated))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    fn keys(ikm: &[u8; 32]) -> (<Portable as Kem>::PrivateKey, PrivateKey) {
        let own = X25519HkdfSha256::derive_keypair(ikm).0;
        let again = PrivateKey::from_bytes(&own.to_bytes()).unwrap();
        assert!(bool::from(own.ct_eq(&again)));
        (Portable::derive_keypair(ikm).0, again)
    }

    proptest! {
        #[test]
        fn every_encapsulated_key_gives_the_secret_that_hpke_gives(
            ikm: [u8; 32],
            sent: [u8; 32],
        ) {
            let (portable, own) = keys(&ikm);
            let theirs = Portable::decap(&portable, None, &Deserializable::from_bytes(&sent).unwrap()).unwrap();
            let ours = X25519HkdfSha256::decap(&own, None, &Deserializable::from_bytes(&sent).unwrap()).unwrap();
            prop_assert_eq!(ours.0, theirs.0);
        }
    }

    #[test]
    fn points_of_low_order_are_refused() {
        // The u coordinates 0, 1, p - 1, p and p + 1, and one of the two of order 8 (RFC 7748,
        // section 6.1, and the list at cr.yp.to/ecdh.html).
        let most = |low: u8| {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (low, 0x7f);
            point
        };
        let mut one = [0; 32];
        one[0] = 1;
        let eighth = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
        let eighth = hex::decode(eighth).unwrap().try_into().unwrap();
        let (portable, own) = keys(&[7; 32]);
        for point in [[0; 32], one, most(0xec), most(0xed), most(0xee), eighth] {
            let encapsulated = Deserializable::from_bytes(&point).unwrap();
            assert!(Portable::decap(&portable, None, &encapsulated).is_err());
            assert!(X25519HkdfSha256::decap(&own, None, &encapsulated).is_err());
        }
    }
}
