//! SEV-SNP reports, by the index of the conformance data.

use sealwork_verify::{Class, Details};
use serde_json::json;

use crate::{
    conformance::folder,
    samples::{self, amd},
    support::codes,
};

#[test]
fn both_reports_are_trusted_with_their_certificates() {
    for case in [samples::snp_hex(), samples::snp_bin()] {
        let Some(case) = case else { return };
        let trusted = case.trusted();
        assert_eq!(trusted.class, Class::Confidential);
        let Details::Snp(snp) = trusted.claims.details else { panic!("{:?}", trusted.claims) };
        assert_eq!((snp.vmpl, snp.report_version, snp.signer.as_str()), (0, 2, "vcek"));
        let tcb = snp.reported_tcb;
        assert_eq!((tcb.boot_loader, tcb.tee, tcb.snp, tcb.microcode), (3, 0, 8, 115));
        let newer = case.name == "test-report.bin";
        assert_eq!(snp.current_tcb.microcode, if newer { 206 } else { 115 });
    }
}

#[test]
fn the_certificate_of_another_chip_is_refused() {
    let (Some(folder), Some(one), Some(two)) =
        (folder("snp", 7), samples::snp_hex(), samples::snp_bin())
    else {
        return;
    };
    for (case, leaf) in [(one, "test-vcek.der"), (two, "vcek_milan.der")] {
        let swapped = case.with(|case| case.endorsements = amd(&folder, leaf));
        assert_eq!(swapped.codes(), ["signature_invalid", "chip_mismatch"], "{leaf}");
    }
}

#[test]
fn altered_certificates_are_read_and_found_not_to_be_signed() {
    let (Some(folder), Some(one), Some(two)) =
        (folder("snp", 7), samples::snp_hex(), samples::snp_bin())
    else {
        return;
    };
    let counting: String = (0..64).map(|n| format!("{n:02x}")).collect();
    for case in [one, two] {
        let leaves = [("test-vcek-invalid-legacy.der", 169), ("test-vcek-invalid-new.der", 30)];
        for (leaf, microcode) in leaves {
            let altered = case.with(|case| case.endorsements = amd(&folder, leaf));
            let verdict = altered.verdict();
            let reason = &verdict.reasons()[0];
            assert_eq!(reason.code.as_str(), "chain_invalid", "{reason:?}");
            assert!(reason.claim.contains("SEV-VCEK"), "{reason:?}");
            // Both encodings of the chip id are read.
            let chip = verdict.reasons().iter().find(|reason| reason.claim == "chip id").unwrap();
            assert_eq!(chip.expected, counting, "{leaf}");
            let tcb = verdict.reasons().iter().find(|reason| reason.claim == "reported TCB");
            assert!(tcb.unwrap().expected.contains(&format!("microcode {microcode},")), "{tcb:?}");
        }
    }
}

#[test]
fn reports_hold_while_the_certificates_do() {
    let spans = [
        (samples::snp_hex(), 1_680_549_823, 1_901_474_623),
        (samples::snp_bin(), 1_674_583_106, 1_895_507_906),
    ];
    for (case, from, until) in spans {
        let Some(case) = case else { return };
        for inside in [from, until] {
            assert_eq!(case.at(inside).codes(), [""; 0], "{}", case.name);
        }
        assert_eq!(case.at(from - 1).codes(), ["certificate_not_yet_valid"]);
        assert_eq!(case.at(until + 1).codes(), ["certificate_expired"]);
    }
}

#[test]
fn firmware_has_minima_and_the_guest_policy_its_limits() {
    let Some(case) = samples::snp_bin() else { return };
    for part in ["boot_loader", "tee", "snp", "microcode", "fmc"] {
        let higher = case.policy(&format!("/kinds/snp/min_tcb/{part}"), json!(116));
        assert_eq!(higher.codes(), ["tcb_too_old"], "{part}");
    }
    let changed = |pointer: &str, value| case.policy(pointer, value).codes();
    assert_eq!(changed("/kinds/snp/allow_smt", json!(false)), ["attributes_not_allowed"]);
    assert_eq!(changed("/kinds/snp/signers", json!(["vlek"])), ["attributes_not_allowed"]);
    assert_eq!(changed("/kinds/snp/min_guest_svn", json!(5)), ["version_not_allowed"]);
    assert_eq!(changed("/kinds/snp/min_guest_svn", json!(4)), [""; 0]);
}

#[test]
fn without_certificates_nothing_is_trusted() {
    let Some(case) = samples::snp_bin() else { return };
    let bare = case.with(|case| case.endorsements = Default::default());
    assert_eq!(bare.codes(), ["endorsement_missing"]);
    let folder = folder("snp", 7).unwrap();
    let mut some = sealwork_verify::Endorsements::default();
    some.add_certificate(&samples::read(&folder, "test-vcek.der")).unwrap();
    let leaf_only = case.with(|case| case.endorsements = some.clone()).verdict();
    assert_eq!(codes(&leaf_only), ["endorsement_missing"]);
    assert!(leaf_only.reasons()[0].claim.contains("CN=SEV-Milan"), "{:?}", leaf_only.reasons());
    let authorities = pem::parse_many(samples::read(&folder, "cert_chain_milan")).unwrap();
    let [ask, ark] = authorities.as_slice() else { panic!("two authorities") };
    some.add_certificate(ask.contents()).unwrap();
    let without_root = case.with(|case| case.endorsements = some.clone()).verdict();
    assert_eq!(codes(&without_root), ["endorsement_missing"]);
    assert!(without_root.reasons()[0].claim.contains("CN=ARK-Milan"), "{without_root:?}");
    some.add_certificate(ark.contents()).unwrap();
    assert_eq!(case.with(|case| case.endorsements = some).codes(), [""; 0]);
}
