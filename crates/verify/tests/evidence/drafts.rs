//! Policies out of evidence: what their reader is told to look at.

use sealwork_job::Timestamp;
use sealwork_verify::{Doubt, Endorsements, Policy, draft, inspect};

use crate::{
    conformance_dcap, conformance_nitro,
    made::{self, snp},
    samples,
    support::Case,
};

fn doubts(case: &Case) -> Vec<Doubt> {
    let at = Timestamp::from_secs(case.at);
    let draft = draft(&case.evidence, &case.endorsements, at).unwrap();
    assert_eq!(Some(&draft.claims), inspect(&case.evidence, &case.endorsements, at).as_ref());
    assert_eq!(draft.policy, Policy::from_claims(&draft.claims));
    for doubt in &draft.doubts {
        let Doubt { field, found, why } = doubt;
        assert!([field, found, why].iter().all(|text| !text.is_empty()), "{doubt}");
        assert_eq!(doubt.to_string(), format!("`{field}`: {found}; {why}"));
    }
    draft.doubts
}

/// Fields and what was found there.
fn found(case: &Case) -> Vec<(String, String)> {
    doubts(case).into_iter().map(|doubt| (doubt.field, doubt.found)).collect()
}

#[test]
fn evidence_without_weaknesses_leaves_no_doubts() {
    for case in [samples::tdx(), samples::nitro(), samples::snp_hex()].into_iter().flatten() {
        assert_eq!(doubts(&case), [], "{}", case.name);
    }
    assert_eq!(doubts(&snp::vcek()), []);
}

#[test]
fn a_less_privileged_level_and_the_clouds_key_are_named() {
    let found = found(&snp::less_privileged());
    let (vmpl, vlek) = (("kinds.snp.max_vmpl", "3"), ("kinds.snp.signers", "vlek"));
    let expected = [vmpl, vlek].map(|(field, found)| (field.to_owned(), found.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn debug_mode_and_what_was_not_measured_are_named() {
    let Some(case) = conformance_nitro::debug() else { return };
    let found = found(&case);
    assert_eq!(found[0].0, "allow_debug");
    assert_eq!(found[1].0, "kinds.nitro.references");
    assert_eq!(found[1].1, "initial values in pcr0, pcr1, pcr2");
    let Some(case) = samples::tpm() else { return };
    let initial = doubts(&case);
    assert_eq!(initial.len(), 1, "{initial:?}");
    assert!(initial[0].found.contains("pcr0, pcr1"), "{initial:?}");
}

#[test]
fn a_policy_that_is_not_taken_says_so() {
    let case = snp::vcek().with(|case| case.evidence.bytes[0x90..0xc0].fill(0));
    let found = found(&case);
    assert_eq!(found[0].1, "initial values in measurement");
    assert!(found[1].1.contains("add measurement"), "{found:?}");
}

#[test]
fn what_intel_says_of_the_platform_is_named_with_collateral_and_why_not_without() {
    let Some(case) = samples::sgx() else { return };
    let expected = [
        ("kinds.sgx.tcb.statuses", "ConfigurationAndSWHardeningNeeded"),
        ("kinds.sgx.tcb.advisories", "INTEL-SA-00289, INTEL-SA-00615"),
    ];
    assert_eq!(found(&case), expected.map(|(field, found)| (field.to_owned(), found.to_owned())));
    // Whatever day it is.
    assert_eq!(found(&case.at(case.at + 86_400 * 365)), found(&case));
    let without = found(&case.with(|case| case.endorsements = Endorsements::default()));
    assert_eq!(without.len(), 1);
    assert!(without[0].1.starts_with("endorsement_missing"), "{without:?}");
    let Some(outdated) = conformance_dcap::outdated() else { return };
    let below = found(&outdated);
    let below = below.last().unwrap();
    assert_eq!(
        below.1,
        "tcb_level_missing: TCB level: expected SGX component 8 at least 5, found SGX component 8 \
         at 3"
    );
    let stranger = found(&made::dcap::sgx());
    assert!(stranger[0].1.starts_with("root_untrusted"), "{stranger:?}");
}
