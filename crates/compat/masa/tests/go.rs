//! Asks Go itself, where it is installed: the recorded bodies again, thousands of damaged ones, and
//! blobs and signatures in both directions.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../egress/tests/common/conformance.rs"]
mod conformance;
mod support;

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use sealwork_compat_masa::{MasaJob, Ring};
use serde_json::{Value, json};
use support::{case_bytes, cases, read_as};

const KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// Go's standard library, answering questions.
struct Go(tempfile::TempDir);

impl Go {
    /// Builds the program in `go/`; `None` where there is no Go.
    fn build() -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
        let out = tempfile::tempdir().unwrap();
        let built = command("go")
            .args(["build", "-buildvcs=false", "-o"])
            .arg(out.path().join("oracle"))
            .arg(".")
            .current_dir(source)
            .env("GOFLAGS", "")
            .env("GOPROXY", "off")
            .env("GOTOOLCHAIN", "local")
            .env("CGO_ENABLED", "0")
            .status();
        match built {
            Ok(status) => {
                assert!(status.success(), "the Go program of this test does not build");
                Some(Self(out))
            }
            Err(error) => {
                conformance::skipped(&format!(
                    "no `go` here ({error}); nothing was compared with Go"
                ));
                None
            }
        }
    }

    /// One answer per question: the text, or Go's error.
    fn ask(&self, questions: &[Value]) -> Vec<Result<String, String>> {
        let mut go = command(self.0.path().join("oracle"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = go.stdin.take().unwrap();
        let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
        let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
        let output = go.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success());
        let answers: Vec<_> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| {
                let answer: Value = serde_json::from_str(line).unwrap();
                let text = |name: &str| answer[name].as_str().unwrap().to_owned();
                if text("error").is_empty() { Ok(text("text")) } else { Err(text("error")) }
            })
            .collect();
        assert_eq!(answers.len(), questions.len());
        answers
    }
}

#[allow(clippy::disallowed_methods, reason = "the counterpart of this test is another process")]
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

fn body_question(kind: &str, body: &[u8]) -> Value {
    json!({ "ask": "body", "as": kind, "hex": hex::encode(body) })
}

/// Numbers that do not repeat themselves soon, the same on every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap()
    }
}

fn damage(body: &mut Vec<u8>, numbers: &mut Numbers) {
    const SPLINTERS: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\\u",
        b"0",
        b"-",
        b".",
        b"e",
        b"null",
        b"true",
        b" ",
        b"\n",
        b"\x00",
        b"\xff",
        b"\xe2\x80\xa8",
        b"\"type\":",
        b"x",
    ];
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(body.len() + 1);
        match numbers.below(3) {
            0 => body.truncate(at),
            1 if at < body.len() => drop(body.remove(at)),
            _ => {
                let splinter = SPLINTERS[numbers.below(SPLINTERS.len())];
                body.splice(at..at, splinter.iter().copied());
            }
        }
    }
}

/// Integers that a double cannot hold stay exact here, and are rounded in Go.
fn has_long_number(body: &[u8]) -> bool {
    body.chunk_by(|a, b| a.is_ascii_digit() && b.is_ascii_digit()).any(|run| run.len() > 15)
}

#[test]
fn go_still_reads_the_recorded_bodies_as_recorded() {
    let Some(go) = Go::build() else { return };
    let cases = cases();
    let questions: Vec<_> = cases
        .iter()
        .map(|case| body_question(case["as"].as_str().unwrap(), &case_bytes(case)))
        .collect();
    for (case, answer) in cases.iter().zip(go.ask(&questions)) {
        let recorded = match case["text"].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(case["error"].as_str().unwrap().to_owned()),
        };
        assert_eq!(answer, recorded, "{case}");
    }
}

#[test]
fn damaged_bodies_are_read_and_refused_as_go_does() {
    let Some(go) = Go::build() else { return };
    let mut numbers = Numbers(2);
    let seeds = cases();
    let damaged: Vec<(String, Vec<u8>)> = (0..20_000)
        .filter_map(|_| {
            let seed = &seeds[numbers.below(seeds.len())];
            let mut body = case_bytes(seed);
            damage(&mut body, &mut numbers);
            let kind = seed["as"].as_str().unwrap().to_owned();
            (!has_long_number(&body)).then_some((kind, body))
        })
        .collect();
    let questions: Vec<_> = damaged.iter().map(|(kind, body)| body_question(kind, body)).collect();
    for ((kind, body), answer) in damaged.iter().zip(go.ask(&questions)) {
        assert_eq!(read_as(kind, body), answer, "{kind}: {}", String::from_utf8_lossy(body));
    }
}

#[test]
fn damaged_base64_fails_at_the_byte_that_go_names() {
    let Some(go) = Go::build() else { return };
    let mut numbers = Numbers(3);
    let alphabet = b"QUFBQUFBQUFB=\n\r!/+";
    let texts: Vec<Vec<u8>> = (0..5_000)
        .map(|_| (0..numbers.below(24)).map(|_| alphabet[numbers.below(alphabet.len())]).collect())
        .collect();
    let questions: Vec<_> =
        texts.iter().map(|text| json!({ "ask": "base64", "hex": hex::encode(text) })).collect();
    let ring = Ring::from_keys([KEY]);
    let outer = "failed to decrypt with any key in the ring: base64 decode error: ";
    for (text, answer) in texts.iter().zip(go.ask(&questions)) {
        // The outer encoding is what the ring looks at first.
        let ours = ring.unseal_request(text).unwrap_err().to_string();
        let ours = ours.strip_prefix(outer).map(str::to_owned);
        assert_eq!(ours, answer.err(), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn go_opens_what_the_ring_seals_and_the_ring_opens_what_go_seals() {
    let Some(go) = Go::build() else { return };
    let ring = Ring::from_keys([KEY]);
    let key = str::from_utf8(KEY).unwrap();
    for (nonce, data) in [("", "{}"), ("n-1", "hello"), ("\u{fffd}-\"<&>", ""), ("n", "\u{0}x")] {
        let iv = [5; 12];
        let ours = if nonce.is_empty() {
            ring.seal_request(iv, data.as_bytes()).unwrap()
        } else {
            ring.seal_result(iv, nonce, data.as_bytes()).unwrap()
        };
        let answers = go.ask(&[
            json!({ "ask": "seal", "key": key, "nonce": nonce, "iv": hex::encode(iv),
                    "hex": hex::encode(data) }),
            json!({ "ask": "unseal", "key": key, "nonce": nonce, "hex": hex::encode(&ours) }),
        ]);
        assert_eq!(answers, [Ok(ours), Ok(hex::encode(data))]);
    }
}

#[test]
fn go_reads_a_job_that_expires_as_if_it_did_not() {
    let Some(go) = Go::build() else { return };
    let mut job = MasaJob { job_type: "web".to_owned(), ..MasaJob::default() };
    job.stamp("me", [1; 32], Some(1_800_000_000));
    let question = json!({ "ask": "job", "hex": hex::encode(job.to_json()) });
    job.expiry = None;
    assert_eq!(go.ask(&[question]), [Ok(String::from_utf8(job.to_json()).unwrap())]);
}

#[test]
fn go_verifies_the_signatures_that_are_recorded() {
    let Some(go) = Go::build() else { return };
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/setkey");
    let recorded: Vec<Value> =
        serde_json::from_str(include_str!("data/setkey/signatures.json")).unwrap();
    let questions: Vec<_> = recorded
        .iter()
        .map(|signature| {
            let signed = signature["signed"].as_str().unwrap();
            let raw = STANDARD.decode(signature["signature"].as_str().unwrap()).unwrap();
            let pem = read(&folder.join(signature["pem"].as_str().unwrap()));
            json!({ "ask": "pss", "pem": pem, "signed": signed, "hex": hex::encode(raw) })
        })
        .collect();
    for (signature, answer) in recorded.iter().zip(go.ask(&questions)) {
        assert_eq!(answer, Ok(String::new()), "{} {}", signature["pem"], signature["salt"]);
    }
}

#[allow(clippy::disallowed_methods, reason = "test data beside this file")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
