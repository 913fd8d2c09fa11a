//! Attestation documents of AWS Nitro Enclaves: COSE_Sign1 around a CBOR map, certificates inside.

mod document;
mod own_time;

use std::collections::BTreeMap;

use coset::iana;
use sealwork_job::Timestamp;

use self::document::Document;
pub use self::own_time::{NitroRoot, authenticate_nitro};
use crate::{
    Claims, Class, Details, EvidenceKind, Hex, NitroClaims, ReasonCode,
    authenticate::{Authenticated, Request},
    certificate::Certificate,
    chain::{self, Anchors},
    cose::{Algorithm, Sign1},
    crypto::{Hash, PublicKey, Scheme, fixed_to_der},
};

const SIGNATURE_LEN: usize = 96;

pub(crate) fn authenticate(request: &Request<'_>) -> Authenticated {
    match read(request.bytes) {
        Ok((envelope, document)) => check(&envelope, &document, request),
        Err(found) => Authenticated::malformed(EvidenceKind::Nitro, found),
    }
}

fn read(bytes: &[u8]) -> Result<(Sign1, Document), &'static str> {
    let envelope = Sign1::parse(bytes)?;
    if envelope.has_unprotected() || envelope.has_more_than_algorithm() {
        return Err("a COSE_Sign1 document with other headers");
    }
    let payload = envelope.payload().ok_or("a COSE_Sign1 document without payload")?;
    let document = Document::parse(payload)?;
    Ok((envelope, document))
}

fn check(envelope: &Sign1, document: &Document, request: &Request<'_>) -> Authenticated {
    let mut this = Authenticated::new();
    let mut claims = claims(document);
    let chain: Option<Vec<Certificate>> = std::iter::once(&document.certificate)
        .chain(document.cabundle.iter().rev())
        .map(|der| Certificate::parse(der))
        .collect();
    let Some(chain) = chain else {
        return Authenticated::malformed(EvidenceKind::Nitro, "certificates that cannot be read");
    };
    claims.root = chain.last().map(|root| root.fingerprint.into());
    this.claims = Some(claims);
    let anchors = Anchors {
        maker: "AWS Nitro",
        roots: request.roots,
        revocation: request.endorsements.revocation(),
        endorsed: false,
        now: request.now,
    };
    let links: Vec<&Certificate> = chain.iter().collect();
    this.window = chain::check(&links, &anchors, &mut this.reasons);
    let key = chain.first().and_then(Certificate::public_key);
    if !is_signed(envelope, key.as_ref()) {
        this.reasons
            .add(ReasonCode::SignatureInvalid, "signature of the document")
            .expected("ES384 by the document's own certificate")
            .found("another algorithm, or a signature that does not verify")
            .source("the document's certificate")
            .mend("do not use this evidence: it was changed, or its platform is not genuine");
    }
    this
}

fn is_signed(envelope: &Sign1, key: Option<&PublicKey>) -> bool {
    let es384 = Algorithm::Assigned(iana::Algorithm::ES384);
    let Some(key @ PublicKey::P384(_)) = key else { return false };
    let signature = envelope.signature();
    envelope.protected_algorithm() == Some(&es384)
        && signature.len() == SIGNATURE_LEN
        && fixed_to_der(signature).is_some_and(|der| {
            key.verifies(Scheme::Ecdsa(Hash::Sha384), &envelope.signed_bytes(&[]), &der)
        })
}

fn claims(document: &Document) -> Claims {
    // An enclave in debug mode has zeros where its image is measured.
    let zero = |pcr: &u8| document.pcrs.get(pcr).is_none_or(|value| value == &[0; 48]);
    let debug = zero(&0);
    let measurements: BTreeMap<String, Hex> =
        document.pcrs.iter().map(|(pcr, value)| (format!("pcr{pcr}"), Hex::from(*value))).collect();
    let hex = |bytes: &Option<Vec<u8>>| bytes.clone().map(Hex);
    Claims {
        kind: EvidenceKind::Nitro,
        class: if debug { Class::Unprotected } else { Class::Confidential },
        measurements,
        // Without user data nothing is bound: that is what zeros say.
        report_data: Hex(document.user_data.clone().unwrap_or_default()),
        nonce: hex(&document.nonce),
        debug,
        issued: Some(Timestamp(document.timestamp)),
        root: None,
        details: Details::Nitro(NitroClaims {
            module_id: document.module_id.clone(),
            public_key: hex(&document.public_key),
        }),
    }
}
