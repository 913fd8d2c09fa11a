//! The samples of guests/js/tests, in sandbox processes. guests/js/README.md has their form.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_sandbox::{Artefact, End, Ended, Form, Pool, Request, RunLimits, Services};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const NOW_MS: u64 = 1_700_000_000_000;

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/js")
}

#[allow(clippy::disallowed_methods, reason = "test data of the repository")]
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A length, a head, and what follows it.
fn frame(head: &Value, parts: &[&[u8]]) -> Bytes {
    let head = head.to_string();
    let mut bytes = u32::try_from(head.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend_from_slice(head.as_bytes());
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes.into()
}

fn split(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (head, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    Some((serde_json::from_slice(head).ok()?, rest))
}

/// The network that the samples expect.
#[derive(Default)]
struct Upstream {
    open: AtomicUsize,
    most_open: AtomicUsize,
}

#[async_trait]
impl Services for Upstream {
    async fn call(&self, request: Bytes) -> Bytes {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_open.fetch_max(open, Ordering::SeqCst);
        let (head, body) = split(&request).expect("a well-formed call");
        let url = head["url"].as_str().unwrap();
        let slow = url.strip_prefix("http://slow.test/").and_then(|ms| ms.parse().ok());
        tokio::time::sleep(Duration::from_millis(slow.unwrap_or(1))).await;
        let answer = match url {
            "http://fail.test/" => frame(
                &json!({"error": "fetch_refused", "message": "the address may not be reached"}),
                &[],
            ),
            _ => {
                let text = json!({
                    "body": String::from_utf8_lossy(body), "headers": head["headers"],
                    "method": head["method"], "redirect": head["redirect"], "url": url,
                });
                let body = match url {
                    "http://big.test/" => vec![b'x'; 3_000_000],
                    _ => text.to_string().into_bytes(),
                };
                let head = json!({
                    "status": 200, "status_text": "OK", "url": url, "redirected": false,
                    "headers": [["content-type", "application/json"], ["x-a", "1"], ["x-a", "2"]],
                });
                frame(&head, &[&body])
            }
        };
        self.open.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

async fn run(pool: &Pool, engine: &Artefact, source: &[u8], expected: &Value) -> (Ended, usize) {
    let job = &expected["job"];
    let request = &job["request"];
    let secret = job["secret"].as_str();
    let body = request["body"].as_str();
    let or = |value: &Value, default: Value| if value.is_null() { default } else { value.clone() };
    let head = json!({
        "source_len": source.len(),
        "secret_len": secret.map(str::len),
        "body_len": body.map(str::len),
        "memory_bytes": job["memory_bytes"].as_u64().unwrap_or(0),
        "evaluation": job["evaluation"],
        "trial": job["trial"],
        "request": {
            "method": or(&request["method"], "POST".into()),
            "url": or(&request["url"], "http://localhost/".into()),
            "headers": or(&request["headers"], json!([])),
        },
        "env": {
            "id": "job-1", "requester": "requester-1", "deadline_ms": NOW_MS + 60_000,
        },
    });
    let parts =
        [source, secret.unwrap_or_default().as_bytes(), body.unwrap_or_default().as_bytes()];
    let upstream = Arc::new(Upstream::default());
    let ended = pool.run(Request {
        tenant: "samples",
        share: "samples",
        artefact: engine,
        form: Form::Reactor { input: frame(&head, &parts) },
        limits: RunLimits {
            wall: Duration::from_secs(30),
            fuel: job["fuel"].as_u64().unwrap_or(1 << 40),
            memory_bytes: job["wasm_memory"].as_u64().unwrap_or(256 << 20),
            output_bytes: 16 << 20,
            log_bytes: 1 << 20,
            calls: job["calls"].as_u64().map_or(8, |calls| u32::try_from(calls).unwrap()),
            answer_bytes: 4 << 20,
        },
        seed: [7; 32],
        now_ms: NOW_MS,
        services: Arc::clone(&upstream) as Arc<dyn Services>,
        stop: CancellationToken::new(),
    });
    let ended = ended.await.expect("the process lives");
    (ended, upstream.most_open.load(Ordering::SeqCst))
}

/// Their last number is a time that passed. The clock is real here, and may show more.
const TIMED: [&str; 4] = [
    "clock-moves-with-timers.js",
    "fetch-can-be-aborted.js",
    "fetch-in-parallel.js",
    "fetch-times-out-by-signal.js",
];

/// Whether the texts are equal up to numbers that are at most so much larger.
fn is_later(found: &str, expected: &str) -> bool {
    let words = |text: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (found, expected) = (words(found), words(expected));
    found.len() == expected.len()
        && found.iter().zip(&expected).all(|(found, expected)| {
            match (found.parse::<u64>(), expected.parse::<u64>()) {
                (Ok(found), Ok(expected)) => (expected..=expected + 500).contains(&found),
                _ => found == expected,
            }
        })
}

/// What is not as expected.
fn differences(name: &str, ended: &Ended, most_open: usize, expected: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(trap) = expected["trap"].as_str() {
        if !format!("{:?}", ended.end).to_lowercase().contains(&trap.to_lowercase())
            && !matches!((&ended.end, trap), (End::OutOfFuel, "all fuel consumed"))
        {
            found.push(format!("a trap with {trap:?}, not {:?}", ended.end));
        }
        return found;
    }
    let Some((head, body)) = split(&ended.output) else {
        return vec![format!("no outcome: {:?}", ended.end)];
    };
    for (field, value) in expected["outcome"].as_object().into_iter().flatten() {
        match field.as_str() {
            "message_has" => {
                let message = head["message"].as_str().unwrap_or_default();
                if !message.contains(value.as_str().unwrap()) {
                    found.push(format!("message {message:?} without {value}"));
                }
            }
            _ if head[field] != *value => {
                found.push(format!("{field}: {} not {value}", head[field]))
            }
            _ => {}
        }
    }
    match &expected["body"] {
        Value::Null => {}
        value if TIMED.contains(&name) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let body = String::from_utf8_lossy(body);
            if !is_later(&body, &text) {
                found.push(format!("body {body} not {text}, or a little later"));
            }
        }
        Value::String(text) if body == text.as_bytes() => {}
        value if serde_json::from_slice::<Value>(body).is_ok_and(|body| body == *value) => {}
        value => found.push(format!("body {:?} not {value}", String::from_utf8_lossy(body))),
    }
    if let Some(lines) = expected["log"].as_array() {
        let log = String::from_utf8_lossy(&ended.log).into_owned();
        let all: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
        if log.trim_end_matches('\n') != all.join("\n") {
            found.push(format!("log {log:?} not {all:?}"));
        }
    }
    if let Some(most) = expected["most_open"].as_u64()
        && most_open as u64 != most
    {
        found.push(format!("{most_open} calls open at once, not {most}"));
    }
    found
}

struct Sample {
    name: String,
    source: Vec<u8>,
    expected: Value,
}

/// Those with an expectation of their own, and the tampered ones, before the same work.
fn samples() -> Vec<Sample> {
    let tests = guests().join("tests");
    let expected_of = |path: &Path| {
        serde_json::from_slice::<Value>(&read(&path.with_extension("expect.json"))).unwrap()
    };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let work = tests.join("at-work.js");
    let own = scripts(&tests).into_iter().map(|path| Sample {
        name: name(&path),
        source: read(&path),
        expected: expected_of(&path),
    });
    let tampered = scripts(&tests.join("tampered")).into_iter().map(|path| Sample {
        name: format!("tampered/{}", name(&path)),
        source: [read(&path), read(&work)].concat(),
        expected: expected_of(&work),
    });
    own.chain(tampered).collect()
}

#[allow(clippy::disallowed_methods, reason = "test data of the repository")]
fn scripts(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut scripts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|ending| ending == "js"));
    scripts.sort();
    scripts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_ends_as_it_is_expected_to() {
    let compiler = common::compiler();
    let engine = compiler.compile("share", read(&guests().join("js.wasm")).into()).await.unwrap();
    let mut config = common::config();
    (config.most.memory_bytes, config.most.output_bytes) = (1 << 30, 16 << 20);
    let pool = Pool::start(config).await.unwrap();
    let samples = samples();
    assert!(samples.len() >= 100, "{} samples", samples.len());
    let mut wrong = Vec::new();
    for Sample { name, source, expected } in &samples {
        let (ended, most_open) = run(&pool, &engine, source, expected).await;
        let found = differences(name, &ended, most_open, expected);
        wrong.extend(found.iter().map(|what| format!("{name}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
