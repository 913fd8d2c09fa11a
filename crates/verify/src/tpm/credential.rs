//! Credential activation: proof that an attestation key lives in the TPM of an endorsement key
//! (TPM 2.0 Library, part 1, 24). The verifier seals a secret so that only the TPM with that
//! endorsement key can open it, and only while it holds the attestation key of that name.

mod kept;

use aes::Aes128;
use cfb_mode::cipher::KeyIvInit;
use hmac::{Hmac, KeyInit, Mac};
use num_bigint::BigUint;
use p256::elliptic_curve::{point::AffineCoordinates, sec1::ToSec1Point};
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{public::KeyInfo, reader::push_sized};
use crate::{
    ActivatedKey, Day, Hex,
    certificate::Certificate,
    crypto::{Hash, PublicKey, RsaKey, mgf1, sha256},
};

const SECRET_LEN: usize = 32;
const SEED_LEN: usize = 32;

/// Why a credential cannot be made, or was not activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The endorsement key is none, or of a template that is not supported.
    #[error(
        "the endorsement key is not of a supported template: RSA 2048 or P-256 with SHA-256 and \
         AES-128 (TCG EK Credential Profile, low range)"
    )]
    EndorsementKey,
    /// The certificate is not the endorsement key's.
    #[error("the certificate is not the endorsement key's: read both from the same TPM")]
    Certificate,
    /// The attestation key may sign anything, or may leave its TPM.
    #[error("the attestation key is not restricted to what its TPM says: make it as one")]
    AttestationKey,
    /// The answer is not the secret.
    #[error("the TPM did not open the credential: the keys are not in the same TPM")]
    Answer,
    /// Not what [`CredentialChallenge::to_json`] wrote.
    #[error("this is no challenge that was kept: use the file that was written when it was made")]
    Kept,
}

/// An endorsement key, as its TPM gives it.
#[derive(Debug, Clone, Copy)]
pub struct EndorsementKey<'a> {
    /// `TPMT_PUBLIC`.
    pub public_area: &'a [u8],
    /// Its certificate, DER, where the maker gave one.
    pub certificate: Option<&'a [u8]>,
}

/// A credential that one TPM can open, with what the verifier keeps to check the answer.
pub struct CredentialChallenge {
    /// `TPM2B_ID_OBJECT`, for `TPM2_ActivateCredential`.
    pub credential_blob: Vec<u8>,
    /// `TPM2B_ENCRYPTED_SECRET`, for `TPM2_ActivateCredential`.
    pub encrypted_secret: Vec<u8>,
    secret: Zeroizing<[u8; SECRET_LEN]>,
    name: Vec<u8>,
    endorsement_key: [u8; 32],
}

impl std::fmt::Debug for CredentialChallenge {
    /// Shows the key, never the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CredentialChallenge({})", hex::encode(&self.name))
    }
}

impl CredentialChallenge {
    /// Makes a credential for an attestation key (`TPMT_PUBLIC`) beside an endorsement key.
    ///
    /// The certificate's chain is checked with each evidence, not here.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn new(
        endorsement_key: &EndorsementKey<'_>,
        attestation_key: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Self, CredentialError> {
        let parent = KeyInfo::from_public_area(endorsement_key.public_area)
            .ok()
            .filter(|key| key.protects_with_aes_128 && key.name_hash == Hash::Sha256)
            .filter(|key| key.attributes.is_some_and(|attributes| attributes.is_storage_key()))
            .ok_or(CredentialError::EndorsementKey)?;
        let digest = match endorsement_key.certificate {
            Some(der) => {
                let certificate = Certificate::parse(der);
                certificate
                    .filter(|leaf| leaf.public_key().as_ref() == Some(&parent.key))
                    .ok_or(CredentialError::Certificate)?
                    .fingerprint
            }
            None => sha256(endorsement_key.public_area),
        };
        let child = KeyInfo::from_public_area(attestation_key).ok();
        let name = child
            .filter(|key| key.attributes.is_some_and(|attributes| attributes.is_attestation_key()))
            .and_then(|key| key.name)
            .ok_or(CredentialError::AttestationKey)?;
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        rng.fill_bytes(secret.as_mut_slice());
        let (seed, encrypted_secret) =
            share_seed(&parent.key, rng).ok_or(CredentialError::EndorsementKey)?;
        Ok(Self {
            credential_blob: protect(&seed, &name, secret.as_slice()),
            encrypted_secret,
            secret,
            name,
            endorsement_key: digest,
        })
    }

    /// Checks what the TPM gave back, and makes the entry for a policy that says so.
    ///
    /// # Errors
    /// [`CredentialError::Answer`].
    pub fn confirm(&self, answer: &[u8], until: Day) -> Result<ActivatedKey, CredentialError> {
        if !bool::from(self.secret.as_slice().ct_eq(answer)) {
            return Err(CredentialError::Answer);
        }
        Ok(ActivatedKey {
            name: Hex(self.name.clone()),
            endorsement_key: self.endorsement_key.into(),
            until,
        })
    }
}

/// A seed, and the `TPM2B_ENCRYPTED_SECRET` in which the endorsement key's TPM finds it.
fn share_seed(
    key: &PublicKey,
    rng: &mut impl CryptoRng,
) -> Option<(Zeroizing<[u8; SEED_LEN]>, Vec<u8>)> {
    let mut out = Vec::new();
    match key {
        PublicKey::Rsa(key) => {
            let mut seed = Zeroizing::new([0; SEED_LEN]);
            rng.fill_bytes(seed.as_mut_slice());
            push_sized(&mut out, &oaep(key, seed.as_slice(), rng)?);
            Some((seed, out))
        }
        PublicKey::P256(point) => {
            let theirs = p256::PublicKey::from_sec1_bytes(point).ok()?;
            let ours = loop {
                let mut scalar = Zeroizing::new([0; 32]);
                rng.fill_bytes(scalar.as_mut_slice());
                if let Ok(key) = p256::SecretKey::from_slice(scalar.as_slice()) {
                    break key;
                }
            };
            let shared = (theirs.to_projective() * *ours.to_nonzero_scalar()).to_affine();
            let our_point = ours.public_key().to_sec1_point(false);
            let (our_x, our_y) = our_point.as_bytes().get(1..)?.split_at(32);
            let seed = kdf_e(&shared.x(), our_x, point.get(1..33)?);
            let mut inner = Vec::new();
            push_sized(&mut inner, our_x);
            push_sized(&mut inner, our_y);
            push_sized(&mut out, &inner);
            Some((seed, out))
        }
        PublicKey::P384(_) => None,
    }
}

/// RSAES-OAEP with SHA-256 and the label `IDENTITY\0` (RFC 8017, 7.1.1).
fn oaep(key: &RsaKey, message: &[u8], rng: &mut impl CryptoRng) -> Option<Vec<u8>> {
    let block_len = key.len() - SEED_LEN - 1;
    let zeros = block_len.checked_sub(SEED_LEN + 1 + message.len())?;
    let label = sha256(b"IDENTITY\0");
    let block = Zeroizing::new([&label, vec![0; zeros].as_slice(), &[1], message].concat());
    let mut seed = [0; SEED_LEN];
    rng.fill_bytes(&mut seed);
    let xor = |a: &[u8], b: &[u8]| -> Vec<u8> { a.iter().zip(b).map(|(a, b)| a ^ b).collect() };
    let masked_block = xor(&block, &mgf1(Hash::Sha256, &seed, block_len));
    let masked_seed = xor(&seed, &mgf1(Hash::Sha256, &masked_block, SEED_LEN));
    let encoded = [&[0], masked_seed.as_slice(), &masked_block].concat();
    key.apply(&BigUint::from_bytes_be(&encoded))
}

/// `TPM2B_ID_OBJECT`: the secret, encrypted and bound to the name.
fn protect(seed: &[u8; SEED_LEN], name: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut identity = Vec::new();
    push_sized(&mut identity, secret);
    let key = kdf_a(seed, b"STORAGE\0", name, 128);
    let mut cipher_key = [0; 16];
    cipher_key.copy_from_slice(&key[..16]);
    cfb_mode::Encryptor::<Aes128>::new(&cipher_key.into(), &[0; 16].into()).encrypt(&mut identity);
    let mac = hmac(kdf_a(seed, b"INTEGRITY\0", &[], 256).as_slice(), &[&identity, name]);
    let mut inner = Vec::new();
    push_sized(&mut inner, mac.as_slice());
    inner.extend_from_slice(&identity);
    let mut out = Vec::new();
    push_sized(&mut out, &inner);
    out
}

/// KDFa (TPM 2.0 Library, part 1, 11.4.10.2), up to one block; the label ends with its zero.
fn kdf_a(key: &[u8], label: &[u8], context: &[u8], bits: u32) -> Zeroizing<[u8; 32]> {
    hmac(key, &[&1_u32.to_be_bytes(), label, context, &bits.to_be_bytes()])
}

/// KDFe (TPM 2.0 Library, part 1, 11.4.10.3) for the use `IDENTITY`, one block.
fn kdf_e(shared: &[u8], our_x: &[u8], their_x: &[u8]) -> Zeroizing<[u8; SEED_LEN]> {
    let parts = [&1_u32.to_be_bytes(), shared, b"IDENTITY\0", our_x, their_x].concat();
    Zeroizing::new(Sha256::digest(Zeroizing::new(parts)).into())
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    // The keys here are as long as a digest: HMAC pads them with zeros to its block.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block[..key.len()].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block);
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}
