//! `TPMT_PUBLIC` (TPM 2.0 Library, part 2, 12.2): a key, what it may do, and its name.

use x509_cert::{
    der::{
        Decode, Encode,
        asn1::{Any, BitString, Null, ObjectIdentifier},
        oid::db::rfc5912,
    },
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
};

use super::reader::Reader;
use crate::{
    ReasonCode,
    certificate::public_key,
    crypto::{Hash, PublicKey, RsaKey, sha256},
    reason::Reasons,
};

const ALG_RSA: u16 = 0x0001;
const ALG_AES: u16 = 0x0006;
const ALG_NULL: u16 = 0x0010;
const ALG_ECC: u16 = 0x0023;
const ALG_CFB: u16 = 0x0043;
const CURVE_P256: u16 = 0x0003;
const CURVE_P384: u16 = 0x0004;
const DEFAULT_EXPONENT: u32 = 65537;

/// The hash of an algorithm's number (TPM 2.0 Library, part 2, 6.3).
fn name_hash(algorithm: u16) -> Option<Hash> {
    match algorithm {
        0x000b => Some(Hash::Sha256),
        0x000c => Some(Hash::Sha384),
        0x000d => Some(Hash::Sha512),
        _ => None,
    }
}

/// Whether bytes are a name: the number of a hash, and a digest by it (part 1, 16).
pub(crate) fn is_tpm_name(bytes: &[u8]) -> bool {
    let Some((algorithm, digest)) = bytes.split_first_chunk() else { return false };
    name_hash(u16::from_be_bytes(*algorithm)).is_some_and(|hash| hash.len() == digest.len())
}

/// `TPMA_OBJECT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attributes(u32);

impl Attributes {
    /// fixedTPM, fixedParent, sensitiveDataOrigin: the key was born in this TPM and cannot leave.
    const BORN_HERE: u32 = 1 << 1 | 1 << 4 | 1 << 5;
    const RESTRICTED: u32 = 1 << 16;
    const DECRYPT: u32 = 1 << 17;
    const SIGN: u32 = 1 << 18;

    /// Whether what the key signs is what its TPM says itself.
    pub(super) fn is_attestation_key(self) -> bool {
        let needed = Self::BORN_HERE | Self::RESTRICTED | Self::SIGN;
        self.0 & needed == needed && self.0 & Self::DECRYPT == 0
    }

    /// Whether it is a key that storage hierarchies hang on, as endorsement keys are.
    pub(super) fn is_storage_key(self) -> bool {
        let needed = Self::BORN_HERE | Self::RESTRICTED | Self::DECRYPT;
        self.0 & needed == needed && self.0 & Self::SIGN == 0
    }

    pub(super) fn check(self, reasons: &mut Reasons) {
        if !self.is_attestation_key() {
            reasons
                .add(ReasonCode::AttestationKeyUnsuitable, "attributes of the attestation key")
                .expected(
                    "fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign, no decrypt",
                )
                .found(format!("{:#010x}", self.0))
                .source("the key's public area")
                .mend("make the attestation key with the attributes of one");
        }
    }
}

/// A key in a TPM, as far as it matters.
#[derive(Debug, Clone)]
pub(super) struct KeyInfo {
    pub(super) key: PublicKey,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub(super) spki_digest: [u8; 32],
    /// SHA-256 of the key as it was sent: of its SubjectPublicKeyInfo or of its public area.
    pub(super) digest: [u8; 32],
    /// Its name; none where only the SubjectPublicKeyInfo is known.
    pub(super) name: Option<Vec<u8>>,
    pub(super) attributes: Option<Attributes>,
    /// Whether what it protects is protected with AES-128 in CFB mode, as endorsement keys do.
    pub(super) protects_with_aes_128: bool,
    pub(super) name_hash: Hash,
}

impl KeyInfo {
    pub(super) fn from_spki(der: &[u8]) -> Result<Self, &'static str> {
        let info = SubjectPublicKeyInfoOwned::from_der(der)
            .map_err(|_| "an attestation key that is no SubjectPublicKeyInfo")?;
        Ok(Self {
            key: public_key(&info).ok_or("an attestation key of an unknown algorithm")?,
            spki_digest: sha256(der),
            digest: sha256(der),
            name: None,
            attributes: None,
            protects_with_aes_128: false,
            name_hash: Hash::Sha256,
        })
    }

    pub(super) fn from_public_area(area: &[u8]) -> Result<Self, &'static str> {
        let mut reader = Reader::new(area);
        Self::parse(&mut reader, area)
            .filter(|_| reader.is_empty())
            .ok_or("a key whose public area cannot be read")
    }

    fn parse(reader: &mut Reader<'_>, area: &[u8]) -> Option<Self> {
        let kind = reader.u16()?;
        let name_algorithm = reader.u16()?;
        let name_hash = name_hash(name_algorithm)?;
        let attributes = Attributes(reader.u32()?);
        reader.sized()?;
        let symmetric = parse_symmetric(reader)?;
        parse_scheme(reader)?;
        let (key, spki) = match kind {
            ALG_RSA => parse_rsa(reader)?,
            ALG_ECC => parse_ecc(reader)?,
            _ => return None,
        };
        let name = [&name_algorithm.to_be_bytes()[..], &name_hash.digest(area)].concat();
        Some(Self {
            key,
            spki_digest: sha256(&spki.to_der().ok()?),
            digest: sha256(area),
            name: Some(name),
            attributes: Some(attributes),
            protects_with_aes_128: symmetric == Some((ALG_AES, 128, ALG_CFB)),
            name_hash,
        })
    }
}

/// Algorithm, bits and mode; none for `TPM_ALG_NULL`.
fn parse_symmetric(reader: &mut Reader<'_>) -> Option<Option<(u16, u16, u16)>> {
    match reader.u16()? {
        ALG_NULL => Some(None),
        algorithm => Some(Some((algorithm, reader.u16()?, reader.u16()?))),
    }
}

fn parse_scheme(reader: &mut Reader<'_>) -> Option<()> {
    match reader.u16()? {
        ALG_NULL => Some(()),
        // ECDAA has a count besides its hash.
        0x001a => reader.u32().map(|_| ()),
        _ => reader.u16().map(|_| ()),
    }
}

fn parse_rsa(reader: &mut Reader<'_>) -> Option<(PublicKey, SubjectPublicKeyInfoOwned)> {
    let bits = reader.u16()?;
    let exponent = match reader.u32()? {
        0 => DEFAULT_EXPONENT,
        exponent => exponent,
    };
    let modulus = reader.sized()?;
    if modulus.len() * 8 != usize::from(bits) {
        return None;
    }
    let key = RsaKey::new(modulus, &exponent.to_be_bytes())?;
    let spki = spki(rfc5912::RSA_ENCRYPTION, Any::from(Null), key.pkcs1_der())?;
    Some((PublicKey::Rsa(key), spki))
}

fn parse_ecc(reader: &mut Reader<'_>) -> Option<(PublicKey, SubjectPublicKeyInfoOwned)> {
    let curve = reader.u16()?;
    if reader.u16()? != ALG_NULL {
        reader.u16()?;
    }
    let (x, y) = (reader.sized()?, reader.sized()?);
    let (oid, len) = match curve {
        CURVE_P256 => (rfc5912::SECP_256_R_1, 32),
        CURVE_P384 => (rfc5912::SECP_384_R_1, 48),
        _ => return None,
    };
    if x.len() != len || y.len() != len {
        return None;
    }
    let point = [&[4], x, y].concat();
    let spki = spki(rfc5912::ID_EC_PUBLIC_KEY, Any::from(oid), &point)?;
    let key = if len == 32 { PublicKey::P256(point) } else { PublicKey::P384(point) };
    Some((key, spki))
}

fn spki(oid: ObjectIdentifier, parameters: Any, key: &[u8]) -> Option<SubjectPublicKeyInfoOwned> {
    Some(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned { oid, parameters: Some(parameters) },
        subject_public_key: BitString::from_bytes(key).ok()?,
    })
}
