//! Who may push a ring key: the holder of the distributor's RSA key (reference 1.4, 2.5).

use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};
use spki::{
    ObjectIdentifier, SubjectPublicKeyInfoRef,
    der::{Decode, Reader, SliceReader, asn1::UintRef},
};
use zeroize::Zeroizing;

use crate::base64::{self, Base64Error};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const HASH_LEN: usize = 32;
/// Moduli of other sizes are refused: smaller ones are broken, larger ones only cost time.
const MODULUS_BITS: std::ops::RangeInclusive<u64> = 1024..=16384;

/// Why a key is not taken, in the words that Masa's clients see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetKeyError {
    /// No distributor key is configured, or it is no base64.
    #[error("failed to decode key distributor public key: {0}")]
    Distributor(String),
    /// The configured key is no PEM.
    #[error("invalid signature: failed to decode PEM block containing public key")]
    Pem,
    /// The configured key does not parse.
    #[error("invalid signature: failed to parse public key: {0}")]
    PublicKey(&'static str),
    /// The configured key is of another algorithm.
    #[error("invalid signature: key is not an RSA key")]
    NotRsa,
    /// The signature is no base64.
    #[error("invalid signature: failed to decode the signature: {0}")]
    Encoding(Base64Error),
    /// The signature does not fit.
    #[error("invalid signature: failed to verify the signature: crypto/rsa: verification error")]
    Signature,
    /// The key has another length than AES-256 needs.
    #[error("invalid key length: got {0} bytes, expected 32 bytes for AES-256 encryption")]
    Length(usize),
}

/// Checks the distributor's signature over a ring key, and gives the key.
///
/// `distributor` is the PEM of an RSA public key, or that PEM in base64, as Masa's builds have it.
/// The signature is RSA-PSS with SHA-256 and a salt of any length, in base64.
///
/// # Errors
/// [`SetKeyError`]; its text is the answer's `status`.
pub fn verify_setkey(
    distributor: Option<&str>,
    key: &[u8],
    signature: &[u8],
) -> Result<Zeroizing<[u8; 32]>, SetKeyError> {
    let distributor = DistributorKey::parse(distributor.unwrap_or_default())?;
    let signature = base64::decode(signature).map_err(SetKeyError::Encoding)?;
    if !distributor.verifies(key, &signature) {
        return Err(SetKeyError::Signature);
    }
    let key: [u8; 32] = key.try_into().map_err(|_| SetKeyError::Length(key.len()))?;
    Ok(Zeroizing::new(key))
}

/// The public key of who distributes ring keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributorKey {
    modulus: BigUint,
    exponent: BigUint,
}

impl DistributorKey {
    /// Reads a PEM, or the base64 of one.
    ///
    /// # Errors
    /// [`SetKeyError`] for anything but an RSA public key of 1024 to 16384 bits.
    pub fn parse(text: &str) -> Result<Self, SetKeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SetKeyError::Distributor("no key provided".to_owned()));
        }
        let block = if text.contains("-----BEGIN") {
            pem::parse(text).map_err(|_| SetKeyError::Pem)?
        } else {
            let decoded = base64::decode(text.as_bytes())
                .map_err(|error| SetKeyError::Distributor(error.to_string()))?;
            pem::parse(decoded).map_err(|_| SetKeyError::Pem)?
        };
        if block.tag() != "PUBLIC KEY" {
            return Err(SetKeyError::Pem);
        }
        let info = SubjectPublicKeyInfoRef::from_der(block.contents())
            .map_err(|_| SetKeyError::PublicKey("it is no SubjectPublicKeyInfo"))?;
        if info.algorithm.oid != RSA {
            return Err(SetKeyError::NotRsa);
        }
        let malformed = SetKeyError::PublicKey("it is no RSA public key");
        let der = info.subject_public_key.as_bytes().ok_or(malformed.clone())?;
        let (modulus, exponent) = rsa_numbers(der).map_err(|_| malformed)?;
        let key = Self { modulus, exponent };
        if !MODULUS_BITS.contains(&key.modulus.bits()) || key.exponent < BigUint::from(3u8) {
            return Err(SetKeyError::PublicKey("its size or exponent is out of range"));
        }
        Ok(key)
    }

    /// RSASSA-PSS-VERIFY with SHA-256 and MGF1 (RFC 8017 8.1.2).
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let modulus_len = bytes_for(self.modulus.bits());
        let number = BigUint::from_bytes_be(signature);
        if signature.len() != modulus_len || number >= self.modulus {
            return false;
        }
        // Everything here is public, so the time it takes may tell what it likes.
        let opened = number.modpow(&self.exponent, &self.modulus).to_bytes_be();
        let encoded_bits = self.modulus.bits() - 1;
        let encoded_len = bytes_for(encoded_bits);
        let Some(missing) = encoded_len.checked_sub(opened.len()) else { return false };
        let mut encoded = vec![0; missing];
        encoded.extend_from_slice(&opened);
        let unused_bits = encoded_len as u64 * 8 - encoded_bits;
        is_pss_encoding(&mut encoded, unused_bits, &Sha256::digest(message))
    }
}

/// EMSA-PSS-VERIFY (RFC 8017 9.1.2), with the salt's length read from the padding.
fn is_pss_encoding(encoded: &mut [u8], unused_bits: u64, message_hash: &[u8]) -> bool {
    let Some((0xbc, rest)) = encoded.split_last_mut().map(|(last, rest)| (*last, rest)) else {
        return false;
    };
    let Some(masked_len) = rest.len().checked_sub(HASH_LEN) else { return false };
    let (block, hash) = rest.split_at_mut(masked_len);
    let Some(first) = block.first_mut() else { return false };
    let allowed = 0xffu8.checked_shr(u32::try_from(unused_bits).unwrap_or(8)).unwrap_or(0);
    if *first & !allowed != 0 {
        return false;
    }
    mask(block, hash);
    if let Some(first) = block.first_mut() {
        *first &= allowed;
    }
    let Some(one) = block.iter().position(|byte| *byte != 0) else { return false };
    let Some((1, salt)) = block.get(one..).and_then(<[u8]>::split_first).map(|(b, s)| (*b, s))
    else {
        return false;
    };
    let expected =
        Sha256::new().chain_update([0; 8]).chain_update(message_hash).chain_update(salt).finalize();
    expected.as_slice() == hash
}

/// Applies MGF1 with SHA-256 (RFC 8017 B.2.1).
fn mask(block: &mut [u8], seed: &[u8]) {
    for (counter, chunk) in (0u32..).zip(block.chunks_mut(HASH_LEN)) {
        let pad = Sha256::new().chain_update(seed).chain_update(counter.to_be_bytes()).finalize();
        for (byte, pad) in chunk.iter_mut().zip(pad) {
            *byte ^= pad;
        }
    }
}

fn rsa_numbers(der: &[u8]) -> spki::der::Result<(BigUint, BigUint)> {
    type Numbers<'a> = (UintRef<'a>, UintRef<'a>);
    let mut reader = SliceReader::new(der)?;
    let numbers = reader.sequence(|inner| {
        Ok::<Numbers<'_>, spki::der::Error>((inner.decode()?, inner.decode()?))
    })?;
    reader.finish()?;
    let number = |uint: UintRef<'_>| BigUint::from_bytes_be(uint.as_bytes());
    Ok((number(numbers.0), number(numbers.1)))
}

fn bytes_for(bits: u64) -> usize {
    usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX)
}
