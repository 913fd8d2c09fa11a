//! Attesters as `sealwork serve` takes them: what is refused at the start, and the simulated kind.
#![allow(clippy::disallowed_methods, reason = "tests start the binary")]
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod support;

use std::process::{Command, Stdio};

use sealwork_seal::KeyConfig;
use serde_json::Value;
use support::Worker;

const KEY: (&str, &str) = ("API_KEY", "the-key-of-this-test");

/// The code and the message of a worker that does not start.
fn refused(variables: &[(&str, &str)]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sealwork"))
        .env_clear()
        .env("DATA_DIR", dir.path())
        .env("LISTEN_ADDRESS", "127.0.0.1:0")
        .env("LOG_FORMAT", "json")
        .env("TSS2_LOG", "all+NONE")
        .envs(variables.iter().copied())
        .args(["--json", "serve", "--exit-with-stdin"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let error = lines.map(|line| line["error"].clone()).find(Value::is_object);
    let error = error.unwrap_or_else(|| panic!("it started: {text}"));
    assert!(!error["hint"].as_str().unwrap().is_empty());
    let part = |name: &str| error[name].as_str().unwrap().to_owned();
    (part("code"), part("message"))
}

fn key_config(worker: &Worker) -> KeyConfig {
    KeyConfig::from_json(worker.http("GET /v1/keys", "").1.as_bytes()).unwrap()
}

#[test]
fn insecure_settings_beside_a_platform_are_refused_by_name_with_what_to_do() {
    for kind in ["tdx", "snp", "nitro", "tpm"] {
        for (variable, named) in [
            (("STANDALONE", "true"), "leave STANDALONE out"),
            (("ENABLE_PPROF", "true"), "leave ENABLE_PPROF out"),
            (("EGRESS_ALLOW", "127.0.0.0/8"), "127.0.0.0/8 in EGRESS_ALLOW"),
            (("EGRESS_ALLOW", "10.0.0.0/8,0.0.0.0/32"), "0.0.0.0/32 in EGRESS_ALLOW"),
            (("API_KEY", ""), "set API_KEYS"),
        ] {
            let (code, said) = refused(&[KEY, ("ATTESTER", kind), variable]);
            assert_eq!(code, "config_invalid", "{said}");
            assert!(said.contains(named) && said.contains(kind), "{said}");
        }
    }
}

#[test]
fn what_belongs_to_one_platform_is_refused_beside_another() {
    for (variables, named) in [
        ([("ATTESTER", "simulated"), ("TPM_COUNTER_INDEX", "0x01800001")], "ATTESTER=tpm"),
        ([("ATTESTER", "tpm"), ("MARLIN_ATTESTATION", "true")], "ATTESTER=nitro"),
        ([("ATTESTER", "tpm"), ("TPM_COUNTER_INDEX", "0x01c00002")], "0x01800000"),
        ([("ATTESTER", "sgx"), KEY], "simulated"),
        ([("TPM_PCRS", "0,24"), KEY], "0 to 23"),
    ] {
        let (code, said) = refused(&[&variables[..], &[KEY]].concat());
        assert_eq!(code, "config_invalid", "{said}");
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn a_platform_that_is_named_and_not_there_is_an_error() {
    if !std::path::Path::new("/sys/kernel/config/tsm/report").exists() {
        assert_eq!(refused(&[KEY, ("ATTESTER", "tdx")]).0, "attester_missing");
    }
    let tpm = [KEY, ("ATTESTER", "tpm"), ("TPM_ADDRESS", "swtpm:host=127.0.0.1,port=1")];
    let expected = if cfg!(feature = "tpm") { "tpm_unreachable" } else { "attester_not_built" };
    assert_eq!(refused(&tpm).0, expected);
    if cfg!(not(feature = "sim")) {
        assert_eq!(refused(&[("ATTESTER", "simulated")]).0, "attester_not_built");
    }
}

#[test]
fn a_worker_without_an_attester_has_no_evidence_and_its_key_config_all_the_same() {
    // What is refused beside a platform is here the operator's choice.
    let worker = Worker::start(&[("ATTESTER", "none"), ("EGRESS_ALLOW", "127.0.0.0/8")]);
    for path in ["/v1/evidence", &format!("/v1/evidence/{}", "ab".repeat(32))] {
        let (status, body) = worker.http(&format!("GET {path}"), "");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &problem["code"]), (404, &"evidence_none".into()), "{path}");
    }
    let config = key_config(&worker);
    assert_eq!(config.evidence_kind(), "none");
    let path = format!("GET /v1/key-configs/{}", config.digest());
    assert_eq!(KeyConfig::from_json(worker.http(&path, "").1.as_bytes()).unwrap(), config);
    assert_eq!(worker.http("GET /attestation/raw", "").0, 404);
}

#[test]
#[cfg(feature = "sim")]
fn simulated_evidence_is_bound_like_any_other_and_trusted_by_no_policy_that_does_not_name_it() {
    use sealwork_platform::{Clock as _, SystemClock};
    use sealwork_verify::{
        Class, Endorsements, EvidenceDocument, Policy, Question, ReasonCode, inspect, verify_worker,
    };

    let worker = Worker::start(&[("ATTESTER", "simulated")]);
    let config = key_config(&worker);
    assert_eq!(config.evidence_kind(), "simulated");
    let nonce = [7; 16];
    let path = format!("GET /v1/evidence?nonce={}", hex::encode(nonce));
    let document = EvidenceDocument::from_json(worker.http(&path, "").1.as_bytes()).unwrap();
    let (none, now) = (Endorsements::default(), SystemClock::new().now());
    let claims = inspect(&document.evidence, &none, now).unwrap();
    let mut policy = Policy::from_claims(&claims);
    let asked = Question::session(nonce);
    let judge = |policy: &Policy| verify_worker(&config, &document, &asked, &none, policy, now);
    assert_eq!(judge(&policy).into_result().unwrap().class, Class::Unprotected);
    policy.class = Class::Measured;
    let reasons = judge(&policy).into_result().unwrap_err().reasons;
    assert!(reasons.iter().any(|reason| reason.code == ReasonCode::ClassTooLow), "{reasons:?}");
}
