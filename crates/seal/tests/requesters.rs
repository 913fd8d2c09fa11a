//! Requester signatures: who signed is known, and only what was signed passes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{JOB_JSON, LIMITS, Stream, World, options};
use sealwork_job::RequesterId;
use sealwork_seal::{
    EnvelopeError, Header, RequestParts, RequesterKey, SealOptions, Sealed, Suite, open_request,
    request_sealer, seal_request,
};

fn keys() -> [RequesterKey; 3] {
    [
        RequesterKey::ed25519(&[1; 32]),
        RequesterKey::secp256k1(&[2; 32]).unwrap(),
        RequesterKey::sr25519(&[3; 32]).unwrap(),
    ]
}

fn seal(world: &World, signer: &RequesterKey, input: Option<&[u8]>) -> Sealed {
    let request = RequestParts { job_json: JOB_JSON, input };
    let options = SealOptions { signer: Some(signer), ..options() };
    let key = world.key(Suite::X25519);
    seal_request(&mut Stream(7), &world.config, key, &request, &options).unwrap()
}

/// Seals sections of the test's own making under a header of its own.
fn seal_sections(world: &World, header: &Header, sections: &[(u8, &[u8])]) -> Vec<u8> {
    let pair = world.pair(Suite::X25519);
    let digest = world.config.digest();
    let (mut envelope, mut sealer, _) =
        request_sealer(&mut Stream(9), header, &pair.public().public, &digest).unwrap();
    let mut plain = Vec::new();
    for (tag, bytes) in sections {
        plain.push(*tag);
        plain.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        plain.extend_from_slice(bytes);
    }
    plain.resize(4096 - 80 - 32 - 16, 0);
    sealer.push(&plain, &mut envelope);
    sealer.finish(&mut envelope);
    envelope
}

fn open(world: &World, envelope: &[u8]) -> Result<Option<RequesterId>, EnvelopeError> {
    let digest = world.config.digest();
    open_request(world.pair(Suite::X25519), &digest, envelope, &LIMITS).map(|opened| opened.signer)
}

/// The signature section of an envelope, and its header.
fn signature(world: &World, sealed: &Sealed) -> (Header, Vec<u8>) {
    let digest = world.config.digest();
    let pair = world.pair(Suite::X25519);
    let (header, frames, mut opener, _) =
        sealwork_seal::request_opener(pair, &digest, &sealed.envelope).unwrap();
    let mut plain = Vec::new();
    opener.push(frames, &mut plain).unwrap();
    opener.finish(&mut plain).unwrap();
    let sections = sealwork_seal::tlv::parse(&plain, &[1, 2, 3]).unwrap();
    (header, sections.iter().find(|section| section.tag == 3).unwrap().bytes.to_vec())
}

#[test]
fn each_kind_of_key_names_its_requester() {
    let world = World::new();
    let schemes = ["ed25519:", "secp256k1:0", "sr25519:"];
    for (key, scheme) in keys().iter().zip(schemes) {
        for input in [None, Some(&b""[..]), Some(&b"bytes"[..])] {
            let sealed = seal(&world, key, input);
            assert_eq!(open(&world, &sealed.envelope), Ok(Some(key.id())));
        }
        assert!(key.id().as_str().starts_with(scheme), "{}", key.id());
    }
}

#[test]
fn a_signature_covers_header_job_and_input() {
    let world = World::new();
    for key in keys() {
        let (header, signature) = signature(&world, &seal(&world, &key, Some(b"input")));
        let attempt = |header: &Header, sections: &[(u8, &[u8])]| {
            open(&world, &seal_sections(&world, header, sections))
        };
        let whole: [(u8, &[u8]); 3] = [(1, JOB_JSON), (2, b"input"), (3, &signature)];
        assert_eq!(attempt(&header, &whole), Ok(Some(key.id())));

        let invalid = Err(EnvelopeError::SignatureInvalid);
        let replayed = Header { nonce: [0; 16], ..header };
        assert_eq!(attempt(&replayed, &whole), invalid);
        let later = Header { expiry: header.expiry + 1, ..header };
        assert_eq!(attempt(&later, &whole), invalid);
        assert_eq!(attempt(&header, &[(1, b"{}"), (2, b"input"), (3, &signature)]), invalid);
        assert_eq!(attempt(&header, &[(1, JOB_JSON), (2, b"other"), (3, &signature)]), invalid);
        assert_eq!(attempt(&header, &[(1, JOB_JSON), (3, &signature)]), invalid);
    }
}

#[test]
fn a_changed_signature_never_passes() {
    let world = World::new();
    for key in keys() {
        let (header, signature) = signature(&world, &seal(&world, &key, None));
        let attempt = |signature: &[u8]| {
            open(&world, &seal_sections(&world, &header, &[(1, JOB_JSON), (3, signature)]))
        };
        assert_eq!(attempt(&signature), Ok(Some(key.id())));
        for at in 0..signature.len() {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            let error = attempt(&changed).unwrap_err();
            let malformed = at == 0 && matches!(error, EnvelopeError::Malformed(_));
            assert!(malformed || error == EnvelopeError::SignatureInvalid, "{at} {error:?}");
            assert!(matches!(attempt(&signature[..at]), Err(EnvelopeError::Malformed(_))));
        }
        assert!(matches!(
            attempt(&[&signature[..], &[0]].concat()),
            Err(EnvelopeError::Malformed(_))
        ));
    }
}

#[test]
fn the_other_s_of_an_ecdsa_signature_is_refused() {
    let world = World::new();
    let key = RequesterKey::secp256k1(&[2; 32]).unwrap();
    let (header, mut section) = signature(&world, &seal(&world, &key, None));
    let low = k256::ecdsa::Signature::from_slice(&section[34..]).unwrap();
    let (r, s) = low.split_scalars();
    let high = k256::ecdsa::Signature::from_scalars(*r, -*s).unwrap();
    section[34..].copy_from_slice(&high.to_bytes());
    let envelope = seal_sections(&world, &header, &[(1, JOB_JSON), (3, &section)]);
    assert_eq!(open(&world, &envelope), Err(EnvelopeError::SignatureInvalid));
}

#[test]
fn weak_keys_are_no_requesters() {
    let world = World::new();
    let key = RequesterKey::ed25519(&[1; 32]);
    let (header, _) = signature(&world, &seal(&world, &key, None));
    // The identity as key and as R, zero as s: a signature of every message where it is let pass.
    let mut identity = [0; 97];
    (identity[0], identity[1], identity[33]) = (1, 1, 1);
    let envelope = seal_sections(&world, &header, &[(1, JOB_JSON), (3, &identity)]);
    assert_eq!(open(&world, &envelope), Err(EnvelopeError::SignatureInvalid));
}

#[test]
fn plaintexts_that_are_no_job_are_malformed() {
    let world = World::new();
    let key = RequesterKey::ed25519(&[1; 32]);
    let (header, _) = signature(&world, &seal(&world, &key, None));
    let cases: [&[(u8, &[u8])]; 4] =
        [&[], &[(2, b"input")], &[(1, JOB_JSON), (4, b"unknown")], &[(2, b"input"), (1, JOB_JSON)]];
    for sections in cases {
        let error = open(&world, &seal_sections(&world, &header, sections)).unwrap_err();
        assert!(matches!(error, EnvelopeError::Malformed(_)), "{error:?}");
    }
}

#[test]
fn scalars_outside_of_the_group_are_no_keys() {
    assert!(RequesterKey::secp256k1(&[0; 32]).is_err());
    assert!(RequesterKey::secp256k1(&[0xff; 32]).is_err());
    assert!(!format!("{:?}", keys()[0]).contains("0101"), "only the public half is shown");
}
