//! Answers that Marlin's own verifier gave (7.6), and images whose ids are known. The documents
//! themselves are not among the conformance data: here is what they say.
#![allow(clippy::unwrap_used, reason = "tests")]

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};
use sealwork_compat_oyster::{KeyError, NewStatement, OldStatement, VerifierKey};
use sha3::{Digest as _, Keccak256};

const ENCLAVE_KEY: &str = "57febcf9e7f5081d3d24182817df526a1c9c3df7e46b64613acd13f9aa53b81de888a8562ba7b4a0e42c48d24d7e444ffcba311ceddb5068eca2ea899379ab50";
const IMAGE_ID: &str = "de66275048b83171dee9dc3efd599c64413fce98177ff1f662875c153b80d117";
const PCRS: [&str; 3] = [
    "5fec1b73727425848d725d68f4a062c634061a035067bd0b9a6dc73e25ed5013dfe7ccbf8a7e9857eceb0841c4cb6ae6",
    "bcdf05fefccaa8e55bf2c8d6dee9e79bbff31e34bf28a99aa19e6b29c37ee80b214a414b7607236edf26fcb78654e63f",
    "ae41ca22df64a32d729667160a7f218e59e31586809e121ff2c446a36dc5354ba4e0f74dce737be3298cf82c364692e7",
];
const VERIFIER: &str = "7f88eb4b5a286face3343d97ec61f09a8a0f9d44";

/// A document's time, the old and the new signature.
const ANSWERS: [(u64, &str, &str); 2] = [
    (
        1_723_012_689_640,
        "80836a2534fadf0b1adef2135434207eeecfd360819907e925d469a8179eddad4ef1de22cae8398f84bc8df640feef08a5854c77982639c3a242da1c210f535c1c",
        "edad19608a92065ae1dc617742bf7bdc464ff9a5067dc347bf704bf5ec28458b740330bea1339a54a48e4fb75c3bf2b55d1000fa20926341b5c069001ef623211b",
    ),
    (
        1_723_012_992_231,
        "3661e773c787950fecf0242250875cf900eee87269ef9320c1b42375a1cc2c4a210d540e2fa90ad37ec81b230b4fb88648ccb868998d9ed77d72c8a8c473a7001c",
        "e3c75548a608bfb129d45c037c77f623e4ebb940800f5fa4fee4d9bd655afcca160689f9d44d481c6b947501d6a0052ae9b92f0bc0adbda819ade0d52962f7201b",
    ),
];

fn bytes<const N: usize>(digits: &str) -> [u8; N] {
    hex::decode(digits).unwrap().try_into().unwrap()
}

/// The address of whoever signed: the last 20 bytes of the key's Keccak-256.
fn signer(digest: &[u8; 32], signature: &[u8; 65]) -> String {
    let recovery = RecoveryId::from_byte(signature[64] - 27).unwrap();
    let signature = Signature::from_slice(&signature[..64]).unwrap();
    let key = VerifyingKey::recover_from_prehash(digest, &signature, recovery).unwrap();
    hex::encode(&Keccak256::digest(&key.to_sec1_point(false).as_bytes()[1..])[12..])
}

fn old(timestamp: u64) -> OldStatement {
    let [pcr0, pcr1, pcr2] = PCRS.map(bytes);
    OldStatement { secp256k1_public: bytes(ENCLAVE_KEY), pcr0, pcr1, pcr2, timestamp }
}

fn new(timestamp_ms: u64) -> NewStatement {
    let (image_id, public_key) = (bytes(IMAGE_ID), bytes::<64>(ENCLAVE_KEY).to_vec());
    NewStatement { image_id, timestamp_ms, public_key, user_data: vec![] }
}

#[test]
fn what_marlins_verifier_signed_is_the_digest_of_the_same_statement() {
    for (timestamp, old_signature, new_signature) in ANSWERS {
        assert_eq!(signer(&old(timestamp).digest(), &bytes(old_signature)), VERIFIER);
        assert_eq!(signer(&new(timestamp).digest(), &bytes(new_signature)), VERIFIER);
        assert_ne!(signer(&old(timestamp + 1).digest(), &bytes(old_signature)), VERIFIER);
    }
}

#[test]
fn signatures_are_deterministic_and_have_the_form_that_contracts_take() {
    // The order of the curve, halved: 32 bytes that start so.
    let half_order: [u8; 32] =
        bytes("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
    let key = VerifierKey::read(&[7; 32]).unwrap();
    let address = hex::encode(&Keccak256::digest(key.public())[12..]);
    for timestamp in 0..64 {
        let (statement, again) = (new(timestamp), new(timestamp));
        let (digest, answer) = (statement.digest(), statement.sign(&key));
        assert_eq!(answer, again.sign(&key));
        assert_eq!(signer(&digest, &answer.signature), address);
        assert!(answer.signature[32..64] <= half_order[..], "s in the upper half");
        assert!([27, 28].contains(&answer.signature[64]));
        assert_eq!(answer.verifier_public_key, key.public());

        let (digest, answer) = (old(timestamp).digest(), old(timestamp).sign(&key));
        assert_eq!(signer(&digest, &answer.signature), address);
        assert_eq!(answer.verifier_secp256k1_public, key.public());
    }
}

#[test]
fn keys_are_read_as_bytes_and_as_hex_digits() {
    let key = VerifierKey::read(&[7; 32]).unwrap();
    for file in ["07".repeat(32), format!("{}\n", "07".repeat(32))] {
        assert_eq!(VerifierKey::read(file.as_bytes()).unwrap().public(), key.public());
    }
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for bad in [&[0; 32][..], &[7; 31], &[7; 33], b"", order.as_bytes(), &[b'x'; 64]] {
        assert_eq!(VerifierKey::read(bad).unwrap_err(), KeyError);
    }
}

#[test]
fn answers_are_the_json_that_marlins_verifier_gives() {
    let key = VerifierKey::read(&[7; 32]).unwrap();
    let names = |json: String| {
        let fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&json).unwrap();
        fields.keys().cloned().collect::<Vec<_>>()
    };
    let answer = serde_json::to_string(&old(5).sign(&key)).unwrap();
    assert!(answer.contains(&format!("\"pcr0\":\"{}\"", PCRS[0])), "{answer}");
    assert!(answer.contains("\"timestamp\":5,"), "{answer}");
    let expected = [
        "pcr0",
        "pcr1",
        "pcr2",
        "secp256k1_public",
        "signature",
        "timestamp",
        "verifier_secp256k1_public",
    ];
    let mut found = names(answer);
    found.sort();
    assert_eq!(found, expected);
    let answer = serde_json::to_string(&new(5).sign(&key)).unwrap();
    assert!(answer.contains("\"user_data\":\"\""), "{answer}");
    let expected =
        ["image_id", "public_key", "signature", "timestamp_ms", "user_data", "verifier_public_key"];
    let mut found = names(answer);
    found.sort();
    assert_eq!(found, expected);
}
