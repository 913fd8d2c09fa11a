//! Who may call what: without credentials nothing but the public list, in any way of asking.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{Answer, KEY, open, open_with, open_with_admin, with_key};
use sealwork_door_http::{
    ApiKey, Cors, DoorConfig, DoorParts, LogLevel, MetricsPage, is_public, v1::openapi_json,
};
use sealwork_platform::UnixAcceptor;

const MASA_401: &str = "{\"message\":\"missing or invalid API key\"}\n";

/// Every operation of the description, and Masa's and the debug routes.
fn operations() -> Vec<(String, String)> {
    let description: serde_json::Value = serde_json::from_str(openapi_json()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "00000000-0000-4000-8000-000000000000");
        let path = path.replace("{sequence}", "7").replace("{digest}", &"ab".repeat(32));
        assert!(!path.contains('{'), "{path}");
        for method in methods.as_object().unwrap().keys() {
            all.push((method.to_uppercase(), path.clone()));
        }
    }
    let others = [
        "POST /job/generate",
        "POST /job/add",
        "GET /job/status/x",
        "POST /job/result",
        "POST /setkey",
        "GET /healthz",
        "GET /readyz",
        "PUT /debug/loglevel?level=debug",
        "POST /debug/pprof/enable",
        "POST /debug/pprof/disable",
        "GET /debug/pprof/",
        "GET /debug/pprof/profile?seconds=1",
        "GET /debug/pprof/heap",
        "GET /debug/pprof/allocs",
        "GET /debug/pprof/block",
        "GET /debug/pprof/goroutine",
        "GET /debug/pprof/mutex",
        "GET /debug/pprof/threadcreate",
        "GET /debug/pprof/cmdline",
        "GET /debug/pprof/symbol",
        "POST /debug/pprof/symbol",
        "GET /debug/pprof/trace",
        "GET /metrics",
        "GET /debug",
        "GET /debug/unknown",
        "GET /metrics/",
        "GET /",
        "GET /v1",
        "GET /v1/unknown",
        "OPTIONS /job/add",
        "GET /job/add",
        "HEAD /v1/capabilities",
        "GET //v1/keys",
        "GET /v1/keys/",
        "GET /healthz/",
        "GET /v1/evidences",
        "GET /v1/key-configs",
    ];
    all.extend(others.iter().map(|line| {
        let (method, path) = line.split_once(' ').unwrap();
        (method.to_owned(), path.to_owned())
    }));
    all
}

/// A door that has every route.
fn with_everything(parts: &mut DoorParts) {
    parts.metrics = Some(MetricsPage::install().unwrap());
    parts.profiler = Some(std::sync::Arc::new(common::FakeProfiler));
    parts.profiling = true;
}

const ADMIN: &str = "the-key-of-the-admin";

fn admin_key() -> ApiKey {
    ApiKey::from_secret("admin", ADMIN.to_owned()).unwrap()
}

fn is_admins(path: &str) -> bool {
    path == "/metrics" || path == "/debug" || path.starts_with("/debug/")
}

/// Whether it is not the API key that is wrong; a job's token may be.
fn passed_the_door(answer: &Answer) -> bool {
    answer.status != 401 || answer.json()["code"] == "token_invalid"
}

#[tokio::test]
async fn without_a_key_everything_but_the_public_list_is_401() {
    let door = open_with(with_key(), with_everything).await;
    let operations = operations();
    assert!(operations.len() > 30);
    for (method, path) in operations {
        for credentials in ["", "\nAuthorization: Bearer wrong", "\nX-API-Key: wrong"] {
            let answer = door.send(&format!("{method} {path}{credentials}"), "").await;
            if is_public(&path) {
                assert_eq!(answer.status, 200, "{method} {path}");
                continue;
            }
            assert_eq!(answer.status, 401, "{method} {path}");
            if method == "HEAD" {
                continue;
            }
            if path == "/v1" || path.starts_with("/v1/") || path == "/metrics" {
                assert_eq!(answer.json()["code"], "unauthorized", "{method} {path}");
                assert_eq!(answer.header("content-type"), "application/problem+json");
                assert!(answer.header("www-authenticate").starts_with("Bearer"));
            } else {
                assert_eq!(answer.text(), MASA_401, "{method} {path}");
                assert_eq!(answer.header("content-type"), "application/json");
            }
        }
    }
    assert!(door.worker.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_key_that_is_no_admins_gets_403_on_debug_and_metrics_and_nowhere_else() {
    let config = DoorConfig { admin_key: Some(admin_key()), ..with_key() };
    let door = open_with(config, with_everything).await;
    for (method, path) in operations() {
        let answer = door.send(&format!("{method} {path}\nX-API-Key: {KEY}"), "").await;
        assert_eq!(answer.status == 403, is_admins(&path), "{method} {path}: {}", answer.status);
        assert!(passed_the_door(&answer), "{method} {path}: {}", answer.status);
        if answer.status == 403 {
            assert_eq!(answer.json()["code"], "forbidden", "{method} {path}");
            let is_problem = answer.header("content-type") == "application/problem+json";
            assert_eq!(is_problem, path == "/metrics", "{method} {path}");
            assert_eq!(answer.json()["error"].is_string(), path != "/metrics", "{method} {path}");
        }
        let answer = door.send(&format!("{method} {path}\nX-API-Key: {ADMIN}"), "").await;
        let admitted = answer.status != 403 && passed_the_door(&answer);
        assert!(admitted, "{method} {path}: {}", answer.status);
    }
    assert_eq!(*door.level.0.lock().unwrap(), Some(LogLevel::Debug), "the admin has set it");
}

#[tokio::test]
async fn with_an_admin_key_alone_jobs_stay_open_and_debug_and_metrics_do_not() {
    let config = DoorConfig { admin_key: Some(admin_key()), ..DoorConfig::default() };
    let door = open_with(config, with_everything).await;
    for (method, path) in operations() {
        let answer = door.send(&format!("{method} {path}"), "").await;
        assert_eq!(answer.status == 403, is_admins(&path), "{method} {path}: {}", answer.status);
        assert!(passed_the_door(&answer), "{method} {path}: {}", answer.status);
    }
    let page = door.send(&format!("GET /metrics\nAuthorization: Bearer {ADMIN}"), "").await;
    assert_eq!(page.status, 200);
    let open = open_with(DoorConfig::default(), with_everything).await;
    assert_eq!(open.send("GET /metrics", "").await.status, 200, "without any key all is open");
}

#[tokio::test]
async fn the_admin_s_listener_has_debug_metrics_and_health_without_a_key_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("admin.sock");
    let socket = UnixAcceptor::bind(&path).unwrap();
    let config = DoorConfig { admin_key: Some(admin_key()), ..with_key() };
    let door = open_with_admin(config, Box::new(socket), with_everything).await;
    for (line, status) in [
        ("GET /metrics", 200),
        ("GET /healthz", 200),
        ("GET /debug/pprof/goroutine", 200),
        ("PUT /debug/loglevel?level=error", 200),
        ("GET /readyz", 404),
        ("GET /v1/capabilities", 404),
        ("POST /v1/jobs", 404),
        ("POST /job/generate", 404),
    ] {
        let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        let answer = common::exchange(stream, line, b"").await;
        assert_eq!(answer.status, status, "{line}");
    }
    assert_eq!(*door.level.0.lock().unwrap(), Some(LogLevel::Error));
    assert_eq!(door.log.lines(8).await.len(), 8, "what the admin does is logged");
    let _ = door.close().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_key_opens_in_both_headers_and_metrics_only_by_choice_without_one() {
    let config = DoorConfig { admin_key: Some(admin_key()), ..with_key() };
    let door = open_with(config, with_everything).await;
    for head in [
        format!("GET /v1/capabilities\nAuthorization: Bearer {KEY}"),
        format!("GET /v1/capabilities\nX-API-Key: {KEY}"),
        format!("GET /v1/capabilities\nAuthorization: Basic nonsense\nX-API-Key: {KEY}"),
    ] {
        assert_eq!(door.send(&head, "").await.status, 200, "{head}");
    }
    let page = door.send(&format!("GET /metrics\nX-API-Key: {ADMIN}"), "").await;
    assert_eq!(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let counted =
        "sealwork_http_requests_total{method=\"GET\",route=\"/v1/capabilities\",status=\"200\"}";
    assert!(page.text().contains(counted), "{}", page.text());
    assert!(page.text().contains("sealwork_http_request_duration_seconds_bucket"));

    let config = DoorConfig { metrics_public: true, ..with_key() };
    let door = open_with(config, |parts| {
        parts.metrics = Some(MetricsPage::install().unwrap());
    })
    .await;
    assert_eq!(door.send("GET /metrics", "").await.status, 200);
}

#[tokio::test]
async fn cors_is_off_unless_configured_and_then_only_for_the_listed_origins() {
    let preflight = |origin: &str| {
        format!(
            "OPTIONS /v1/jobs\nOrigin: {origin}\nAccess-Control-Request-Method: POST\nAccess-Control-Request-Headers: sealwork-token,content-type"
        )
    };
    let off = open(with_key()).await;
    let answer = off.send(&preflight("https://portal.example"), "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, ""));

    let origin = "https://portal.example";
    let cors = Cors::Origins(vec![origin.to_owned()]);
    let door = open(DoorConfig { cors, ..with_key() }).await;
    let answer = door.send(&preflight(origin), "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, origin));
    assert!(answer.header("access-control-allow-headers").contains("sealwork-token"));
    assert!(answer.header("access-control-allow-methods").contains("DELETE"));
    for other in ["https://evil.example", "https://portal.example.evil.example", "null"] {
        let answer = door.send(&preflight(other), "").await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{other}");
    }
    // A page may read why it was refused.
    let refused = door.send(&format!("GET /v1/capabilities\nOrigin: {origin}"), "").await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, origin));
    assert!(refused.header("access-control-expose-headers").contains("retry-after"));

    let any = open(DoorConfig { cors: Cors::Any, ..with_key() }).await;
    let answer = any.send("GET /v1/keys\nOrigin: https://x.example", "").await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}
