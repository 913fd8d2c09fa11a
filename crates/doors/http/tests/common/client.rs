use std::{collections::HashMap, net::SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sealwork_platform::{Dialer as _, Stream, SystemNet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

pub async fn connect(address: SocketAddr) -> Box<dyn Stream> {
    SystemNet.dial(address).await.unwrap()
}

/// Sends a request whose head is `head` (lines, without `Host` and without an end) and reads the
/// answer; `Content-Length` is added where there is a body.
pub async fn send(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    exchange(connect(address).await, head, body).await
}

pub async fn exchange(mut stream: impl Stream, head: &str, body: &[u8]) -> Answer {
    let head = head.trim_end().replace('\n', "\r\n");
    let length = match body.len() {
        0 => String::new(),
        len => format!("Content-Length: {len}\r\n"),
    };
    let mut lines = head.splitn(2, "\r\n");
    let (first, rest) = (lines.next().unwrap(), lines.next().unwrap_or(""));
    let rest = if rest.is_empty() { String::new() } else { format!("{rest}\r\n") };
    let head = format!("{first} HTTP/1.1\r\nHost: worker\r\n{rest}{length}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // The door may answer and close before it has read everything.
    let _ = stream.write_all(body).await;
    read_answer(&mut stream, head.starts_with("HEAD")).await.expect("an answer")
}

/// Reads one answer; none when the connection ends before its head is complete.
pub async fn read_answer(stream: &mut (impl Stream + ?Sized), bodiless: bool) -> Option<Answer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return None,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |len| len.parse().unwrap());
    let mut body = vec![0; if bodiless { 0 } else { length }];
    stream.read_exact(&mut body).await.ok()?;
    Some(Answer { status, headers, body })
}

/// An HTTP/2 client on `stream`.
pub async fn http2(stream: impl Stream + 'static) -> SendRequest<Full<Bytes>> {
    http2_with(stream, &Builder::new(TokioExecutor::new())).await
}

/// The same with settings of its own.
pub async fn http2_with(
    stream: impl Stream + 'static,
    settings: &Builder<TokioExecutor>,
) -> SendRequest<Full<Bytes>> {
    let (client, connection) = settings.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    client
}
