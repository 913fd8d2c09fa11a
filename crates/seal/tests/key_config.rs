//! Key configs: signed as a whole, and read by the versions that can read them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{NOW, Stream, World, params};
use sealwork_job::{Digest, InstanceId, Timestamp, WorkerId};
use sealwork_seal::{
    EnvelopeKeyPair, KeyConfig, KeyConfigError, KeyConfigParams, KeyId, PublicEnvelopeKey,
    ReceiptKey, Suite, SuiteId, UnwrapError,
};
use serde_json::{Value, json};

fn edited(edit: impl FnOnce(&mut Value)) -> Result<(), KeyConfigError> {
    let mut json: Value = serde_json::from_slice(&World::new().config.to_json()).unwrap();
    edit(&mut json);
    KeyConfig::from_json(&serde_json::to_vec(&json).unwrap())?.verify()
}

#[test]
fn a_key_config_reads_back_from_its_json_and_verifies() {
    let config = World::new().config;
    let read = KeyConfig::from_json(&config.to_json()).unwrap();
    assert_eq!(read, config);
    assert_eq!(read.digest(), config.digest());
    assert_eq!(read.verify(), Ok(()));
    assert_eq!(edited(|_| ()), Ok(()));
}

#[test]
fn each_field_is_under_the_signature() {
    for (field, value) in [
        ("protocol", json!(2)),
        ("instance", json!("00".repeat(16))),
        ("max_lifetime_secs", json!(3601)),
        ("max_envelope_bytes", json!(1)),
        ("isolation", json!("vm")),
        ("config_digest", json!("00".repeat(32))),
        ("evidence", json!({"kind": "tdx"})),
        ("keys", json!([])),
    ] {
        assert_eq!(edited(|json| json[field] = value), Err(KeyConfigError::Signature), "{field}");
    }
    let other = World::seeded(2).config;
    let other: Value = serde_json::from_slice(&other.to_json()).unwrap();
    let foreign = |field: &str| edited(|json| json[field] = other[field].clone());
    assert_eq!(foreign("signature"), Err(KeyConfigError::Signature));
    assert_eq!(foreign("keys"), Err(KeyConfigError::Signature));
    assert_eq!(foreign("worker"), Err(KeyConfigError::Worker));
    assert_eq!(foreign("receipt_key"), Err(KeyConfigError::Worker));
    let swapped = edited(|json| json["keys"].as_array_mut().unwrap().reverse());
    assert_eq!(swapped, Err(KeyConfigError::Signature));
    for (field, value) in [("not_before", NOW), ("not_after", NOW + 5)] {
        let error = edited(|json| json["keys"][0][field] = json!(value));
        assert_eq!(error, Err(KeyConfigError::Signature), "{field}");
    }
}

#[test]
fn a_worker_cannot_sign_what_does_not_fit_together() {
    let world = World::new();
    let verify = |edit: &dyn Fn(&mut KeyConfigParams)| {
        let mut params = params(&world.receipt_key, &world.pairs);
        edit(&mut params);
        KeyConfig::sign(&world.receipt_key, params).verify()
    };
    let id = world.pairs[0].id();
    assert_eq!(verify(&|_| ()), Ok(()));
    assert_eq!(verify(&|p| p.worker = WorkerId([1; 32])), Err(KeyConfigError::Worker));
    assert_eq!(
        verify(&|p| p.keys[0].id = KeyId([0; 8])),
        Err(KeyConfigError::KeyId(KeyId([0; 8])))
    );
    assert_eq!(
        verify(&|p| p.keys[1] = p.keys[0].clone()),
        Err(KeyConfigError::KeyId(id)),
        "twice the same key"
    );
    assert_eq!(
        verify(&|p| p.keys[0].not_after = p.keys[0].not_before),
        Err(KeyConfigError::Validity(id))
    );
    assert_eq!(
        verify(&|p| {
            p.keys[0].public.pop();
        }),
        Err(KeyConfigError::KeyLength(id))
    );
}

#[test]
fn a_later_version_is_named_as_such_whatever_its_fields() {
    let later = edited(|json| {
        json["version"] = json!(2);
        json["more"] = json!("fields");
    });
    assert_eq!(later, Err(KeyConfigError::Version(2)));
    let json = br#"{"version":3}"#;
    assert_eq!(KeyConfig::from_json(json), Err(KeyConfigError::Version(3)));
}

#[test]
fn a_field_that_version_1_does_not_have_is_refused_because_the_digest_would_miss_it() {
    for edit in [
        (|json: &mut Value| json["extra"] = json!(1)) as fn(&mut Value),
        |json| json["keys"][0]["extra"] = json!(1),
        |json| json["receipt_key"]["extra"] = json!(1),
        |json| json["evidence"]["extra"] = json!(1),
    ] {
        assert!(matches!(edited(edit), Err(KeyConfigError::Malformed(_))));
    }
}

#[test]
fn a_suite_of_a_later_version_is_kept_under_the_signature_and_never_picked() {
    let world = World::new();
    let public = b"a key of some later kind".to_vec();
    let id = {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest([b"sealwork/v1 envelope-key\x09", &public[..]].concat());
        KeyId(digest[..8].try_into().unwrap())
    };
    let mut params = params(&world.receipt_key, &world.pairs);
    let (not_before, not_after) = (NOW, NOW + 1);
    params.keys.push(PublicEnvelopeKey { id, suite: SuiteId(9), public, not_before, not_after });
    let config = KeyConfig::sign(&world.receipt_key, params);
    let read = KeyConfig::from_json(&config.to_json()).unwrap();
    assert_eq!(read.verify(), Ok(()));
    assert_eq!(read.keys[2].suite.known(), None);
    let now = Timestamp::from_secs(NOW);
    for suite in Suite::ALL {
        assert_eq!(read.pick(suite, now).unwrap().suite, suite);
    }
}

#[test]
fn the_newest_key_that_is_offered_now_is_picked() {
    let receipt_key = ReceiptKey::from_seed(&[1; 32]);
    let key = |seed, not_before, not_after| {
        let pair = EnvelopeKeyPair::generate(Suite::X25519, &mut Stream(seed));
        PublicEnvelopeKey { not_before, not_after, ..pair.public() }
    };
    let keys = vec![key(1, 100, 300), key(2, 200, 400)];
    let base = params(&receipt_key, &[]);
    let config = KeyConfig::sign(&receipt_key, KeyConfigParams { keys: keys.clone(), ..base });
    let pick = |now| config.pick(Suite::X25519, Timestamp::from_secs(now));
    assert_eq!(pick(99), None);
    assert_eq!(pick(100), Some(&keys[0]));
    assert_eq!(pick(199), Some(&keys[0]));
    assert_eq!(pick(200), Some(&keys[1]));
    assert_eq!(pick(399), Some(&keys[1]));
    assert_eq!(pick(400), None);
    assert_eq!(config.pick(Suite::XWing, Timestamp::from_secs(200)), None);
}

#[test]
fn damaged_json_is_refused_with_a_reason() {
    let json = World::new().config.to_json();
    for len in 0..json.len() {
        assert!(matches!(KeyConfig::from_json(&json[..len]), Err(KeyConfigError::Malformed(_))));
    }
    assert!(matches!(
        KeyConfig::from_json(&vec![b' '; 300 << 10]),
        Err(KeyConfigError::Malformed(_))
    ));
    for (field, value) in [
        ("signature", json!("AAAA")),
        ("signature", json!("not base64")),
        ("worker", json!("00")),
        ("receipt_key", json!({"alg": "none", "id": "00".repeat(8), "public": ""})),
    ] {
        let error = edited(|json| json[field] = value);
        assert!(matches!(error, Err(KeyConfigError::Malformed(_))), "{field} {error:?}");
    }
}

#[test]
fn wrapped_keys_open_only_under_their_own_key_and_unchanged() {
    for suite in Suite::ALL {
        let pair = EnvelopeKeyPair::generate(suite, &mut Stream(5));
        let wrapped = pair.wrap(&[1; 32], &mut Stream(6));
        let again = EnvelopeKeyPair::unwrap(&[1; 32], &wrapped).unwrap();
        assert_eq!((again.id(), again.public()), (pair.id(), pair.public()));
        assert_eq!(EnvelopeKeyPair::unwrap(&[2; 32], &wrapped).unwrap_err(), UnwrapError::Tampered);
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            assert!(EnvelopeKeyPair::unwrap(&[1; 32], &changed).is_err(), "{at}");
            let cut = EnvelopeKeyPair::unwrap(&[1; 32], &wrapped[..at]);
            assert_eq!(cut.unwrap_err(), UnwrapError::Malformed);
        }
        let mut other_suite = wrapped.clone();
        other_suite[1] = 3 - other_suite[1];
        let error = EnvelopeKeyPair::unwrap(&[1; 32], &other_suite).unwrap_err();
        assert_eq!(error, UnwrapError::Tampered);
    }
}

#[test]
fn the_fields_of_a_key_config_do_not_run_into_each_other() {
    let world = World::new();
    let sign = |isolation: &str, evidence: &str, instance| {
        let base = params(&world.receipt_key, &world.pairs);
        let (isolation, evidence) = (isolation.to_owned(), evidence.to_owned());
        let params = KeyConfigParams { isolation, evidence, instance, ..base };
        KeyConfig::sign(&world.receipt_key, params).digest()
    };
    let digests: [Digest; 3] = [
        sign("wasm", "none", InstanceId([1; 16])),
        sign("wasmn", "one", InstanceId([1; 16])),
        sign("", "wasmnone", InstanceId([1; 16])),
    ];
    for (n, digest) in digests.iter().enumerate() {
        assert!(!digests[..n].contains(digest));
    }
    let restarted = sign("wasm", "none", InstanceId([2; 16]));
    assert_eq!(restarted, digests[0], "what was sealed before a restart opens after it");
}
