//! From a worker's evidence to a job and its receipt, by the commands, against a worker of the same
//! binary whose evidence is simulated.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod support;

use serde_json::Value;
use support::{Ran, Worker, sealwork};

/// A worker that gives evidence, and the policy that `policy init` made of it.
fn attested() -> Worker {
    let worker = Worker::start(&[("ATTESTER", "simulated")]);
    let made = sealwork(worker.dir(), &["policy", "init", "--from", worker.url(), "-o", "policy"]);
    assert_eq!((made.code, made.out.as_str()), (0, ""), "{made:?}");
    assert!(made.err.contains("review it") && made.err.contains("promises nothing"), "{made:?}");
    worker
}

fn error(ran: &Ran) -> Value {
    serde_json::from_str::<Value>(&ran.err).unwrap()["error"].clone()
}

#[test]
fn one_command_verifies_seals_runs_and_checks_the_receipt() {
    let worker = attested();
    let run = ["job", "run", "telemetry", "--policy", "policy"];
    let ran = worker.run(&[&run[..], &["--receipt", "receipt", "--json"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["evidence"]["kind"], "simulated");
    assert!(ran.json()["receipt"]["claims"]["evidence_digest"].is_string(), "{ran:?}");
    let shown = worker.run(&run);
    assert!(shown.err.contains("PROVES NOTHING"), "a simulation is not named: {shown:?}");
}

#[test]
fn a_job_without_a_policy_is_refused_and_told_how_to_get_one() {
    let worker = attested();
    let run = ["job", "run", "telemetry", "--worker-url", worker.url()];
    let ran = sealwork(worker.dir(), &run);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    for text in ["error[no_policy]", "policy init --from URL", "--policy", "--unattested"] {
        assert!(ran.err.contains(text), "{text} is missing in {ran:?}");
    }
    let unattested = sealwork(worker.dir(), &[&run[..], &["--unattested"]].concat());
    assert_eq!(unattested.code, 0, "{unattested:?}");
    assert!(unattested.err.contains("unattested: whoever runs the worker"), "{unattested:?}");
    let both = [&run[..], &["--unattested", "--policy", "policy"]].concat();
    assert_eq!(sealwork(worker.dir(), &both).code, 2);
    // Nothing was submitted but by the one that said so.
    let receipts = worker.run(&["job", "receipt", "--sequence", "1"]);
    assert_eq!(receipts.code, 4, "{receipts:?}");
}

#[test]
fn a_worker_that_the_policy_does_not_trust_gets_no_job() {
    let worker = attested();
    let policy = support::read(&worker.dir().join("policy"));
    let mut other: Value = serde_json::from_str(&policy).unwrap();
    let values = &mut other["kinds"]["simulated"]["references"][0]["values"];
    values["measurement"] = "ab".repeat(32).into();
    support::write(&worker.dir().join("other"), other.to_string().as_bytes());
    let run = ["job", "run", "telemetry", "--policy", "other", "--json"];
    let ran = worker.run(&run);
    assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{ran:?}");
    let told = error(&ran);
    assert_eq!(told["code"], "evidence_rejected");
    assert_eq!(told["reasons"][0]["code"], "measurement_mismatch");
    for part in ["claim", "expected", "found", "source", "mend"] {
        assert!(told["reasons"][0][part].is_string(), "{part} is missing in {told}");
    }
    let receipts = worker.run(&["job", "receipt", "--sequence", "0"]);
    assert_eq!(receipts.code, 4, "a job was submitted: {receipts:?}");
}

#[test]
fn a_worker_without_an_attester_says_so() {
    let worker = Worker::start(&[("ATTESTER", "none")]);
    let dir = worker.dir();
    support::write(
        &dir.join("policy"),
        br#"{"version": 1, "class": "unprotected", "kinds":
        {"simulated": {"references": [{"values": {"measurement":
        "0000000000000000000000000000000000000000000000000000000000000000"}}]}}}"#,
    );
    for args in [
        &["job", "run", "telemetry", "--policy", "policy"][..],
        &["keys", "show", "--policy", "policy"],
    ] {
        let ran = worker.run(args);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.err.contains("error[evidence_none]"), "{ran:?}");
    }
    for args in [
        &["verify", "evidence", worker.url(), "--policy", "policy"][..],
        &["policy", "init", "--from", worker.url()],
    ] {
        let ran = sealwork(dir, args);
        assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{ran:?}");
        assert!(ran.err.contains("error[evidence_none]"), "{ran:?}");
    }
}

#[test]
fn a_result_that_is_fetched_later_is_followed_to_its_evidence_too() {
    let worker = attested();
    let submit = ["job", "submit", "telemetry", "--handle", "handle", "--policy", "policy"];
    assert_eq!(worker.run(&submit).code, 0);
    let result = ["job", "result", "handle", "--policy", "policy", "--json"];
    let fetched = sealwork(worker.dir(), &result);
    assert_eq!(fetched.json()["evidence"]["class"], "unprotected", "{fetched:?}");
    let unasked = sealwork(worker.dir(), &["job", "result", "handle", "--json"]);
    assert!(unasked.json()["evidence"].is_null(), "{unasked:?}");
    let kept = worker.run(&["job", "receipt", "--sequence", "0", "--policy", "policy", "--json"]);
    assert_eq!(kept.json()["evidence"]["kind"], "simulated", "{kept:?}");
}

#[test]
fn a_result_without_a_policy_says_that_its_evidence_was_not_checked() {
    let worker = attested();
    let submit = ["job", "submit", "telemetry", "--policy", "policy", "--handle", "handle"];
    assert_eq!(worker.run(&submit).code, 0);
    let result = |policy: &[&str]| {
        let ran = worker.run(&[&["job", "result", "handle"], policy].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.err.contains("evidence was not checked")
    };
    assert!(result(&[]));
    assert!(!result(&["--policy", "policy"]));
}

#[test]
fn the_review_of_a_policy_that_goes_to_a_file_is_the_answer_in_json() {
    let worker = attested();
    let args = ["--json", "policy", "init", "--from", worker.url(), "--out", "again"];
    let made = sealwork(worker.dir(), &args).json();
    assert_eq!(made["trusted"], true, "{made}");
    assert!(made["review"].as_array().unwrap().len() > 1, "{made}");
}

#[test]
fn receipts_are_followed_to_the_policy_offline_and_from_the_worker() {
    let worker = attested();
    let run = ["job", "run", "telemetry", "--policy", "policy", "--receipt", "receipt", "--json"];
    let ran = worker.run(&run);
    let cited = ran.json()["receipt"]["claims"]["evidence_digest"].as_str().unwrap().to_owned();
    assert_eq!(worker.run(&["keys", "show", "--out", "keys"]).code, 0);
    let (status, document) = worker.http(&format!("GET /v1/evidence/{cited}"), "");
    assert_eq!(status, 200, "{document}");
    support::write(&worker.dir().join("evidence"), document.as_bytes());

    let verify = |args: &[&str]| {
        sealwork(worker.dir(), &[&["verify", "receipt", "receipt", "--json"], args].concat())
    };
    let offline = ["--key-config", "keys", "--evidence", "evidence", "--policy", "policy"];
    for args in [&offline[..], &["--from", worker.url(), "--policy", "policy"]] {
        let verified = verify(args);
        assert_eq!(verified.code, 0, "{verified:?}");
        let receipt = &verified.json()["receipts"][0];
        assert_eq!(receipt["evidence"]["kind"], "simulated", "{verified:?}");
    }
    // Evidence of the session is not what the receipt cites.
    let (_, session) = worker.http(&format!("GET /v1/evidence?nonce={}", "07".repeat(32)), "");
    support::write(&worker.dir().join("evidence"), session.as_bytes());
    let refused = verify(&offline);
    assert_eq!((refused.code, &error(&refused)["code"]), (5, &"receipt_rejected".into()));
    // A policy alone judges nothing, and evidence alone is not judged.
    assert_eq!(verify(&["--key-config", "keys", "--policy", "policy"]).code, 2);
    assert_eq!(verify(&["--key-config", "keys", "--evidence", "evidence"]).code, 2);
    let bare = verify(&["--key-config", "keys"]);
    assert!(bare.json()["receipts"][0]["evidence"].is_null(), "{bare:?}");
}

#[test]
fn collateral_older_than_what_was_seen_is_refused_by_the_next_command() {
    let worker = attested();
    let state = tempfile::tempdir().unwrap();
    let check = |sequence: u64| {
        let bundle = format!(r#"{{"version": 1, "sequence": {sequence}}}"#);
        support::write(&worker.dir().join("bundle"), bundle.as_bytes());
        let args = ["keys", "show", "--policy", "policy", "--endorsements", "bundle", "--json"];
        let all = [&args[..], &["--worker-url", worker.url()]].concat();
        let variables = [("XDG_STATE_HOME", state.path().to_str().unwrap())];
        support::sealwork_with(worker.dir(), &all, &variables)
    };
    assert_eq!(check(5).code, 0);
    let older = check(4);
    assert_eq!(older.code, 5, "{older:?}");
    assert_eq!(error(&older)["reasons"][0]["code"], "collateral_rolled_back");
    assert_eq!(check(5).code, 0);
    assert_eq!(check(6).code, 0);
    assert_eq!(check(5).code, 5);
    support::write(&state.path().join("sealwork/watermark.json"), b"{");
    assert_eq!(check(6).code, 7, "damaged memory is no empty memory");
}

#[test]
fn policy_and_endorsements_come_from_the_environment_too() {
    let worker = attested();
    let run = ["job", "run", "telemetry", "--worker-url", worker.url(), "--json"];
    let variables = [("SEALWORK_POLICY", "policy")];
    let ran = support::sealwork_with(worker.dir(), &run, &variables);
    assert_eq!(ran.json()["evidence"]["kind"], "simulated", "{ran:?}");
    let variables = [("SEALWORK_POLICY", "policy"), ("SEALWORK_ENDORSEMENTS", "policy")];
    let ran = support::sealwork_with(worker.dir(), &run, &variables);
    assert_eq!((ran.code, &error(&ran)["code"]), (2, &"endorsements".into()), "{ran:?}");
}
