//! Receipts: what the worker signed, in its order, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use common::claims;
use ed25519_dalek::Signer;
use proptest::prelude::*;
use sealwork_job::{Digest, Timestamp};
use sealwork_seal::{
    Chain, ChainLink, ReceiptClaims, ReceiptError, ReceiptKey, ReceiptPublicKey, receipt_digest,
    verify_chain, verify_receipt,
};
use serde_json::{Value, json};

const SEED: [u8; 32] = [1; 32];

fn key() -> ReceiptKey {
    ReceiptKey::from_seed(&SEED)
}

fn chain(len: u64) -> Vec<String> {
    let mut previous = Digest([0; 32]);
    (1..=len)
        .map(|sequence| {
            let jws = key().sign(&claims(&key(), sequence, previous));
            previous = receipt_digest(&jws);
            jws
        })
        .collect()
}

/// Signs what `ReceiptKey` would not sign.
fn forge(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| BASE64URL.encode(serde_json::to_vec(json).unwrap());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = ed25519_dalek::SigningKey::from_bytes(&SEED).sign(signed.as_bytes());
    format!("{signed}.{}", BASE64URL.encode(signature.to_bytes()))
}

fn parts(jws: &str) -> (Value, Value) {
    let part = |n: usize| {
        let bytes = BASE64URL.decode(jws.split('.').nth(n).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    (part(0), part(1))
}

fn signed() -> (Value, Value) {
    parts(&chain(1)[0])
}

fn verify(jws: &str) -> Result<ReceiptClaims, ReceiptError> {
    verify_receipt(jws, &key().public())
}

#[test]
fn a_receipt_gives_back_its_claims_with_usage_rounded_up() {
    let claims = claims(&key(), 1, Digest([0; 32]));
    let read = verify(&key().sign(&claims)).unwrap();
    assert_eq!(read.usage, claims.usage.bucketed());
    assert_eq!(read, ReceiptClaims { usage: claims.usage.bucketed(), ..claims });
}

#[test]
fn a_receipt_is_a_jwt_that_others_can_read() {
    let (header, claims) = signed();
    assert_eq!(header["alg"], "EdDSA");
    assert_eq!(header["typ"], "sealwork-receipt+jwt");
    assert_eq!(header["kid"], key().public().id().to_string());
    assert_eq!(claims["eat_profile"], "urn:sealwork:receipt:1");
    assert_eq!(claims["iss"], key().public().worker_id().to_string());
    assert_eq!(forge(&header, &claims).split('.').count(), 3);
}

#[test]
fn any_changed_character_is_noticed() {
    let jws = &chain(1)[0];
    for at in 0..jws.len() {
        for replacement in *b"A9_." {
            let mut changed = jws.clone().into_bytes();
            if changed[at] == replacement {
                continue;
            }
            changed[at] = replacement;
            assert!(verify(&String::from_utf8(changed).unwrap()).is_err(), "{at}");
        }
        assert!(verify(&jws[..at]).is_err(), "{at}");
    }
    for longer in [format!("{jws}A"), format!("{jws}="), format!("{jws}."), format!(" {jws}")] {
        assert!(verify(&longer).is_err(), "{longer}");
    }
}

#[test]
fn a_receipt_of_another_worker_is_refused() {
    let other = ReceiptKey::from_seed(&[2; 32]);
    let jws = other.sign(&claims(&other, 1, Digest([0; 32])));
    assert_eq!(verify(&jws), Err(ReceiptError::Key(other.public().id())));

    // Its key id rewritten to the expected one.
    let (header, _) = signed();
    let (_, claims) = parts(&jws);
    let rest = jws.split_once('.').unwrap().1;
    let header = BASE64URL.encode(serde_json::to_vec(&header).unwrap());
    assert_eq!(verify(&format!("{header}.{rest}")), Err(ReceiptError::Signature));
    // Its issuer under this worker's key.
    assert_eq!(verify(&forge(&signed().0, &claims)), Err(ReceiptError::Issuer));
}

#[test]
fn headers_that_ask_for_anything_else_are_refused() {
    let (header, claims) = signed();
    for (field, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("Ed25519")),
        ("typ", json!("JWT")),
        ("kid", json!("00")),
        ("crit", json!(["exp"])),
        ("jwk", json!({})),
        ("b64", json!(false)),
    ] {
        let mut header = header.clone();
        header[field] = value;
        assert_eq!(verify(&forge(&header, &claims)), Err(ReceiptError::Header), "{field}");
    }
}

#[test]
fn old_readers_skip_new_claims_and_new_readers_do_without_optional_ones() {
    let (header, claims) = signed();
    let mut later = claims.clone();
    later["a_later_claim"] = json!({"x": 1});
    later["usage"]["a_later_number"] = json!(1);
    let read = verify(&forge(&header, &later)).unwrap();
    assert_eq!(read, verify(&forge(&header, &claims)).unwrap());

    for optional in ["job_digest", "output_digest"] {
        let mut earlier = claims.clone();
        earlier.as_object_mut().unwrap().remove(optional);
        assert!(verify(&forge(&header, &earlier)).is_ok(), "{optional}");
    }
    let mut earlier = claims.clone();
    earlier["usage"].as_object_mut().unwrap().remove("fuel");
    assert!(verify(&forge(&header, &earlier)).is_ok(), "a number that was added to usage");
    for required in ["iss", "job", "intake", "engine", "code", "usage", "seq", "prev"] {
        let mut broken = claims.clone();
        broken.as_object_mut().unwrap().remove(required);
        assert_eq!(verify(&forge(&header, &broken)), Err(ReceiptError::Claims), "{required}");
    }
}

#[test]
fn another_profile_is_named_as_such_whatever_its_claims() {
    let (header, mut claims) = signed();
    claims["eat_profile"] = json!("urn:sealwork:receipt:2");
    assert_eq!(verify(&forge(&header, &claims)), Err(ReceiptError::Profile));
    let other = json!({"eat_profile": "urn:example"});
    assert_eq!(verify(&forge(&header, &other)), Err(ReceiptError::Profile));
}

#[test]
fn a_chain_verifies_from_any_receipt_on() {
    let chain = chain(5);
    for from in 0..5 {
        let claims =
            verify_chain(chain[from..].iter().map(String::as_str), &key().public()).unwrap();
        assert_eq!(claims.len(), 5 - from);
    }
    assert_eq!(verify_chain([], &key().public()), Ok(vec![]));
}

#[test]
fn gaps_repetitions_and_other_orders_are_noticed() {
    let chain = chain(4);
    let order = |order: &[usize]| {
        let receipts = order.iter().map(|&n| chain[n].as_str());
        verify_chain(receipts, &key().public()).map(|claims| claims.len())
    };
    let sequence = |previous, got| Err(ReceiptError::Sequence { previous, got });
    assert_eq!(order(&[0, 2, 3]), sequence(1, 3));
    assert_eq!(order(&[0, 0]), sequence(1, 1));
    assert_eq!(order(&[1, 0]), sequence(2, 1));
    assert_eq!(order(&[0, 1, 2, 3]), Ok(4));
}

#[test]
fn a_fork_shows_at_the_next_receipt() {
    let honest = chain(3);
    let mut other = claims(&key(), 2, receipt_digest(&honest[0]));
    other.ended = Timestamp(1);
    let forked = key().sign(&other);
    let receipts = [honest[0].as_str(), &forked, &honest[2]];
    let error = verify_chain(receipts, &key().public()).unwrap_err();
    assert_eq!(error, ReceiptError::Link { sequence: 3 });
}

#[test]
fn a_chain_goes_on_after_a_link_that_was_kept() {
    let receipts = chain(3);
    let public = key().public();
    let last = ChainLink { sequence: 1, digest: receipt_digest(&receipts[0]) };
    let mut chain = Chain::after(&public, last);
    assert!(chain.push(&receipts[2]).is_err());
    assert_eq!(chain.last(), Some(last), "a refusal leaves the chain where it was");
    assert!(chain.push(&receipts[1]).is_ok());
    assert!(chain.push(&receipts[2]).is_ok());
}

#[test]
fn a_public_key_reads_back_from_its_json_and_weak_ones_are_refused() {
    let public = key().public();
    let json = serde_json::to_value(&public).unwrap();
    assert_eq!(serde_json::from_value::<ReceiptPublicKey>(json).unwrap(), public);
    assert_eq!(ReceiptPublicKey::from_bytes(public.as_bytes()), Some(public));
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(ReceiptPublicKey::from_bytes(&identity), None);
}

proptest! {
    #[test]
    fn arbitrary_text_is_no_receipt_and_no_panic(text in "[A-Za-z0-9_.=-]{0,300}|.{0,60}") {
        prop_assert!(verify(&text).is_err());
    }
}
