//! Writes every trusted case, and the same changed, for `examples/verify.rs`.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    made, samples,
    support::{Case, codes},
};

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

#[test]
#[ignore = "writes files for wasm/check.sh"]
#[allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it writes files, and says so")]
fn write_cases() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("evidence-cases");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
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
    println!("{}", folder.display());
}
