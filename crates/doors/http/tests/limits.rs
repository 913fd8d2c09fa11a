//! What slow, silent, greedy and oversized clients get.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Open, connect, http2, http2_with, open, read_answer};
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2::Builder;
use hyper_util::rt::TokioExecutor;
use sealwork_door_http::{ConnectionLimits, DoorConfig, Pace, RequestLimits};
use sealwork_platform::Stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, timeout},
};

const SHORT: Duration = Duration::from_millis(300);
/// Longer than any limit of these tests: what has not happened by then does not happen.
const LONG: Duration = Duration::from_secs(20);

fn connections(change: impl FnOnce(&mut ConnectionLimits)) -> DoorConfig {
    let mut config = DoorConfig::default();
    change(&mut config.connections);
    config
}

fn requests(change: impl FnOnce(&mut RequestLimits)) -> DoorConfig {
    let mut config = DoorConfig::default();
    change(&mut config.requests);
    config
}

/// Reads until the door closes, and returns what came.
async fn until_closed(stream: &mut (impl Stream + ?Sized)) -> Vec<u8> {
    let mut all = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut all)).await;
    let _ = read.expect("the door closes the connection");
    all
}

/// Broken by leaving it to the pace of the socket: a client that grants no window keeps none waiting.
#[tokio::test]
async fn a_large_answer_that_is_not_taken_in_time_ends_its_connection() {
    let mut config = DoorConfig::default();
    config.connections.answer_timeout = Duration::from_millis(100);
    config.connections.answers = Pace { bytes: 1 << 30, window: Duration::from_secs(1) };
    let door = open(config).await;
    let mut settings = Builder::new(TokioExecutor::new());
    settings.initial_stream_window_size(1 << 16);
    let mut client = http2_with(connect(door.address).await, &settings).await;
    let body = Full::new(Bytes::from(vec![b'x'; 1 << 20]));
    let request = Request::post("http://x/job/generate").body(body).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let ends = async {
        while !client.is_closed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ends).await.expect("the connection ends");
}

#[tokio::test]
async fn a_client_that_says_nothing_or_never_ends_its_head_is_cut_off() {
    let door = open(connections(|limits| limits.head_timeout = SHORT)).await;
    for beginning in ["", "GET", "PRI * HTT", "GET /healthz HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = connect(door.address).await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        assert!(until_closed(&mut *stream).await.is_empty(), "{beginning:?}");
    }
}

#[tokio::test]
async fn a_client_that_trickles_its_head_is_cut_off_at_the_same_moment() {
    let door = open(connections(|limits| limits.head_timeout = SHORT)).await;
    let mut stream = connect(door.address).await;
    let begun = Instant::now();
    let head = format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(10_000));
    for byte in head.as_bytes().chunks(1) {
        if stream.write_all(byte).await.is_err() {
            break;
        }
        tokio::select! {
            closed = stream.read_u8() => { assert!(closed.is_err()); break }
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_kept_connection_may_idle_for_its_own_time_and_a_second_head_is_timed_again() {
    let door = open(connections(|limits| {
        limits.head_timeout = SHORT;
        limits.idle_timeout = SHORT * 4;
    }))
    .await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut stream = connect(door.address).await;
    stream.write_all(request).await.unwrap();
    assert_eq!(read_answer(&mut *stream, false).await.unwrap().status, 200);
    let idle = Instant::now();
    assert!(until_closed(&mut *stream).await.is_empty());
    assert!(idle.elapsed() >= SHORT * 3, "{:?}", idle.elapsed());

    let mut stream = connect(door.address).await;
    stream.write_all(request).await.unwrap();
    assert_eq!(read_answer(&mut *stream, false).await.unwrap().status, 200);
    stream.write_all(b"GET /hea").await.unwrap();
    let begun = Instant::now();
    assert!(until_closed(&mut *stream).await.is_empty());
    assert!(begun.elapsed() < SHORT * 4, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn oversized_and_too_many_headers_are_431() {
    let door = open(DoorConfig::default()).await;
    let long = format!("GET /healthz\nX: {}", "x".repeat(20_000));
    let many: String = (0..150).map(|n| format!("\nX-{n}: 1")).collect();
    let many = format!("GET /healthz{many}");
    let query = format!("GET /healthz?{}", "x".repeat(20_000));
    for head in [long, many, query] {
        let answer = door.send(&head, "").await;
        assert_eq!((answer.status, &answer.json()["code"]), (431, &"headers_too_large".into()));
    }
    // What is far too large is not read to its end, and is answered without a body.
    let endless = format!("GET /healthz\nX: {}", "x".repeat(200_000));
    assert_eq!(door.send(&endless, "").await.status, 431);
    let fine: String = (0..90).map(|n| format!("\nX-{n}: 1")).collect();
    assert_eq!(door.send(&format!("GET /healthz{fine}"), "").await.status, 200);
}

#[tokio::test]
async fn a_request_of_http_1_1_names_its_host_exactly_once() {
    let door = open(DoorConfig::default()).await;
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400),
        ("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost:\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n", 200),
    ] {
        let mut stream = connect(door.address).await;
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let answer = read_answer(&mut *stream, false).await.unwrap();
        assert_eq!(answer.status, status, "{head}");
        assert!(status == 200 || answer.json()["code"] == "request_malformed", "{head}");
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_413_whether_its_length_is_told_or_not() {
    let door = open(requests(|limits| limits.body_bytes = 1000)).await;
    assert_eq!(door.send("POST /job/generate", &"x".repeat(1000)).await.status, 200);
    // The client sends everything before it reads: the answer must survive that.
    let told = door.send("POST /v1/jobs", &"x".repeat(300_000)).await;
    assert_eq!((told.status, &told.json()["code"]), (413, &"body_too_large".into()));
    let masa = door.send("POST /job/generate", &"x".repeat(1001)).await;
    assert_eq!((masa.status, &masa.json()["code"]), (413, &"body_too_large".into()));

    for path in ["/v1/jobs", "/job/generate"] {
        let mut stream = connect(door.address).await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..100 {
            let chunk = format!("64\r\n{}\r\n", "x".repeat(100));
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
        assert_eq!(read_answer(&mut *stream, false).await.unwrap().status, 413, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_408() {
    let door = open(requests(|limits| limits.upload = Pace { bytes: 100, window: SHORT })).await;
    for path in ["/v1/jobs", "/job/generate"] {
        let mut stream = connect(door.address).await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nxxx");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = timeout(LONG, read_answer(&mut *stream, false)).await.unwrap().unwrap();
        assert_eq!(answer.status, 408, "{path}");
        assert!(until_closed(&mut *stream).await.is_empty());
    }
}

#[tokio::test]
async fn a_body_that_takes_longer_than_a_request_may_is_408_and_not_the_worker_s_fault() {
    let door = open(requests(|limits| limits.timeout = SHORT)).await;
    let mut stream = connect(door.address).await;
    let head = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nxxx";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = timeout(LONG, read_answer(&mut *stream, false)).await.unwrap().unwrap();
    assert_eq!((answer.status, &answer.json()["code"]), (408, &"body_too_slow".into()));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let door =
        open(connections(|limits| limits.download = Pace { bytes: 1024, window: SHORT })).await;
    let mut stream = connect(door.address).await;
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let line = timeout(LONG, door.log.lines(1)).await.unwrap();
    assert!(line[0].contains("/large"));
    // Nothing is read until the door has given up; then the answer is incomplete.
    until_free(&door).await;
    let got = until_closed(&mut *stream).await;
    assert!(got.len() < 32 * 1024 * 1024, "{}", got.len());
}

/// Returns when the door has closed every connection: then it drains at once.
async fn until_free(door: &Open) {
    door.stop();
    timeout(LONG, door.stopped()).await.expect("the connection ends by itself");
}

/// A connection that has been answered once, and is kept.
async fn held(door: &Open) -> Box<dyn Stream> {
    let mut stream = connect(door.address).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(read_answer(&mut *stream, false).await.unwrap().status, 200);
    stream
}

#[tokio::test]
async fn connections_above_the_caps_are_503_and_room_comes_back() {
    for config in
        [connections(|limits| limits.total = 2), connections(|limits| limits.per_address = 2)]
    {
        let door = open(config).await;
        let held = [held(&door).await, held(&door).await];
        let refused = door.send("GET /healthz", "").await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
        drop(held);
        let room = async { while door.send("GET /healthz", "").await.status != 200 {} };
        timeout(LONG, room).await.expect("room comes back");
    }
}

#[tokio::test]
async fn a_handler_that_hangs_is_503_and_one_that_panics_is_500_and_others_go_on() {
    let door = open(requests(|limits| limits.timeout = SHORT)).await;
    let late = door.send("GET /hang", "").await;
    assert_eq!((late.status, &late.json()["code"]), (503, &"request_timeout".into()));
    let defect = door.send("GET /panic", "").await;
    assert_eq!((defect.status, defect.text()), (500, "{\"message\":\"Internal Server Error\"}\n"));
    assert_eq!(door.send("GET /healthz", "").await.status, 200);
}

#[tokio::test]
async fn http_2_headers_and_bodies_have_the_same_limits() {
    let door = open(requests(|limits| limits.body_bytes = 1000)).await;
    let mut client = http2(connect(door.address).await).await;
    let big = hyper::Request::post("http://x/v1/jobs").body(Full::new(Bytes::from(vec![0; 5000])));
    assert_eq!(client.send_request(big.unwrap()).await.unwrap().status(), 413);
    let mut many = hyper::Request::get("http://x/healthz");
    for n in 0..150 {
        many = many.header(format!("x-{n}"), "1");
    }
    let many = many.body(Full::default()).unwrap();
    assert_eq!(client.send_request(many).await.unwrap().status(), 431);
}
