//! The same hostility over real sockets, with loopback opened as an operator would open it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sealwork_egress::{
    Collected, Egress, EgressConfig, EgressError, EgressLimits, Overflow, Request, Scope,
};
use sealwork_job::Code;
use sealwork_platform::{Listener as _, Stream, SystemNet, SystemResolver, TcpAcceptor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

async fn server<F>(serve: impl Fn(Box<dyn Stream>) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let acceptor = TcpAcceptor::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = acceptor.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = acceptor.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn collect(
    address: SocketAddr,
    change: impl Fn(&mut Request),
) -> Result<Collected, EgressError> {
    let limits = EgressLimits {
        first_byte: Duration::from_millis(300),
        rate_window: Duration::from_millis(300),
        min_bytes_per_second: 1000,
        ..EgressLimits::default()
    };
    let allow = "127.0.0.0/8".parse().unwrap();
    let config = EgressConfig { allow, limits, ..EgressConfig::default() };
    let egress = Egress::new(Arc::new(SystemResolver), Arc::new(SystemNet), config).unwrap();
    let mut request = Request::get(Url::parse(&format!("http://{address}/")).unwrap());
    change(&mut request);
    egress.fetch(request, &Scope::unmetered()).await?.collect().await
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let address = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    });
    let body = collect(address.await, |request| request.max_bytes = Some(100_000)).await.unwrap();
    assert_eq!((body.bytes.len(), body.truncated), (100_000, true));
}

#[tokio::test]
async fn ten_gigabytes_that_are_announced_are_refused_unread() {
    let address = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n").await;
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
    });
    let refused = collect(address.await, |request| request.overflow = Overflow::Refuse).await;
    assert_eq!(refused.unwrap_err().code(), Code::ResponseTooLarge);
}

#[tokio::test]
async fn a_silent_server_and_a_trickle_are_left() {
    let silent = server(|mut stream| async move {
        let mut end = [0];
        let _ = stream.read(&mut end).await;
    });
    let error = collect(silent.await, |_| {}).await.unwrap_err();
    assert_eq!(error.code(), Code::UpstreamTimeout);
    let trickle = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nx").await;
        let mut end = [0];
        let _ = stream.read(&mut end).await;
    });
    let error = collect(trickle.await, |_| {}).await.unwrap_err();
    assert!(matches!(error, EgressError::TooSlow { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_is_cut_in_the_body_is_told_from_its_end() {
    let address = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    });
    let error = collect(address.await, |_| {}).await.unwrap_err();
    assert_eq!(error.code(), Code::UpstreamInvalid);
}

#[tokio::test]
async fn a_redirect_to_a_range_that_is_not_opened_is_refused() {
    let address = server(|mut stream| async move {
        let head = b"HTTP/1.1 302 Found\r\nlocation: http://[::1]/\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(head).await;
    });
    let error = collect(address.await, |_| {}).await.unwrap_err();
    assert_eq!(error.code(), Code::EgressDenied);
}
