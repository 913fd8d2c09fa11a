//! Masa's envelopes and bodies.

use sealwork_compat_masa::{
    AddBody, MasaJob, ResultBody, Ring, SetKeyBody, read_body, to_spec, verify_setkey,
};

/// A public key of no consequence: 2048 bits.
const DISTRIBUTOR: &str = include_str!("../../crates/compat/masa/tests/data/setkey/rsa2048.pem");

/// Sealed jobs and results as they come, and what a valid blob may hold.
pub fn masa_blob(data: &[u8]) {
    let ring = Ring::from_keys([&[1; 32], &[2; 32]]);
    assert!(ring.open_job(data).is_err(), "nobody sealed this");
    assert!(ring.unseal_result("nonce", data).is_err(), "nobody sealed this");
    let blob = ring.seal_request([3; sealwork_compat_masa::IV_LEN], data).expect("it has keys");
    let opened = ring.unseal_request(blob.as_bytes()).expect("it was sealed with this ring");
    assert_eq!(opened.as_slice(), data);
    let _ = ring.open_job(blob.as_bytes());
}

/// The plaintext of a job, and its translation.
pub fn masa_job(data: &[u8]) {
    if let Ok(job) = MasaJob::from_json(data) {
        let written = job.to_json();
        let again = MasaJob::from_json(&written).expect("what was read is written");
        // Numbers have several spellings, of which one is written.
        assert_eq!(again.to_json(), written, "what is written has one form");
        let _ = to_spec(&job);
    }
}

/// The bodies of the routes. The first line is the content type.
pub fn masa_setkey(data: &[u8]) {
    let (content_type, body) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (&b"application/json"[..], data),
    };
    let _ = read_body::<AddBody>(Some(content_type), body);
    let _ = read_body::<ResultBody>(Some(content_type), body);
    let _ = read_body::<MasaJob>(Some(content_type), body);
    if let Ok(set_key) = read_body::<SetKeyBody>(Some(content_type), body) {
        let (key, signature) = (set_key.key.as_bytes(), set_key.signature.as_bytes());
        assert!(verify_setkey(Some(DISTRIBUTOR), key, signature).is_err(), "nobody signed this");
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = verify_setkey(Some(text), &[1; 32], b"AAAA");
    }
}
