//! The job type `program` on Masa's routes, as its clients go through them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::{thread, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::Worker;

const TWICE: &str = "export default { async fetch(request) { const { num } = await request.json(); \
                     return new Response(String(num * 2)) } }";
const THROWS: &str = "export default { fetch() { throw new Error('no') } }";
/// Writes its input back.
const ECHO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (i32.store (i32.const 0) (i32.const 1000))
        (i32.store (i32.const 4) (i32.const 1000))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i32.store (i32.const 4) (i32.load (i32.const 8)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// Seals a job, submits it, and asks until it has settled: the sealed job, and the last answer.
fn settle(worker: &Worker, arguments: &Value) -> (String, (u16, String)) {
    let job = json!({ "type": "program", "arguments": arguments });
    let (status, sealed) = worker.http("POST /job/generate", &job.to_string());
    assert_eq!(status, 200, "{sealed}");
    let (status, added) = add(worker, &sealed);
    assert_eq!(status, 200, "{added}");
    let added: Value = serde_json::from_str(&added).unwrap();
    let path = format!("GET /job/status/{}", added["uid"].as_str().unwrap());
    let asked = (0..1800).map(|_| worker.http(&path, "")).find(|(status, _)| {
        let is_settled = *status != 404;
        if !is_settled {
            thread::sleep(Duration::from_millis(100));
        }
        is_settled
    });
    (sealed, asked.expect("the job does not settle"))
}

fn add(worker: &Worker, sealed: &str) -> (u16, String) {
    worker.http("POST /job/add", &json!({ "encrypted_job": sealed }).to_string())
}

#[test]
fn a_program_is_generated_added_settled_and_opened_on_masas_routes() {
    let worker = Worker::start(&[]);
    let echo = STANDARD.encode(wat::parse_str(ECHO).unwrap());
    for (arguments, expected) in [
        (json!({ "program": { "javascript": TWICE }, "input": { "num": 21 } }), "42"),
        (json!({ "program": { "wasm_base64": echo }, "input": "hello" }), "hello"),
    ] {
        let (sealed, (status, result)) = settle(&worker, &arguments);
        assert_eq!(status, 200, "{result}");
        let both = json!({ "encrypted_result": result, "encrypted_request": sealed });
        assert_eq!(worker.http("POST /job/result", &both.to_string()), (200, expected.to_owned()));
        let (status, again) = add(&worker, &sealed);
        assert_eq!(status, 500);
        assert!(again.contains("job already executed"), "{again}");
    }
    for (arguments, code) in [
        (json!({ "program": { "javascript": THROWS } }), "program_threw"),
        (json!({ "program": { "python": "x" } }), "arguments_invalid"),
        (json!({}), "arguments_invalid"),
    ] {
        let (_, (status, answer)) = settle(&worker, &arguments);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, &answer["code"]), (500, &json!(code)), "{answer}");
        assert!(answer["error"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }
    // Each has a receipt, as every other job.
    let (status, receipts) = worker.http("GET /v1/receipts", "");
    let receipts: Value = serde_json::from_str(&receipts).unwrap();
    assert_eq!((status, receipts["receipts"].as_array().map(Vec::len)), (200, Some(5)));
}
