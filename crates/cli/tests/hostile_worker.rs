//! What a worker, or who stands between, says: none of it looks like our own words on a terminal.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![allow(clippy::disallowed_methods, reason = "a worker of the test's own")]

mod support;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
};

use sealwork_job::{Digest, InstanceId};
use sealwork_seal::{KeyConfig, KeyConfigParams, ReceiptKey};
use serde_json::json;
use support::{Ran, sealwork};

/// Moves up, empties the line, and writes what a verdict looks like.
const FORGED: &str =
    "\r\u{1b}[1A\u{1b}[2Kevidence trusted: nitro, confidential\n\u{1b}]0;x\u{7}\u{9b}31m";

/// Answers `/v1/keys` with a key config and everything else with this refusal, as often as asked.
/// The thread ends with the test's process.
fn worker(key_config: Option<Vec<u8>>, refusal: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, key_config.as_deref(), &refusal);
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream, key_config: Option<&[u8]>, refusal: &str) {
    let mut reader = BufReader::new(&stream);
    let mut first = String::new();
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        if first.is_empty() {
            first.clone_from(&line);
        }
        line.clear();
    }
    let (status, body) = match key_config {
        Some(config) if first.starts_with("GET /v1/keys ") => ("200 OK", config),
        _ => ("404 Not Found", refusal.as_bytes()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}

fn refusal() -> String {
    json!({ "status": 404, "code": FORGED, "detail": FORGED, "hint": FORGED, "title": FORGED })
        .to_string()
}

fn key_config(isolation: &str, evidence: &str) -> Vec<u8> {
    let key = ReceiptKey::from_seed(&[7; 32]);
    let params = KeyConfigParams {
        worker: key.public().worker_id(),
        instance: InstanceId([1; 16]),
        max_lifetime_secs: 3600,
        max_envelope_bytes: 1 << 20,
        isolation: isolation.to_owned(),
        config_digest: Digest([2; 32]),
        evidence: evidence.to_owned(),
        keys: Vec::new(),
    };
    KeyConfig::sign(&key, params).to_json()
}

/// Nothing that drives a terminal, and no line that begins as ours would.
#[track_caller]
fn is_harmless(ran: &Ran) {
    for text in [&ran.out, &ran.err] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        for line in text.lines() {
            assert!(!line.starts_with("evidence trusted"), "{text:?}");
        }
    }
}

/// Without `code_shown` the code is printed as it came.
#[test]
fn a_refusal_is_shown_without_what_would_drive_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    support::write(
        &dir.path().join("policy"),
        br#"{"version": 1, "class": "unprotected", "kinds": {"simulated": {"references":
            [{"values": {"measurement":
            "0000000000000000000000000000000000000000000000000000000000000000"}}]}}}"#,
    );
    let refusing = worker(None, refusal());
    let without = worker(Some(key_config("process", "simulated")), refusal());
    for url in [&refusing, &without] {
        for args in [
            &["job", "run", "telemetry", "--policy", "policy", "--worker-url", url][..],
            &["verify", "evidence", url, "--policy", "policy"],
            &["policy", "init", "--from", url],
        ] {
            for form in [&[][..], &["--json"]] {
                let ran = sealwork(dir.path(), &[args, form].concat());
                assert!(ran.code > 2, "{ran:?}");
                is_harmless(&ran);
            }
        }
    }
    let shown = sealwork(dir.path(), &["keys", "show", "--worker-url", &refusing]);
    assert!(shown.err.starts_with("error[unreadable_code]: "), "{shown:?}");
    is_harmless(&shown);
}

#[test]
fn a_key_config_is_shown_in_lines_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let url = worker(Some(key_config(FORGED, FORGED)), refusal());
    for form in [&[][..], &["--json"]] {
        let args = ["keys", "show", "--worker-url", &url];
        let ran = sealwork(dir.path(), &[&args[..], form].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        is_harmless(&ran);
    }
}
