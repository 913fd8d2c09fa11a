//! Several collaterals for one platform, and collateral that does not fit.

use sealwork_job::Timestamp;
use sealwork_verify::{Verifier, Watermark};

use super::*;
use crate::support::{codes, policy};

type Change<'a> = &'a dyn Fn(&mut Parts);

fn holding(collaterals: impl IntoIterator<Item = DcapCollateral>) -> Endorsements {
    let mut endorsements = Endorsements::default();
    for collateral in collaterals {
        endorsements.add_collateral(collateral).unwrap();
    }
    endorsements
}

/// Broken by `rev()` left out of `best` (src/dcap/choice.rs).
#[test]
fn among_collaterals_of_one_age_the_first_counts() {
    for platform in [sgx_platform(), tdx_platform()] {
        let (case, signers) = platform.made();
        let own = || {
            signers.collateral(|parts| {
                parts.tcb_info["tcbLevels"][0]["tcbStatus"] = "OutOfDate".into()
            })
        };
        let along = || signers.collateral(|_| {});
        let with = |endorsements: Endorsements| case.with(|case| case.endorsements = endorsements);
        let own_first = with(holding([own(), along()]));
        assert_eq!(own_first.codes(), ["tcb_status_not_allowed"], "{}", case.name);
        assert_eq!(with(holding([along(), own()])).codes(), [""; 0]);
    }
}

#[test]
fn what_has_expired_makes_room_for_what_is_as_new_and_holds() {
    let (case, signers) = sgx_platform().made();
    let expired = signers.collateral(|parts| {
        parts.tcb_info["nextUpdate"] = date(-60).into();
        parts.qe_identity["nextUpdate"] = date(-60).into();
    });
    let both = holding([expired, signers.collateral(|_| {})]);
    assert_eq!(case.with(|case| case.endorsements = both).codes(), [""; 0]);
    let newer = signers.collateral(|parts| {
        parts.tcb_info["tcbEvaluationDataNumber"] = 21.into();
        parts.tcb_info["nextUpdate"] = date(-60).into();
    });
    let both = holding([signers.collateral(|_| {}), newer]);
    assert_eq!(case.with(|case| case.endorsements = both).codes(), ["collateral_expired"]);
}

/// Broken by `age` or `rank` without `is_issued`.
#[test]
fn archived_evidence_is_checked_with_the_collateral_of_its_time() {
    let (case, signers) = sgx_platform().made();
    let later = signers.collateral(|parts| {
        for part in [&mut parts.tcb_info, &mut parts.qe_identity] {
            part["tcbEvaluationDataNumber"] = 21.into();
            part["issueDate"] = date(60).into();
        }
        parts.tcb_info["tcbLevels"][0]["tcbStatus"] = "OutOfDate".into();
        parts.pck_crl = signers.ca.later_revocation_list(8, 60, &[SERIAL]);
    });
    let both = case.with(|case| case.endorsements = holding([later, signers.collateral(|_| {})]));
    // What is remembered of one time is not taken for another.
    let mut verifier = Verifier::new(both.endorsements.clone(), Watermark::default(), 4);
    for (at, expected) in [(NOW + 59, &[][..]), (NOW + 60, &["certificate_revoked"])] {
        assert_eq!(both.at(at).codes(), expected);
        let (policy, at) = (policy(&both.policy), Timestamp::from_secs(at));
        let verdict = verifier.verify(&both.evidence, &both.expectation, &policy, at);
        assert_eq!(codes(&verdict), expected);
    }
}

/// Broken by a `choose` that takes whole collaterals.
#[test]
fn the_newest_revocation_list_counts_whatever_it_came_with() {
    for platform in [sgx_platform(), tdx_platform()] {
        let (case, signers) = platform.made();
        let revoking = || signers.ca.numbered_revocation_list(8, &[SERIAL]);
        let own = || signers.collateral(|parts| parts.pck_crl = revoking());
        let along =
            || signers.collateral(|parts| parts.tcb_info["tcbEvaluationDataNumber"] = 21.into());
        let mut listed = holding([along()]);
        listed.add_revocation_list(&revoking()).unwrap();
        for endorsements in [holding([own(), along()]), holding([along(), own()]), listed] {
            let codes = case.with(|case| case.endorsements = endorsements).codes();
            assert_eq!(codes, ["certificate_revoked"], "{}", case.name);
        }
        // The root's list is about the platform's authority and about what signs collateral.
        let mut listed = holding([along()]);
        listed.add_revocation_list(&signers.root.numbered_revocation_list(300, &[3])).unwrap();
        let codes = case.with(|case| case.endorsements = listed).codes();
        assert_eq!(codes, ["certificate_revoked"], "{}", case.name);
        // An older list than the collateral's says nothing any more, and neither do those of others.
        let mut listed = holding([along()]);
        listed.add_revocation_list(&signers.ca.numbered_revocation_list(6, &[SERIAL])).unwrap();
        let stranger = Authority::root("Stranger", &PKCS_ECDSA_P256_SHA256);
        listed.add_revocation_list(&stranger.numbered_revocation_list(9, &[SERIAL])).unwrap();
        assert_eq!(case.with(|case| case.endorsements = listed).codes(), [""; 0]);
    }
}

/// Broken by certificates of the quote that are dated as collateral (src/dcap/collateral.rs).
#[test]
fn what_has_expired_is_named_by_where_it_comes_from() {
    let (case, signers) = sgx_platform().made();
    let lasting = |parts: &mut Parts| {
        for part in [&mut parts.tcb_info, &mut parts.qe_identity] {
            part["nextUpdate"] = date(500 * 86_400).into();
        }
    };
    let late = case.with(|case| case.endorsements = holding([signers.collateral(lasting)]));
    let verdict = late.at(NOW + 400 * 86_400).verdict();
    let of = |code: &str| {
        let reasons = verdict.reasons().iter().filter(|reason| reason.code.as_str() == code);
        reasons.map(|reason| reason.claim.as_str()).collect::<Vec<_>>().join(", ")
    };
    assert!(of("certificate_expired").contains("Intel SGX PCK Certificate"), "{verdict:?}");
    assert!(of("collateral_expired").contains("revocation list"), "{verdict:?}");
    assert!(!of("collateral_expired").contains("PCK Certificate"), "{verdict:?}");
}

#[test]
fn collateral_whose_signers_stand_in_the_other_order_is_at_fault_itself() {
    let (case, signers) = tdx_platform().made();
    let mut turned = serde_json::to_value(signers.collateral(|_| {})).unwrap();
    let order = pem(&[&signers.root.der, &signers.signer.der]);
    turned["tcb_info_issuer_chain"] = order.into();
    let turned = DcapCollateral::from_json(turned.to_string().as_bytes()).unwrap();
    let codes = case.with(|case| case.endorsements = holding([turned])).codes();
    assert_eq!(codes, ["collateral_invalid"]);
}

/// Broken by `check_form` left out of `check_quote` (src/dcap.rs).
#[test]
fn collateral_whose_parts_do_not_fit_is_named_by_the_part() {
    for platform in [sgx_platform(), tdx_platform()] {
        let (case, signers) = platform.made();
        let other = || signers.root.below("Intel SGX PCK Processor CA", &PKCS_ECDSA_P256_SHA256);
        let changes: [(Change<'_>, &str, &str); 8] = [
            (&|parts| parts.tcb_info["pceId"] = "0001".into(), "collateral_mismatch", "PCE id"),
            (&|parts| parts.pck_crl = other().revocation_list(&[]), "collateral_mismatch", "PCK"),
            (
                &|parts| parts.root_ca_crl = other().revocation_list(&[]),
                "collateral_mismatch",
                "root",
            ),
            (&|parts| parts.signature_len[0] = 0, "collateral_invalid", "TCB info"),
            (&|parts| parts.signature_len[0] = 63, "collateral_invalid", "TCB info"),
            (&|parts| parts.signature_len[0] = 65, "collateral_invalid", "TCB info"),
            (&|parts| parts.signature_len[1] = 0, "collateral_invalid", "identity"),
            (&|parts| parts.signature_len[1] = 96, "collateral_invalid", "identity"),
        ];
        for (change, code, part) in changes {
            let changed = holding([signers.collateral(change)]);
            let verdict = case.with(|case| case.endorsements = changed).verdict();
            assert_eq!(codes(&verdict), [code], "{} {part}", case.name);
            assert!(verdict.reasons()[0].claim.contains(part), "{:?}", verdict.reasons());
        }
    }
}

/// Broken by `check_quote` without a second look at the last second.
#[test]
fn first_and_last_second_count() {
    for case in [sgx(), tdx_4(), tdx_5()] {
        let spans = [
            (NOW - 3601, "collateral_not_yet_valid"),
            (NOW - 3600, ""),
            (NOW + 86_400, ""),
            (NOW + 86_401, "collateral_expired"),
        ];
        for (at, code) in spans {
            let expected: &[&str] = if code.is_empty() { &[] } else { &[code] };
            assert_eq!(case.at(at).codes(), expected, "{} at {at}", case.name);
        }
        let replayed = case.at(NOW + 86_400).with(|case| case.expectation.report_data = [1; 64]);
        assert_eq!(replayed.codes(), ["report_data_mismatch"]);
    }
}
