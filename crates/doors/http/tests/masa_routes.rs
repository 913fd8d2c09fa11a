//! Masa's routes where no exchange of a client shows them: refusals of the worker, callers, cursors,
//! hostile bodies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says why, and fails by panicking"
)]

mod common;
mod masa_support;

use std::{sync::Arc, time::Duration};

use common::{KEY, connect, read_answer, with_key};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use masa_support::{FakeMasa, TELEMETRY, open_masa};
use proptest::prelude::*;
use sealwork_door_http::{DoorConfig, Health, masa};
use sealwork_job::{Code, Refusal, Timestamp};
use sealwork_platform::sim::SimClock;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tower::ServiceExt as _;

const JSON: &str = "\nContent-Type: application/json";

#[tokio::test]
async fn what_the_worker_refuses_is_answered_with_its_code_and_when_to_come_back() {
    let worker = FakeMasa::standalone();
    let door = open_masa(DoorConfig::default(), &worker).await;
    for (code, message, status, text, retry_after) in [
        (Code::QueueFull, "the queue holds 10 jobs", 503, "the queue holds 10 jobs", "1"),
        (Code::QuotaExceeded, "10 jobs are pending", 429, "10 jobs are pending", "1"),
        (Code::Draining, "stopping", 503, "stopping", "5"),
        (Code::StoreUnavailable, "the disk is full", 503, "the disk is full", "5"),
        (Code::JobExpired, "it expired", 400, "it expired", ""),
        (Code::Internal, "a defect", 500, "a defect", ""),
        (Code::JobMalformed, "EOF", 500, "Error while decrypting job: EOF", ""),
        (Code::JobReplayed, "known", 500, "job already executed", ""),
    ] {
        *worker.refuse.lock().unwrap() = Some(Refusal::new(code, message));
        let answer = door.send(&format!("POST /job/add{JSON}"), "{}").await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, retry_after), "{code}");
        assert_eq!(
            answer.json(),
            json!({ "error": text, "code": code.as_str(), "retryable": code.retryable() })
        );
    }
    let mut refusal = Refusal::new(Code::QueueFull, "full");
    refusal.retry_after = Some(Duration::from_millis(6500));
    *worker.refuse.lock().unwrap() = Some(refusal);
    let answer = door.send(&format!("POST /job/add{JSON}"), "{}").await;
    assert_eq!(answer.header("retry-after"), "7");
    let _ = door.close().await;
}

#[tokio::test]
async fn the_worker_learns_whose_key_a_job_came_with() {
    let worker = FakeMasa::standalone();
    let door = open_masa(with_key(), &worker).await;
    let head = format!("POST /job/add\nAuthorization: Bearer {KEY}{JSON}");
    assert_eq!(door.send(&head, "{}").await.status, 500);
    let caller = worker.callers.lock().unwrap()[0].clone();
    assert_eq!(caller.requester.as_str(), "api-key:alice");
    let _ = door.close().await;
}

#[tokio::test]
async fn a_telemetry_job_is_done_when_add_answers() {
    let worker = FakeMasa::standalone();
    let door = open_masa(DoorConfig::default(), &worker).await;
    let sealed = door.send(&format!("POST /job/generate{JSON}"), "{\"type\":\"telemetry\"}").await;
    let add = json!({ "encrypted_job": sealed.text() }).to_string();
    let uid = door.send(&format!("POST /job/add{JSON}"), &add).await.json();
    let status = door.send(&format!("GET /job/status/{}", uid["uid"].as_str().unwrap()), "").await;
    assert_eq!(status.status, 200);
    let both = json!({ "encrypted_result": status.text(), "encrypted_request": sealed.text() });
    let result = door.send(&format!("POST /job/result{JSON}"), &both.to_string()).await;
    assert_eq!(result.text(), TELEMETRY);
    let _ = door.close().await;
}

#[tokio::test]
async fn a_cursor_that_no_header_can_carry_is_left_out_and_the_result_is_not() {
    let worker = FakeMasa::standalone();
    let door = open_masa(DoorConfig::default(), &worker).await;
    let sealed = door.send(&format!("POST /job/generate{JSON}"), "{\"type\":\"web\"}").await;
    let add = json!({ "encrypted_job": sealed.text() }).to_string();
    assert_eq!(door.send(&format!("POST /job/add{JSON}"), &add).await.status, 200);
    worker.settle(worker.job(1), "[]", Some("a\r\nset-cookie: b"));
    let status = door.send(&format!("GET /job/status/{}", worker.job(1)), "").await;
    assert_eq!((status.status, status.header("set-cookie")), (200, ""));
    assert_eq!(status.header("sealwork-next-cursor"), "");
    let _ = door.close().await;
}

#[tokio::test]
async fn no_body_is_zero_values_and_an_empty_one_in_chunks_is_read_as_its_type_says() {
    let door = open_masa(DoorConfig::default(), &FakeMasa::standalone()).await;
    assert_eq!(door.send("POST /job/generate", "").await.status, 200);
    for (media_type, status, error) in [
        ("\r\nContent-Type: application/json", 400, "code=400, message=EOF, internal=EOF"),
        ("", 400, "code=415, message=Unsupported Media Type"),
        ("\r\nContent-Type: application/x-www-form-urlencoded", 200, ""),
    ] {
        let mut stream = connect(door.address).await;
        let request = format!(
            "POST /job/generate HTTP/1.1\r\nHost: x{media_type}\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_answer(&mut *stream, false).await.unwrap();
        assert_eq!(answer.status, status, "{media_type}");
        assert!(status == 200 || answer.json()["error"] == error, "{}", answer.text());
    }
    let _ = door.close().await;
}

#[tokio::test]
async fn head_is_answered_without_a_media_type() {
    let door = open_masa(DoorConfig::default(), &FakeMasa::standalone()).await;
    for (path, status) in [("/job/add", 405), ("/healthz", 405), ("/nothing", 404)] {
        let mut stream = connect(door.address).await;
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_answer(&mut *stream, true).await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (status, ""), "{path}");
    }
    let _ = door.close().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let mut config = DoorConfig::default();
    config.requests.body_bytes = 1000;
    let door = open_masa(config, &FakeMasa::standalone()).await;
    let answer = door.send(&format!("POST /job/generate{JSON}"), &"x".repeat(1001)).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["code"], "body_too_large");
    let _ = door.close().await;
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let field = proptest::sample::select(vec![
        "type",
        "arguments",
        "encrypted_job",
        "encrypted_result",
        "encrypted_request",
        "key",
        "signature",
        "timeout",
    ]);
    let value = prop_oneof![
        "[ -~]{0,40}".prop_map(|text| json!(text)),
        "[A-Za-z0-9+/=]{0,60}".prop_map(|text| json!(text)),
        any::<i64>().prop_map(|int| json!(int)),
        Just(Value::Null),
        Just(json!({ "a": [1, {}] })),
    ];
    let object = proptest::collection::vec((field, value), 0..4).prop_map(|members| {
        let members = members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        Value::Object(members).to_string().into_bytes()
    });
    prop_oneof![object, proptest::collection::vec(any::<u8>(), 0..200)]
}

proptest! {
    #[test]
    fn no_body_goes_without_a_coded_answer(
        body in hostile(),
        path in proptest::sample::select(vec![
            "/job/generate", "/job/add", "/job/result", "/setkey",
        ]),
        in_fleet: bool,
    ) {
        let worker = if in_fleet { FakeMasa::in_fleet(Some("key")) } else { FakeMasa::standalone() };
        let clock = Arc::new(SimClock::at(Timestamp(0)));
        let routes = masa::routes(worker, Health::new(clock));
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(axum::body::Body::from(body))
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (status, body) = runtime.block_on(async {
            let response = routes.oneshot(request).await.unwrap();
            let status = response.status();
            (status, response.into_body().collect().await.unwrap().to_bytes())
        });
        if status != StatusCode::OK && status != StatusCode::NOT_FOUND {
            let body: Value = serde_json::from_slice(&body).unwrap();
            prop_assert!(body["code"].is_string() && body["retryable"].is_boolean());
        }
    }

    #[test]
    fn no_id_is_mistaken_for_a_job(id in "[^/?#]{1,60}") {
        let clock = Arc::new(SimClock::at(Timestamp(0)));
        let routes = masa::routes(FakeMasa::standalone(), Health::new(clock));
        let Ok(request) = Request::get(format!("/job/status/{id}")).body(axum::body::Body::empty())
        else {
            return Ok(());
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let response = runtime.block_on(routes.oneshot(request)).unwrap();
        prop_assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
