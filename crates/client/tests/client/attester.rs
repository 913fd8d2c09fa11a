//! What makes the evidence of the tests' worker, and the policy that trusts it.

use sealwork_client::Policy;
use sealwork_seal::{KeyConfig, Purpose, Statement};
use sealwork_verify::{Evidence, EvidenceDocument, simulate};
use serde_json::{Value, json};

/// What a simulated worker measures.
const MEASUREMENT: [u8; 32] = [5; 32];

/// The policy that trusts the simulated worker.
pub(crate) fn simulated_policy() -> Value {
    json!({
        "version": 1,
        "class": "unprotected",
        "kinds": {"simulated": {"references": [
            {"values": {"measurement": hex::encode(MEASUREMENT)}}
        ]}},
    })
}

pub(crate) fn policy(json: &Value) -> Policy {
    Policy::from_json(json.to_string().as_bytes()).unwrap()
}

/// What makes the worker's evidence.
pub(crate) struct Attester {
    /// As its key config names it; `none` for a worker that has none.
    pub(crate) kind: &'static str,
    pub(crate) make: Box<dyn Fn(&Statement) -> Evidence + Send>,
}

impl Attester {
    pub(crate) fn simulated() -> Self {
        let make = |statement: &Statement| simulate(&MEASUREMENT, &statement.report_data());
        Self { kind: "simulated", make: Box::new(make) }
    }
}

/// Evidence about a key config; `restate` changes what is stated before it is signed.
pub(crate) fn document(
    attester: &Attester,
    config: &KeyConfig,
    purpose: Purpose,
    nonce: Vec<u8>,
    restate: Option<&(dyn Fn(&mut Statement) + Send)>,
) -> EvidenceDocument {
    let mut statement = Statement {
        kind: attester.kind.to_owned(),
        purpose,
        nonce,
        key_config: config.digest(),
        config: config.config_digest,
        instance: config.instance,
        context: Vec::new(),
    };
    if let Some(restate) = restate {
        restate(&mut statement);
    }
    let evidence = (attester.make)(&statement);
    EvidenceDocument { statement, evidence, endorsements: Default::default() }
}
