//! Every documented exit code, by a command that ends with it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test that listens and never answers")]

mod support;

use std::net::TcpListener;

use support::{Worker, sealwork};

#[test]
fn each_documented_code_is_that_of_the_case_it_stands_for() {
    let worker = Worker::start(&[("EGRESS_ALLOW", "127.0.0.0/8")]);
    // It accepts connections and never answers: a job that fetches from it goes on.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}/", silent.local_addr().unwrap());
    // Nobody listens on the discard port.
    let nobody = ["keys", "show", "--worker-url", "http://127.0.0.1:9"];
    let stranger = "ab".repeat(32);
    let cases: &[(i32, &[&str])] = &[
        (0, &["job", "run", "telemetry"]),
        (1, &["job", "run", "web", "--url", "http://192.0.2.1:1/"]),
        (2, &["job", "run", "telemetry", "--args", "[1]"]),
        (4, &["job", "run", "no-such-engine"]),
        (5, &["keys", "show", "--worker", &stranger]),
        (6, &["job", "run", "web", "--url", &silent, "--timeout", "1"]),
        (7, &["job", "run", "telemetry", "--out", "/nonexistent/output"]),
    ];
    for (code, args) in cases {
        let ran = worker.run(args);
        assert_eq!(ran.code, *code, "{args:?}: {ran:?}");
        let json = worker.run(&[args, &["--json"][..]].concat());
        assert_eq!(json.code, *code, "{args:?} --json: {json:?}");
    }
    let dir = worker.dir();
    assert_eq!(sealwork(dir, &["nonsense"]).code, 2);
    assert_eq!(sealwork(dir, &nobody).code, 3);
    assert_eq!(sealwork(dir, &["doctor", "--set", "QUEUE_CAPACITY=many"]).code, 8);
    let help = sealwork(dir, &["--help"]);
    for code in 0..=8 {
        assert!(help.out.contains(&format!("\n  {code}  ")), "code {code} is not in the help");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    let worker = Worker::start(&[]);
    let shown = worker.run(&["keys", "show", "--out", "keys.json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let commands: &[&[&str]] = &[
        &["--help"],
        &["--version"],
        &["job", "run", "--help"],
        &["completions", "bash"],
        &["man"],
        &["config", "check", "--data-dir", "data"],
        &["keys", "verify", "keys.json"],
        &["keys", "verify", "keys.json", "--json"],
    ];
    for args in commands {
        let ran = support::sealwork_into(worker.dir(), args, "/dev/full");
        assert_eq!(ran.code, 7, "{args:?}: {ran:?}");
        assert!(ran.err.contains("cannot write to standard output"), "{args:?}: {ran:?}");
    }
    for args in [&["job", "run", "telemetry"][..], &["job", "run", "telemetry", "--json"]] {
        let ran = worker.run_into(args, "/dev/full");
        assert_eq!(ran.code, 7, "{args:?}: {ran:?}");
        assert!(ran.err.contains("No space left on device"), "{args:?}: {ran:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let ran = support::sealwork_into_closed_pipe(dir.path(), &["man"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn wrong_usage_is_told_as_json_where_json_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["--json", "nonsense"][..],
        &["verify", "receipt", "--json"],
        &["job", "run", "web", "--json", "--depth", "deep"],
        &["--json"],
    ] {
        let ran = sealwork(dir.path(), args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {ran:?}");
        let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
        let error = &error["error"];
        assert_eq!((error["code"].as_str(), error["exit"].as_u64()), (Some("usage"), Some(2)));
        assert!(!error["message"].as_str().unwrap().is_empty() && error["hint"].is_string());
    }
}
