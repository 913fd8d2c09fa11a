//! The routes of `/v1`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{KEY, Open, TOKEN, open, with_key};
use sealwork_door_http::DoorConfig;
use sealwork_job::JobId;

async fn submitted(door: &Open) -> JobId {
    let answer = door.send("POST /v1/jobs", "an envelope").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["job_id"].as_str().unwrap().parse().unwrap()
}

fn with_token(line: &str) -> String {
    format!("{line}\nSealwork-Token: {TOKEN}")
}

#[tokio::test]
async fn a_submitted_envelope_reaches_the_worker_unchanged_under_the_name_of_its_key() {
    let door = open(with_key()).await;
    let head = format!(
        "POST /v1/jobs\nAuthorization: Bearer {KEY}\nContent-Type: application/octet-stream; x=y"
    );
    let answer = door.send(&head, "\0an envelope\n").await;
    assert_eq!(answer.status, 202);
    let job = answer.json()["job_id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/v1/jobs/{job}"));
    assert_eq!(answer.json()["state"], "accepted");
    assert_eq!(answer.json()["accepted_at"], 1000);
    let seen = door.worker.seen.lock().unwrap();
    assert_eq!(seen[0].0, "\0an envelope\n");
    assert_eq!(seen[0].1.requester.as_str(), "api-key:alice");
}

#[tokio::test]
async fn refusals_are_problem_documents_with_status_hint_and_when_to_come_back() {
    let door = open(DoorConfig::default()).await;
    for (body, status, code, retry) in [
        ("malformed", 400, "envelope_malformed", ""),
        ("replayed", 409, "job_replayed", ""),
        ("full", 503, "queue_full", "7"),
    ] {
        let answer = door.send("POST /v1/jobs", body).await;
        let problem = answer.json();
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("retry-after"), retry);
        assert_eq!(problem["code"], code);
        assert_eq!(problem["type"], format!("urn:sealwork:error:{code}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["instance"], "/v1/jobs");
        assert_eq!(problem["retryable"], code == "queue_full");
        assert!(problem["hint"].as_str().unwrap().len() > 10);
        assert_eq!(problem["job_id"].is_string(), code == "job_replayed");
    }
    let typed = door.send("POST /v1/jobs\nContent-Type: application/json", "{}").await;
    assert_eq!((typed.status, &typed.json()["code"]), (415, &"media_type_unsupported".into()));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problem_documents_below_v1_and_masas_elsewhere() {
    let door = open(DoorConfig::default()).await;
    for (head, status, code) in [
        ("GET /v1/nothing", 404, "route_unknown"),
        ("GET /v1", 404, "route_unknown"),
        ("GET /v1/jobs", 405, "method_not_allowed"),
        ("PUT /v1/keys", 405, "method_not_allowed"),
        ("GET /v1/jobs/not-an-id", 404, "job_unknown"),
    ] {
        let answer = door.send(head, "").await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{head}");
        assert_eq!(answer.header("allow").is_empty(), status != 405, "{head}");
    }
    let other = door.send("GET /nothing", "").await;
    assert_eq!((other.status, other.text()), (404, "{\"message\":\"Not Found\"}\n"));
    assert_eq!(other.header("content-type"), "application/json");
}

#[tokio::test]
async fn status_cancel_and_result_need_the_jobs_token_and_the_receipt_does_not() {
    let door = open(DoorConfig::default()).await;
    let job = submitted(&door).await;
    let wrong = TOKEN.replace('a', "c");
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/result")] {
        let line = format!("{method} /v1/jobs/{job}{path}");
        for head in [
            line.clone(),
            format!("{line}\nSealwork-Token: {wrong}"),
            format!("{line}\nSealwork-Token: xyz"),
        ] {
            let answer = door.send(&head, "").await;
            assert_eq!(answer.status, 401, "{head}");
            assert_eq!(answer.json()["code"], "token_invalid", "{head}");
        }
    }
    door.worker.settle(job);
    let receipt = door.send(&format!("GET /v1/jobs/{job}/receipt"), "").await;
    assert_eq!((receipt.status, receipt.text()), (200, "e30.e30.c2ln"));
    assert_eq!(receipt.header("content-type"), "application/eat+jwt");
}

#[tokio::test]
async fn receipts_are_listed_from_a_number_on_and_each_is_found_by_its_own() {
    let door = open(DoorConfig::default()).await;
    let page = door.send("GET /v1/receipts?limit=2", "").await;
    assert_eq!(
        (page.status, page.json()),
        (
            200,
            serde_json::json!({"next": 7, "receipts": [
                {"sequence": 5, "receipt": "e30.5.c2ln"},
                {"sequence": 6, "receipt": "e30.6.c2ln"},
            ]})
        )
    );
    let rest = door.send("GET /v1/receipts?from=7&limit=5000", "").await.json();
    assert_eq!((rest["receipts"].as_array().unwrap().len(), &rest["next"]), (1000, &1007.into()));
    let end = door.send("GET /v1/receipts?from=1500", "").await;
    assert_eq!(end.json(), serde_json::json!({"next": 1500, "receipts": []}));
    let wrong = door.send("GET /v1/receipts?from=first", "").await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (400, &"request_malformed".into()));

    let one = door.send("GET /v1/receipts/6", "").await;
    assert_eq!((one.status, one.text()), (200, "e30.6.c2ln"));
    assert_eq!(one.header("content-type"), "application/eat+jwt");
    // The port answers with the next one that is kept; that is not the one asked for.
    for path in ["/v1/receipts/4", "/v1/receipts/1500", "/v1/receipts/-1", "/v1/receipts/x"] {
        let none = door.send(&format!("GET {path}"), "").await;
        assert_eq!((none.status, &none.json()["code"]), (404, &"receipt_unknown".into()), "{path}");
    }
}

#[tokio::test]
async fn a_long_poll_answers_when_the_job_settles_and_the_result_names_its_receipt() {
    let door = open(DoorConfig::default()).await;
    let job = submitted(&door).await;
    let early = door.send(&with_token(&format!("GET /v1/jobs/{job}/result")), "").await;
    assert_eq!((early.status, early.header("retry-after")), (409, "1"));
    assert_eq!(early.json()["code"], "not_settled");

    let line = with_token(&format!("GET /v1/jobs/{job}?wait=60&unknown=1"));
    let (status, ()) = tokio::join!(door.send(&line, ""), async {
        door.worker.until_waiting(1).await;
        door.worker.settle(job);
    });
    let status = status.json();
    assert_eq!(status["job_id"], job.to_string());
    assert_eq!((&status["state"], &status["code"]), (&"settled".into(), &"ok".into()));
    assert_eq!((&status["engine"], &status["settled_at"]), (&"web".into(), &2000.into()));
    assert_eq!((&status["accepted_at"], &status["expires_at"]), (&1000.into(), &9000.into()));

    let result = door.send(&with_token(&format!("GET /v1/jobs/{job}/result?wait=60")), "").await;
    assert_eq!((result.status, result.text()), (200, "SWR1 sealed"));
    assert_eq!(result.header("content-type"), "application/octet-stream");
    assert_eq!(result.header("sealwork-receipt-digest"), "cd".repeat(32));
    assert_eq!(result.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_wait_that_ends_before_the_job_says_where_it_stands() {
    let door = open(DoorConfig::default()).await;
    let job = submitted(&door).await;
    let answer = door.send(&with_token(&format!("GET /v1/jobs/{job}?wait=1")), "").await;
    assert_eq!((answer.status, &answer.json()["state"]), (200, &"accepted".into()));
    let wrong = door.send(&with_token(&format!("GET /v1/jobs/{job}?wait=soon")), "").await;
    assert_eq!((wrong.status, &wrong.json()["code"]), (400, &"request_malformed".into()));
}

#[tokio::test]
async fn a_job_is_cancelled_once_by_post_or_by_delete() {
    let door = open(DoorConfig::default()).await;
    for line in ["DELETE /v1/jobs/ID", "POST /v1/jobs/ID/cancel"] {
        let job = submitted(&door).await;
        let line = with_token(&line.replace("ID", &job.to_string()));
        let first = door.send(&line, "").await;
        assert_eq!((first.status, &first.json()["code"]), (200, &"cancelled".into()));
        let again = door.send(&line, "").await;
        assert_eq!((again.status, &again.json()["code"]), (409, &"already_settled".into()));
    }
}

#[tokio::test]
async fn keys_capabilities_and_the_description_are_json() {
    let door = open(DoorConfig::default()).await;
    let keys = door.send("GET /v1/keys", "").await;
    assert_eq!((keys.status, keys.text()), (200, "{\"version\":1}"));
    let capabilities = door.send("GET /v1/capabilities", "").await.json();
    assert_eq!(
        capabilities,
        serde_json::json!({"engines": [{
            "name": "web", "operations": ["scraper"], "rerun": "idempotent",
            "limits": {"wall_ms": 300_000},
        }]})
    );
    assert_eq!(door.send("GET /v1/openapi.json", "").await.json()["openapi"], "3.1.0");
}
