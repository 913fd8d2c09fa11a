//! What a policy has to say, and what it must not.

use sealwork_verify::{POLICY_SCHEMA, Policy, PolicyError};
use serde_json::{Value, json};

use crate::{made, samples, support::only};

pub(crate) fn refused(json: &Value) -> PolicyError {
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
    assert!(matches!(refused(&isolation), PolicyError::Empty("`isolation`", _)));
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
    let rules = json!({"references": [{"values": {"pcr4": "01".repeat(32)}}]});
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

/// The committed schema, in a validator of others.
pub(crate) struct Schema(boon::Schemas, boon::SchemaIndex);

impl Schema {
    pub(crate) fn committed() -> Self {
        let mut compiler = boon::Compiler::new();
        let (at, mut schemas) = ("policy:schema", boon::Schemas::new());
        compiler.add_resource(at, serde_json::from_str(POLICY_SCHEMA).unwrap()).unwrap();
        let index = compiler.compile(at, &mut schemas).unwrap();
        Self(schemas, index)
    }

    pub(crate) fn takes(&self, policy: &Value) -> bool {
        self.0.validate(policy, self.1).is_ok()
    }
}

#[test]
fn the_committed_schema_takes_what_the_reader_takes_and_what_it_writes() {
    let schema = Schema::committed();
    let outside =
        [samples::sgx(), samples::tdx(), samples::nitro(), samples::snp_bin(), samples::tpm()];
    for case in outside.into_iter().flatten().chain(made::all()) {
        assert!(schema.takes(&case.policy), "{}", case.policy);
        let policy = Policy::from_json(case.policy.to_string().as_bytes()).unwrap();
        for written in [&policy, &Policy::from_claims(&case.trusted().claims)] {
            let written = serde_json::from_str(&written.to_json()).unwrap();
            assert!(schema.takes(&written), "{written}");
        }
    }
}

/// A policy that says everything that a policy can say.
fn whole() -> Value {
    let root = json!([{"name": "a root", "sha256": "01".repeat(32)}]);
    let tcb = json!({
        "statuses": ["UpToDate", "OutOfDate"],
        "min_date": "2025-01-01",
        "min_evaluation": 17,
        "advisories": [{"id": "INTEL-SA-00615", "until": "2026-01-01", "why": "no MMIO"}],
    });
    let one = |name: &str, len: usize| json!([{"name": "r", "values": {name: "01".repeat(len)}}]);
    json!({
        "version": 1,
        "name": "everything",
        "class": "unprotected",
        "allow_debug": true,
        "isolation": ["vm", "process", "wasm", "none"],
        "freshness": {"max_age_seconds": 60, "epoch_evidence": true},
        "kinds": {
            "sgx": {"references": one("mrsigner", 32), "isv_prod_id": 1, "min_isv_svn": 2,
                "tcb": tcb, "roots": root},
            "tdx": {"references": one("mrtd", 48), "tcb": tcb, "roots": root},
            "snp": {"references": one("measurement", 48), "roots": root,
                "min_tcb": {"boot_loader": 3, "tee": 0, "snp": 8, "microcode": 115, "fmc": 1},
                "min_guest_svn": 1, "max_vmpl": 3, "allow_smt": false, "allow_migration": true,
                "signers": ["vcek", "vlek"]},
            "nitro": {"references": one("pcr0", 48), "require_nonce": true, "roots": root},
            "tpm": {"references": one("pcr4", 32), "roots": root,
                "attestation_keys": ["01".repeat(32), format!("000B{}", "01".repeat(32)),
                    format!("000c{}", "01".repeat(48)), format!("000d{}", "01".repeat(64))],
                "activated": [{"name": format!("000b{}", "01".repeat(32)),
                    "endorsement_key": "01".repeat(32), "until": "2026-01-01"}],
                "measured_boot": false, "event_log": false, "secure_boot": false},
            "simulated": {"references": one("measurement", 32)},
        },
    })
}

/// Every value of a policy, as JSON pointers.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| pointers(value, &format!("{at}/{name}"), out));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), out));
        }
        _ => {}
    }
}

/// What no schema of this form says: which measurements a kind has, how long they are, what goes
/// with which class, that a day is in the calendar.
fn is_beyond_a_schema(error: &PolicyError) -> bool {
    match error {
        PolicyError::UnknownMeasurement { .. }
        | PolicyError::Length { .. }
        | PolicyError::NoReference(..)
        | PolicyError::NoProduct
        | PolicyError::NeedsUnprotected(_)
        | PolicyError::TpmClass => true,
        PolicyError::Malformed(why) => why.contains("YYYY-MM-DD"),
        _ => false,
    }
}

#[test]
fn the_committed_schema_and_the_reader_refuse_the_same_changes() {
    let (schema, whole) = (Schema::committed(), whole());
    assert!(schema.takes(&whole));
    assert!(Policy::from_json(whole.to_string().as_bytes()).is_ok());
    let mut places = Vec::new();
    pointers(&whole, "", &mut places);
    let strange = [
        json!(null),
        json!(true),
        json!(-1),
        json!(2),
        json!(1.5),
        json!(70_000),
        json!(""),
        json!("confidential"),
        json!("01"),
        json!("0".repeat(64)),
        json!("xyz"),
        json!("2025-13-01"),
        json!([]),
        json!({}),
        json!([{}]),
        json!({"values": {}}),
    ];
    let (mut refused, mut disagreements) = (0, Vec::new());
    for place in &places {
        let mut changes: Vec<Value> = strange
            .iter()
            .map(|value| {
                let mut changed = whole.clone();
                *changed.pointer_mut(place).unwrap() = value.clone();
                changed
            })
            .collect();
        if let Some((parent, name)) = place.rsplit_once('/') {
            let mut without = whole.clone();
            match without.pointer_mut(parent).unwrap() {
                Value::Object(fields) => drop(fields.remove(name)),
                Value::Array(items) => drop(items.remove(name.parse().unwrap())),
                _ => unreachable!("parents hold values"),
            }
            changes.push(without);
        }
        let mut more = whole.clone();
        if let Value::Object(fields) = more.pointer_mut(place).unwrap() {
            fields.insert("unknown".to_owned(), json!("01"));
            changes.push(more);
        }
        for changed in changes {
            let fits = schema.takes(&changed);
            let (agree, why) = match Policy::from_json(changed.to_string().as_bytes()) {
                Ok(_) => (fits, "the reader alone takes it".to_owned()),
                Err(error) => {
                    refused += 1;
                    (
                        !fits || is_beyond_a_schema(&error),
                        format!("the schema alone takes it: {error}"),
                    )
                }
            };
            if !agree {
                let found = changed.pointer(place).unwrap_or(&Value::Null);
                disagreements.push(format!("{place}: {found}: {why}"));
            }
        }
    }
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    assert!(refused > 1000, "{refused}");
}
