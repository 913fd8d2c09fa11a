//! AWS Nitro documents, by the index of the conformance data.

use sealwork_verify::{Class, Evidence, EvidenceKind};
use serde_json::json;

use crate::{
    conformance::folder,
    samples::{self, read},
    support::{Case, expect},
};

pub(crate) fn debug() -> Option<Case> {
    let folder = folder("nitro", 3)?;
    let pcr3 = "4a9329d69c836267b18abbf9f4a38889124490453419e426818626348d21f989dc930b1562682a9082887454e53425aa";
    Some(samples::nitro()?.with(|case| {
        case.name = "debug-mode-attestation-doc-bytes";
        let bytes = read(&folder, "debug-mode-attestation-doc-bytes");
        case.evidence = Evidence::new(EvidenceKind::Nitro, bytes);
        case.expectation = expect(&hex::encode("hello, world!"));
        case.policy["kinds"]["nitro"] =
            json!({"references": [{"values": {"pcr0": "00".repeat(48), "pcr3": pcr3}}]});
        case.at = 1_665_582_606;
    }))
}

#[test]
fn the_valid_document_is_trusted() {
    let Some(case) = samples::nitro() else { return };
    let trusted = case.trusted();
    assert_eq!(trusted.class, Class::Confidential);
    assert_eq!(trusted.claims.issued.unwrap().0, 1_665_651_482_136);
    assert_eq!(trusted.claims.measurements.len(), 16);
}

#[test]
fn the_debug_document_is_refused_by_that_name() {
    let Some(case) = debug() else { return };
    assert_eq!(case.codes(), ["debug_enabled", "class_too_low"]);
    // A policy has to say so twice: that nothing is promised, and that debug is meant.
    let unprotected = case.policy("/class", json!("unprotected"));
    assert_eq!(unprotected.codes(), ["debug_enabled"]);
    let allowed = unprotected.policy("/allow_debug", json!(true)).trusted();
    assert!(allowed.claims.debug);
    assert_eq!(allowed.class, Class::Unprotected);
}

#[test]
fn the_framed_document_is_no_document_and_is_one_without_its_frame() {
    let (Some(case), Some(folder)) = (samples::nitro_unframed(), folder("nitro", 3)) else {
        return;
    };
    let framed = read(&folder, "nitro_attestation.bin");
    for bytes in [&framed[..], &framed[4..]] {
        let case = case.with(|case| case.evidence.bytes = bytes.to_vec());
        assert_eq!(case.codes(), ["evidence_malformed"]);
    }
    assert_eq!(case.trusted().class, Class::Confidential);
    let nonce = case.policy("/kinds/nitro/require_nonce", json!(true));
    assert_eq!(nonce.codes(), ["nonce_mismatch"]);
    let other = case.with(|case| case.expectation = expect("01"));
    assert_eq!(other.codes(), ["report_data_mismatch"]);
}

#[test]
fn documents_hold_while_all_their_certificates_do() {
    let spans = [
        (samples::nitro(), 1_665_651_479, 1_665_662_282),
        (debug(), 1_665_582_591, 1_665_593_394),
        (samples::nitro_unframed(), 1_766_668_534, 1_766_679_337),
    ];
    for (case, from, until) in spans {
        let Some(case) = case else { return };
        // So that age is none of the reasons.
        let case = case.policy("/freshness", json!({"max_age_seconds": u64::MAX >> 1}));
        let kept = case.codes();
        assert_eq!(case.at(until - 1).codes(), kept, "{}", case.name);
        let expired = case.at(until + 1).codes();
        assert_eq!(expired.first(), Some(&"certificate_expired"), "{}: {expired:?}", case.name);
        let early = case.at(from - 1).codes();
        assert_eq!(early.first(), Some(&"certificate_not_yet_valid"), "{}: {early:?}", case.name);
        let today = case.at(1_795_000_000).codes();
        assert!(today.contains(&"certificate_expired"), "{}: {today:?}", case.name);
    }
}

#[test]
fn old_documents_are_stale_before_their_certificates_end() {
    let Some(case) = samples::nitro() else { return };
    assert_eq!(case.at(case.at + 300).codes(), [""; 0]);
    assert_eq!(case.at(case.at + 301).codes(), ["evidence_stale"]);
    let wide = case.policy("/freshness", json!({"max_age_seconds": 3600}));
    assert_eq!(wide.at(case.at + 301).codes(), [""; 0]);
}

#[test]
fn the_nonce_has_to_be_the_one_that_was_sent() {
    let Some(case) = samples::nitro() else { return };
    let other = case.with(|case| case.expectation.nonce = Some(vec![1; 256]));
    assert_eq!(other.codes(), ["nonce_mismatch"]);
    let prefix = case.with(|case| {
        case.expectation.nonce.as_mut().unwrap().pop();
    });
    assert_eq!(prefix.codes(), ["nonce_mismatch"]);
}
