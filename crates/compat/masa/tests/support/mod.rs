//! What the tests of this crate share.
#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses its part")]

use sealwork_compat_masa::{
    AddBody, Body, MasaJob, ResultBody, SetKeyBody, read_body, write_string,
};
use serde_json::Value;

pub(crate) const JSON: Option<&[u8]> = Some(b"application/json");

/// The recorded bodies: `as`, `body` or `hex`, and `text` or `error`.
pub(crate) fn cases() -> Vec<Value> {
    include_str!("../data/go_bodies.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn case_bytes(case: &Value) -> Vec<u8> {
    match case["body"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => hex::decode(case["hex"].as_str().unwrap()).unwrap(),
    }
}

/// Reads a body and writes it again as Go's `Marshal` would; or gives the error of the route.
pub(crate) fn read_as(kind: &str, body: &[u8]) -> Result<String, String> {
    match kind {
        "job" => read::<MasaJob>(body).map(|job| String::from_utf8(job.to_json()).unwrap()),
        "add" => read::<AddBody>(body).map(|b| object(&[("encrypted_job", &b.encrypted_job)])),
        "result" => read::<ResultBody>(body).map(|b| {
            object(&[
                ("encrypted_result", &b.encrypted_result),
                ("encrypted_request", &b.encrypted_request),
            ])
        }),
        _ => read::<SetKeyBody>(body)
            .map(|b| object(&[("key", &b.key), ("signature", &b.signature)])),
    }
}

fn read<T: Body>(body: &[u8]) -> Result<T, String> {
    read_body::<T>(JSON, body).map_err(|error| error.as_bind_error())
}

fn object(members: &[(&str, &str)]) -> String {
    let mut out = b"{".to_vec();
    for (index, (key, text)) in members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(&mut out, key);
        out.push(b':');
        write_string(&mut out, text);
    }
    out.push(b'}');
    String::from_utf8(out).unwrap()
}
