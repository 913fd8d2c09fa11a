//! The commands of a job, against a worker of the same binary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test that listens and never answers")]

mod support;

use std::os::unix::fs::PermissionsExt;

use support::{Worker, sealwork};

#[test]
fn a_job_is_submitted_now_and_its_result_fetched_later_with_the_handle() {
    let worker = Worker::start(&[]);
    let submitted = worker.run(&["job", "submit", "telemetry", "--handle", "job.handle"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");
    let handle = worker.dir().join("job.handle");
    let mode = std::fs::metadata(&handle).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others may read the handle");

    // The handle knows the worker's address.
    let elsewhere = |args: &[&str]| sealwork(worker.dir(), args);
    let waited = elsewhere(&["job", "wait", "job.handle"]);
    assert_eq!((waited.code, waited.out.trim()), (0, "settled (ok)"), "{waited:?}");
    let result = elsewhere(&["job", "result", "job.handle", "--json"]);
    assert_eq!(result.json()["job_id"], submitted.out.trim());
    assert!(result.json()["output"]["boot_time"].is_u64());
    let status = elsewhere(&["job", "status", "job.handle", "--json"]);
    assert_eq!(status.json()["state"], "delivered");
    let late = elsewhere(&["job", "cancel", "job.handle"]);
    assert_eq!((late.code, late.out.as_str()), (4, ""), "{late:?}");
    assert!(late.err.starts_with("error[already_settled]: "), "{late:?}");

    let again = worker.run(&["job", "submit", "telemetry", "--handle", "job.handle"]);
    assert_eq!(again.code, 2, "a handle was overwritten: {again:?}");
    std::fs::set_permissions(&handle, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(elsewhere(&["job", "status", "job.handle"]).err.contains("chmod 600"));
}

#[test]
fn receipts_of_consecutive_jobs_verify_offline_as_one_chain() {
    let worker = Worker::start(&[]);
    let shown = worker.run(&["keys", "show", "--out", "keys.json", "--json"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let id = shown.json()["key_config"]["worker"].as_str().unwrap().to_owned();
    let mut chain = String::new();
    for suite in ["auto", "x-wing", "x25519"] {
        let run = ["job", "run", "telemetry", "--suite", suite, "--receipt", "one", "--out", suite];
        let ran = worker.run(&run);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{ran:?}");
        assert!(support::read(&worker.dir().join(suite)).contains("boot_time"));
        chain.push_str(&support::read(&worker.dir().join("one")));
    }
    support::write(&worker.dir().join("chain"), chain.as_bytes());
    let verify = ["verify", "receipt", "chain", "--key-config", "keys.json", "--worker", &id];
    let verified = sealwork(worker.dir(), &verify);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(verified.out.contains("3 receipts verified"), "{}", verified.out);
}

#[test]
fn each_algorithm_signs_jobs_that_the_worker_accepts() {
    let worker = Worker::start(&[]);
    let key = worker.dir().join("key");
    support::write(&key, "11".repeat(32).as_bytes());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    for algorithm in ["ed25519", "secp256k1", "sr25519"] {
        let signer = format!("{algorithm}:key");
        let ran = worker.run(&["job", "run", "telemetry", "--sign-with", &signer, "--quiet"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{algorithm}: {ran:?}");
    }
}

#[test]
fn failures_and_refusals_have_their_own_exit_codes_and_say_what_to_do() {
    let worker = Worker::start(&[]);
    let failed = worker.run(&["job", "run", "web", "--url", "http://127.0.0.1:1/", "--json"]);
    assert_eq!((failed.code, failed.json()["code"].as_str()), (1, Some("egress_denied")));
    assert_eq!(failed.json()["receipt"]["claims"]["code"], "egress_denied");

    let unknown = worker.run(&["job", "run", "no-such-engine"]);
    assert_eq!(unknown.code, 4, "{unknown:?}");
    assert!(unknown.err.contains("engine_unknown") && unknown.err.contains("hint:"));
    assert_eq!(worker.run(&["job", "run", "web"]).code, 4);

    let stranger = "ab".repeat(32);
    let other = worker.run(&["job", "run", "telemetry", "--worker", &stranger]);
    assert_eq!(other.code, 5, "{other:?}");
}

#[test]
fn a_job_that_is_given_up_on_is_named_and_how_to_come_back_to_it() {
    let worker = Worker::start(&[("EGRESS_ALLOW", "127.0.0.0/8")]);
    // It accepts connections and never answers: a job that fetches from it goes on.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}/", silent.local_addr().unwrap());
    let run = ["job", "run", "web", "--url", &silent, "--timeout", "1", "--json"];
    for (kept, told) in [(&[][..], "give --handle"), (&["--handle", "h"], "sealwork job result h")]
    {
        let left = worker.run(&[&run, kept].concat());
        assert_eq!(left.code, 6, "{left:?}");
        let error: serde_json::Value = serde_json::from_str(&left.err).unwrap();
        let hint = error["error"]["hint"].as_str().unwrap();
        assert!(hint.contains(told), "{hint}");
        assert_eq!(error["error"]["job_id"].as_str().unwrap().len(), 36, "{error}");
    }
    assert_eq!(worker.run(&["job", "cancel", "h"]).code, 0);
}

#[test]
fn a_lifetime_may_take_all_that_the_worker_allows_and_is_cut_to_it() {
    let worker = Worker::start(&[("JOB_MAX_LIFETIME_SECONDS", "60")]);
    for lifetime in ["1", "20", "60", "600"] {
        let ran = worker.run(&["job", "run", "telemetry", "--expires", lifetime]);
        assert_eq!(ran.code, 0, "{lifetime} s: {ran:?}");
    }
}

#[test]
fn an_api_key_comes_from_the_environment_or_a_private_file() {
    let worker = Worker::start(&[("API_KEY", "the-key-of-this-test")]);
    assert_eq!(worker.run(&["job", "run", "telemetry"]).code, 4);
    support::write(&worker.dir().join("api-key"), b"the-key-of-this-test\n");
    let run = ["job", "run", "telemetry", "--api-key-file", "api-key"];
    let path = worker.dir().join("api-key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(worker.run(&run).code, 2, "a key that others may read was taken");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(worker.run(&run).code, 0);
}

#[test]
fn files_for_the_result_are_checked_before_the_job_is_sent() {
    // Nobody listens at this address: whoever gets so far has sent too early.
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let all = ["job", "run", "telemetry", "--unattested", "--worker-url", "http://127.0.0.1:9"];
        sealwork(dir.path(), &[&all, args].concat())
    };
    support::write(&dir.path().join("there"), b"as it was");
    for (args, code) in [
        (&["--out", "there"][..], 2),
        (&["--handle", "there"], 2),
        (&["--out", "x", "--receipt", "x"], 2),
        (&["--out", "x", "--handle", "x"], 2),
        (&["--out", "none/output"], 7),
        (&["--receipt", "none/receipt"], 7),
        (&["--handle", "none/handle"], 7),
    ] {
        let ran = run(args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.err.contains(args[1]), "{args:?}: {ran:?}");
    }
    // With usable files it gets so far, and leaves none of them behind.
    let ran = run(&["--out", "a", "--receipt", "b", "--handle", "c"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [dir.path().join("there")]);
    assert_eq!(support::read(&dir.path().join("there")), "as it was");
}

#[test]
fn a_quiet_command_still_says_why_a_job_failed() {
    let worker = Worker::start(&[]);
    let run = ["job", "run", "web", "--url", "http://127.0.0.1:1/", "--quiet"];
    let failed = worker.run(&run);
    assert_eq!((failed.code, failed.out.as_str()), (1, ""), "{failed:?}");
    assert!(failed.err.contains("the job failed (egress_denied)"), "{failed:?}");
    assert!(failed.err.contains("hint:"), "{failed:?}");
}

#[test]
fn a_result_is_shown_readably_with_its_receipt_where_that_is_asked_for() {
    let worker = Worker::start(&[]);
    let ran = worker.run(&["job", "run", "telemetry", "--format", "text"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for text in ["\"boot_time\": ", "receipt verified", "the one that the job was sealed to"] {
        assert!(ran.out.contains(text), "{text} is missing in {}", ran.out);
    }
    let raw = worker.run(&["job", "run", "telemetry"]);
    serde_json::from_str::<serde_json::Value>(&raw.out).unwrap();
    assert!(raw.err.contains("receipt verified: "), "{raw:?}");
}

#[test]
fn a_kept_receipt_is_fetched_by_job_or_number_also_when_the_result_is_gone() {
    let worker = Worker::start(&[("RESULT_CACHE_MAX_SIZE", "1")]);
    let run = ["job", "run", "telemetry", "--json"];
    let job = worker.run(&run).json()["job_id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(worker.run(&run).code, 0);
    }
    let by_job = worker.run(&["job", "receipt", &job, "--out", "receipt", "--json"]);
    assert_eq!(by_job.code, 0, "{by_job:?}");
    assert_eq!(by_job.json()["claims"]["job"], job.as_str(), "{by_job:?}");
    let by_number = worker.run(&["job", "receipt", "--sequence", "0", "--json"]);
    assert_eq!(by_number.json()["digest"], by_job.json()["digest"]);
    assert_eq!(worker.run(&["keys", "show", "--out", "keys"]).code, 0);
    let verify = ["verify", "receipt", "receipt", "--key-config", "keys"];
    let verified = sealwork(worker.dir(), &verify);
    assert!(verified.out.contains("the given one"), "{verified:?}");
    let shown = worker.run(&["job", "receipt", &job]);
    assert!(shown.out.contains("receipt verified"), "{shown:?}");

    let unknown = worker.run(&["job", "receipt", "--sequence", "99"]);
    assert_eq!(unknown.code, 4, "{unknown:?}");
    let unknown = worker.run(&["job", "receipt", &job.replace(&job[..4], "0000")]);
    assert_eq!(unknown.code, 4, "{unknown:?}");
    for args in [&["job", "receipt"][..], &["job", "receipt", &job, "--sequence", "0"]] {
        assert_eq!(worker.run(args).code, 2, "{args:?}");
    }
}
