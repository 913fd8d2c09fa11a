//! The simulation, which nothing but an explicit policy takes.

use sealwork_verify::{Age, Class, Endorsements, Expectation, simulate};
use serde_json::json;

use super::{NOW, report_data};
use crate::support::{Case, only};

pub(crate) fn simulation() -> Case {
    let rules = json!({"references": [{"values": {"measurement": "05".repeat(32)}}]});
    let mut policy = only("simulated", rules);
    policy["class"] = "unprotected".into();
    Case {
        name: "made simulation",
        evidence: simulate(&[5; 32], &report_data()),
        expectation: Expectation { report_data: report_data(), nonce: None, age: Age::Challenged },
        endorsements: Endorsements::default(),
        policy,
        at: NOW,
    }
}

#[test]
fn a_simulation_is_trusted_for_nothing_and_refused_by_name_otherwise() {
    let case = simulation();
    assert_eq!(case.trusted().class, Class::Unprotected);
    let rules = json!({"references": [{"values": {"mrtd": "01".repeat(48)}}]});
    let codes = case.with(|case| case.policy = only("tdx", rules)).codes();
    assert_eq!(codes, ["simulated", "class_too_low"]);
}
