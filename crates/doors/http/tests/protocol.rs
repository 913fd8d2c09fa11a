//! HTTP as clients really speak it: kept connections, pipelines, chunks, HTTP/2, TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use bytes::Bytes;
use common::{connect, http2, open, read_answer};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use sealwork_door_http::{DoorConfig, tls::TlsIdentity};
use sealwork_platform::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{TlsConnector, client::TlsStream};

#[tokio::test]
async fn a_connection_is_kept_and_a_pipeline_is_answered_in_order() {
    let door = open(DoorConfig::default()).await;
    let mut stream = connect(door.address).await;
    let one = |body: &str| {
        format!(
            "POST /job/generate HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    stream.write_all(one("first").as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut *stream, false).await.unwrap().text(), "first");
    let pipeline = ["a", "bb", "ccc"].map(one).concat();
    stream.write_all(pipeline.as_bytes()).await.unwrap();
    for body in ["a", "bb", "ccc"] {
        assert_eq!(read_answer(&mut *stream, false).await.unwrap().text(), body);
    }
    assert_eq!(door.log.lines(4).await.len(), 4);
}

#[tokio::test]
async fn a_chunked_body_is_taken_and_each_answer_names_its_request_in_the_log() {
    let door = open(DoorConfig::default()).await;
    let mut stream = connect(door.address).await;
    let request = "POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nan en\r\n6\r\nvelope\r\n0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_answer(&mut *stream, false).await.unwrap();
    assert_eq!(answer.status, 202);
    assert_eq!(door.worker.seen.lock().unwrap()[0].0, "an envelope");
    let line: serde_json::Value = serde_json::from_str(&door.log.lines(1).await[0]).unwrap();
    assert_eq!(line["id"], answer.header("x-request-id"));
    assert_eq!((&line["status"], &line["uri"]), (&202.into(), &"/v1/jobs".into()));
    assert_eq!(line["remote_ip"], "127.0.0.1");
}

#[tokio::test]
async fn the_log_names_the_host_of_a_request_over_http_2_too() {
    let door = open(DoorConfig::default()).await;
    let mut client = http2(connect(door.address).await).await;
    let request = Request::get("http://worker.example:8080/healthz").body(Full::default());
    client.send_request(request.unwrap()).await.unwrap();
    let line: serde_json::Value = serde_json::from_str(&door.log.lines(1).await[0]).unwrap();
    assert_eq!(line["host"], "worker.example:8080");
}

#[tokio::test]
async fn http_2_works_without_tls_by_prior_knowledge() {
    let door = open(DoorConfig::default()).await;
    let mut client = http2(connect(door.address).await).await;
    for body in ["one", "two"] {
        let request = Request::post("http://x/job/generate").body(Full::new(Bytes::from(body)));
        let answer = client.send_request(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), body);
    }
}

fn identity() -> TlsIdentity {
    TlsIdentity::self_made(&[7; 32], &["localhost".to_owned()]).unwrap()
}

/// A TLS client that trusts exactly this certificate.
async fn tls<S: Stream>(stream: S, identity: &TlsIdentity, alpn: &[&[u8]]) -> TlsStream<S> {
    let mut roots = RootCertStore::empty();
    roots.add(identity.certificate().to_vec().into()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn a_self_made_certificate_serves_both_protocols_to_whoever_trusts_it() {
    let identity = identity();
    let door = open(DoorConfig { tls: Some(identity.clone()), ..DoorConfig::default() }).await;

    let stream = tls(connect(door.address).await, &identity, &[b"http/1.1"]).await;
    let answer = common::exchange(stream, "POST /job/generate", b"over tls").await;
    assert_eq!((answer.status, answer.text()), (200, "over tls"));

    let stream = tls(connect(door.address).await, &identity, &[b"h2", b"http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let request = Request::get("https://localhost/v1/keys").body(Full::default()).unwrap();
    let answer = http2(stream).await.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_told_so() {
    let door = open(DoorConfig { tls: Some(identity()), ..DoorConfig::default() }).await;
    let answer = door.send("POST /v1/jobs", "an envelope").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("HTTPS"), "{}", answer.text());
}

#[tokio::test]
async fn tls_on_a_plain_port_and_noise_on_a_tls_port_are_closed_without_an_answer() {
    let hello = [0x16, 0x03, 0x01, 0x00, 0xa5, 0x01, 0x00, 0x00, 0xa1, 0x03, 0x03];
    let plain = open(DoorConfig::default()).await;
    let mut stream = connect(plain.address).await;
    stream.write_all(&hello).await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());

    let secure = open(DoorConfig { tls: Some(identity()), ..DoorConfig::default() }).await;
    let mut stream = connect(secure.address).await;
    stream.write_all(&[0x00, 0x01, 0x02]).await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
}
