//! Derivation: a worker's long-lived keys from its root secret.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::length_prefix;

/// What a derived key is for. Each names the algorithm that it feeds, so that one key never serves
/// two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Purpose {
    /// Seed of the Ed25519 key that signs receipts and key configs.
    ReceiptEd25519,
    /// AES-256-GCM key that seals the store's values.
    StoreAes256Gcm,
    /// Seed of the P-256 key of the TLS certificate.
    TlsP256,
    /// AES-256-GCM key of Masa's ring in standalone mode.
    MasaRing,
    /// The worker's id on the Masa routes, a UUID.
    MasaWorkerId,
    /// AES-256-GCM key that wraps envelope keys on disk.
    EnvelopeWrap,
    /// secp256k1 key that signs for EVM chains.
    EvmSigner,
    /// AES-256-GCM key that seals compiled programs on disk; with the context `names`, the
    /// HMAC-SHA256 key of their names.
    CompiledPrograms,
    /// AES-256-GCM key that seals where the next page of an upstream's items begins.
    UpstreamCursors,
    /// Authorisation of the counter that a TPM keeps against rollback.
    TpmCounter,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 10] = [
        Self::ReceiptEd25519,
        Self::StoreAes256Gcm,
        Self::TlsP256,
        Self::MasaRing,
        Self::MasaWorkerId,
        Self::EnvelopeWrap,
        Self::EvmSigner,
        Self::CompiledPrograms,
        Self::UpstreamCursors,
        Self::TpmCounter,
    ];

    /// Purpose and algorithm, as the derivation names them.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::ReceiptEd25519 => ("receipt", "Ed25519"),
            Self::StoreAes256Gcm => ("store", "AES-256-GCM"),
            Self::TlsP256 => ("tls", "ECDSA-P256"),
            Self::MasaRing => ("masa-ring", "AES-256-GCM"),
            Self::MasaWorkerId => ("masa-worker-id", "UUID"),
            Self::EnvelopeWrap => ("envelope-wrap", "AES-256-GCM"),
            Self::EvmSigner => ("evm-signer", "ECDSA-secp256k1"),
            Self::CompiledPrograms => ("compiled-programs", "AES-256-GCM"),
            Self::UpstreamCursors => ("upstream-cursors", "AES-256-GCM"),
            Self::TpmCounter => ("tpm-counter", "TPM2-AUTH"),
        }
    }
}

/// 32 bytes for one purpose and context: HKDF-SHA256 (RFC 5869), salt `sealwork/v1 root`, the info
/// being purpose, algorithm and context, each with its length before it. Different arguments give
/// different infos, so no two derived keys are related.
pub fn derive_key(root: &[u8; 32], purpose: Purpose, context: &[u8]) -> Zeroizing<[u8; 32]> {
    hkdf_sha256(root, b"sealwork/v1 root", &info(purpose, context))
}

fn info(purpose: Purpose, context: &[u8]) -> Vec<u8> {
    let (name, algorithm) = purpose.label();
    length_prefix::join(&[name.as_bytes(), algorithm.as_bytes(), context])
}

/// HKDF-SHA256 with one block of output.
fn hkdf_sha256(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    #[allow(clippy::expect_used, reason = "HKDF fails above 255 blocks; this is one")]
    Hkdf::<Sha256>::new(Some(salt), secret).expand(info, &mut *out).expect("one block");
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_derivation_is_rfc_5869() {
        // Appendix A.1; the first block of its output.
        let okm = hkdf_sha256(
            &[0x0b; 22],
            &hex::decode("000102030405060708090a0b0c").unwrap(),
            &hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap(),
        );
        // A.1 asks for 42 bytes; HKDF's first 32 do not depend on that.
        assert_eq!(
            hex::encode(*okm),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
        );
    }

    fn purpose() -> impl Strategy<Value = Purpose> {
        prop::sample::select(&Purpose::ALL[..])
    }

    fn context() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..24)
    }

    proptest! {
        #[test]
        fn infos_are_equal_only_for_equal_arguments(
            (a, x) in (purpose(), context()), (b, y) in (purpose(), context()),
        ) {
            prop_assert_eq!(info(a, &x) == info(b, &y), (a, &x) == (b, &y));
        }

        #[test]
        fn an_info_reads_back_to_its_arguments(a in purpose(), x in context()) {
            let info = info(a, &x);
            let mut rest = &info[..];
            let mut parts = Vec::new();
            while let Some((len, after)) = rest.split_first_chunk() {
                let (part, after) = after.split_at(u64::from_be_bytes(*len) as usize);
                parts.push(part);
                rest = after;
            }
            let (name, algorithm) = a.label();
            prop_assert_eq!(parts, vec![name.as_bytes(), algorithm.as_bytes(), &x[..]]);
        }

        #[test]
        fn a_context_cannot_imitate_another_purpose(
            a in purpose(), b in purpose(), x in context(),
        ) {
            // The context holds what another purpose's info would hold.
            let (root, forged) = ([7; 32], info(b, &x));
            prop_assert_ne!(derive_key(&root, a, &forged), derive_key(&root, b, &x));
        }
    }
}
