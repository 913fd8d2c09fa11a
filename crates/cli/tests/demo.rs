//! The demo, as a newcomer runs it, and the commands of a job against a worker of the same binary.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![allow(clippy::disallowed_methods, reason = "a test that serves a site of its own")]

mod support;

use std::{
    fs,
    process::{Command, Stdio},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use support::sealwork;

#[test]
fn the_demo_crawls_its_own_site_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let ran = sealwork(dir.path(), &["demo", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let result = &ran.json()["web"];
    assert_eq!(result["code"], "ok");
    let documents = result["output"]["documents"].as_array().unwrap();
    let titles: Vec<_> = documents.iter().filter_map(|d| d["title"].as_str()).collect();
    for title in ["How letters were kept closed", "Wax and clay", "Letterlocking", "Receipts"] {
        assert!(titles.contains(&title), "{title} is missing among {titles:?}");
    }
    let draft = documents.iter().find(|d| d["url"].as_str().unwrap().ends_with("/unfinished"));
    assert!(draft.is_none_or(|d| d["status"].is_null()), "robots.txt was not obeyed");
    assert_eq!(result["receipt"]["claims"]["engine"], "web");
    assert!(ran.json()["warning"].as_str().unwrap().contains("Real jobs go to a worker on a TEE"));
}

#[test]
fn the_demo_runs_a_program_after_the_crawl() {
    let dir = tempfile::tempdir().unwrap();
    let result = &sealwork(dir.path(), &["demo", "--json"]).json()["program"];
    assert_eq!((&result["code"], &result["details"]["status"]), (&"ok".into(), &200.into()));
    // `printf %s 'sealed on the client, run in a sandbox, sealed back' | sha256sum`
    let digest = "36036d069d87f0007eb6190ba29508ff3ec0cec3eb40749852b4f60d351e1655";
    assert_eq!(result["output"]["sha256"], digest);
    assert!(result["receipt"]["claims"]["program"].as_str().unwrap().starts_with("bafkrei"));
}

#[test]
fn the_demo_shows_pages_and_receipt_to_a_person() {
    let dir = tempfile::tempdir().unwrap();
    let ran = sealwork(dir.path(), &["demo"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for text in ["Wax and clay", "receipt verified", "links:", "pages,"] {
        assert!(ran.out.contains(text), "{text} is missing in {}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}'), "colours in a pipe");
    let warned = if cfg!(feature = "sim") { "SIMULATION: " } else { "UNATTESTED: " };
    assert_eq!(ran.err.matches(warned).count(), 2, "before and after: {}", ran.err);
    if cfg!(feature = "sim") {
        for text in ["this worker is rejected", "simulated: the evidence", "class_too_low: "] {
            assert!(ran.err.contains(text), "{text} is missing in {}", ran.err);
        }
        assert!(ran.out.contains("simulated, unprotected, PROVES NOTHING"), "{}", ran.out);
    }
}

#[test]
fn a_demo_that_is_ended_or_whose_terminal_is_closed_leaves_no_worker_and_no_data() {
    for signal in [Signal::TERM, Signal::HUP] {
        let dir = tempfile::tempdir().unwrap();
        let entries = || fs::read_dir(dir.path()).unwrap().map(Result::unwrap);
        let has_worker = || entries().any(|entry| entry.path().join("data/root.key").exists());
        let mut demo = Command::new(env!("CARGO_BIN_EXE_sealwork"));
        demo.arg("demo").env_clear().env("TMPDIR", dir.path());
        demo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut demo = demo.spawn().unwrap();
        while !has_worker() {
            assert!(demo.try_wait().unwrap().is_none(), "the demo ended");
            thread::yield_now();
        }
        let pid = i32::try_from(demo.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(demo.wait().unwrap().code(), Some(7), "{signal:?}");
        assert_eq!(entries().count(), 0, "{signal:?}: the worker's directory is still there");
    }
}

#[test]
fn without_leave_a_worker_does_not_fetch_from_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    let ran = sealwork(dir.path(), &["demo", "--url", "http://127.0.0.1:9/", "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["web"]["code"], "egress_denied");
    let told = sealwork(dir.path(), &["demo", "--url", "http://127.0.0.1:9/"]);
    assert_eq!(told.code, 1, "{told:?}");
    for text in ["the job failed (egress_denied)", "--allow 127.0.0.0/8", "ALLOW=127.0.0.0/8"] {
        assert!(told.err.contains(text), "{text} is missing in {}", told.err);
    }
}

#[test]
fn with_leave_the_demo_crawls_a_site_of_this_machine() {
    let site = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", site.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut stream in site.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\
                  content-length: 41\r\n\r\n<title>A site of this machine</title>....",
            );
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let ran = sealwork(dir.path(), &["demo", "--url", &url, "--allow", "127.0.0.0/8"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("A site of this machine"), "{ran:?}");
}
