//! What the tests share: policies as text, verdicts by their codes.

use sealwork_job::Timestamp;
use sealwork_verify::{Age, Endorsements, Evidence, Expectation, Policy, Trusted, Verdict, verify};
use serde_json::{Value, json};

/// Evidence with everything that makes it trusted.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) evidence: Evidence,
    pub(crate) expectation: Expectation,
    pub(crate) endorsements: Endorsements,
    pub(crate) policy: Value,
    pub(crate) at: u64,
}

impl Case {
    pub(crate) fn verdict(&self) -> Verdict {
        let policy = policy(&self.policy);
        let at = Timestamp::from_secs(self.at);
        verify(&self.evidence, &self.expectation, &self.endorsements, &policy, at)
    }

    #[track_caller]
    pub(crate) fn trusted(&self) -> Trusted {
        match self.verdict() {
            Verdict::Trusted(trusted) => trusted,
            Verdict::Rejected(rejected) => panic!("{}: {:#?}", self.name, rejected.reasons),
        }
    }

    /// The codes of all reasons, in order and without repetition.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        codes(&self.verdict())
    }

    pub(crate) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = self.clone();
        change(&mut changed);
        changed
    }

    pub(crate) fn at(&self, at: u64) -> Self {
        self.with(|case| case.at = at)
    }

    /// The same with another value in the policy, named by a JSON pointer; its parent exists.
    pub(crate) fn policy(&self, pointer: &str, value: Value) -> Self {
        self.with(|case| {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = case.policy.pointer_mut(parent).expect("the parent is in the policy");
            parent[name] = value;
        })
    }
}

pub(crate) fn codes(verdict: &Verdict) -> Vec<&'static str> {
    let mut codes: Vec<_> = verdict.reasons().iter().map(|reason| reason.code.as_str()).collect();
    codes.dedup();
    if matches!(verdict, Verdict::Rejected(_)) {
        assert!(!codes.is_empty(), "refused without a reason");
        for reason in verdict.reasons() {
            let parts =
                [&reason.claim, &reason.expected, &reason.found, &reason.source, &reason.mend];
            assert!(parts.iter().all(|part| !part.is_empty()), "{reason:?}");
        }
    }
    codes
}

#[track_caller]
pub(crate) fn policy(json: &Value) -> Policy {
    Policy::from_json(json.to_string().as_bytes()).unwrap()
}

/// A policy for one kind, as strict as policies are by default.
pub(crate) fn only(kind: &str, rules: Value) -> Value {
    json!({"version": 1, "kinds": {kind: rules}})
}

pub(crate) fn expect(report_data: &str) -> Expectation {
    let mut bytes = hex::decode(report_data).unwrap();
    bytes.resize(64, 0);
    Expectation { report_data: bytes.try_into().unwrap(), nonce: None, age: Age::Challenged }
}
