//! Who vouches for an attestation key: a certificate for it, or an endorsement key beside it.

use x509_cert::der::{Decode, asn1::ObjectIdentifier, oid::db::rfc5280::ID_CE_EXT_KEY_USAGE};

use super::{
    TpmEvidence,
    public::{Attributes, KeyInfo},
};
use crate::{
    Hex, ReasonCode,
    authenticate::Request,
    certificate::Certificate,
    chain::{self, Anchors},
    crypto::sha256,
    instant::Window,
    reason::Reasons,
};

/// tcg-kp-EKCertificate and tcg-kp-AIKCertificate (TCG EK Credential Profile, 3.2.16).
const FOR_ENDORSEMENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.1");
const FOR_ATTESTATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");
const MAX_CHAIN: usize = 6;

/// What evidence brings along to vouch for its attestation key, checked. Which of it counts, the
/// policy says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vouchers {
    /// A certificate for the key, and what is wrong with it.
    pub(crate) certificate: Option<Reasons>,
    /// The endorsement key, by the digest that a policy names, and what is wrong with its
    /// certificate.
    pub(crate) endorsement_key: Option<([u8; 32], Reasons)>,
}

pub(super) fn vouchers(
    evidence: &TpmEvidence,
    key: &KeyInfo,
    request: &Request<'_>,
    window: &mut Window,
) -> Vouchers {
    let certificate = (!evidence.key_certificates.is_empty()).then(|| {
        let mut reasons = Reasons::default();
        let chain = check(&evidence.key_certificates, request, window, &mut reasons);
        if let Some(leaf) = chain {
            let spki = leaf.public_key_der().map(|der| sha256(&der));
            expect(&leaf, FOR_ATTESTATION, spki == Some(key.spki_digest), &mut reasons);
        }
        reasons
    });
    let endorsement_key = if evidence.endorsement_certificates.is_empty() {
        // A public area and nothing else: a certificate in its place has the digest that a policy may
        // name, and nobody would have looked at its chain.
        let area = evidence.endorsement_public_area.as_ref().filter(|area| is_storage_key(area));
        area.map(|area| (sha256(area), Reasons::default()))
    } else {
        let mut reasons = Reasons::default();
        check(&evidence.endorsement_certificates, request, window, &mut reasons).map(|leaf| {
            expect(&leaf, FOR_ENDORSEMENT, true, &mut reasons);
            (leaf.fingerprint, reasons)
        })
    };
    Vouchers { certificate, endorsement_key }
}

fn is_storage_key(area: &[u8]) -> bool {
    let key = KeyInfo::from_public_area(area).ok();
    key.and_then(|key| key.attributes).is_some_and(Attributes::is_storage_key)
}

/// Follows certificates to a root: those that were sent, then those of the endorsements.
fn check(
    sent: &[Vec<u8>],
    request: &Request<'_>,
    window: &mut Window,
    reasons: &mut Reasons,
) -> Option<Certificate> {
    let sent: Option<Vec<Certificate>> = sent.iter().map(|der| Certificate::parse(der)).collect();
    let Some(sent) = sent else {
        reasons
            .add(ReasonCode::ChainInvalid, "certificates of the TPM's keys")
            .expected("DER, leaf first")
            .found("something that cannot be read")
            .source("RFC 5280")
            .mend("send the certificates as the TPM holds them");
        return None;
    };
    let mut links: Vec<&Certificate> = sent.iter().collect();
    let is_root = |certificate: &Certificate| {
        request.roots.iter().any(|root| root.sha256.0 == certificate.fingerprint)
    };
    while let Some(last) = links.last().filter(|last| !is_root(last) && links.len() < MAX_CHAIN) {
        match chain::issuer_of(last, request.endorsements.certificates(), request.now) {
            Some(issuer) => links.push(issuer),
            None => break,
        }
    }
    let anchors = Anchors {
        maker: "TPM",
        roots: request.roots,
        revocation: request.endorsements.revocation(),
        endorsed: true,
        now: request.now,
    };
    let valid = chain::check(&links, &anchors, reasons);
    window.narrow(valid.from, valid.until);
    sent.into_iter().next()
}

fn expect(leaf: &Certificate, usage: ObjectIdentifier, is_for_key: bool, reasons: &mut Reasons) {
    let usages = leaf.extension(ID_CE_EXT_KEY_USAGE);
    let usages = usages.and_then(|der| Vec::<ObjectIdentifier>::from_der(der).ok());
    if !is_for_key || !usages.is_some_and(|usages| usages.contains(&usage)) {
        reasons
            .add(ReasonCode::ChainInvalid, format!("TPM certificate {}", leaf.subject()))
            .expected(format!("for this key and this use ({usage})"))
            .found(format!("another key or use, SHA-256 {}", Hex::from(leaf.fingerprint)))
            .source("TCG EK Credential Profile")
            .mend("send the certificate that was issued for this key");
    }
}
