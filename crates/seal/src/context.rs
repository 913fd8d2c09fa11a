//! HPKE contexts (RFC 9180, mode base), one type over all suites.

#[cfg(not(feature = "native"))]
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable,
    aead::{AeadCtxR, AeadCtxS, AeadTag, AesGcm256},
    kdf::HkdfSha256,
    kem::XWing,
    setup_receiver, setup_sender_with_rng,
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

#[cfg(feature = "native")]
use crate::x25519_kem::X25519HkdfSha256;
use crate::{Suite, aead::TAG_LEN};

/// A private key, ready for use.
pub(crate) enum PrivateKey {
    X25519(<X25519HkdfSha256 as Kem>::PrivateKey),
    XWing(Box<<XWing as Kem>::PrivateKey>),
}

/// The sender's side of a request.
pub(crate) enum SealContext {
    X25519(AeadCtxS<AesGcm256, HkdfSha256, X25519HkdfSha256>),
    XWing(AeadCtxS<AesGcm256, HkdfSha256, XWing>),
}

/// The receiver's side of a request.
pub(crate) enum OpenContext {
    X25519(AeadCtxR<AesGcm256, HkdfSha256, X25519HkdfSha256>),
    XWing(AeadCtxR<AesGcm256, HkdfSha256, XWing>),
}

impl PrivateKey {
    /// Makes a key pair of random bytes; gives the public key too.
    pub(crate) fn generate(suite: Suite, rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        match suite {
            Suite::X25519 => {
                let (secret, public) = X25519HkdfSha256::gen_keypair_with_rng(rng);
                (Self::X25519(secret), public.to_bytes().to_vec())
            }
            Suite::XWing => {
                let (secret, public) = XWing::gen_keypair_with_rng(rng);
                (Self::XWing(Box::new(secret)), public.to_bytes().to_vec())
            }
        }
    }

    /// Reads a private key of 32 bytes (X25519's scalar, X-Wing's seed).
    pub(crate) fn from_bytes(suite: Suite, bytes: &[u8; 32]) -> Result<Self, HpkeError> {
        Ok(match suite {
            Suite::X25519 => Self::X25519(Deserializable::from_bytes(bytes)?),
            Suite::XWing => Self::XWing(Box::new(Deserializable::from_bytes(bytes)?)),
        })
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0; 32]);
        match self {
            Self::X25519(secret) => secret.write_exact(&mut *out),
            Self::XWing(secret) => secret.write_exact(&mut *out),
        }
        out
    }

    pub(crate) fn public(&self) -> Vec<u8> {
        match self {
            Self::X25519(secret) => X25519HkdfSha256::sk_to_pk(secret).to_bytes().to_vec(),
            Self::XWing(secret) => XWing::sk_to_pk(secret).to_bytes().to_vec(),
        }
    }

    /// SetupBaseR of RFC 9180 section 5.1.1.
    pub(crate) fn receive(
        &self,
        encapsulated: &[u8],
        info: &[u8],
    ) -> Result<OpenContext, HpkeError> {
        Ok(match self {
            Self::X25519(secret) => {
                let encapsulated = Deserializable::from_bytes(encapsulated)?;
                OpenContext::X25519(setup_receiver(&OpModeR::Base, secret, &encapsulated, info)?)
            }
            Self::XWing(secret) => {
                let encapsulated = Deserializable::from_bytes(encapsulated)?;
                let secret: &<XWing as Kem>::PrivateKey = secret;
                OpenContext::XWing(setup_receiver(&OpModeR::Base, secret, &encapsulated, info)?)
            }
        })
    }
}

impl SealContext {
    /// SetupBaseS of RFC 9180 section 5.1.1; gives the encapsulated key too.
    pub(crate) fn new(
        rng: &mut impl CryptoRng,
        suite: Suite,
        public: &[u8],
        info: &[u8],
    ) -> Result<(Vec<u8>, Self), HpkeError> {
        Ok(match suite {
            Suite::X25519 => {
                let public = Deserializable::from_bytes(public)?;
                let (encapsulated, context) = setup_sender_with_rng::<_, _, X25519HkdfSha256>(
                    &OpModeS::Base,
                    &public,
                    info,
                    rng,
                )?;
                (encapsulated.to_bytes().to_vec(), Self::X25519(context))
            }
            Suite::XWing => {
                let public = Deserializable::from_bytes(public)?;
                let (encapsulated, context) =
                    setup_sender_with_rng::<_, _, XWing>(&OpModeS::Base, &public, info, rng)?;
                (encapsulated.to_bytes().to_vec(), Self::XWing(context))
            }
        })
    }

    /// Encrypts the next message in place and gives its tag.
    #[allow(clippy::expect_used, reason = "fails above 64 GiB or after 2^64 messages only")]
    pub(crate) fn seal(&mut self, aad: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
        let mut out = [0; TAG_LEN];
        match self {
            Self::X25519(context) => context
                .seal_inout_detached(text.into(), aad)
                .expect("within the limits of AES-GCM")
                .write_exact(&mut out),
            Self::XWing(context) => context
                .seal_inout_detached(text.into(), aad)
                .expect("within the limits of AES-GCM")
                .write_exact(&mut out),
        }
        out
    }

    pub(crate) fn export(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        exported(|out| match self {
            Self::X25519(context) => context.export(label, out),
            Self::XWing(context) => context.export(label, out),
        })
    }
}

impl OpenContext {
    /// Decrypts the next message in place; `false`, and still the same message's turn, when it
    /// does not authenticate.
    pub(crate) fn open(&mut self, aad: &[u8], text: &mut [u8], tag: &[u8; TAG_LEN]) -> bool {
        match self {
            Self::X25519(context) => AeadTag::from_bytes(tag)
                .and_then(|tag| context.open_inout_detached(text.into(), aad, &tag)),
            Self::XWing(context) => AeadTag::from_bytes(tag)
                .and_then(|tag| context.open_inout_detached(text.into(), aad, &tag)),
        }
        .is_ok()
    }

    pub(crate) fn export(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        exported(|out| match self {
            Self::X25519(context) => context.export(label, out),
            Self::XWing(context) => context.export(label, out),
        })
    }
}

#[allow(clippy::expect_used, reason = "fails for outputs of 64 KiB and more only")]
fn exported(export: impl FnOnce(&mut [u8]) -> Result<(), HpkeError>) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    export(&mut *out).expect("32 bytes can be exported");
    out
}
