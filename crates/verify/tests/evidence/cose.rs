//! COSE_Sign1 by the examples of the COSE working group.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::signature::{Verifier as _, hazmat::PrehashVerifier as _};
use sealwork_verify::cose::{Algorithm, Sign1};
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use crate::{conformance::folder, samples::read};

/// What a verifier answers.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Good,
    NoDocument,
    Unsupported,
    BadSignature,
}

fn coordinate(key: &Value, name: &str) -> Vec<u8> {
    match key.get(format!("{name}_hex")) {
        Some(digits) => hex::decode(digits.as_str().unwrap()).unwrap(),
        None => URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap().trim_end_matches('=')).unwrap(),
    }
}

fn check(example: &Value) -> Answer {
    let bytes = hex::decode(example["output"]["cbor"].as_str().unwrap()).unwrap();
    let Ok(document) = Sign1::parse_any(&bytes) else { return Answer::NoDocument };
    let input = &example["input"]["sign0"];
    let external = input
        .get("external")
        .map_or_else(String::new, |external| external.as_str().unwrap().to_owned());
    let signed = document.signed_bytes(&hex::decode(external).unwrap());
    if example.get("fail").is_none() {
        let expected = example["intermediates"]["ToBeSign_hex"].as_str().unwrap();
        assert_eq!(hex::encode_upper(&signed), expected.to_uppercase());
    }
    let algorithm = document.protected_algorithm().or(document.unprotected_algorithm());
    let Some(Algorithm::Assigned(algorithm)) = algorithm else { return Answer::Unsupported };
    verify(&input["key"], &format!("{algorithm:?}"), &signed, document.signature())
}

fn verify(key: &Value, algorithm: &str, signed: &[u8], signature: &[u8]) -> Answer {
    let curve = key["crv"].as_str().unwrap();
    let point = || [vec![4], coordinate(key, "x"), coordinate(key, "y")].concat();
    let good = match (algorithm, curve) {
        ("ES256", "P-256") => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point()).unwrap();
            p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok())
        }
        ("ES512", "P-256") => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point()).unwrap();
            p256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                key.verify_prehash(&Sha512::digest(signed), &signature).is_ok()
            })
        }
        ("ES384", "P-384") => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point()).unwrap();
            p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok())
        }
        ("ES512", "P-521") => {
            let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point()).unwrap();
            p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok())
        }
        ("EdDSA", "Ed25519") => {
            let key = coordinate(key, "x").try_into().unwrap();
            let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
            ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(signed, &signature).is_ok())
        }
        _ => return Answer::Unsupported,
    };
    if good { Answer::Good } else { Answer::BadSignature }
}

fn example(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&read(folder, &format!("{name}.json"))).unwrap()
}

#[test]
fn the_working_groups_examples_have_their_answers() {
    let Some(folder) = folder("cose", 15) else { return };
    let expected = [
        ("sign1-tests/sign-pass-01", Answer::Good),
        ("sign1-tests/sign-pass-02", Answer::Good),
        ("sign1-tests/sign-pass-03", Answer::Good),
        ("sign1-tests/sign-fail-01", Answer::NoDocument),
        ("sign1-tests/sign-fail-02", Answer::BadSignature),
        ("sign1-tests/sign-fail-03", Answer::NoDocument),
        ("sign1-tests/sign-fail-04", Answer::Unsupported),
        ("sign1-tests/sign-fail-06", Answer::BadSignature),
        ("sign1-tests/sign-fail-07", Answer::BadSignature),
        ("ecdsa-examples/ecdsa-sig-01", Answer::Good),
        ("ecdsa-examples/ecdsa-sig-02", Answer::Good),
        ("ecdsa-examples/ecdsa-sig-03", Answer::Good),
        ("ecdsa-examples/ecdsa-sig-04", Answer::Good),
        ("eddsa-examples/eddsa-sig-01", Answer::Good),
        ("eddsa-examples/eddsa-sig-02", Answer::Unsupported),
    ];
    for (name, answer) in expected {
        assert_eq!(check(&example(&folder, name)), answer, "{name}");
    }
}

#[test]
fn an_attestation_document_may_have_no_tag_and_no_unprotected_algorithm() {
    let Some(folder) = folder("cose", 2) else { return };
    let bytes =
        |name| hex::decode(example(&folder, name)["output"]["cbor"].as_str().unwrap()).unwrap();
    assert!(Sign1::parse(&bytes("sign1-tests/sign-pass-02")).is_err(), "tag 18");
    let untagged = Sign1::parse(&bytes("sign1-tests/sign-pass-03")).unwrap();
    assert!(untagged.has_unprotected(), "the key id");
    let unprotected = Sign1::parse_any(&bytes("sign1-tests/sign-pass-01")).unwrap();
    assert!(unprotected.protected_algorithm().is_none());
    assert!(unprotected.unprotected_algorithm().is_some());
}
