//! A verifier with memory.

use sealwork_job::Timestamp;
use sealwork_verify::{Endorsements, Verdict, Verifier, Watermark};
use serde_json::json;

use crate::{
    samples,
    support::{Case, codes, policy},
};

fn ask(verifier: &mut Verifier, case: &Case) -> Verdict {
    let at = Timestamp::from_secs(case.at);
    verifier.verify(&case.evidence, &case.expectation, &policy(&case.policy), at)
}

#[test]
fn what_is_remembered_is_judged_anew() {
    let Some(case) = samples::tdx() else { return };
    let mut verifier = Verifier::new(case.endorsements.clone(), Watermark::default(), 4);
    for _ in 0..3 {
        assert!(matches!(ask(&mut verifier, &case), Verdict::Trusted(_)));
    }
    let replayed = case.with(|case| case.expectation.report_data = [7; 64]);
    assert_eq!(codes(&ask(&mut verifier, &replayed)), ["report_data_mismatch"]);
    let stricter = case.policy("/kinds/tdx/tcb", json!({"min_date": "2026-01-01"}));
    assert_eq!(codes(&ask(&mut verifier, &stricter)), ["tcb_too_old"]);
    let later = case.at(1_752_919_236);
    assert_eq!(codes(&ask(&mut verifier, &later)), ["collateral_expired"]);
    let root = json!([{"name": "mine", "sha256": "01".repeat(32)}]);
    let other_root = case.policy("/kinds/tdx/roots", root);
    assert_eq!(codes(&ask(&mut verifier, &other_root)), ["root_untrusted"]);
    verifier.set_endorsements(Endorsements::default());
    assert_eq!(codes(&ask(&mut verifier, &case)), ["endorsement_missing"]);
}

/// Intel's root by the first half of its fingerprint's first half, and the model by its FMSPC.
const TCB_INFO: &str = "intel/44a0196b2b99f889/tdx/b0c06f000000/tcb-info";
const IDENTITY: &str = "intel/44a0196b2b99f889/td_qe/identity";

#[test]
fn collateral_does_not_go_back() {
    let Some(case) = samples::tdx() else { return };
    let mut verifier = Verifier::new(case.endorsements.clone(), Watermark::default(), 0);
    assert!(matches!(ask(&mut verifier, &case), Verdict::Trusted(_)));
    let kept = serde_json::to_value(verifier.watermark()).unwrap();
    let numbers: Vec<_> =
        kept.as_object().unwrap().iter().filter(|(_, kept)| kept.is_u64()).collect();
    let names: Vec<_> = numbers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [IDENTITY, TCB_INFO]);

    // Somebody else has seen newer collateral: each of the numbers counts.
    for (name, mark) in numbers {
        let mut newer = kept.clone();
        newer[name] = (mark.as_u64().unwrap() + 1).into();
        let watermark: Watermark = serde_json::from_value(newer).unwrap();
        let mut verifier = Verifier::new(case.endorsements.clone(), watermark, 0);
        let verdict = ask(&mut verifier, &case);
        assert_eq!(codes(&verdict), ["collateral_rolled_back"], "{name}");
        assert_eq!(verdict.reasons()[0].claim, *name);
    }
}

#[test]
fn a_bundle_of_an_earlier_issue_is_refused() {
    let Some(case) = samples::snp_bin() else { return };
    let issue = |sequence: u64| {
        let mut json: serde_json::Value =
            serde_json::from_str(&case.endorsements.to_json()).unwrap();
        json["sequence"] = sequence.into();
        Endorsements::from_json(json.to_string().as_bytes()).unwrap()
    };
    let mut verifier = Verifier::new(issue(5), Watermark::default(), 4);
    assert!(matches!(ask(&mut verifier, &case), Verdict::Trusted(_)));
    verifier.set_endorsements(issue(4));
    assert_eq!(codes(&ask(&mut verifier, &case)), ["collateral_rolled_back"]);
    verifier.set_endorsements(issue(6));
    assert!(matches!(ask(&mut verifier, &case), Verdict::Trusted(_)));
}

/// Broken by a `check_watermark` that compares 0 (src/appraise.rs).
#[test]
fn endorsements_without_a_number_are_no_older_bundle() {
    let Some(case) = samples::snp_bin() else { return };
    let watermark: Watermark = serde_json::from_value(json!({"bundle": 7})).unwrap();
    let mut verifier = Verifier::new(case.endorsements.clone(), watermark, 4);
    assert!(matches!(ask(&mut verifier, &case), Verdict::Trusted(_)));
    assert_eq!(serde_json::to_value(verifier.watermark()).unwrap(), json!({"bundle": 7}));
    // Collateral with numbers of its own does not go back all the same.
    let Some(tdx) = samples::tdx() else { return };
    let seen = json!({"bundle": 7, TCB_INFO: 1000});
    let watermark: Watermark = serde_json::from_value(seen).unwrap();
    let mut verifier = Verifier::new(tdx.endorsements.clone(), watermark, 4);
    assert_eq!(codes(&ask(&mut verifier, &tdx)), ["collateral_rolled_back"]);
}

#[test]
fn bundles_read_back_as_they_were_written() {
    for case in [samples::tdx(), samples::snp_bin()].into_iter().flatten() {
        let json = case.endorsements.to_json();
        let again = Endorsements::from_json(json.as_bytes()).unwrap();
        assert_eq!(again.to_json(), json);
        assert_eq!(case.with(|case| case.endorsements = again).codes(), [""; 0]);
    }
    for wrong in [
        "",
        "{}",
        "{\"version\":2}",
        "{\"version\":1,\"more\":1}",
        "{\"version\":1,\"certificates\":[\"x\"]}",
    ] {
        assert!(Endorsements::from_json(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
