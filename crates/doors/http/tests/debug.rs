//! `/debug`: Masa's texts, and profiles only where there is a profiler and only when enabled.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{FakeProfiler, open, open_with};
use sealwork_door_http::{DoorConfig, LogLevel};

#[tokio::test]
async fn the_log_level_is_set_with_masas_texts() {
    let door = open(DoorConfig::default()).await;
    for (query, text, level) in [
        ("?level=debug", "log level set to debug", LogLevel::Debug),
        ("?level=ERROR", "log level set to ERROR", LogLevel::Error),
        ("?level=loud", "log level set to loud", LogLevel::Info),
        ("", "log level set to warn", LogLevel::Warn),
        ("?level=", "log level set to warn", LogLevel::Warn),
    ] {
        let answer = door.send(&format!("PUT /debug/loglevel{query}"), "").await;
        assert_eq!((answer.status, answer.text()), (200, text));
        assert_eq!(answer.header("content-type"), "text/plain; charset=UTF-8");
        assert_eq!(*door.level.0.lock().unwrap(), Some(level));
    }
    let get = door.send("GET /debug/loglevel", "").await;
    assert_eq!((get.status, get.header("allow")), (405, "OPTIONS, PUT"));
    assert_eq!(get.text(), "{\"message\":\"Method Not Allowed\"}\n");
    let options = door.send("OPTIONS /debug/loglevel", "").await;
    assert_eq!((options.status, options.header("allow")), (204, "OPTIONS, PUT"));
}

#[tokio::test]
async fn profiles_exist_only_behind_a_profiler_and_after_enable() {
    let without = open(DoorConfig::default()).await;
    assert_eq!(without.send("POST /debug/pprof/enable", "").await.status, 404);

    let door = open_with(DoorConfig::default(), |parts| {
        parts.profiler = Some(Arc::new(FakeProfiler));
    })
    .await;
    let before = door.send("GET /debug/pprof/", "").await;
    assert_eq!((before.status, before.text()), (404, "{\"message\":\"Not Found\"}\n"));
    assert_eq!(door.send("GET /debug/pprof", "").await.status, 404);
    let enabled = door.send("POST /debug/pprof/enable", "").await;
    assert_eq!((enabled.status, enabled.text()), (200, "pprof enabled"));

    for (line, status, text) in [
        ("GET /debug/pprof/profile?seconds=3", 200, "cpu 3"),
        ("GET /debug/pprof/profile", 200, "cpu 30"),
        ("GET /debug/pprof/profile?seconds=99999", 200, "cpu 300"),
        ("GET /debug/pprof/goroutine?debug=1", 200, "goroutine"),
        ("GET /debug/pprof/allocs", 200, "allocs"),
        ("GET /debug/pprof/heap", 501, "no heap here\n"),
        ("GET /debug/pprof/cmdline", 200, "sealwork\0serve"),
        ("GET /debug/pprof/symbol", 200, "num_symbols: 1\n"),
        ("POST /debug/pprof/disable", 200, "pprof disabled"),
        ("GET /debug/pprof/block", 200, "block"),
    ] {
        let answer = door.send(line, "").await;
        assert_eq!((answer.status, answer.text()), (status, text), "{line}");
    }
    let index = door.send("GET /debug/pprof", "").await;
    assert_eq!((index.status, index.header("location")), (301, "/debug/pprof/"));
    let symbols = door.send("POST /debug/pprof/symbol", "0x1234+0x5678+nonsense").await;
    assert_eq!(symbols.text(), "num_symbols: 1\n0x1234 main\n");
    let trace = door.send("GET /debug/pprof/trace?seconds=1", "").await;
    assert_eq!((trace.status, trace.header("x-go-pprof")), (501, "1"));
    assert!(trace.text().contains("Go's runtime"), "{}", trace.text());
    assert!(door.send("GET /debug/pprof/", "").await.text().contains("threadcreate"));
}
