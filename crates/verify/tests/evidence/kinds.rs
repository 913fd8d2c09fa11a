//! Evidence of each kind, shown as each other kind.

use sealwork_verify::EvidenceKind;
use serde_json::json;

use crate::{made, samples, support::codes};

#[test]
fn no_kind_passes_as_another() {
    let outside =
        [samples::sgx(), samples::tdx(), samples::nitro(), samples::snp_bin(), samples::tpm()];
    let cases: Vec<_> = outside.into_iter().flatten().chain(made::all()).collect();
    // A policy that would take anything that it can take at all.
    let ones = |len: usize| "01".repeat(len);
    let kinds = json!({
        "sgx": {"references": [{"values": {"mrenclave": ones(32)}}]},
        "tdx": {"references": [{"values": {"mrtd": ones(48)}}]},
        "snp": {"references": [{"values": {"measurement": ones(48)}}],
            "min_tcb": {"boot_loader": 0, "tee": 0, "snp": 0, "microcode": 0}},
        "nitro": {"references": [{"values": {"pcr0": ones(48)}}]},
        "tpm": {"references": [{"values": {"pcr4": ones(32)}}], "measured_boot": false,
            "event_log": false, "secure_boot": false},
        "simulated": {"references": [{"values": {"measurement": ones(32)}}]},
    });
    for case in cases {
        let own = case.evidence.kind;
        let mut policy = case.policy.clone();
        policy["class"] = "unprotected".into();
        policy["allow_debug"] = true.into();
        for (kind, rules) in kinds.as_object().unwrap() {
            if kind != own.as_str() {
                policy["kinds"][kind] = rules.clone();
            }
        }
        let case = case.with(|case| case.policy = policy);
        case.trusted();
        for kind in EvidenceKind::ALL.into_iter().filter(|kind| *kind != own) {
            let verdict = case.with(|case| case.evidence.kind = kind).verdict();
            let codes = codes(&verdict);
            let expected = ["evidence_malformed", "kind_mismatch", "evidence_too_large"];
            assert!(expected.contains(&codes[0]), "{} as {kind}: {codes:?}", case.name);
        }
    }
}

#[test]
fn a_kind_that_the_policy_does_not_name_is_refused() {
    let cases =
        [samples::sgx(), samples::tdx(), samples::nitro(), samples::snp_bin(), samples::tpm()];
    for case in cases.into_iter().flatten().chain(made::all()) {
        let other = if case.evidence.kind == EvidenceKind::Nitro { "tdx" } else { "nitro" };
        let name = if other == "tdx" { "mrtd" } else { "pcr0" };
        let rules = json!({"references": [{"values": {name: "01".repeat(48)}}]});
        let codes = case.with(|case| case.policy = crate::support::only(other, rules)).codes();
        let simulated = case.evidence.kind == EvidenceKind::Simulated;
        let expected = if simulated { "simulated" } else { "kind_not_allowed" };
        assert!(codes.contains(&expected), "{}: {codes:?}", case.name);
    }
}
