//! Envelopes and what is in them.

use sealwork_job::{Digest, JobId, WorkerId};
use sealwork_seal::{
    EnvelopeKeyPair, Header, OpenLimits, RequestSecrets, ResponseHeader, Suite, request_sealer,
    response_sealer, tlv as sections,
};

use crate::mutate::Stream;

/// The key config that envelopes are sealed under.
pub(crate) const CONFIG: Digest = Digest([3; 32]);
pub(crate) const LIMITS: OpenLimits = OpenLimits { max_envelope_bytes: 1 << 20 };

/// A key pair that is the same in every run.
pub(crate) fn pair(suite: Suite) -> EnvelopeKeyPair {
    EnvelopeKeyPair::generate(suite, &mut Stream(1))
}

/// Seals a plaintext of the fuzzer's choice, so that what lies behind the cryptography is reached.
/// `whole` is the length of the envelope.
pub(crate) fn seal(
    pair: &EnvelopeKeyPair,
    plaintext: &[u8],
    whole: usize,
) -> (Vec<u8>, RequestSecrets) {
    let header = Header {
        suite: pair.suite(),
        key_id: pair.id(),
        nonce: [4; 16],
        not_before: 1,
        expiry: 2,
        target: WorkerId::ANY,
    };
    let public = pair.public().public;
    let (mut envelope, mut sealer, secrets) =
        request_sealer(&mut Stream(2), &header, &public, &CONFIG).expect("the key is valid");
    let mut plaintext = plaintext.to_vec();
    plaintext.resize(whole - envelope.len() - 16, 0);
    sealer.push(&plaintext, &mut envelope);
    sealer.finish(&mut envelope);
    (envelope, secrets)
}

/// Headers of requests and responses, and a client's secrets.
pub fn header(data: &[u8]) {
    if let Ok(header) = Header::parse(data) {
        assert_eq!(header.to_bytes(), data[..Header::LEN]);
    }
    let _ = ResponseHeader::parse(data);
    if let Ok(secrets) = RequestSecrets::from_bytes(data) {
        assert_eq!(secrets.to_bytes().as_slice(), data);
    }
}

/// The sections of a plaintext.
pub fn tlv(data: &[u8]) {
    if let Ok(found) = sections::parse(data, &[1, 2, 3]) {
        let mut again = Vec::new();
        for section in found {
            again.push(section.tag);
            again.extend_from_slice(&(section.bytes.len() as u32).to_be_bytes());
            again.extend_from_slice(section.bytes);
        }
        again.resize(data.len(), 0);
        assert_eq!(again, data, "sections have one encoding");
    }
}

/// Request envelopes, and plaintexts within a valid one.
pub fn open_request(data: &[u8]) {
    for suite in Suite::ALL {
        let opened = sealwork_seal::open_request(&pair(suite), &CONFIG, data, &LIMITS);
        assert!(opened.is_err(), "nobody sealed this");
    }
    if data.len() < 1024 {
        let pair = pair(Suite::X25519);
        let (envelope, _) = seal(&pair, data, 2048);
        if sealwork_seal::open_request(&pair, &CONFIG, &envelope, &LIMITS).is_ok() {
            assert_eq!(data.first(), Some(&1), "a job comes first");
        }
    }
}

/// Response envelopes, and plaintexts within a valid one.
pub fn open_response(data: &[u8]) {
    let (_, secrets) = seal(&pair(Suite::X25519), &[], 512);
    assert!(sealwork_seal::open_response(&secrets, data).is_err(), "nobody sealed this");
    if data.len() < 1024 {
        let header =
            ResponseHeader { job: JobId([1; 16]), nonce: [2; 32], receipt_digest: Digest([3; 32]) };
        let (bytes, mut sealer) = response_sealer(&secrets, &header);
        let mut response = bytes.to_vec();
        let mut plaintext = data.to_vec();
        plaintext.resize(2048 - ResponseHeader::LEN - 16, 0);
        sealer.push(&plaintext, &mut response);
        sealer.finish(&mut response);
        let _ = sealwork_seal::open_response(&secrets, &response);
    }
}
