//! `/healthz` and `/readyz`: what counts, and what does not (reference 4.6, Appendix A).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says why, and fails by panicking"
)]

mod common;
mod masa_support;

use common::{Open, with_key};
use masa_support::{FakeMasa, open_masa};
use sealwork_door_http::DoorConfig;
use sealwork_job::{Code, Refusal};
use serde_json::{Value, json};

const JSON: &str = "\nContent-Type: application/json";

async fn post(door: &Open, path: &str, body: &str) -> u16 {
    door.send(&format!("POST {path}{JSON}"), body).await.status
}

/// Whether the worker is ready, and how many errors and successes it has counted.
async fn ready(door: &Open) -> (u16, u64, u64) {
    let answer = door.send("GET /readyz", "").await;
    let body: Value = answer.json();
    assert_eq!(body["ready"], json!(answer.status == 200));
    let stats = &body["checks"]["stats"];
    let count = |name: &str| stats[name].as_u64().unwrap();
    assert_eq!(count("total_count"), count("error_count") + count("success_count"));
    (answer.status, count("error_count"), count("success_count"))
}

#[tokio::test]
async fn a_worker_that_only_fails_is_not_ready_after_a_sample_of_requests() {
    let door = open_masa(DoorConfig::default(), &FakeMasa::in_fleet(None)).await;
    for failures in 0..20 {
        assert_eq!(ready(&door).await, (200, failures, 0));
        assert_eq!(post(&door, "/job/generate", "{}").await, 500);
    }
    assert_eq!(ready(&door).await, (503, 20, 0));
    let body = door.send("GET /readyz", "").await.json();
    assert_eq!(body["checks"]["error_rate"], "unhealthy");
    assert_eq!(body["checks"]["job_server"], "ok");
    assert_eq!(body["checks"]["stats"]["error_rate"], json!(1));
    assert_eq!(door.send("GET /healthz", "").await.status, 200);
    let _ = door.close().await;
}

#[tokio::test]
async fn failed_jobs_pending_polls_and_mistakes_of_clients_say_nothing_about_the_worker() {
    let worker = FakeMasa::standalone();
    let door = open_masa(DoorConfig::default(), &worker).await;
    let sealed = door.send(&format!("POST /job/generate{JSON}"), "{\"type\":\"web\"}").await;
    let add = json!({ "encrypted_job": sealed.text() }).to_string();
    assert_eq!(post(&door, "/job/add", &add).await, 200);
    assert_eq!(ready(&door).await, (200, 0, 2));
    let poll = format!("GET /job/status/{}", worker.job(1));
    for _ in 0..30 {
        assert_eq!(door.send(&poll, "").await.status, 404);
        assert_eq!(post(&door, "/job/add", &add).await, 500, "a replay");
        assert_eq!(post(&door, "/job/add", "{\"encrypted_job\":\"!\"}").await, 500);
        assert_eq!(post(&door, "/job/result", "{}").await, 500);
        assert_eq!(post(&door, "/job/generate", "[]").await, 400);
        assert_eq!(door.send("GET /job/nowhere", "").await.status, 404);
        assert_eq!(door.send("GET /job/add", "").await.status, 405);
    }
    worker.fail(worker.job(1), Code::HostNotFound, "no such host");
    for _ in 0..30 {
        assert_eq!(door.send(&poll, "").await.status, 500);
    }
    assert_eq!(ready(&door).await, (200, 0, 2));
    let _ = door.close().await;
}

#[tokio::test]
async fn a_full_queue_and_a_broken_disk_count_as_errors() {
    let worker = FakeMasa::standalone();
    let door = open_masa(DoorConfig::default(), &worker).await;
    for code in [Code::QueueFull, Code::StoreUnavailable, Code::Internal] {
        *worker.refuse.lock().unwrap() = Some(Refusal::new(code, "not now"));
        assert!(post(&door, "/job/add", "{}").await >= 500);
    }
    *worker.refuse.lock().unwrap() = Some(Refusal::new(Code::QuotaExceeded, "too many"));
    assert_eq!(post(&door, "/job/add", "{}").await, 429);
    assert_eq!(ready(&door).await, (200, 3, 0));
    let _ = door.close().await;
}

#[tokio::test]
async fn jobs_of_the_other_routes_count_as_well() {
    let door = open_masa(DoorConfig::default(), &FakeMasa::standalone()).await;
    let submit = "POST /v1/jobs\nContent-Type: application/octet-stream";
    assert_eq!(door.send(submit, "an envelope").await.status, 202);
    assert_eq!(ready(&door).await, (200, 0, 1));
    // The client's mistake, then the worker's.
    assert_eq!(door.send(submit, "malformed").await.status, 400);
    assert_eq!(ready(&door).await, (200, 0, 1));
    assert_eq!(door.send(submit, "full").await.status, 503);
    assert_eq!(ready(&door).await, (200, 1, 1));
    let _ = door.close().await;
}

#[tokio::test]
async fn a_worker_that_is_about_to_stop_is_not_ready() {
    let worker = FakeMasa::standalone();
    *worker.draining.lock().unwrap() = true;
    let door = open_masa(DoorConfig::default(), &worker).await;
    let answer = door.send("GET /readyz", "").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["checks"]["job_server"], "draining");
    assert_eq!(answer.json()["checks"]["error_rate"], "healthy");
    let _ = door.close().await;
}

#[tokio::test]
async fn a_worker_whose_clock_is_behind_the_time_it_has_seen_is_not_ready() {
    let worker = FakeMasa::standalone();
    *worker.clock_behind.lock().unwrap() = true;
    let door = open_masa(DoorConfig::default(), &worker).await;
    let answer = door.send("GET /readyz", "").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["checks"]["job_server"], "clock_behind");
    let _ = door.close().await;
}

#[tokio::test]
async fn health_needs_no_key_and_refused_keys_are_not_counted() {
    let door = open_masa(with_key(), &FakeMasa::standalone()).await;
    assert_eq!(door.send("GET /healthz", "").await.status, 200);
    for _ in 0..25 {
        assert_eq!(post(&door, "/job/generate", "{}").await, 401);
    }
    assert_eq!(ready(&door).await, (200, 0, 0));
    let _ = door.close().await;
}
