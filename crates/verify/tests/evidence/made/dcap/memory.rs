//! What a verifier keeps of Intel's collateral: whatever became of the evidence, and nothing that
//! Intel has not signed.

use sealwork_job::Timestamp;
use sealwork_verify::{Verdict, Verifier, Watermark};

use super::*;
use crate::support::{codes, policy};

fn holding(collateral: DcapCollateral) -> Endorsements {
    let mut endorsements = Endorsements::default();
    endorsements.add_collateral(collateral).unwrap();
    endorsements
}

/// One reader's judgements, one after the other, each with other collateral; between them the reader
/// starts anew, with what it has kept.
fn judged(case: &Case, collaterals: impl IntoIterator<Item = DcapCollateral>) -> Vec<String> {
    let mut kept = Watermark::default();
    let mut verdicts = Vec::new();
    for collateral in collaterals {
        let mut verifier = Verifier::new(holding(collateral), kept, 4);
        let at = Timestamp::from_secs(case.at);
        let verdict = verifier.verify(&case.evidence, &case.expectation, &policy(&case.policy), at);
        verdicts.push(match &verdict {
            Verdict::Trusted(_) => "trusted".to_owned(),
            Verdict::Rejected(_) => codes(&verdict).join(" "),
        });
        let text = serde_json::to_string(verifier.watermark()).unwrap();
        kept = serde_json::from_str(&text).unwrap();
    }
    verdicts
}

/// Broken by a `remember_collateral` for trusted evidence only (src/verifier.rs), and by a `note` only
/// where dcap-qvl finds nothing wrong (src/dcap.rs): it refuses the status Revoked itself.
#[test]
fn collateral_that_led_to_a_refusal_does_not_go_back() {
    for platform in [sgx_platform(), tdx_platform()] {
        let (case, signers) = platform.made();
        for (status, refused) in
            [("OutOfDate", "tcb_status_not_allowed"), ("Revoked", "tcb_revoked")]
        {
            let newer = signers.collateral(|parts| {
                parts.tcb_info["tcbEvaluationDataNumber"] = 21.into();
                parts.tcb_info["tcbLevels"][0]["tcbStatus"] = status.into();
            });
            let old = || signers.collateral(|_| {});
            let verdicts = judged(&case, [old(), newer, old()]);
            assert_eq!(verdicts, ["trusted", refused, "collateral_rolled_back"], "{}", case.name);
        }
    }
}

/// Broken by one number for both parts, the lower one.
#[test]
fn tcb_info_and_identity_go_forward_each_for_itself() {
    let (case, signers) = tdx_platform().made();
    for part in 0..2 {
        let newer = signers.collateral(|parts| {
            let parts = [&mut parts.tcb_info, &mut parts.qe_identity];
            parts[part]["tcbEvaluationDataNumber"] = 21.into();
        });
        let verdicts = judged(&case, [newer, signers.collateral(|_| {})]);
        assert_eq!(verdicts, ["trusted", "collateral_rolled_back"]);
    }
}

/// Broken by a `Watermark` without lists, and by numbers in the place of dates: Intel's are all 1.
#[test]
fn a_revocation_list_that_was_seen_counts_when_an_older_one_comes() {
    for platform in [sgx_platform(), tdx_platform()] {
        let (case, signers) = platform.made();
        let listed = |days: i64, serials: &[u64]| {
            let list = signers.ca.later_revocation_list(1, -86_400 * days, serials);
            signers.collateral(|parts| parts.pck_crl = list)
        };
        let verdicts = judged(&case, [listed(5, &[]), listed(1, &[SERIAL]), listed(5, &[])]);
        assert_eq!(verdicts, ["trusted", "certificate_revoked", "certificate_revoked"]);
        // Somebody else's worker whose list is a few days old is no attack.
        assert_eq!(judged(&case, [listed(1, &[]), listed(5, &[])]), ["trusted", "trusted"]);
        // The root's list speaks of what signs collateral.
        let list = signers.root.numbered_revocation_list(300, &[3]);
        let revoking = signers.collateral(|parts| parts.root_ca_crl = list);
        let verdicts = judged(&case, [revoking, signers.collateral(|_| {})]);
        assert_eq!(verdicts, ["certificate_revoked", "certificate_revoked"]);
    }
}

/// Broken by a `note` that takes what is not signed (src/dcap/memory.rs).
#[test]
fn what_intel_has_not_signed_is_not_remembered() {
    let (case, signers) = sgx_platform().made();
    let old = || signers.collateral(|_| {});
    let forged = signers.collateral(|parts| {
        parts.tcb_info["tcbEvaluationDataNumber"] = 99.into();
        parts.qe_identity["tcbEvaluationDataNumber"] = 99.into();
    });
    let mut forged = serde_json::to_value(forged).unwrap();
    for part in ["tcb_info", "qe_identity"] {
        let text = forged[part].as_str().unwrap().replace(":99,", ":98,");
        assert!(text.contains(":98,"), "{text}");
        forged[part] = text.into();
    }
    let forged = DcapCollateral::from_json(forged.to_string().as_bytes()).unwrap();
    let verdicts = judged(&case, [forged, old()]);
    assert_eq!(verdicts, ["collateral_invalid", "trusted"]);
    let stranger = Authority::root("Intel SGX PCK Platform CA", &PKCS_ECDSA_P256_SHA256);
    let list = stranger.numbered_revocation_list(900, &[SERIAL]);
    let forged = signers.collateral(|parts| parts.pck_crl = list);
    assert_eq!(judged(&case, [forged, old()]), ["collateral_invalid", "trusted"]);
    // Signed by somebody whom the policy does not name.
    let (other, others) = sgx_platform().made();
    let newer = others.collateral(|parts| parts.tcb_info["tcbEvaluationDataNumber"] = 99.into());
    let strangers = other.with(|case| case.endorsements = holding(newer));
    let mut verifier = Verifier::new(strangers.endorsements.clone(), Watermark::default(), 4);
    let at = Timestamp::from_secs(case.at);
    let verdict = verifier.verify(&other.evidence, &other.expectation, &policy(&case.policy), at);
    assert_eq!(codes(&verdict), ["root_untrusted"]);
    assert_eq!(*verifier.watermark(), Watermark::default());
}
