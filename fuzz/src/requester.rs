//! What a requester writes: the job, and a signature over it.

use sealwork_job::JobSpec;
use sealwork_seal::Suite;

use crate::envelope::{CONFIG, LIMITS, pair, seal};

/// A job's JSON.
pub fn job_spec(data: &[u8]) {
    if let Ok(spec) = JobSpec::from_json(data) {
        let again = JobSpec::from_json(&spec.to_json()).expect("what was read is written");
        assert!(again.arguments.is_object());
        assert_eq!((again.engine, again.deadline), (spec.engine, spec.deadline));
    }
}

/// The signature section of a valid envelope.
pub fn requester_signature(data: &[u8]) {
    if data.len() > 1024 {
        return;
    }
    let job = br#"{"engine":"web","arguments":{}}"#;
    let mut plaintext = Vec::new();
    for (tag, section) in [(1, &job[..]), (3, data)] {
        plaintext.push(tag);
        plaintext.extend_from_slice(&(section.len() as u32).to_be_bytes());
        plaintext.extend_from_slice(section);
    }
    let pair = pair(Suite::X25519);
    let (envelope, _) = seal(&pair, &plaintext, 2048);
    let opened = sealwork_seal::open_request(&pair, &CONFIG, &envelope, &LIMITS);
    assert!(opened.is_err(), "nobody signed this");
}
