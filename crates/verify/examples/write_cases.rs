//! Writes every trusted case of the tests, and the same changed, into the folder that is named, for
//! `examples/verify.rs` (wasm/check.sh).
#![allow(clippy::disallowed_methods, reason = "it writes files where it is told to")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a tool of the tests"
)]
#![allow(dead_code, unused_imports, reason = "the tests' own evidence; not all of it is written")]

#[path = "../../egress/tests/common/conformance.rs"]
mod conformance;
#[path = "../tests/evidence/made/mod.rs"]
mod made;
#[path = "../tests/evidence/samples.rs"]
mod samples;
#[path = "../tests/evidence/support.rs"]
mod support;

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::{Case, codes};

fn json(case: &Case) -> Value {
    let endorsements: Value = serde_json::from_str(&case.endorsements.to_json()).unwrap();
    json!({
        "kind": case.evidence.kind,
        "evidence": STANDARD.encode(&case.evidence.bytes),
        "report_data": hex::encode(case.expectation.report_data),
        "nonce": case.expectation.nonce.as_ref().map(hex::encode),
        "endorsements": endorsements,
        "policy": case.policy,
        "at": case.at,
        "expected": codes(&case.verdict()),
    })
}

fn main() {
    let folder = std::env::args_os().nth(1).expect("a folder to write to");
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).unwrap();
    let outside = [
        samples::sgx(),
        samples::tdx(),
        samples::nitro(),
        samples::nitro_unframed(),
        samples::snp_hex(),
        samples::snp_bin(),
        samples::tpm(),
    ];
    for (n, case) in outside.into_iter().flatten().chain(made::all()).enumerate() {
        let middle = case.evidence.bytes.len() / 3;
        let changed = case.with(|case| case.evidence.bytes[middle] ^= 1);
        let later = case.at(case.at + 40 * 365 * 86_400);
        for (how, case) in [("good", &case), ("changed", &changed), ("later", &later)] {
            let file = folder.join(format!("{n:02}-{}-{how}.json", case.evidence.kind));
            fs::write(file, json(case).to_string()).unwrap();
        }
    }
}
