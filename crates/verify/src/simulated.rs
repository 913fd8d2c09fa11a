//! Evidence that a simulation makes. It has the shape of evidence, so that everything around it can
//! be tried, and proves nothing: whoever reads this can make it.
//!
//! `magic || measurement (32) || report data (64) || Ed25519 signature (64)`; the signature, by a
//! key that is no secret, covers everything before it, so that a changed byte is noticed.

use std::collections::BTreeMap;

use ed25519_dalek::{Signature, SigningKey};

use crate::{
    Claims, Class, Details, EvidenceKind, ReasonCode,
    authenticate::{Authenticated, Request},
    crypto::sha256,
};

const MAGIC: &[u8] = b"SEALWORK SIMULATED EVIDENCE, PROVES NOTHING\n";
const SIGNED_LEN: usize = MAGIC.len() + 32 + 64;

/// The key of every simulation.
fn key() -> SigningKey {
    SigningKey::from_bytes(&sha256(b"sealwork: the public private key of simulated evidence"))
}

/// Makes simulated evidence.
#[cfg(feature = "sim")]
pub fn simulate(measurement: &[u8; 32], report_data: &[u8; 64]) -> crate::Evidence {
    use ed25519_dalek::Signer as _;
    let mut bytes = [MAGIC, measurement, report_data].concat();
    let signature = key().sign(&bytes);
    bytes.extend_from_slice(&signature.to_bytes());
    crate::Evidence::new(EvidenceKind::Simulated, bytes)
}

pub(crate) fn authenticate(request: &Request<'_>) -> Authenticated {
    let Some((measurement, report_data, signature)) = read(request.bytes) else {
        return Authenticated::malformed(EvidenceKind::Simulated, "something else");
    };
    let mut this = Authenticated::new();
    this.claims = Some(Claims {
        kind: EvidenceKind::Simulated,
        class: Class::Unprotected,
        measurements: BTreeMap::from([("measurement".to_owned(), measurement.into())]),
        report_data: report_data.into(),
        nonce: None,
        debug: false,
        issued: None,
        root: None,
        details: Details::Simulated,
    });
    let signed = &request.bytes[..SIGNED_LEN];
    if key().verifying_key().verify_strict(signed, &signature).is_err() {
        this.reasons
            .add(ReasonCode::SignatureInvalid, "signature of the simulation")
            .expected("the one of the simulation")
            .found("a signature that does not verify")
            .source("docs/attestation.md")
            .mend("the evidence was changed on its way");
    }
    this
}

fn read(bytes: &[u8]) -> Option<(&[u8], &[u8], Signature)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (measurement, rest) = rest.split_at_checked(32)?;
    let (report_data, signature) = rest.split_at_checked(64)?;
    Some((measurement, report_data, Signature::from_bytes(signature.try_into().ok()?)))
}
