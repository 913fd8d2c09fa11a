//! Results that are larger than any other body may be, through `/job/status` and `/job/result`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says why, and fails by panicking"
)]

mod common;
mod masa_support;

use common::{Answer, Open, connect, read_answer};
use masa_support::{FakeMasa, open_masa};
use sealwork_door_http::{ApiKey, DoorConfig};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

const MIB: usize = 1 << 20;
const JSON: &str = "\nContent-Type: application/json";

/// Bodies of 1 MiB, those of `/job/result` of 4; little memory for all of them.
fn config() -> DoorConfig {
    let mut config = DoorConfig::default();
    config.requests.body_bytes = MIB as u64;
    config.requests.result_body_bytes = 4 * MIB as u64;
    config.requests.bytes_in_flight = 2 * MIB as u64;
    config
}

/// A sealed job and the sealed text of its result.
async fn settled(door: &Open, worker: &FakeMasa, data: &str) -> (String, String) {
    settled_with(door, worker, "", data).await
}

/// The same of a job with an argument.
async fn settled_with(door: &Open, worker: &FakeMasa, query: &str, data: &str) -> (String, String) {
    let job = json!({"type": "twitter", "arguments": {"query": query}}).to_string();
    let sealed = door.send(&format!("POST /job/generate{JSON}"), &job).await;
    let add = json!({ "encrypted_job": sealed.text() }).to_string();
    assert_eq!(door.send(&format!("POST /job/add{JSON}"), &add).await.status, 200);
    worker.settle(worker.job(1), data, None);
    let status = door.send(&format!("GET /job/status/{}", worker.job(1)), "").await;
    assert_eq!((status.status, status.header("sealwork-way")), (200, "apify"));
    (sealed.text().to_owned(), status.text().to_owned())
}

async fn open(door: &Open, body: &str) -> Answer {
    door.send(&format!("POST /job/result{JSON}"), body).await
}

#[tokio::test]
async fn a_result_larger_than_other_bodies_may_be_is_opened() {
    let worker = FakeMasa::standalone();
    let door = open_masa(config(), &worker).await;
    let data = format!("[\"{}\"]", "é<&\n".repeat(MIB / 5));
    let (request, result) = settled(&door, &worker, &data).await;
    assert!(result.len() > 3 * MIB / 2);
    for body in [
        format!(r#"{{"encrypted_result":"{result}","encrypted_request":"{request}"}}"#),
        format!(r#"{{"Encrypted_Request":"{request}", "x":[1], "ENCRYPTED_RESULT":"{result}"}} "#),
    ] {
        let answer = open(&door, &body).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "text/plain; charset=UTF-8")
        );
        assert_eq!(answer.header("content-length"), data.len().to_string());
        assert!(answer.body == data.as_bytes());
    }
    let other = door.send(&format!("POST /job/add{JSON}"), &"x".repeat(2 * MIB)).await;
    assert_eq!(other.status, 413, "it is that route's alone");
    let larger = open(&door, &"x".repeat(5 * MIB)).await;
    assert_eq!((larger.status, &larger.json()["code"]), (413, &json!("body_too_large")));
    let _ = door.close().await;
}

/// Broken by lifting out whatever text is long: a program travels in the job.
#[tokio::test]
async fn a_large_result_of_a_large_job_is_opened() {
    let worker = FakeMasa::standalone();
    let mut config = config();
    config.requests.body_bytes = 2 * MIB as u64;
    config.requests.result_body_bytes = 8 * MIB as u64;
    config.requests.bytes_in_flight = 8 * MIB as u64;
    let door = open_masa(config, &worker).await;
    let data = "[1]".repeat(MIB / 2);
    let (request, result) = settled_with(&door, &worker, &"q".repeat(2 * MIB / 3), &data).await;
    assert!(request.len() > MIB && result.len() > 2 * MIB);
    for body in [
        format!(r#"{{"encrypted_request":"{request}","encrypted_result":"{result}"}}"#),
        format!(r#"{{"encrypted_result":"{result}","encrypted_request":"{request}"}}"#),
    ] {
        let answer = open(&door, &body).await;
        assert_eq!(answer.status, 200, "{}", &answer.text()[..200.min(answer.text().len())]);
        assert!(answer.body == data.as_bytes());
    }
    let _ = door.close().await;
}

/// Broken by one line for all callers: eight slow senders would keep everybody else's result closed.
#[tokio::test]
async fn one_caller_leaves_a_turn_to_open_a_large_result_to_others() {
    let worker = FakeMasa::standalone();
    let keys = ["alice", "bobby"].map(|name| ApiKey::from_secret(name, name.to_owned()).unwrap());
    let door = open_masa(DoorConfig { api_keys: keys.into(), ..config() }, &worker).await;
    let head = |name: &str, len: usize| {
        format!(
            "POST /job/result HTTP/1.1\r\nHost: x\r\nX-API-Key: {name}\r\n\
             Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n"
        )
    };
    let body = format!("{{\"encrypted_request\":\"{}\"}}", "A".repeat(5 * MIB / 4));
    let send = async |name: &str, body: &str, len: usize| {
        let mut stream = connect(door.address).await;
        stream.write_all(head(name, len).as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        stream
    };
    let mut held = Vec::new();
    for _ in 0..7 {
        held.push(send("alice", "", body.len()).await);
    }
    let refused = read_answer(&mut *send("alice", &body, body.len()).await, false).await.unwrap();
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("overloaded")));
    let opened = read_answer(&mut *send("bobby", &body, body.len()).await, false).await.unwrap();
    assert_ne!(opened.status, 503, "{}", opened.text());
    drop(held);
    let _ = door.close().await;
}

#[tokio::test]
async fn nothing_is_given_of_a_large_result_that_does_not_open() {
    let worker = FakeMasa::standalone();
    let door = open_masa(config(), &worker).await;
    let (request, result) = settled(&door, &worker, &"[1]".repeat(MIB / 3)).await;
    let mut changed = result.clone().into_bytes();
    // A character that stays one of base64's after both decodings, near the end.
    let at = changed.len() - 400;
    changed[at] = if changed[at] == b'T' { b'U' } else { b'T' };
    let changed = String::from_utf8(changed).unwrap();
    let body = |result: &str| {
        json!({"encrypted_result": result, "encrypted_request": request}).to_string()
    };
    let half = &result[..5 * MIB / 4];
    for (body, status, code, text) in [
        (body(&changed), 500, "envelope_tampered", "error while unsealing the job result: failed"),
        (body(&result[..result.len() - 400]), 500, "envelope_tampered", "error while unsealing"),
        (body(&format!("{result}!")), 500, "envelope_malformed", "error while unsealing"),
        (body(&format!("{result}\n")), 400, "request_malformed", "a text of more than"),
        (json!({"encrypted_result": result}).to_string(), 500, "envelope_tampered", "error while"),
        (
            json!({"encrypted_request": result}).to_string(),
            400,
            "request_malformed",
            "the body has",
        ),
        (
            json!({"a": half, "b": half, "c": half}).to_string(),
            400,
            "request_malformed",
            "the body has",
        ),
        (format!("{{\"encrypted_result\":\"{result}\","), 400, "request_malformed", "code=400"),
    ] {
        let answer = open(&door, &body).await;
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{error}");
        assert!(error.starts_with(text), "{error}");
    }
    let _ = door.close().await;
}
