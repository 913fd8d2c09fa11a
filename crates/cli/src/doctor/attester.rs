//! Which platform could vouch for a worker on this machine.

use sealwork_attest::{TPM_ADDRESS, present};
use sealwork_platform::SystemKernelFiles;

use super::Finding;
use crate::config::{Values, registry as r};

const CHECK: &str = "attester";
/// Platforms that this build can ask, beside those that it always can.
const OPTIONAL: [(&str, bool); 3] = [
    ("nitro", cfg!(feature = "nitro")),
    ("tpm", cfg!(feature = "tpm")),
    ("simulated", cfg!(feature = "sim")),
];

/// Says what is there, and whether the configured attester is. Nothing is asked of it: a TPM may
/// have another user now.
pub(super) fn check(values: &Values) -> Finding {
    let chosen = values.text(&r::ATTESTER).unwrap_or("none");
    let tpm_address = values.text(&r::TPM_ADDRESS).unwrap_or(TPM_ADDRESS);
    let present = present(&SystemKernelFiles, tpm_address);
    let present: Vec<_> = present.iter().map(ToString::to_string).collect();
    let there = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
    let found = format!("ATTESTER={chosen}; this machine shows: {there}");
    let is_built = OPTIONAL.iter().all(|(kind, built)| *kind != chosen || *built);
    let is_there = match chosen {
        "none" | "auto" | "simulated" => true,
        chosen => present.iter().any(|kind| kind == chosen),
    };
    if !is_built {
        let advice = format!("build with the feature for it: --features {}", feature(chosen));
        Finding::fail(CHECK, found, advice)
    } else if !is_there {
        let advice = "docs/attestation-operators.md says what this platform needs";
        Finding::fail(CHECK, found, advice)
    } else {
        Finding::ok(CHECK, found)
    }
}

fn feature(kind: &str) -> &str {
    if kind == "simulated" { "sim" } else { kind }
}
