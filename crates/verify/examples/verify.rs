//! Reads one case from standard input and prints the verdict: natively, or as WebAssembly under
//! WASI, where it shows that the pure build says the same (wasm/check.sh).
//!
//! The case is JSON: `kind`, `evidence` (base64), `report_data` and `nonce` (hex digits, the nonce
//! may be null), `endorsements`, `policy`, `at` (seconds since 1970).
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::{error::Error, io::Read as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealwork_job::Timestamp;
use sealwork_verify::{
    Age, Endorsements, Evidence, EvidenceKind, Expectation, Hex, Policy, verify,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    kind: EvidenceKind,
    evidence: String,
    report_data: Hex,
    nonce: Option<Hex>,
    endorsements: Endorsements,
    policy: serde_json::Value,
    at: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let case: Case = serde_json::from_str(&text)?;
    let policy = Policy::from_json(case.policy.to_string().as_bytes())?;
    let expectation = Expectation {
        report_data: case.report_data.0.try_into().map_err(|_| "report data have 64 bytes")?,
        nonce: case.nonce.map(|nonce| nonce.0),
        age: Age::Challenged,
    };
    let evidence = Evidence::new(case.kind, STANDARD.decode(case.evidence)?);
    let at = Timestamp::from_secs(case.at);
    let verdict = verify(&evidence, &expectation, &case.endorsements, &policy, at);
    println!("{}", serde_json::to_string(&verdict)?);
    Ok(())
}
