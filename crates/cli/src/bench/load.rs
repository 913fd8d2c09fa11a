//! The load generator: kept-alive HTTP/1.1 connections, one request at a time on each.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use sealwork_platform::{Dialer, SystemNet};
use tokio::time::Instant;

use crate::exit::CliError;

/// One connection.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    host: String,
}

/// What one request brought.
pub(super) type Exchange = Result<(StatusCode, Bytes), String>;

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = SystemNet.dial(address).await?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Its end shows at the next request.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, host: address.to_string() })
    }

    pub(super) async fn post(&mut self, path: &str, kind: &'static str, body: Bytes) -> Exchange {
        let request = Request::builder().method(Method::POST).uri(path);
        self.send(request.header(header::CONTENT_TYPE, kind), body).await
    }

    #[cfg(feature = "sim")]
    pub(super) async fn get(&mut self, path: &str, token: &str) -> Exchange {
        let request = Request::builder().uri(path).header("sealwork-token", token);
        self.send(request, Bytes::new()).await
    }

    async fn send(&mut self, request: hyper::http::request::Builder, body: Bytes) -> Exchange {
        let request = request
            .header(header::HOST, &self.host)
            .body(Full::new(body))
            .map_err(|e| e.to_string())?;
        self.sender.ready().await.map_err(|e| e.to_string())?;
        let response = self.sender.send_request(request).await.map_err(|e| e.to_string())?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|e| e.to_string())?;
        Ok((status, body.to_bytes()))
    }
}

/// Runs `load` on a thread of its own, so that the generator takes one processor at most and
/// leaves the rest to the worker.
pub(super) async fn on_own_thread<T, F>(
    load: impl FnOnce() -> F + Send + 'static,
) -> Result<T, CliError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, String>>,
{
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|e| e.to_string())?.block_on(load())
    })
    .await
    .map_err(super::fault)?
    .map_err(super::fault)
}

/// Microseconds since `start`.
pub(super) fn micros_since(start: Instant) -> u32 {
    u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX)
}

/// How often something happened in a second.
pub(super) fn per_second(count: usize, time: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a figure to be read")]
    let count = count as f64;
    count / time.as_secs_f64().max(f64::EPSILON)
}
