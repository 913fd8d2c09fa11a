//! What a policy has to say, and what it must not.

use sealwork_verify::{POLICY_SCHEMA, Policy, PolicyError};
use serde_json::{Value, json};

use crate::{made, samples, support::only};

fn refused(json: &Value) -> PolicyError {
    Policy::from_json(json.to_string().as_bytes()).unwrap_err()
}

fn tdx(rules: Value) -> Value {
    only("tdx", rules)
}

fn good() -> Value {
    tdx(json!({"references": [{"values": {"mrtd": "01".repeat(48)}}]}))
}

#[test]
fn a_policy_without_reference_values_is_an_error() {
    assert!(Policy::from_json(good().to_string().as_bytes()).is_ok());
    assert_eq!(refused(&json!({"version": 1, "kinds": {}})), PolicyError::NoKind);
    let none = [
        tdx(json!({"references": []})),
        tdx(json!({"references": [{"values": {}}]})),
        tdx(json!({"references": [{"values": {"mrowner": "01".repeat(48)}}]})),
        tdx(json!({"references": [
            {"values": {"mrtd": "01".repeat(48)}}, {"values": {}}
        ]})),
        only("nitro", json!({"references": [{"values": {"pcr3": "01".repeat(48)}}]})),
        only(
            "snp",
            json!({"references": [{"values": {"host_data": "01".repeat(32)}}],
            "min_tcb": {"boot_loader": 0, "tee": 0, "snp": 0, "microcode": 0}}),
        ),
    ];
    for policy in none {
        let error = refused(&policy);
        assert!(matches!(error, PolicyError::NoReference(..)), "{policy}: {error}");
    }
    let signer = json!({"references": [{"values": {"mrsigner": "01".repeat(32)}}]});
    assert_eq!(refused(&only("sgx", signer)), PolicyError::NoProduct);
}

#[test]
fn measurements_have_their_names_and_lengths() {
    let values = |values: Value| refused(&tdx(json!({"references": [{"values": values}]})));
    for name in ["mrenclave", "rtmr4", "rtmr01", "MRTD", "rtmr", "pcr0"] {
        let error = values(json!({name: "01".repeat(48)}));
        assert!(matches!(error, PolicyError::UnknownMeasurement { .. }), "{name}: {error}");
        assert!(error.to_string().contains("rtmr0 to rtmr3"), "{error}");
    }
    assert!(matches!(values(json!({"mrtd": "01"})), PolicyError::Length { expected: 48, .. }));
    assert!(matches!(values(json!({"mrtd": "xx"})), PolicyError::Malformed(_)));
}

#[test]
fn nothing_unknown_is_read_over() {
    let with = |pointer: &str, name: &str| {
        let mut policy = good();
        policy.pointer_mut(pointer).unwrap()[name] = json!(true);
        policy
    };
    for (pointer, name) in [
        ("", "allow_all"),
        ("/kinds", "sev"),
        ("/kinds/tdx", "skip"),
        ("/kinds/tdx/references/0", "optional"),
    ] {
        assert!(matches!(refused(&with(pointer, name)), PolicyError::Malformed(_)), "{name}");
    }
    let mut version = good();
    version["version"] = 2.into();
    assert_eq!(refused(&version), PolicyError::Version(2));
    let mut isolation = good();
    isolation["isolation"] = json!([]);
    assert_eq!(refused(&isolation), PolicyError::NoIsolation);
    let mut revoked = good();
    revoked["kinds"]["tdx"]["tcb"] = json!({"statuses": ["Revoked"]});
    assert!(matches!(refused(&revoked), PolicyError::Malformed(_)));
    let long = format!("{}{}", good(), " ".repeat(1 << 20));
    assert_eq!(Policy::from_json(long.as_bytes()), Err(PolicyError::TooLarge));
}

#[test]
fn promises_and_exceptions_do_not_go_together() {
    let mut debug = good();
    debug["allow_debug"] = true.into();
    assert!(matches!(refused(&debug), PolicyError::NeedsUnprotected(_)));
    debug["class"] = "unprotected".into();
    assert!(Policy::from_json(debug.to_string().as_bytes()).is_ok());
    let rules = json!({"references": [{"values": {"measurement": "01".repeat(32)}}]});
    assert!(matches!(refused(&only("simulated", rules)), PolicyError::NeedsUnprotected(_)));
    let rules = json!({"references": [{"values": {"pcr0": "01".repeat(32)}}]});
    assert_eq!(refused(&only("tpm", rules)), PolicyError::TpmClass);
}

#[test]
fn the_default_demands_confidential_and_accepts_nothing_else() {
    let policy = Policy::from_json(good().to_string().as_bytes()).unwrap();
    let written: Value = serde_json::from_str(&policy.to_json()).unwrap();
    assert_eq!(written["class"], "confidential");
    assert_eq!(written["allow_debug"], false);
    assert_eq!(written["freshness"]["max_age_seconds"], 300);
    assert_eq!(written["kinds"]["tdx"]["tcb"]["statuses"], json!(["UpToDate"]));
    assert_eq!(written["kinds"]["tdx"]["tcb"]["advisories"], json!([]));
}

#[test]
fn policies_read_back_as_they_were_written() {
    let outside =
        [samples::sgx(), samples::tdx(), samples::nitro(), samples::snp_bin(), samples::tpm()];
    for case in outside.into_iter().flatten().chain(made::all()) {
        let policy = Policy::from_json(case.policy.to_string().as_bytes()).unwrap();
        assert_eq!(Policy::from_json(policy.to_json().as_bytes()).unwrap(), policy);
    }
}

#[test]
fn a_policy_from_evidence_trusts_that_evidence_and_no_other() {
    let outside =
        [samples::tdx(), samples::nitro(), samples::snp_bin(), samples::snp_hex(), samples::tpm()];
    let cases: Vec<_> = outside.into_iter().flatten().collect();
    for case in &cases {
        let policy = Policy::from_claims(&case.trusted().claims);
        let json: Value = serde_json::from_str(&policy.to_json()).unwrap();
        assert!(Policy::from_json(policy.to_json().as_bytes()).is_ok(), "{json}");
        for other in &cases {
            let codes = other.with(|other| other.policy = json.clone()).codes();
            assert_eq!(codes.is_empty(), other.name == case.name, "{}: {codes:?}", other.name);
        }
    }
}

/// A schema's own words about what it needs; the values are checked where they are read.
#[test]
fn the_committed_schema_speaks_of_every_field() {
    let schema: Value = serde_json::from_str(POLICY_SCHEMA).unwrap();
    let text = schema.to_string();
    for case in made::all() {
        let policy = Policy::from_json(case.policy.to_string().as_bytes()).unwrap();
        let written: Value = serde_json::from_str(&policy.to_json()).unwrap();
        for field in written["kinds"][case.evidence.kind.as_str()].as_object().unwrap().keys() {
            assert!(text.contains(&format!("\"{field}\"")), "{field}");
        }
    }
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["required"].as_array().unwrap().contains(&json!("kinds")));
}
