//! X.509 certificates (RFC 5280), as far as evidence needs them.

use std::ops::Range;

use x509_cert::{
    der::{
        Decode, Encode, Reader, SliceReader, Tag, Tagged,
        asn1::{AnyRef, ObjectIdentifier},
        oid::db::{rfc5280, rfc5912},
    },
    ext::pkix::{BasicConstraints, KeyUsage},
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
};

use crate::crypto::{Hash, PublicKey, RsaKey, Scheme, sha256};

/// No certificate is longer than this, in bytes.
pub(crate) const MAX_LEN: usize = 16 << 10;

const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");

/// Extensions that are understood here; another one that is critical makes a certificate unusable.
const UNDERSTOOD: [ObjectIdentifier; 5] = [
    rfc5280::ID_CE_BASIC_CONSTRAINTS,
    rfc5280::ID_CE_KEY_USAGE,
    // Who the subject is and what for: the checks of each kind say which certificate they need.
    rfc5280::ID_CE_SUBJECT_ALT_NAME,
    rfc5280::ID_CE_EXT_KEY_USAGE,
    rfc5280::ID_CE_CERTIFICATE_POLICIES,
];

/// A certificate that was read; nothing about it is checked yet.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    der: Vec<u8>,
    signed: Range<usize>,
    parsed: x509_cert::Certificate,
    pub(crate) fingerprint: [u8; 32],
}

impl Certificate {
    /// Reads DER, the whole of it.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        if der.len() > MAX_LEN {
            return None;
        }
        let parsed = x509_cert::Certificate::from_der(der).ok()?;
        let signed = signed_part(der)?;
        Some(Self { fingerprint: sha256(der), der: der.to_vec(), signed, parsed })
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject's name as text.
    pub(crate) fn subject(&self) -> String {
        self.parsed.tbs_certificate().subject().to_string()
    }

    /// The issuer's name as text.
    pub(crate) fn issuer(&self) -> String {
        self.parsed.tbs_certificate().issuer().to_string()
    }

    /// First and last second of its validity, since 1970.
    pub(crate) fn validity(&self) -> (u64, u64) {
        let validity = self.parsed.tbs_certificate().validity();
        let secs = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
        (secs(validity.not_before), secs(validity.not_after))
    }

    pub(crate) fn serial(&self) -> &[u8] {
        self.parsed.tbs_certificate().serial_number().as_bytes()
    }

    pub(crate) fn public_key(&self) -> Option<PublicKey> {
        public_key(self.parsed.tbs_certificate().subject_public_key_info())
    }

    /// The subject's public key as DER (SubjectPublicKeyInfo).
    pub(crate) fn public_key_der(&self) -> Option<Vec<u8>> {
        self.parsed.tbs_certificate().subject_public_key_info().to_der().ok()
    }

    /// Whether `self` names `issuer` as its issuer.
    pub(crate) fn names_issuer(&self, issuer: &Self) -> bool {
        self.parsed.tbs_certificate().issuer() == issuer.parsed.tbs_certificate().subject()
    }

    /// Whether `name` is its subject.
    pub(crate) fn has_subject(&self, name: &x509_cert::name::Name) -> bool {
        self.parsed.tbs_certificate().subject() == name
    }

    /// Whether it may sign certificates: an authority of version 3 that its key usage allows, with
    /// at most `below` authorities below it.
    pub(crate) fn may_issue(&self, below: usize) -> bool {
        let tbs = self.parsed.tbs_certificate();
        let authority = matches!(tbs.get_extension::<BasicConstraints>(), Ok(Some((_, basic)))
            if basic.ca && basic.path_len_constraint.is_none_or(|max| below <= usize::from(max)));
        let usage = match tbs.get_extension::<KeyUsage>() {
            Ok(Some((_, usage))) => usage.key_cert_sign(),
            Ok(None) => true,
            Err(_) => false,
        };
        authority && usage
    }

    /// Whether it has a critical extension that is not understood here, or one twice.
    pub(crate) fn has_unknown_critical(&self) -> bool {
        let extensions = self.extensions();
        extensions.iter().enumerate().any(|(n, extension)| {
            (extension.critical && !UNDERSTOOD.contains(&extension.extn_id))
                || extensions[..n].iter().any(|other| other.extn_id == extension.extn_id)
        })
    }

    /// The content of an extension.
    pub(crate) fn extension(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        let extension = self.extensions().iter().find(|extension| extension.extn_id == oid)?;
        Some(extension.extn_value.as_bytes())
    }

    /// Whether `issuer` has signed it.
    pub(crate) fn is_signed_by(&self, issuer: &PublicKey) -> bool {
        let inner = self.parsed.tbs_certificate().signature();
        let outer = self.parsed.signature_algorithm();
        let (Some(scheme), Some(signature)) = (scheme(outer), self.parsed.signature().as_bytes())
        else {
            return false;
        };
        inner == outer && issuer.verifies(scheme, &self.der[self.signed.clone()], signature)
    }

    fn extensions(&self) -> &[x509_cert::ext::Extension] {
        self.parsed.tbs_certificate().extensions().map_or(&[], Vec::as_slice)
    }
}

/// Where the signed part of a `SIGNED { ... }` lies.
pub(crate) fn signed_part(der: &[u8]) -> Option<Range<usize>> {
    let whole = AnyRef::from_der(der).ok()?;
    if whole.tag() != Tag::Sequence {
        return None;
    }
    let start = der.len() - whole.value().len();
    let mut reader = SliceReader::new(whole.value()).ok()?;
    let len = reader.tlv_bytes().ok()?.len();
    Some(start..start + len)
}

/// The public key of a SubjectPublicKeyInfo, if it is of a kind that evidence uses.
pub(crate) fn public_key(info: &SubjectPublicKeyInfoOwned) -> Option<PublicKey> {
    let bits = info.subject_public_key.as_bytes()?;
    let algorithm = &info.algorithm;
    // Some makers of TPMs say of an endorsement key that it is for OAEP; it is the same key.
    if [rfc5912::RSA_ENCRYPTION, rfc5912::ID_RSAES_OAEP].contains(&algorithm.oid) {
        return RsaKey::from_pkcs1(bits).map(PublicKey::Rsa);
    }
    if algorithm.oid != rfc5912::ID_EC_PUBLIC_KEY || bits.first() != Some(&4) {
        return None;
    }
    let curve: ObjectIdentifier = algorithm.parameters.as_ref()?.decode_as().ok()?;
    match (curve, bits.len()) {
        (P256, 65) => Some(PublicKey::P256(bits.to_vec())),
        (P384, 97) => Some(PublicKey::P384(bits.to_vec())),
        _ => None,
    }
}

/// How a certificate or revocation list says that it is signed.
pub(crate) fn scheme(algorithm: &AlgorithmIdentifierOwned) -> Option<Scheme> {
    match algorithm.oid {
        rfc5912::ECDSA_WITH_SHA_256 => Some(Scheme::Ecdsa(Hash::Sha256)),
        rfc5912::ECDSA_WITH_SHA_384 => Some(Scheme::Ecdsa(Hash::Sha384)),
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION => Some(Scheme::RsaPkcs1(Hash::Sha256)),
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Some(Scheme::RsaPkcs1(Hash::Sha384)),
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION => Some(Scheme::RsaPkcs1(Hash::Sha512)),
        rfc5912::ID_RSASSA_PSS => pss_scheme(algorithm.parameters.as_ref()?.value()),
        _ => None,
    }
}

/// The parameters of RSASSA-PSS (RFC 4055, 3.1): one hash throughout, a salt of its length.
fn pss_scheme(parameters: &[u8]) -> Option<Scheme> {
    let mut reader = SliceReader::new(parameters).ok()?;
    let mut field = |number: u32| -> Option<&[u8]> {
        let any = AnyRef::decode(&mut reader).ok()?;
        let tag =
            Tag::ContextSpecific { constructed: true, number: x509_cert::der::TagNumber(number) };
        (any.tag() == tag).then_some(any.value())
    };
    let hash = AlgorithmIdentifierOwned::from_der(field(0)?).ok()?;
    let mask = AlgorithmIdentifierOwned::from_der(field(1)?).ok()?;
    let salt = u8::from_der(field(2)?).ok()?;
    // The trailer field has one value, which most leave out.
    if !reader.is_finished() {
        let trailer = AnyRef::decode(&mut reader).ok()?;
        if trailer.value() != [2, 1, 1] || !reader.is_finished() {
            return None;
        }
    }
    let masked: AlgorithmIdentifierOwned = mask.parameters.as_ref()?.decode_as().ok()?;
    let (hash, len) = match hash.oid {
        rfc5912::ID_SHA_256 => (Hash::Sha256, 32),
        rfc5912::ID_SHA_384 => (Hash::Sha384, 48),
        rfc5912::ID_SHA_512 => (Hash::Sha512, 64),
        _ => return None,
    };
    let consistent = mask.oid == MGF1 && masked.oid == hash_oid(hash) && salt == len;
    consistent.then_some(Scheme::RsaPss(hash))
}

fn hash_oid(hash: Hash) -> ObjectIdentifier {
    match hash {
        Hash::Sha256 => rfc5912::ID_SHA_256,
        Hash::Sha384 => rfc5912::ID_SHA_384,
        Hash::Sha512 => rfc5912::ID_SHA_512,
    }
}
