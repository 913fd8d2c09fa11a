//! `verify marlin`, on a document that a Nitro enclave made in 2022.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![allow(clippy::disallowed_methods, reason = "a test makes its files")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};
use support::{Ran, sealwork};
use tempfile::TempDir;

const DOCUMENT: &[u8] = include_bytes!("../../../fuzz/seeds/evidence_nitro/document");

/// A directory with the document as bytes and as digits, and a key that nobody else may read.
fn prepared() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| support::write(&dir.path().join(name), content);
    write("raw", DOCUMENT);
    write("hex", format!("{}\n", hex::encode(DOCUMENT)).as_bytes());
    write("key", &[7; 32]);
    fs::set_permissions(dir.path().join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    dir
}

fn marlin(dir: &Path, args: &[&str]) -> Ran {
    sealwork(dir, &[&["verify", "marlin"], args].concat())
}

/// Exit code and error code.
fn refused(dir: &Path, args: &[&str]) -> (i32, String) {
    let ran = marlin(dir, &[args, &["--json"]].concat());
    assert_eq!(ran.out, "", "{ran:?}");
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert!(!error["error"]["hint"].as_str().unwrap().is_empty(), "{error}");
    (ran.code, error["error"]["code"].as_str().unwrap().to_owned())
}

#[test]
fn an_answer_is_signed_with_the_verifiers_key_and_the_same_for_bytes_and_digits() {
    let dir = prepared();
    let unsigned = marlin(dir.path(), &["raw"]);
    assert_eq!(unsigned.code, 0, "{unsigned:?}");
    let digest = unsigned.json()["digest"].as_str().unwrap().to_owned();
    assert_eq!(
        unsigned.json(),
        json!({
            "image_id": "6971d0bb7bc3d66d5cddd8f3b5a58a529e93100e2508659b3f4fb3b35007e149",
            "timestamp_ms": 1_665_651_482_136_u64,
            "public_key": "",
            "user_data": "",
            "digest": digest,
        })
    );
    assert_eq!(digest.len(), 64);

    let signed = marlin(dir.path(), &["raw", "--key", "key"]);
    assert_eq!(signed.code, 0, "{signed:?}");
    let (mut fields, answer) = (unsigned.json(), signed.json());
    fields.as_object_mut().unwrap().remove("digest");
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(answer[name], *value, "{name}");
    }
    assert_eq!(answer["signature"].as_str().unwrap().len(), 130);
    assert_eq!(answer["verifier_public_key"].as_str().unwrap().len(), 128);
    for again in [&["raw", "--key", "key"][..], &["hex", "--hex", "--key", "key"]] {
        assert_eq!(marlin(dir.path(), again).json(), answer, "{again:?}");
    }
}

#[test]
fn what_is_no_document_and_what_does_not_verify_are_told_apart() {
    let dir = prepared();
    let rejected = (5, "marlin_rejected".to_owned());
    assert_eq!(refused(dir.path(), &["raw", "--hex"]), (2, "marlin_hex".to_owned()));
    support::write(&dir.path().join("prefixed"), format!("0x{}", hex::encode(DOCUMENT)).as_bytes());
    let prefixed = marlin(dir.path(), &["prefixed", "--hex"]);
    assert_eq!(prefixed.code, 2, "{prefixed:?}");
    assert!(prefixed.err.contains("without 0x"), "{prefixed:?}");
    assert_eq!(refused(dir.path(), &["hex"]), rejected);
    // This enclave put no key in.
    assert_eq!(refused(dir.path(), &["raw", "--form", "old"]), rejected);
    let mut changed = DOCUMENT.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    support::write(&dir.path().join("changed"), &changed);
    assert_eq!(refused(dir.path(), &["changed"]), rejected);
    assert!(marlin(dir.path(), &["changed"]).err.contains("signature_invalid"));
    let stranger = "01".repeat(96);
    assert_eq!(refused(dir.path(), &["raw", "--root-key", &stranger]), rejected);
}

#[test]
fn keys_that_are_none_or_that_others_may_read_are_refused() {
    let dir = prepared();
    let usage = (2, "usage".to_owned());
    assert_eq!(refused(dir.path(), &["raw", "--root-key", "01"]), usage);
    assert_eq!(refused(dir.path(), &["raw", "--key", "nothing"]), usage);
    support::write(&dir.path().join("short"), &[7; 31]);
    fs::set_permissions(dir.path().join("short"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(refused(dir.path(), &["raw", "--key", "short"]), usage);
    fs::set_permissions(dir.path().join("key"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(refused(dir.path(), &["raw", "--key", "key"]), usage);
}
