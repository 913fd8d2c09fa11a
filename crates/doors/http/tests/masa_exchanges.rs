//! Exchanges of Masa's clients (reference 6.1, 6.2), byte by byte: `data/masa/*.exchange`.
//!
//! A line that begins with `>` is sent, `<` is what must come back, `!` tells the worker behind the
//! door what to do, `#` is for the reader. The requests of the Go client, of the validators (httpx)
//! and of curl are what those programs send. An empty line after a body is a line feed at its end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says why, and fails by panicking"
)]

mod common;
mod masa_support;

use std::sync::Arc;

use common::{connect, with_key};
use masa_support::{FakeMasa, open_masa};
use sealwork_door_http::DoorConfig;
use sealwork_platform::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const DISTRIBUTOR: &str = include_str!("../../../compat/masa/tests/data/setkey/rsa4092_e3.pem");

#[tokio::test]
async fn the_go_client_is_served_to_the_byte() {
    replay(include_str!("data/masa/go_client.exchange"), FakeMasa::standalone(), with_key()).await;
}

#[tokio::test]
async fn validators_are_served_to_the_byte() {
    let open = DoorConfig::default();
    replay(include_str!("data/masa/validator.exchange"), FakeMasa::standalone(), open).await;
}

#[tokio::test]
async fn the_typescript_client_is_served_to_the_byte() {
    let open = DoorConfig::default();
    replay(include_str!("data/masa/tee_requester.exchange"), FakeMasa::standalone(), open).await;
}

#[tokio::test]
async fn a_worker_of_a_fleet_takes_its_key_to_the_byte() {
    let worker = FakeMasa::in_fleet(Some(DISTRIBUTOR));
    replay(include_str!("data/masa/key_push.exchange"), worker, DoorConfig::default()).await;
}

#[tokio::test]
async fn mistakes_are_answered_to_the_byte() {
    let open = DoorConfig::default();
    replay(include_str!("data/masa/mistakes.exchange"), FakeMasa::standalone(), open).await;
}

#[tokio::test]
async fn the_examples_of_both_readmes_are_served_to_the_byte() {
    let open = DoorConfig::default();
    replay(include_str!("data/masa/readmes.exchange"), FakeMasa::standalone(), open).await;
}

/// Plays the script on one connection and compares it with what happened.
async fn replay(script: &str, worker: Arc<FakeMasa>, config: DoorConfig) {
    let door = open_masa(config, &worker).await;
    let mut stream = connect(door.address).await;
    let mut happened = String::new();
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with('<') {
            continue;
        }
        happened.push_str(line);
        happened.push('\n');
        if let Some(told) = line.strip_prefix("! ") {
            tell(&worker, told);
        }
        let Some(first) = line.strip_prefix('>') else { continue };
        let mut request = vec![first];
        while let Some(more) = lines.next_if(|line| line.starts_with('>')) {
            happened.push_str(more);
            happened.push('\n');
            request.push(&more[1..]);
        }
        let text: Vec<&str> =
            request.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        stream.write_all(&wire(&text)).await.unwrap();
        let is_head = text[0].starts_with("HEAD ");
        for line in answer(&mut *stream, is_head).await.split('\n') {
            happened.push_str(if line.is_empty() { "<" } else { "< " });
            happened.push_str(line);
            happened.push('\n');
        }
    }
    assert_eq!(happened, script, "\n{happened}");
    drop(stream);
    let _ = door.close().await;
}

/// A request as it goes over the wire.
fn wire(lines: &[&str]) -> Vec<u8> {
    let end = lines.iter().position(|line| line.is_empty()).expect("an end of the head");
    let head = lines[..end].join("\r\n");
    let body = lines[end + 1..].join("\n");
    format!("{head}\r\n\r\n{body}").into_bytes()
}

/// An answer as it came, but for what differs from run to run.
async fn answer(stream: &mut dyn Stream, is_head: bool) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let mut body = Vec::new();
    let mut shown = String::new();
    for line in head.trim_end().split("\r\n") {
        match line.split_once(": ") {
            Some(("date" | "x-request-id", _)) => continue,
            Some(("content-length", len)) if !is_head => body.resize(len.parse().unwrap(), 0),
            _ => {}
        }
        shown.push_str(line);
        shown.push('\n');
    }
    stream.read_exact(&mut body).await.unwrap();
    format!("{shown}\n{}", String::from_utf8(body).unwrap())
}

fn tell(worker: &FakeMasa, told: &str) {
    let words: Vec<&str> = told.splitn(4, ' ').collect();
    let job = || worker.job(words[1].parse().unwrap());
    match words[0] {
        "run" => worker.run(job()),
        "settle" => worker.settle(job(), words[2], words.get(3).copied()),
        "fail" => worker.fail(job(), words[2].parse().unwrap(), words[3]),
        "allow" => worker.allowed.lock().unwrap().push(words[1].to_owned()),
        other => panic!("what is {other}?"),
    }
}
