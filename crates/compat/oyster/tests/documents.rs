//! From documents to statements: samples of outside, and documents under a root of the tests' own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "../../../egress/tests/common/conformance.rs"]
mod conformance;
mod made;

use std::fs;

use conformance::folder;
use made::{Chain, Entries, NOW};
use sealwork_compat_oyster::{Attested, NewStatement, OldStatement, OysterError, Rules, read_hex};
use sealwork_verify::{NitroRoot, ReasonCode};

#[allow(clippy::disallowed_methods, reason = "a test reads its samples")]
fn sample(name: &str) -> Option<Vec<u8>> {
    Some(fs::read(folder("nitro", 3)?.join(name)).unwrap())
}

fn refusal(document: &[u8], rules: &Rules) -> Vec<ReasonCode> {
    match Attested::from_document(document, rules).unwrap_err() {
        OysterError::Rejected(rejected) => {
            rejected.reasons.iter().map(|reason| reason.code).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_document_of_2022_is_verified_at_its_own_time() {
    let Some(document) = sample("valid-attestation-doc-bytes") else { return };
    let attested = Attested::from_document(&document, &Rules::default()).unwrap();
    let statement = NewStatement::new(&attested);
    // SHA-256 over 00010007, the three PCRs of the index and 48 zeros.
    let image_id = "6971d0bb7bc3d66d5cddd8f3b5a58a529e93100e2508659b3f4fb3b35007e149";
    assert_eq!(hex::encode(statement.image_id), image_id);
    assert_eq!(statement.timestamp_ms, 1_665_651_482_136);
    assert_eq!((statement.public_key, statement.user_data), (vec![], vec![]));
    assert_eq!(OldStatement::new(&attested).unwrap_err(), OysterError::PublicKey(0));

    let digits = format!("{}\n", hex::encode(&document));
    assert_eq!(read_hex(digits.as_bytes()).unwrap(), document);
    for bad in [&digits[1..], "0x84", "84 44", "xy"] {
        assert_eq!(read_hex(bad.as_bytes()).unwrap_err(), OysterError::Hex, "{bad:.10}");
    }
}

#[test]
fn debug_documents_are_taken_where_the_rules_name_them() {
    let Some(document) = sample("debug-mode-attestation-doc-bytes") else { return };
    let strict = Rules::default();
    assert_eq!(Attested::from_document(&document, &strict).unwrap_err(), OysterError::Debug);
    let lenient = Rules { allow_debug: true, ..strict };
    assert!(Attested::from_document(&document, &lenient).is_ok());
}

#[test]
fn framed_documents_are_none() {
    let Some(framed) = sample("nitro_attestation.bin") else { return };
    let rules = Rules::default();
    assert_eq!(refusal(&framed, &rules), [ReasonCode::EvidenceMalformed]);
    assert_eq!(refusal(&framed[4..], &rules), [ReasonCode::EvidenceMalformed]);
    assert!(Attested::from_document(&framed[4..4531], &rules).is_ok());
    assert_eq!(refusal(&vec![0x84; 1 << 20], &rules), [ReasonCode::EvidenceTooLarge]);
    assert_eq!(refusal(&[], &rules), [ReasonCode::EvidenceMalformed]);
}

#[test]
fn a_root_counts_by_its_key_and_only_if_the_rules_name_it() {
    let (chain, other) = (Chain::new(), Chain::new());
    let document = chain.document(|_| {});
    let attested = Attested::from_document(&document, &chain.rules()).unwrap();
    let old = OldStatement::new(&attested).unwrap();
    assert_eq!((old.pcr0, old.pcr2, old.timestamp), ([1; 48], [3; 48], NOW * 1000));
    assert_eq!(old.secp256k1_public, [5; 64]);
    let untrusted = [ReasonCode::RootUntrusted];
    assert_eq!(refusal(&document, &Rules::default()), untrusted);
    assert_eq!(refusal(&document, &other.rules()), untrusted);
    let Some(genuine) = sample("valid-attestation-doc-bytes") else { return };
    assert_eq!(refusal(&genuine, &chain.rules()), untrusted);
    // AWS's root by its key (7.4) instead of its certificate.
    let key = "fc0254eba608c1f36870e29ada90be46383292736e894bfff672d989444b5051e534a4b1f6dbe3c0bc581a32b7b176070ede12d69a3fea211b66e752cf7dd1dd095f6f1370f4170843d9dc100121e4cf63012809664487c9796284304dc53ff4";
    let root = NitroRoot::Key(hex::decode(key).unwrap().try_into().unwrap());
    assert!(Attested::from_document(&genuine, &Rules { root, allow_debug: false }).is_ok());
}

#[test]
fn changed_documents_are_refused() {
    let (chain, other) = (Chain::new(), Chain::new());
    let rules = chain.rules();
    let document = chain.document(|_| {});
    let bytes = |der: &[u8]| ciborium::Value::Bytes(der.to_vec());
    let list = |ders: &[&[u8]]| ciborium::Value::Array(ders.iter().map(|der| bytes(der)).collect());
    let first_of = |change: &dyn Fn(&mut Entries)| {
        refusal(&chain.document(|entries| change(entries)), &rules)[0]
    };

    let mut flipped = document.clone();
    let pcr0 = document.windows(48).position(|window| window == [1; 48]).unwrap();
    flipped[pcr0] ^= 1;
    assert_eq!(refusal(&flipped, &rules), [ReasonCode::SignatureInvalid]);
    flipped = document.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(refusal(&flipped, &rules), [ReasonCode::SignatureInvalid]);
    for len in 0..document.len() {
        assert_eq!(refusal(&document[..len], &rules), [ReasonCode::EvidenceMalformed]);
    }
    let swapped = first_of(&|entries| entries[4].1 = bytes(other.leaf()));
    assert_eq!(swapped, ReasonCode::ChainInvalid);
    let dropped = first_of(&|entries| entries[5].1 = list(&[chain.root()]));
    assert_eq!(dropped, ReasonCode::ChainInvalid);
    let replaced = first_of(&|entries| entries[5].1 = list(&[other.root(), chain.middle()]));
    assert_eq!(replaced, ReasonCode::RootUntrusted);
    let borrowed = refusal(
        &other.document(|entries| {
            entries[5].1 = list(&[chain.root(), chain.middle()]);
        }),
        &rules,
    )[0];
    assert_eq!(borrowed, ReasonCode::ChainInvalid);
}

#[test]
fn certificates_have_to_be_valid_when_the_document_was_made() {
    let chain = Chain::new();
    let made = |secs: u64| {
        chain.document(|entries| entries[2].1 = ciborium::Value::from(secs * 1000 + 999))
    };
    let year = 365 * 86_400;
    assert!(Attested::from_document(&made(NOW + year / 2), &chain.rules()).is_ok());
    let late = refusal(&made(NOW + year / 2 + 1), &chain.rules());
    assert_eq!(late, [ReasonCode::CertificateExpired; 3]);
    let early = refusal(&made(NOW - year / 2 - 1), &chain.rules());
    assert_eq!(early, [ReasonCode::CertificateNotYetValid; 3]);
    assert!(!refusal(&made(u64::MAX / 2000), &chain.rules()).is_empty());
}

#[test]
fn an_image_is_pcrs_0_to_2_and_for_the_new_answer_16_too() {
    let chain = Chain::new();
    let with = |pcrs: &[(u8, u8)]| {
        let pcrs = pcrs.iter().map(|(pcr, byte)| ((*pcr).into(), vec![*byte; 48].into()));
        let pcrs = ciborium::Value::Map(pcrs.collect());
        Attested::from_document(&chain.document(|entries| entries[3].1 = pcrs), &chain.rules())
    };
    let plain = with(&[(0, 1), (1, 2), (2, 3), (3, 9)]).unwrap();
    let zero = with(&[(0, 1), (1, 2), (2, 3), (16, 0)]).unwrap();
    let extended = with(&[(0, 1), (1, 2), (2, 3), (16, 4)]).unwrap();
    assert_eq!(plain, zero);
    assert_eq!(plain.old_image_id(), extended.old_image_id());
    assert_ne!(plain.new_image_id(), extended.new_image_id());
    for (pcr, other) in [(0, [(0, 7), (1, 2), (2, 3)]), (1, [(0, 1), (1, 7), (2, 3)])] {
        let other = with(&other).unwrap();
        assert_ne!(plain.old_image_id(), other.old_image_id(), "PCR {pcr}");
        assert_ne!(plain.new_image_id(), other.new_image_id(), "PCR {pcr}");
    }
    assert_eq!(with(&[(0, 1), (1, 2), (16, 3)]).unwrap_err(), OysterError::MissingPcr(2));
}

#[test]
fn the_new_answer_takes_keys_and_data_of_any_length_and_the_old_64_bytes() {
    let chain = Chain::new();
    for len in [0, 32, 63, 65, 1024] {
        let document = chain.document(|entries| {
            entries[6].1 = vec![6; len].into();
            entries[7].1 = vec![7; len].into();
        });
        let attested = Attested::from_document(&document, &chain.rules()).unwrap();
        let statement = NewStatement::new(&attested);
        assert_eq!((statement.public_key, statement.user_data), (vec![6; len], vec![7; len]));
        assert_eq!(OldStatement::new(&attested).unwrap_err(), OysterError::PublicKey(len));
    }
}
