//! Own vectors: fixed inputs give the bytes that stand in `vectors/` and in `docs/formats.md`.
//!
//! A difference here is a difference of the format: it needs a new version, not a new vector.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use bytes::Bytes;
use common::Tape;
use sealwork_job::{Digest, InstanceId, JobId, Outcome, Output, Timestamp, Usage, WorkerId};
use sealwork_seal::{
    EnvelopeKeyPair, Header, KeyConfig, KeyConfigParams, OpenLimits, PublicEnvelopeKey,
    ReceiptClaims, ReceiptKey, RequestParts, RequestSecrets, RequesterKey, ResponseHeader,
    SealOptions, SealedOutcome, Suite,
    derive::{Purpose, derive_key},
    frame::SEALED_FRAME_LEN,
    open_request, open_response, receipt_digest, response_sealer, salted_digest, seal_request,
    seal_response, token_hash, verify_receipt,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::Digest as _;

const DOCUMENT: &str = include_str!("../../../docs/formats.md");

/// Reads a vector, completes its inputs anew, and compares all with the file and the document.
fn check<V: Serialize + DeserializeOwned>(file: &str, complete: impl Fn(V) -> V) {
    let given: Value = serde_json::from_str(file).unwrap();
    let vector: V = serde_json::from_str(file).unwrap();
    let complete = complete(vector);
    let text = serde_json::to_string_pretty(&complete).unwrap();
    assert_eq!(given, serde_json::to_value(&complete).unwrap(), "should read\n{text}");
    assert_eq!(file.trim_end(), text, "the file's layout");
    let shown = shown(&text);
    assert!(DOCUMENT.contains(&shown), "docs/formats.md should contain\n{shown}");
}

/// A vector as the document shows it: values of more than 1100 characters by their digest.
fn shown(text: &str) -> String {
    let line = |line: &str| {
        let (before, rest) = line.split_once(": \"")?;
        let (value, after) = rest.rsplit_once('"')?;
        let digest = receipt_digest(value);
        (value.len() > 1100)
            .then(|| format!("{before}: \"{} characters, SHA-256 {digest}\"{after}", value.len()))
    };
    text.lines().map(|l| line(l).unwrap_or_else(|| l.to_owned())).collect::<Vec<_>>().join("\n")
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().unwrap()
}

#[derive(Serialize, Deserialize)]
struct Derived {
    root: String,
    keys: Vec<DerivedKey>,
}

#[derive(Serialize, Deserialize)]
struct DerivedKey {
    purpose: String,
    algorithm: String,
    context: String,
    key: String,
}

#[test]
fn keys_are_derived_as_documented() {
    check::<Derived>(include_str!("vectors/derive.json"), |given| {
        let root = array(&given.root);
        let key = |(purpose, context): (Purpose, &str)| DerivedKey {
            purpose: purpose.label().0.to_owned(),
            algorithm: purpose.label().1.to_owned(),
            context: hex::encode(context),
            key: hex::encode(*derive_key(&root, purpose, context.as_bytes())),
        };
        let plain = Purpose::ALL.map(|purpose| (purpose, ""));
        let contexts = [(Purpose::TlsP256, "node-1"), (Purpose::TlsP256, "node-2")];
        Derived { keys: plain.into_iter().chain(contexts).map(key).collect(), ..given }
    });
}

#[derive(Serialize, Deserialize)]
struct KeyConfigVector {
    receipt_seed: String,
    envelope_key_ikm: String,
    receipt_public: String,
    receipt_key_id: String,
    worker: String,
    envelope_public: String,
    envelope_key_id: String,
    digest: String,
    json: String,
}

fn key_config(receipt_seed: &str, pair: &EnvelopeKeyPair) -> KeyConfig {
    let key = ReceiptKey::from_seed(&array(receipt_seed));
    let params = KeyConfigParams {
        worker: key.public().worker_id(),
        instance: InstanceId([0x22; 16]),
        max_lifetime_secs: 3600,
        max_envelope_bytes: 1 << 20,
        isolation: "wasm".to_owned(),
        config_digest: Digest([0x33; 32]),
        evidence: "none".to_owned(),
        keys: vec![PublicEnvelopeKey {
            not_before: 1_800_000_000,
            not_after: 1_800_086_400,
            ..pair.public()
        }],
    };
    KeyConfig::sign(&key, params)
}

#[test]
fn a_key_config_is_encoded_and_signed_as_documented() {
    check::<KeyConfigVector>(include_str!("vectors/key-config.json"), |given| {
        let pair = EnvelopeKeyPair::generate(
            Suite::X25519,
            &mut Tape::new(&bytes(&given.envelope_key_ikm)),
        );
        let config = key_config(&given.receipt_seed, &pair);
        config.verify().unwrap();
        KeyConfigVector {
            receipt_public: hex::encode(config.receipt_key.as_bytes()),
            receipt_key_id: config.receipt_key.id().to_string(),
            worker: config.worker.to_string(),
            envelope_public: hex::encode(&config.keys[0].public),
            envelope_key_id: config.keys[0].id.to_string(),
            digest: config.digest().to_string(),
            json: String::from_utf8(config.to_json()).unwrap(),
            ..given
        }
    });
}

#[derive(Serialize, Deserialize)]
struct Request {
    suite: String,
    receipt_seed: String,
    envelope_key_ikm: String,
    randomness: String,
    not_before: u64,
    expiry: u64,
    target: WorkerId,
    job_json: String,
    input: String,
    signer_seed: String,
    key_config_digest: String,
    header: String,
    encapsulated: String,
    token: String,
    token_hash: String,
    salt: String,
    secrets: String,
    signer: String,
    envelope: String,
}

fn request(given: Request) -> Request {
    let suite: Suite = given.suite.parse().unwrap();
    let pair = EnvelopeKeyPair::generate(suite, &mut Tape::new(&bytes(&given.envelope_key_ikm)));
    let config = key_config(&given.receipt_seed, &pair);
    let (input, mut randomness) = (bytes(&given.input), Tape::new(&bytes(&given.randomness)));
    let signer = RequesterKey::ed25519(&array(&given.signer_seed));
    let parts = RequestParts { job_json: given.job_json.as_bytes(), input: Some(&input) };
    let options = SealOptions {
        not_before: given.not_before,
        expiry: given.expiry,
        target: given.target,
        signer: Some(&signer),
    };
    let sealed = seal_request(&mut randomness, &config, &config.keys[0], &parts, &options).unwrap();
    assert!(randomness.is_used_up());
    let limits = OpenLimits { max_envelope_bytes: 1 << 20 };
    let opened = open_request(&pair, &config.digest(), &sealed.envelope, &limits).unwrap();
    assert_eq!(*opened.job_json, parts.job_json);
    Request {
        key_config_digest: config.digest().to_string(),
        header: hex::encode(&sealed.envelope[..Header::LEN]),
        encapsulated: hex::encode(&sealed.envelope[Header::LEN..][..suite.encapsulated_len()]),
        token: hex::encode(sealed.secrets.token()),
        token_hash: hex::encode(token_hash(sealed.secrets.token())),
        salt: hex::encode(sealed.secrets.salt()),
        secrets: hex::encode(&*sealed.secrets.to_bytes()),
        signer: opened.signer.unwrap().to_string(),
        envelope: hex::encode(sealed.envelope),
        ..given
    }
}

#[test]
fn requests_are_sealed_as_documented() {
    check(include_str!("vectors/request-x25519.json"), request);
    check(include_str!("vectors/request-x-wing.json"), request);
}

#[derive(Serialize, Deserialize)]
struct Response {
    secrets: String,
    job: JobId,
    receipt_digest: Digest,
    nonce: String,
    media_type: String,
    next_cursor: String,
    output: String,
    usage: Usage,
    response: String,
}

#[test]
fn responses_are_sealed_as_documented() {
    check::<Response>(include_str!("vectors/response.json"), |given| {
        let secrets = RequestSecrets::from_bytes(&bytes(&given.secrets)).unwrap();
        let output = Output {
            data: Bytes::from(bytes(&given.output)),
            media_type: given.media_type.clone(),
            next_cursor: Some(given.next_cursor.clone()),
        };
        let outcome =
            SealedOutcome { outcome: Outcome::Output(output), usage: given.usage, details: None };
        let (digest, nonce) = (given.receipt_digest, array(&given.nonce));
        let response = seal_response(&secrets, given.job, digest, &outcome, nonce).unwrap();
        let opened = open_response(&secrets, &response).unwrap();
        assert_eq!(opened.outcome, outcome.outcome);
        Response { response: hex::encode(response), ..given }
    });
}

#[derive(Serialize, Deserialize)]
struct Frames {
    secrets: String,
    job: JobId,
    receipt_digest: Digest,
    nonce: String,
    zeros: usize,
    frames: usize,
    last_frame: String,
    response_sha256: String,
}

#[test]
fn a_plaintext_of_several_frames_is_sealed_as_documented() {
    check::<Frames>(include_str!("vectors/response-frames.json"), |given| {
        let secrets = RequestSecrets::from_bytes(&bytes(&given.secrets)).unwrap();
        let header = ResponseHeader {
            job: given.job,
            nonce: array(&given.nonce),
            receipt_digest: given.receipt_digest,
        };
        let (begin, mut sealer) = response_sealer(&secrets, &header);
        let mut frames = Vec::new();
        sealer.push(&vec![0; given.zeros], &mut frames);
        sealer.finish(&mut frames);
        let response = [&begin[..], &frames].concat();
        let pieces: Vec<&[u8]> = frames.chunks(SEALED_FRAME_LEN).collect();
        Frames {
            frames: pieces.len(),
            last_frame: hex::encode(pieces[pieces.len() - 1]),
            response_sha256: hex::encode(sha2::Sha256::digest(response)),
            ..given
        }
    });
}

#[derive(Serialize, Deserialize)]
struct Receipt {
    seed: String,
    salt: String,
    job_json: String,
    output: String,
    job_digest: String,
    output_digest: String,
    receipt: String,
    receipt_digest: String,
}

#[test]
fn receipts_are_signed_as_documented() {
    check::<Receipt>(include_str!("vectors/receipt.json"), |given| {
        let key = ReceiptKey::from_seed(&array(&given.seed));
        let salt = array(&given.salt);
        let job_digest = salted_digest(&salt, "job", given.job_json.as_bytes());
        let output_digest = salted_digest(&salt, "output", &bytes(&given.output));
        let mut claims: ReceiptClaims = common::claims(&key, 1, Digest([0; 32]));
        claims.job_digest = Some(job_digest);
        claims.output_digest = Some(output_digest);
        claims.started = Timestamp(1_800_000_000_000);
        claims.ended = Timestamp(1_800_000_000_321);
        let receipt = key.sign(&claims);
        assert!(verify_receipt(&receipt, &key.public()).is_ok());
        Receipt {
            job_digest: job_digest.to_string(),
            output_digest: output_digest.to_string(),
            receipt_digest: receipt_digest(&receipt).to_string(),
            receipt,
            ..given
        }
    });
}

#[derive(Serialize, Deserialize)]
struct Wrapped {
    wrap_key: String,
    suite: String,
    envelope_key_ikm: String,
    nonce: String,
    wrapped: String,
}

#[test]
fn envelope_keys_are_wrapped_as_documented() {
    check::<Wrapped>(include_str!("vectors/wrapped-key.json"), |given| {
        let suite = given.suite.parse().unwrap();
        let pair =
            EnvelopeKeyPair::generate(suite, &mut Tape::new(&bytes(&given.envelope_key_ikm)));
        let wrapped = pair.wrap(&array(&given.wrap_key), &mut Tape::new(&bytes(&given.nonce)));
        let again = EnvelopeKeyPair::unwrap(&array(&given.wrap_key), &wrapped).unwrap();
        assert_eq!(again.id(), pair.id());
        Wrapped { wrapped: hex::encode(wrapped), ..given }
    });
}
