//! How long verdicts take, beside dcap-qvl with ring in the same run:
//!
//!     cargo bench -p sealwork-verify --bench speed
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark times and prints")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it measures what has to work")]
#![allow(dead_code, unused_imports, reason = "the tests' own evidence; not all of it is measured")]

#[path = "../../egress/tests/common/conformance.rs"]
mod conformance;
#[path = "../tests/evidence/made/mod.rs"]
mod made;
#[path = "../tests/evidence/samples.rs"]
mod samples;
#[path = "../tests/evidence/support.rs"]
mod support;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use conformance::folder;
use samples::read;
use sealwork_job::Timestamp;
use sealwork_verify::{Verdict, Verifier, Watermark, verify};
use support::{Case, policy};

const ROUNDS: usize = 300;

/// Median and 99th percentile, in microseconds.
fn measure(name: &str, mut run: impl FnMut()) {
    let mut took: Vec<Duration> = (0..ROUNDS + 10)
        .map(|_| {
            let began = Instant::now();
            run();
            began.elapsed()
        })
        .skip(10)
        .collect();
    took.sort_unstable();
    let micros = |at: usize| took[at].as_secs_f64() * 1e6;
    println!(
        "{name:<40} p50 {:>8.1} us   p99 {:>8.1} us",
        micros(ROUNDS / 2),
        micros(ROUNDS * 99 / 100)
    );
}

fn whole(case: &Case) {
    let policy = policy(&case.policy);
    let at = Timestamp::from_secs(case.at);
    measure(case.name, || {
        let verdict = verify(&case.evidence, &case.expectation, &case.endorsements, &policy, at);
        assert!(matches!(black_box(verdict), Verdict::Trusted(_)));
    });
}

fn remembered(case: &Case) {
    let policy = policy(&case.policy);
    let at = Timestamp::from_secs(case.at);
    let mut verifier = Verifier::new(case.endorsements.clone(), Watermark::default(), 16);
    measure(&format!("{}, remembered", case.name), || {
        let verdict = verifier.verify(&case.evidence, &case.expectation, &policy, at);
        assert!(matches!(black_box(verdict), Verdict::Trusted(_)));
    });
}

fn main() {
    if let Some(folder) = folder("dcap", 3) {
        for (name, file) in [("sgx_quote", "sgx_quote"), ("tdx_quote", "tdx_quote")] {
            let quote = read(&folder, file);
            let collateral = read(&folder, &format!("{file}_collateral.json"));
            let collateral = serde_json::from_slice(&collateral).unwrap();
            measure(&format!("{name}, dcap-qvl with ring alone"), || {
                let report =
                    dcap_qvl::verify::ring::verify(&quote, &collateral, samples::DCAP_TIME);
                black_box(report.unwrap());
            });
            let verifier = dcap_qvl::verify::QuoteVerifier::new_prod();
            let at = samples::DCAP_TIME;
            measure(&format!("{name}, the same with its claims"), || {
                let policy = dcap_qvl::QuotePolicy::claims_only(at);
                let claims = verifier.verify_with_policy(&quote, &collateral, at, &policy);
                black_box(claims.unwrap());
            });
        }
    }
    let outside =
        [samples::sgx(), samples::tdx(), samples::nitro(), samples::snp_bin(), samples::tpm()];
    let cases: Vec<Case> = outside.into_iter().flatten().chain(made::all()).collect();
    cases.iter().for_each(whole);
    cases.iter().for_each(remembered);
}
