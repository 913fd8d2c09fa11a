use ed25519_dalek::{Signer, VerifyingKey};
use k256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use rand_core::CryptoRng;
use schnorrkel::{ExpansionMode, MiniSecretKey};
use sealwork_job::RequesterId;

use crate::{EnvelopeError, digest::sha256, header::Header, length_prefix};

const ED25519: u8 = 1;
const SECP256K1: u8 = 2;
const SR25519: u8 = 3;
const SIGNATURE_LEN: usize = 64;
const SR25519_CONTEXT: &[u8] = b"sealwork";

/// Why bytes are not a requester's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a private key of this kind")]
pub struct RequesterKeyError;

/// A key with which a requester signs jobs and becomes accountable for them. Erased when dropped.
pub struct RequesterKey(Kind);

enum Kind {
    Ed25519(ed25519_dalek::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
    Sr25519(schnorrkel::Keypair),
}

impl RequesterKey {
    /// An Ed25519 key (RFC 8032) from its seed.
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self(Kind::Ed25519(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// A secp256k1 key from its scalar, as EVM chains use it.
    ///
    /// # Errors
    /// [`RequesterKeyError`] for zero and for numbers outside of the group's order.
    pub fn secp256k1(scalar: &[u8; 32]) -> Result<Self, RequesterKeyError> {
        let key = k256::ecdsa::SigningKey::from_slice(scalar).map_err(|_| RequesterKeyError)?;
        Ok(Self(Kind::Secp256k1(key)))
    }

    /// An sr25519 key from its mini secret, as Substrate chains use it.
    ///
    /// # Errors
    /// [`RequesterKeyError`]; none is known for 32 bytes.
    pub fn sr25519(mini_secret: &[u8; 32]) -> Result<Self, RequesterKeyError> {
        let mini = MiniSecretKey::from_bytes(mini_secret).map_err(|_| RequesterKeyError)?;
        Ok(Self(Kind::Sr25519(mini.expand_to_keypair(ExpansionMode::Ed25519))))
    }

    /// The requester: kind and public key, as workers count quotas by it.
    pub fn id(&self) -> RequesterId {
        requester_id(self.algorithm(), &self.public())
    }

    fn algorithm(&self) -> u8 {
        match self.0 {
            Kind::Ed25519(_) => ED25519,
            Kind::Secp256k1(_) => SECP256K1,
            Kind::Sr25519(_) => SR25519,
        }
    }

    fn public(&self) -> Vec<u8> {
        match &self.0 {
            Kind::Ed25519(key) => key.verifying_key().as_bytes().to_vec(),
            Kind::Secp256k1(key) => key.verifying_key().to_sec1_point(true).as_bytes().to_vec(),
            Kind::Sr25519(key) => key.public.to_bytes().to_vec(),
        }
    }

    /// The content of a signature section: algorithm, public key, signature.
    pub(crate) fn section(
        &self,
        rng: &mut impl CryptoRng,
        header: &[u8; Header::LEN],
        job_json: &[u8],
        input: Option<&[u8]>,
    ) -> Vec<u8> {
        let message = message(header, job_json, input);
        let mut out = vec![self.algorithm()];
        out.extend_from_slice(&self.public());
        out.extend_from_slice(&self.sign(rng, &message));
        out
    }

    fn sign(&self, rng: &mut impl CryptoRng, message: &[u8; 32]) -> [u8; SIGNATURE_LEN] {
        match &self.0 {
            Kind::Ed25519(key) => key.sign(message).to_bytes(),
            Kind::Secp256k1(key) => {
                #[allow(clippy::expect_used, reason = "fails for digests below 16 bytes only")]
                let signature: k256::ecdsa::Signature =
                    key.sign_prehash(message).expect("a SHA-256 digest can be signed");
                signature.normalize_s().to_bytes().into()
            }
            Kind::Sr25519(key) => {
                let transcript = schnorrkel::signing_context(SR25519_CONTEXT).bytes(message);
                key.sign(schnorrkel::context::attach_rng(transcript, Rng06(rng))).to_bytes()
            }
        }
    }
}

impl std::fmt::Debug for RequesterKey {
    /// Shows the public half.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RequesterKey({})", self.id())
    }
}

/// Length of a signature section's content, to plan the padding before anything is signed.
pub(crate) fn section_len(key: &RequesterKey) -> usize {
    1 + key_len(key.algorithm()).unwrap_or(0) + SIGNATURE_LEN
}

/// Checks a signature section and names the requester.
pub(crate) fn verify(
    section: &[u8],
    header: &[u8; Header::LEN],
    job_json: &[u8],
    input: Option<&[u8]>,
) -> Result<RequesterId, EnvelopeError> {
    let malformed = EnvelopeError::Malformed("its requester signature has the wrong form");
    let (&algorithm, rest) = section.split_first().ok_or(malformed.clone())?;
    let len = key_len(algorithm).ok_or(malformed.clone())?;
    let (key, signature) = rest.split_at_checked(len).ok_or(malformed.clone())?;
    let signature: &[u8; SIGNATURE_LEN] = signature.try_into().map_err(|_| malformed)?;
    let message = message(header, job_json, input);
    if verifies(algorithm, key, signature, &message).is_none() {
        return Err(EnvelopeError::SignatureInvalid);
    }
    Ok(requester_id(algorithm, key))
}

fn verifies(algorithm: u8, key: &[u8], signature: &[u8; 64], message: &[u8; 32]) -> Option<()> {
    match algorithm {
        ED25519 => {
            let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
            let signature = ed25519_dalek::Signature::from_bytes(signature);
            key.verify_strict(message, &signature).ok()
        }
        SECP256K1 => {
            let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
            let signature = k256::ecdsa::Signature::from_slice(signature).ok()?;
            // Takes only the lower of the two possible s: a signature has one form.
            key.verify_prehash(message, &signature).ok()
        }
        SR25519 => {
            let key = schnorrkel::PublicKey::from_bytes(key).ok()?;
            let signature = schnorrkel::Signature::from_bytes(signature).ok()?;
            key.verify_simple(SR25519_CONTEXT, message, &signature).ok()
        }
        _ => None,
    }
}

/// What is signed: the clear header, the job and, where there is one, the input.
fn message(header: &[u8; Header::LEN], job_json: &[u8], input: Option<&[u8]>) -> [u8; 32] {
    let label = length_prefix::join(&[b"sealwork/v1 requester"]);
    let len = |bytes: &[u8]| (bytes.len() as u64).to_be_bytes();
    let job_len = len(job_json);
    match input {
        None => sha256(&[&label, header, &job_len, job_json]).0,
        Some(input) => sha256(&[&label, header, &job_len, job_json, &len(input), input]).0,
    }
}

fn key_len(algorithm: u8) -> Option<usize> {
    match algorithm {
        ED25519 | SR25519 => Some(32),
        SECP256K1 => Some(33),
        _ => None,
    }
}

fn requester_id(algorithm: u8, key: &[u8]) -> RequesterId {
    let scheme = match algorithm {
        ED25519 => "ed25519",
        SECP256K1 => "secp256k1",
        _ => "sr25519",
    };
    RequesterId::new(scheme, &hex::encode(key))
}

/// The generator under the traits of rand_core 0.6, which schnorrkel takes.
struct Rng06<'a, R>(&'a mut R);

impl<R: CryptoRng> rand_core_06::RngCore for Rng06<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.0.fill_bytes(out);
        Ok(())
    }
}

impl<R: CryptoRng> rand_core_06::CryptoRng for Rng06<'_, R> {}
