//! Which reference values a policy may rest on, and how they are written.

use sealwork_verify::{Policy, PolicyError};
use serde_json::{Value, json};

use crate::{
    policies::{Schema, refused},
    support::only,
};

/// What a kind's rules need besides reference values, class `measured`.
fn with_values(kind: &str, values: Value) -> Value {
    let mut rules = json!({"references": [{"values": values}]});
    if kind == "snp" {
        rules["min_tcb"] = json!({"boot_loader": 0, "tee": 0, "snp": 0, "microcode": 0});
    }
    if kind == "sgx" {
        rules["isv_prod_id"] = 0.into();
    }
    let mut policy = only(kind, rules);
    policy["class"] = "measured".into();
    policy
}

/// Broken by `identifies` (src/policy/reference.rs) that looks at names alone.
#[test]
fn values_that_strangers_have_as_well_identify_no_code() {
    let (zero, one) = (|len: usize| "00".repeat(len), |len: usize| "01".repeat(len));
    let separator = "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969";
    let none = [
        ("sgx", json!({"mrenclave": zero(32)}), "mrsigner together with isv_prod_id"),
        ("sgx", json!({"mrsigner": zero(32)}), "mrenclave"),
        ("tdx", json!({"mrtd": zero(48)}), "add mrtd"),
        ("tdx", json!({"rtmr3": zero(48)}), "add mrtd"),
        ("tdx", json!({"rtmr1": one(48), "rtmr2": one(48)}), "add mrtd"),
        ("tdx", json!({"mrtd": zero(48), "mrseam": one(48)}), "add mrtd"),
        ("snp", json!({"measurement": zero(48)}), "add measurement"),
        ("snp", json!({"id_key_digest": zero(48), "family_id": one(16)}), "add measurement"),
        ("snp", json!({"id_key_digest": one(48)}), "family_id or image_id"),
        ("snp", json!({"id_key_digest": one(48), "image_id": zero(16)}), "image_id"),
        ("snp", json!({"author_key_digest": one(48)}), "add measurement"),
        ("nitro", json!({"pcr8": zero(48)}), "pcr8 of a signed image"),
        ("nitro", json!({"pcr1": one(48)}), "pcr1 together with pcr2"),
        ("nitro", json!({"pcr1": one(48), "pcr2": zero(48)}), "pcr1 together with pcr2"),
        ("nitro", json!({"pcr3": one(48), "pcr16": one(48)}), "add pcr0"),
        ("tpm", json!({"pcr0": zero(32), "pcr4": zero(32)}), "after a boot"),
        ("tpm", json!({"pcr4": format!("{}03", zero(31))}), "after a boot"),
        ("tpm", json!({"pcr4": separator}), "after a boot"),
        ("tpm", json!({"pcr0": one(32), "pcr2": one(32), "pcr7": one(32)}), "add pcr4"),
        ("tpm", json!({"pcr17": "ff".repeat(32)}), "after a boot"),
        ("tpm", json!({"pcr16": one(32), "pcr23": one(32)}), "add pcr4"),
        ("tpm", json!({"pcr1": one(32), "pcr5": one(32)}), "add pcr4"),
        // Another boot loader extends these by the digests that somebody has published.
        ("tpm", json!({"pcr8": one(32), "pcr9": one(32), "pcr10": one(32)}), "add pcr4"),
        ("tpm", json!({"pcr11": one(32), "pcr13": one(32)}), "add pcr4"),
    ];
    for (kind, values, add) in none {
        let error = refused(&with_values(kind, values.clone()));
        assert!(matches!(error, PolicyError::NoReference(..)), "{kind} {values}: {error}");
        assert!(error.to_string().contains(add), "{kind} {values}: {error}");
    }
    let some = [
        ("sgx", json!({"mrenclave": one(32)})),
        ("sgx", json!({"mrsigner": one(32)})),
        ("tdx", json!({"mrtd": one(48), "rtmr3": zero(48)})),
        ("snp", json!({"measurement": one(48), "id_key_digest": zero(48)})),
        ("snp", json!({"id_key_digest": one(48), "family_id": one(16)})),
        ("nitro", json!({"pcr0": one(48), "pcr8": zero(48)})),
        ("nitro", json!({"pcr1": one(48), "pcr2": one(48)})),
        ("nitro", json!({"pcr8": one(48)})),
        ("tpm", json!({"pcr4": one(32), "pcr16": zero(32)})),
        ("tpm", json!({"pcr17": one(32)})),
    ];
    for (kind, values) in some {
        let policy = with_values(kind, values).to_string();
        assert!(Policy::from_json(policy.as_bytes()).is_ok(), "{policy}");
    }
    // One set that anybody matches is enough to let anybody in.
    let mut two = with_values("tdx", json!({"mrtd": one(48)}));
    let sets = two["kinds"]["tdx"]["references"].as_array_mut().unwrap();
    sets.push(json!({"values": {"mrtd": zero(48)}}));
    assert!(matches!(refused(&two), PolicyError::NoReference(..)));
}

#[test]
fn a_tpm_that_booted_nothing_needs_the_policys_word() {
    let mut policy = with_values("tpm", json!({"pcr4": "00".repeat(32)}));
    assert!(matches!(refused(&policy), PolicyError::NoReference(..)));
    policy["kinds"]["tpm"]["measured_boot"] = false.into();
    assert!(Policy::from_json(policy.to_string().as_bytes()).is_ok());
    // Whoever runs may reset these, whatever booted.
    policy["kinds"]["tpm"]["references"][0]["values"] = json!({"pcr23": "00".repeat(32)});
    assert!(matches!(refused(&policy), PolicyError::NoReference(..)));
}

#[test]
fn lists_of_what_is_accepted_are_not_empty() {
    let tcb = json!({"statuses": []});
    for (kind, values, field, list) in [
        ("sgx", json!({"mrenclave": "01".repeat(32)}), "tcb", tcb.clone()),
        ("tdx", json!({"mrtd": "01".repeat(48)}), "tcb", tcb),
        ("snp", json!({"measurement": "01".repeat(48)}), "signers", json!([])),
    ] {
        let mut policy = with_values(kind, values);
        policy["kinds"][kind][field] = list;
        let error = refused(&policy);
        assert!(matches!(error, PolicyError::Empty(..)), "{policy}: {error}");
        assert!(error.to_string().contains(&format!("`kinds.{kind}.")), "{error}");
        assert!(!Schema::committed().takes(&policy), "{policy}");
    }
}

#[test]
fn nothing_is_said_twice() {
    let (one, two) = ("01".repeat(48), "02".repeat(48));
    let text = |values: &str| {
        format!(
            "{{\"version\":1,\"kinds\":{{\"tdx\":{{\"references\":[{{\"values\":{values}}}]}}}}}}"
        )
    };
    let twice = text(&format!("{{\"mrtd\":\"{one}\",\"mrtd\":\"{two}\"}}"));
    let error = Policy::from_json(twice.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("\"mrtd\" is named twice"), "{error}");
    let once = text(&format!("{{\"mrtd\":\"{one}\"}}"));
    assert!(Policy::from_json(once.as_bytes()).is_ok());
    let kinds = once.replacen("{\"version\":1,", "{\"version\":1,\"version\":1,", 1);
    assert!(Policy::from_json(kinds.as_bytes()).is_err());
}

#[test]
fn hex_digits_have_no_prefix() {
    for digits in [format!("0x{}", "01".repeat(48)), "0".repeat(95), "01 ".repeat(48)] {
        let error = refused(&only("tdx", json!({"references": [{"values": {"mrtd": digits}}]})));
        assert!(error.to_string().contains("without 0x"), "{error}");
    }
    let upper = only("tdx", json!({"references": [{"values": {"mrtd": "AB".repeat(48)}}]}));
    assert!(Policy::from_json(upper.to_string().as_bytes()).is_ok());
}
