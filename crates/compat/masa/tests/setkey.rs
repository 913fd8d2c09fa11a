//! Key pushes: `data/setkey` was made with openssl.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use sealwork_compat_masa::{DistributorKey, SetKeyError, verify_setkey};
use serde_json::Value;

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

fn pem(name: &str) -> &'static str {
    match name {
        "rsa1024.pem" => include_str!("data/setkey/rsa1024.pem"),
        "rsa2048.pem" => include_str!("data/setkey/rsa2048.pem"),
        "rsa2049.pem" => include_str!("data/setkey/rsa2049.pem"),
        "rsa3072.pem" => include_str!("data/setkey/rsa3072.pem"),
        "rsa4092_e3.pem" => include_str!("data/setkey/rsa4092_e3.pem"),
        "ec.pem" => include_str!("data/setkey/ec.pem"),
        _ => panic!("no such key: {name}"),
    }
}

fn signatures() -> Vec<Value> {
    serde_json::from_str(include_str!("data/setkey/signatures.json")).unwrap()
}

/// A signature of the 4092-bit key over [`KEY`].
fn good() -> String {
    signatures()
        .iter()
        .find(|s| s["pem"] == "rsa4092_e3.pem" && s["salt"] == "32")
        .map(|s| s["signature"].as_str().unwrap().to_owned())
        .unwrap()
}

fn refused(distributor: Option<&str>, key: &[u8], signature: &str) -> String {
    verify_setkey(distributor, key, signature.as_bytes()).unwrap_err().to_string()
}

#[test]
fn signatures_with_salts_of_any_length_verify_under_their_key_and_no_other() {
    for signature in signatures() {
        let text = |name: &str| signature[name].as_str().unwrap();
        let key = text("signed").as_bytes();
        let verdict = verify_setkey(Some(pem(text("pem"))), key, text("signature").as_bytes());
        match key.len() {
            32 => assert_eq!(&verdict.unwrap()[..], key, "{} {}", text("pem"), text("salt")),
            other => assert_eq!(verdict.unwrap_err(), SetKeyError::Length(other)),
        }
        let other = if text("pem") == "rsa2048.pem" { "rsa3072.pem" } else { "rsa2048.pem" };
        assert_eq!(
            verify_setkey(Some(pem(other)), key, text("signature").as_bytes()),
            Err(SetKeyError::Signature)
        );
    }
}

#[test]
fn the_distributor_key_may_be_given_as_base64_of_its_pem() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let encoded = STANDARD.encode(pem("rsa4092_e3.pem"));
    assert!(verify_setkey(Some(&encoded), KEY, good().as_bytes()).is_ok());
}

#[test]
fn refusals_have_the_texts_of_the_reference() {
    let rsa = Some(pem("rsa4092_e3.pem"));
    let none = "failed to decode key distributor public key: no key provided";
    assert_eq!(refused(None, KEY, &good()), none);
    assert_eq!(refused(Some(" "), KEY, &good()), none);
    assert_eq!(
        refused(Some("!"), KEY, &good()),
        "failed to decode key distributor public key: illegal base64 data at input byte 0"
    );
    assert_eq!(
        refused(Some("AAAA"), KEY, &good()),
        "invalid signature: failed to decode PEM block containing public key"
    );
    assert_eq!(
        refused(Some(pem("ec.pem")), KEY, &good()),
        "invalid signature: key is not an RSA key"
    );
    assert!(
        refused(Some("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), KEY, &good())
            .starts_with("invalid signature: failed to parse public key: ")
    );
    assert_eq!(
        refused(rsa, KEY, "a!"),
        "invalid signature: failed to decode the signature: illegal base64 data at input byte 1"
    );
    let unverified =
        "invalid signature: failed to verify the signature: crypto/rsa: verification error";
    assert_eq!(refused(rsa, b"0123456789abcdef0123456789abcdeF", &good()), unverified);
    assert_eq!(refused(rsa, KEY, ""), unverified);
    assert_eq!(refused(rsa, KEY, "AAAA"), unverified);
    assert_eq!(
        refused(Some(pem("rsa2048.pem")), KEY, include_str!("data/setkey/pkcs1.sig")),
        unverified
    );
    let short = signatures().into_iter().find(|s| s["signed"] == "short").unwrap();
    assert_eq!(
        refused(rsa, b"short", short["signature"].as_str().unwrap()),
        "invalid key length: got 5 bytes, expected 32 bytes for AES-256 encryption"
    );
}

proptest! {
    #[test]
    fn no_key_and_no_signature_make_the_check_panic(pem: String, key: Vec<u8>, text: String) {
        let _ = DistributorKey::parse(&pem);
        let wrapped = format!("-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n");
        let _ = DistributorKey::parse(&wrapped);
        let _ = verify_setkey(Some(&pem), &key, text.as_bytes());
    }

    #[test]
    fn a_flipped_bit_of_the_signature_never_verifies(at: proptest::sample::Index, bit in 0u8..8) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let mut raw = STANDARD.decode(good()).unwrap();
        let at = at.index(raw.len());
        raw[at] ^= 1 << bit;
        let verdict =
            verify_setkey(Some(pem("rsa4092_e3.pem")), KEY, STANDARD.encode(raw).as_bytes());
        prop_assert_eq!(verdict, Err(SetKeyError::Signature));
    }
}
