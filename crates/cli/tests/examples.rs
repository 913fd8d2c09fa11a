//! The examples of guests/examples, as docs/programs.md shows them: each runs here, two of them also
//! sealed in a worker.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a site on loopback")]

mod support;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::OnceLock,
    thread::{self, JoinHandle},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::{Ran, Worker, sealwork, write};
use tempfile::TempDir;

/// Compiled modules are kept here from one example to the next.
fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<TempDir> = OnceLock::new();
    let made = || {
        let directory = tempfile::tempdir().unwrap();
        // One alone sets it up; the others find it ready.
        let first = ["program", "run", &example("js/hello.js"), "--data-dir", "data"];
        let ran = sealwork(directory.path(), &first);
        assert_eq!((ran.code, ran.out.as_str()), (0, "Hello, world!"), "{ran:?}");
        directory
    };
    DIRECTORY.get_or_init(made).path()
}

fn example(file: &str) -> String {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../guests/examples", file].iter().collect();
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

fn run(file: &str, input: &str, more: &[&str]) -> Ran {
    let path = example(file);
    let common = ["program", "run", &path, "--data-dir", "data", "--input", input];
    sealwork(directory(), &[&common[..], more].concat())
}

/// What an example that must succeed writes to standard output.
fn output(file: &str, input: &str, more: &[&str]) -> String {
    let ran = run(file, input, more);
    assert_eq!(ran.code, 0, "{file}: {ran:?}");
    ran.out
}

#[test]
fn javascript_modules_answer_a_request() {
    assert_eq!(output("js/hello.js", "", &[]), "Hello, world!");
    assert_eq!(output("js/prime-factors.js", r#"{"num":600851475143}"#, &[]), "71,839,1471,6857");
    let echoed = output("js/echo-json.js", r#"{"a":[1,2]}"#, &[]);
    let echoed: Value = serde_json::from_str(&echoed).unwrap();
    assert_eq!(echoed["input"], json!({ "a": [1, 2] }));
    assert_eq!(echoed["requester"], "anonymous", "{echoed}");
}

#[test]
fn a_service_worker_answers_a_request() {
    assert_eq!(output("js/service-worker.js", "quietly", &[]), "QUIETLY");
}

#[test]
fn a_javascript_module_signs_with_the_secret_of_its_job() {
    let secret = directory().join("secret");
    write(&secret, b"key");
    let text = "The quick brown fox jumps over the lazy dog";
    let signed = output("js/hmac.js", text, &["--secret", secret.to_str().unwrap()]);
    // The value that Wikipedia's article on HMAC gives for this key and text.
    assert_eq!(signed, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

#[test]
fn a_javascript_module_fetches_from_the_hosts_of_its_job_alone() {
    let (address, site) = site_of_two_answers();
    let urls = json!([format!("http://{address}/a"), format!("http://{address}/b")]);
    let allowed = ["--host", "127.0.0.1", "--set", "EGRESS_ALLOW=127.0.0.0/8"];
    let fetched: Value =
        serde_json::from_str(&output("js/fetch-two.js", &urls.to_string(), &allowed)).unwrap();
    site.join().unwrap();
    for at in 0..2 {
        assert_eq!((&fetched[at]["status"], &fetched[at]["bytes"]), (&json!(200), &json!(5)));
    }
    let refused = run("js/fetch-two.js", &urls.to_string(), &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
}

/// Answers two requests with five bytes each, and ends.
fn site_of_two_answers() -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let site = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = BufReader::new(&stream).lines();
            while !head.next().unwrap().unwrap().is_empty() {}
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
            stream.write_all(answer).unwrap();
        }
    });
    (address, site)
}

#[test]
fn a_command_in_c_counts_words_and_exits_with_what_it_found() {
    let text = "to be or not to be\nthat is the question\n";
    let counted = run("c/word-count.wasm", text, &["--arg", "be", "--arg", "question"]);
    assert_eq!(counted.code, 0, "{counted:?}");
    assert_eq!(counted.out, "2 lines, 10 words, 40 bytes\nbe: 2\nquestion: 1\n");
    let missing = run("c/word-count.wasm", text, &["--arg", "answer"]);
    assert_eq!((missing.code, missing.out.ends_with("answer: 0\n")), (1, true), "{missing:?}");
}

#[test]
fn a_command_in_rust_redacts_text() {
    let letter = "Write to Ada <ada@example.com>, account 12345678, before 2027.\n";
    let redacted = run("rust/redact.wasm", letter, &[]);
    assert_eq!(redacted.code, 0, "{redacted:?}");
    assert_eq!(redacted.out, "Write to Ada <[address]>, account [number], before 2027.\n");
    assert!(redacted.err.contains("1 addresses and 1 numbers are gone"), "{redacted:?}");
}

#[test]
fn a_module_in_assemblyscript_computes_statistics() {
    let counted = output("assemblyscript/statistics.wasm", "3, 4.5\n-1 ten", &[]);
    let counted: Value = serde_json::from_str(&counted).unwrap();
    assert_eq!(counted["count"], 3);
    assert_eq!((counted["min"].as_f64(), counted["max"].as_f64()), (Some(-1.0), Some(4.5)));
    assert!((counted["mean"].as_f64().unwrap() - 6.5 / 3.0).abs() < 1e-9);
    assert_eq!(run("assemblyscript/statistics.wasm", "none", &[]).code, 1);
}

#[test]
fn a_worker_runs_examples_in_javascript_and_webassembly_sealed() {
    let worker = Worker::start(&[]);
    let job = |file: &str, input: &str| {
        let path = example(file);
        let ran =
            worker.run(&["job", "run", "program", "--program", &path, "--input", input, "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let result = ran.json();
        let program = result["receipt"]["claims"]["program"].as_str().unwrap_or_default();
        assert!(program.starts_with("bafk"), "the receipt names the program: {result}");
        let output = STANDARD.decode(result["output_base64"].as_str().unwrap()).unwrap();
        String::from_utf8(output).unwrap()
    };
    assert_eq!(job("js/prime-factors.js", r#"{"num": 84}"#), "2,2,3,7");
    assert_eq!(job("rust/redact.wasm", "ada@example.com"), "[address]");
}
