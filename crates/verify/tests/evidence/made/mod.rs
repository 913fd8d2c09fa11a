//! Evidence that the tests make, for what no outside sample shows: chains from roots of their own,
//! which a policy names.

mod authority;
pub(crate) mod dcap;
pub(crate) mod nitro;
mod simulated;
pub(crate) mod snp;
mod tpm;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) use self::tpm::{Repeats, measured_statement};
use crate::support::Case;

/// Inside of the validity of everything that is made.
pub(crate) const NOW: u64 = 1_750_000_000;

/// Cases that are trusted.
pub(crate) fn all() -> Vec<Case> {
    vec![
        dcap::sgx(),
        dcap::tdx_4(),
        dcap::tdx_5(),
        snp::vcek(),
        snp::vlek(),
        snp::turin(),
        nitro::enclave(),
        tpm::certified(),
        tpm::activated(),
        simulated::simulation(),
    ]
}

/// The root, as a policy names it.
fn roots(der: &[u8]) -> Value {
    json!([{"name": "a root of the tests", "sha256": hex::encode(Sha256::digest(der))}])
}

fn report_data() -> [u8; 64] {
    let mut data = [0; 64];
    data[..32].copy_from_slice(&Sha256::digest(b"statement"));
    data
}
