//! Evidence that was kept in a file, by the same rules as a worker's answer: keys, nonce, age, and
//! what was seen of collateral before.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod support;

use serde_json::Value;
use support::{Ran, Worker, sealwork_with};
use tempfile::TempDir;

const NONCE: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// A worker with simulated evidence, beside it what was kept of it, and somebody's own state.
struct Kept {
    worker: Worker,
    state: TempDir,
}

impl Kept {
    fn new() -> Self {
        let worker = Worker::start(&[("ATTESTER", "simulated")]);
        let kept = Self { worker, state: tempfile::tempdir().unwrap() };
        assert_eq!(kept.run(&["policy", "init", "--from", kept.url(), "-o", "policy"]).code, 0);
        assert_eq!(kept.worker.run(&["keys", "show", "--out", "keys"]).code, 0);
        kept.fetch(&format!("/v1/evidence?nonce={NONCE}"), "session");
        kept.fetch("/v1/evidence", "epoch");
        let mut epochs: Value = serde_json::from_str(&kept.read("policy")).unwrap();
        epochs["freshness"]["epoch_evidence"] = true.into();
        kept.write("epochs", &epochs.to_string());
        kept
    }

    fn url(&self) -> &str {
        self.worker.url()
    }

    fn fetch(&self, path: &str, name: &str) {
        let (status, body) = self.worker.http(&format!("GET {path}"), "");
        assert_eq!(status, 200, "{body}");
        self.write(name, &body);
    }

    fn read(&self, name: &str) -> String {
        support::read(&self.worker.dir().join(name))
    }

    fn write(&self, name: &str, content: &str) {
        support::write(&self.worker.dir().join(name), content.as_bytes());
    }

    fn run(&self, args: &[&str]) -> Ran {
        let state = [("XDG_STATE_HOME", self.state.path().to_str().unwrap())];
        sealwork_with(self.worker.dir(), args, &state)
    }

    /// Exit code and codes of the reasons of `verify evidence`.
    fn judged(&self, args: &[&str]) -> (i32, Vec<String>) {
        let ran = self.run(&[&["verify", "evidence", "--json"], args].concat());
        (ran.code, reasons(&ran.json()))
    }
}

fn reasons(answer: &Value) -> Vec<String> {
    let reasons = answer["reasons"].as_array().cloned().unwrap_or_default();
    reasons.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

fn rejected(code: &str) -> (i32, Vec<String>) {
    (5, vec![code.to_owned()])
}

/// Without `About::judge_document` it would be trusted whatever the policy says, for ever.
#[test]
fn the_evidence_of_an_epoch_is_taken_while_its_keys_are_offered_if_the_policy_says_so() {
    let kept = Kept::new();
    let epoch = ["epoch", "--key-config", "keys", "--policy"];
    let judged = |args: &[&str]| kept.judged(&[&epoch, args].concat());
    assert_eq!(judged(&["policy"]), rejected("epoch_evidence_not_allowed"));
    assert_eq!(judged(&["epochs"]), (0, vec![]));
    assert_eq!(judged(&["epochs", "--at", "2036-01-01T00:00:00Z"]), rejected("evidence_stale"));
    let alone = |policy| kept.judged(&["epoch", "--policy", policy]);
    let both = ["epoch_evidence_not_allowed", "freshness_unknown"].map(str::to_owned);
    assert_eq!(alone("policy"), (5, both.to_vec()));
    assert_eq!(alone("epochs"), rejected("freshness_unknown"));
}

#[test]
fn a_nonce_is_compared_or_refused_and_never_ignored() {
    let kept = Kept::new();
    let session = ["session", "--policy", "policy", "--key-config", "keys", "--nonce"];
    assert_eq!(kept.judged(&[&session[..], &[NONCE]].concat()), (0, vec![]));
    let other = kept.judged(&[&session[..], &["08"]].concat());
    assert_eq!((other.0, other.1[0].as_str()), (5, "nonce_mismatch"));
    for (args, explained) in [
        (&["session", "--nonce", NONCE][..], "without the key config"),
        (&["epoch", "--nonce", NONCE, "--key-config", "keys"], "answers no nonce"),
        (&[kept.url(), "--nonce", NONCE], "a nonce of this session"),
        (&["session", "--nonce", "0x07"], "without 0x"),
        (&["session", "--kind", "nitro", "--report-data", "0x07"], "without 0x"),
    ] {
        let ran = kept.run(&[&["verify", "evidence", "--policy", "policy"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains(explained), "{explained} is missing in {ran:?}");
    }
}

#[test]
fn an_answer_says_when_nobody_gave_the_keys_and_when_the_time_was_given() {
    let kept = Kept::new();
    let args = ["verify", "evidence", "session", "--policy", "policy", "--json"];
    let alone = kept.run(&args).json();
    assert_eq!(alone["key_config"]["checked"], false, "{alone}");
    assert!(alone["key_config"]["digest"].is_string(), "{alone}");
    assert_eq!(alone["at_given"], false, "{alone}");
    let bound = [&args[..], &["--key-config", "keys", "--nonce", NONCE]].concat();
    let bound = kept.run(&bound).json();
    assert!(bound["key_config"].is_null(), "{bound}");
    let at = ["--at", "2026-11-21T00:00:00Z"];
    let past = kept.run(&[&args[..], &at].concat()).json();
    assert_eq!(past["at_given"], true, "{past}");
    let shown = kept.run(&[&args[..5], &at].concat());
    assert!(shown.out.contains("at 2026-11-21T00:00:00Z, a given time"), "{shown:?}");
}

/// Each way of judging has to load what was seen and to keep what it sees: without
/// `Judge::new` or `Judge::keep` one of these passes.
#[test]
fn older_collateral_is_refused_by_every_command_that_judges_as_of_now() {
    let session = ["session", "--key-config", "keys", "--nonce", NONCE];
    let ways: [&[&str]; 3] = [&["URL"], &session, &["epoch", "--key-config", "keys"]];
    for args in ways {
        let kept = Kept::new();
        let args: Vec<_> = args.iter().map(|a| if *a == "URL" { kept.url() } else { a }).collect();
        let judged = |sequence: u64, more: &[&str]| {
            let bundle = format!(r#"{{"version": 1, "sequence": {sequence}}}"#);
            kept.write("bundle", &bundle);
            let policy = ["--policy", "epochs", "--endorsements", "bundle"];
            kept.judged(&[&args, &policy[..], more].concat())
        };
        assert_eq!(judged(5, &[]), (0, vec![]), "{args:?}");
        assert_eq!(judged(4, &[]), rejected("collateral_rolled_back"), "{args:?}");
        assert_eq!(judged(0, &[]), (0, vec![]), "{args:?}: a bundle without a number");

        let init = ["policy", "init", "--from", args[0], "--endorsements", "bundle"];
        kept.write("bundle", r#"{"version": 1, "sequence": 4}"#);
        let drafted = kept.run(&init);
        assert!(drafted.err.contains("collateral_rolled_back"), "{drafted:?}");
        kept.write("bundle", r#"{"version": 1, "sequence": 6}"#);
        let drafted = kept.run(&init);
        assert!(drafted.err.contains("is trusted now"), "{drafted:?}");
        assert_eq!(judged(5, &[]), rejected("collateral_rolled_back"), "{args:?}");
    }
}

/// What was archived has its own time's collateral.
#[test]
fn receipts_and_given_times_are_judged_with_older_collateral_and_remember_newer() {
    let kept = Kept::new();
    let run = ["job", "run", "telemetry", "--policy", "policy", "--receipt", "receipt"];
    assert_eq!(kept.worker.run(&run).code, 0);
    let bundle = |sequence: u64| {
        kept.write("bundle", &format!(r#"{{"version": 1, "sequence": {sequence}}}"#));
    };
    let endorsed = ["--policy", "policy", "--endorsements", "bundle"];
    let receipt = || {
        let from = ["verify", "receipt", "receipt", "--from", kept.url(), "--json"];
        kept.run(&[&from[..], &endorsed].concat())
    };
    bundle(7);
    let judged = receipt();
    assert_eq!(judged.code, 0, "{judged:?}");
    let evidence = &judged.json()["receipts"][0]["evidence"];
    assert!(evidence["at"].is_string() && evidence["at_given"] == false, "{evidence}");
    bundle(6);
    let now = kept.judged(&[&[kept.url()], &endorsed[..]].concat());
    assert_eq!(now, rejected("collateral_rolled_back"));
    assert_eq!(receipt().code, 0);
    let session = ["session", "--key-config", "keys", "--nonce", NONCE, "--at", "1795219200"];
    assert_eq!(kept.judged(&[&session[..], &endorsed].concat()), (0, vec![]));
}

#[test]
fn a_reviewed_policy_is_not_written_over() {
    let kept = Kept::new();
    let before = kept.read("policy");
    let again = kept.run(&["policy", "init", "--from", "session", "--out", "policy"]);
    assert_eq!((again.code, again.out.as_str()), (2, ""), "{again:?}");
    assert!(again.err.contains("error[usage]: policy exists already"), "{again:?}");
    let run = ["job", "run", "telemetry", "--policy", "policy", "--out", "policy"];
    let job = kept.worker.run(&run);
    assert!(job.err.contains("error[usage]: policy exists already"), "{job:?}");
    assert_eq!(kept.read("policy"), before);
}

#[test]
fn addresses_are_known_by_their_scheme_in_any_case_and_hints_name_no_other_flag() {
    let kept = Kept::new();
    let shouted = kept.url().replace("http", "HTTP");
    assert_eq!(kept.judged(&[&shouted, "--policy", "policy"]), (0, vec![]));
    // Nobody listens on the discard port.
    let nobody = "http://127.0.0.1:9";
    for args in [
        &["verify", "evidence", nobody, "--policy", "policy"][..],
        &["policy", "init", "--from", nobody],
        &["verify", "receipt", "keys", "--from", nobody],
    ] {
        let ran = kept.run(args);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.err.contains(nobody), "{ran:?}");
        assert!(!ran.err.contains("--worker-url"), "{ran:?}");
    }
}

#[test]
fn a_time_that_is_none_or_is_for_nothing_is_an_error_of_receipts_too() {
    let kept = Kept::new();
    let run = ["job", "run", "telemetry", "--policy", "policy", "--receipt", "receipt"];
    assert_eq!(kept.worker.run(&run).code, 0);
    let receipt = ["verify", "receipt", "receipt", "--key-config", "keys", "--at"];
    for (at, said) in [("rubbish", "is no time"), ("2026-11-21T00:00:00Z", "leave --at away")] {
        let ran = kept.run(&[&receipt[..], &[at]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains(said), "{said} is missing in {ran:?}");
    }
}
