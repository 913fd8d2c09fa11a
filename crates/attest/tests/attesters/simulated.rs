//! The simulation: refused by default, and named by whoever accepts it.

use std::sync::Arc;

use sealwork_attest::{Attester, Choice, Machine, Options, SimulatedAttester, open};
use sealwork_job::Timestamp;
use sealwork_platform::{OsEntropy, SystemClock};
use sealwork_verify::{
    Class, Endorsements, EvidenceKind, Expectation, Policy, ReasonCode, Verdict, inspect, verify,
};
use serde_json::json;

#[test]
fn a_simulation_is_refused_unless_a_policy_names_it() {
    let attester = SimulatedAttester::new([7; 32]);
    assert_eq!(attester.class(), Class::Unprotected);
    let statement = crate::common::statement("simulated", 1);
    let evidence = attester.evidence(&statement.digest()).unwrap().evidence;
    let judge = |policy: &Policy| {
        let expectation = Expectation::challenge(&statement);
        verify(&evidence, &expectation, &Endorsements::default(), policy, Timestamp(0))
    };
    let serious = json!({"version": 1, "kinds": {"nitro": {
        "references": [{"values": {"pcr0": "01".repeat(48)}}],
    }}});
    let serious = Policy::from_json(serious.to_string().as_bytes()).unwrap();
    let refused = judge(&serious);
    assert!(refused.reasons().iter().any(|reason| reason.code == ReasonCode::Simulated));

    let claims = inspect(&evidence, &Endorsements::default(), Timestamp(0)).unwrap();
    assert!(matches!(judge(&Policy::from_claims(&claims)), Verdict::Trusted(_)));
}

#[test]
fn a_simulation_is_never_found_only_named() {
    let machine = Machine {
        files: Arc::new(crate::common::MemoryFiles::default()),
        entropy: Arc::new(OsEntropy),
        clock: Arc::new(SystemClock::new()),
    };
    assert!(open(Choice::Auto, &machine, &Options::default()).unwrap().is_none());
    let named = Choice::Kind(EvidenceKind::Simulated);
    let opened = open(named, &machine, &Options::default()).unwrap().unwrap();
    assert_eq!(opened.attester.kind(), EvidenceKind::Simulated);
}
