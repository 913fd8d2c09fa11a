//! Intel's quotes, by the index of the conformance data.

use sealwork_verify::{Class, Details, Evidence, EvidenceKind};
use serde_json::json;

use crate::{
    conformance::folder,
    samples::{self, DCAP_TIME, collateral, read},
    support::{Case, codes},
};

const OUTDATED_TIME: u64 = 1_772_323_200;

pub(crate) fn outdated() -> Option<Case> {
    let folder = folder("dcap", 3)?;
    let reference = "273828c46252fcbdd8ad2dd907130222b03466d52a2911d70c1a5950895d6bd1ae451d382d5a9b1b4c0ed0e5ae9a3dbd";
    Some(samples::tdx()?.with(|case| {
        case.name = "tdx_quote_outdated";
        case.evidence = Evidence::new(EvidenceKind::Tdx, read(&folder, "tdx_quote_outdated"));
        case.endorsements = collateral(&folder, "tdx_quote_outdated_collateral.json");
        case.expectation = crate::support::expect(
            "d2142b643598eb5fae2bc8529dd79a558b29f868ccbb6531cb28dab9dce47728",
        );
        case.policy["kinds"]["tdx"]["references"] = json!([{"values": {"mrtd": reference}}]);
        case.at = OUTDATED_TIME;
    }))
}

#[test]
fn the_sgx_quote_is_trusted_with_its_advisories() {
    let Some(case) = samples::sgx() else { return };
    let trusted = case.trusted();
    assert_eq!(trusted.class, Class::Confidential);
    assert_eq!(trusted.advisories, ["INTEL-SA-00289", "INTEL-SA-00615"]);
    let Details::Sgx(sgx) = trusted.claims.details else { panic!("{:?}", trusted.claims) };
    assert_eq!((sgx.isv_prod_id, sgx.isv_svn), (0, 0));
    let tcb = sgx.tcb.unwrap();
    assert_eq!(tcb.status, "ConfigurationAndSWHardeningNeeded");
    assert_eq!((tcb.fmspc.to_string().as_str(), tcb.evaluation), ("00a067110000", 17));
}

#[test]
fn a_strict_policy_refuses_its_status_and_its_advisories() {
    let Some(case) = samples::sgx() else { return };
    let strict = case.policy("/kinds/sgx/tcb", json!({}));
    assert_eq!(strict.codes(), ["tcb_status_not_allowed", "advisory_not_allowed"]);
    let only_status = case.policy("/kinds/sgx/tcb/statuses", json!(["UpToDate"]));
    assert_eq!(only_status.codes(), ["tcb_status_not_allowed"]);
    let only_one = case.policy("/kinds/sgx/tcb/advisories/0/id", json!("INTEL-SA-99999"));
    assert_eq!(only_one.codes(), ["advisory_not_allowed"]);
}

#[test]
fn an_advisory_is_allowed_through_its_last_day() {
    let Some(case) = samples::sgx() else { return };
    let until = |day: &str| case.policy("/kinds/sgx/tcb/advisories/1/until", json!(day));
    assert_eq!(until("2025-07-01").at(DCAP_TIME + 86_399).codes(), [""; 0]);
    assert_eq!(until("2025-07-01").at(DCAP_TIME + 86_400).codes(), ["advisory_not_allowed"]);
}

#[test]
fn product_version_date_and_evaluation_have_minima() {
    let Some(case) = samples::sgx() else { return };
    let changed = |pointer: &str, value| case.policy(pointer, value).codes();
    assert_eq!(changed("/kinds/sgx/isv_prod_id", json!(1)), ["version_not_allowed"]);
    assert_eq!(changed("/kinds/sgx/min_isv_svn", json!(1)), ["version_not_allowed"]);
    assert_eq!(changed("/kinds/sgx/tcb/min_date", json!("2025-01-01")), ["tcb_too_old"]);
    assert_eq!(changed("/kinds/sgx/tcb/min_evaluation", json!(18)), ["collateral_rolled_back"]);
    assert_eq!(changed("/kinds/sgx/tcb/min_evaluation", json!(17)), [""; 0]);
}

#[test]
fn the_tdx_quote_is_trusted() {
    let Some(case) = samples::tdx() else { return };
    let trusted = case.trusted();
    assert_eq!((trusted.class, trusted.advisories.len()), (Class::Confidential, 0));
    let Details::Tdx(tdx) = trusted.claims.details else { panic!("{:?}", trusted.claims) };
    assert_eq!(tdx.attributes.to_string(), "0000001000000000");
    assert_eq!(tdx.xfam.to_string(), "e702060000000000");
    assert_eq!(tdx.tcb.unwrap().status, "UpToDate");
}

#[test]
fn a_platform_below_every_level_is_refused_whatever_the_policy_allows() {
    let Some(case) = outdated() else { return };
    assert_eq!(case.codes(), ["tcb_level_missing"]);
    let all = json!([
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
        "TDRelaunchAdvised",
        "TDRelaunchAdvisedConfigurationNeeded",
    ]);
    let lax = case.policy("/kinds/tdx/tcb", json!({"statuses": all}));
    assert_eq!(lax.codes(), ["tcb_level_missing"]);
    let verdict = lax.verdict();
    let reason = &verdict.reasons()[0];
    assert_eq!(reason.expected, "SGX component 8 at least 5", "{reason:?}");
    assert_eq!(reason.found, "SGX component 8 at 3");
}

#[test]
fn collateral_holds_between_its_dates_and_says_which_part_does_not() {
    let cases = [
        (
            samples::sgx(),
            1_750_330_571,
            1_752_919_278,
            "TCB info",
            "identity of the quoting enclave",
        ),
        (
            samples::tdx(),
            1_750_329_147,
            1_752_919_235,
            "identity of the quoting enclave",
            "revocation list of the PCK authority",
        ),
    ];
    for (case, from, until, first, last) in cases {
        let Some(case) = case else { return };
        for inside in [from, from + 1, until - 1, until] {
            assert_eq!(case.at(inside).codes(), [""; 0], "{} at {inside}", case.name);
        }
        for (outside, code, part) in
            [(from - 1, "collateral_not_yet_valid", first), (until + 1, "collateral_expired", last)]
        {
            let case = case.at(outside);
            assert_eq!(case.codes(), [code], "{} at {outside}", case.name);
            assert_eq!(case.verdict().reasons()[0].claim, part, "{}", case.name);
        }
        let decades_later = case.at(2_500_000_000).codes();
        assert!(decades_later.contains(&"collateral_expired"), "{decades_later:?}");
        assert!(case.at(0).codes().contains(&"collateral_not_yet_valid"));
    }
    let Some(case) = outdated() else { return };
    for outside in [1_771_412_330, 1_774_003_276] {
        let codes = case.at(outside).codes();
        assert!(codes.contains(&"tcb_level_missing"), "{codes:?}");
        assert_eq!(codes.len(), 2, "{codes:?}");
    }
}

/// What dcap-qvl has to say about signatures, dates and levels, ours says, too, and no more.
#[test]
fn verdicts_agree_with_dcap_qvl_at_all_times() {
    let (Some(folder), Some(sgx), Some(tdx), Some(outdated)) =
        (folder("dcap", 3), samples::sgx(), samples::tdx(), outdated())
    else {
        return;
    };
    let files = ["sgx_quote", "tdx_quote", "tdx_quote_outdated"];
    for (case, file) in [sgx, tdx, outdated].into_iter().zip(files) {
        let collateral = read(&folder, &format!("{file}_collateral.json"));
        let collateral = serde_json::from_slice(&collateral).unwrap();
        for days in -400..400 {
            let at = case.at.checked_add_signed(days * 86_400).unwrap();
            let peer = dcap_qvl::verify::ring::verify(&case.evidence.bytes, &collateral, at);
            let judged = ["tcb_status_not_allowed", "advisory_not_allowed"];
            let codes = case.at(at).codes();
            let ours = codes.iter().all(|code| judged.contains(code));
            assert_eq!(ours, peer.is_ok(), "{file} at {at}: {codes:?}, {peer:?}");
        }
    }
}

#[test]
fn collateral_of_another_platform_is_refused() {
    let (Some(sgx), Some(tdx), Some(outdated)) = (samples::sgx(), samples::tdx(), outdated())
    else {
        return;
    };
    let pairs = [(&sgx, &tdx, sgx.at), (&tdx, &sgx, tdx.at), (&tdx, &outdated, outdated.at)];
    for (quote, collateral, at) in pairs {
        let pair = quote.at(at).with(|case| case.endorsements = collateral.endorsements.clone());
        let codes = pair.codes();
        assert_eq!(codes.first(), Some(&"collateral_mismatch"), "{codes:?}");
    }
    let verdict = tdx.with(|case| case.endorsements = outdated.endorsements.clone());
    let verdict = verdict.at(outdated.at).verdict();
    let fmspc = verdict.reasons().iter().find(|reason| reason.claim.contains("FMSPC")).unwrap();
    assert_eq!(
        (fmspc.expected.as_str(), fmspc.found.to_lowercase().as_str()),
        ("b0c06f000000", "90c06f000000")
    );
}

#[test]
fn among_several_collaterals_the_right_one_is_found() {
    let (Some(sgx), Some(tdx), Some(outdated)) = (samples::sgx(), samples::tdx(), outdated())
    else {
        return;
    };
    let mut all = outdated.endorsements.clone();
    all.add_all(&sgx.endorsements).unwrap();
    all.add_all(&tdx.endorsements).unwrap();
    for case in [sgx, tdx] {
        assert_eq!(case.with(|case| case.endorsements = all.clone()).codes(), [""; 0]);
    }
    assert_eq!(outdated.with(|case| case.endorsements = all).codes(), ["tcb_level_missing"]);
}

#[test]
fn without_collateral_nothing_is_trusted() {
    let Some(case) = samples::tdx() else { return };
    let bare = case.with(|case| case.endorsements = Default::default());
    let verdict = bare.verdict();
    assert_eq!(codes(&verdict), ["endorsement_missing"]);
    let wanted = &verdict.reasons()[0].expected;
    let parts = ["TDX for FMSPC b0c06f000000", "TD_QE", "CN=Intel SGX PCK Platform CA"];
    assert!(parts.iter().all(|part| wanted.contains(part)), "{wanted}");
}

/// Of the samples the TDX quote of version 4 came with 70 zeros behind it.
#[test]
fn what_stands_behind_a_tdx_quote_has_to_be_zero_and_nothing_stands_behind_one_of_sgx() {
    let (Some(tdx), Some(sgx)) = (samples::tdx(), samples::sgx()) else { return };
    let more = |case: &Case, tail: &[u8]| {
        case.with(|case| case.evidence.bytes.extend_from_slice(tail)).codes()
    };
    assert!(tdx.evidence.bytes.ends_with(&[0; 70]));
    assert_eq!(more(&tdx, &[0; 100]), [""; 0]);
    assert_eq!(more(&tdx, &[0, 1]), ["evidence_malformed"]);
    assert_eq!(more(&tdx, &[0; 9000]), ["evidence_malformed"]);
    assert_eq!(more(&tdx, &[0; 40_000]), ["evidence_too_large"]);
    assert_eq!(more(&sgx, &[0]), ["evidence_malformed"]);
}
