use std::{
    error::Error as StdError,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls_pki_types::ServerName;
use sealwork_platform::{Dialer, Resolver, Stream};
use tokio_rustls::TlsConnector;

/// How long one address may take to connect, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0}")]
    Address(&'static str),
    #[error("the host name {host} does not resolve: {source}")]
    Resolve { host: String, source: io::Error },
    #[error("{0}")]
    Dial(io::Error),
    #[error("{0}")]
    Tls(io::Error),
}

/// Opens plain or TLS connections through the platform.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) tls: TlsConnector,
}

impl tower::Service<Uri> for Connector {
    type Response = Wire;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { this.connect(&uri).await })
    }
}

impl Connector {
    async fn connect(&self, uri: &Uri) -> Result<Wire, ConnectError> {
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or(ConnectError::Address("the address has no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });

        let addresses = match host.parse::<IpAddr>() {
            Ok(ip) => vec![ip],
            Err(_) => self
                .resolver
                .resolve(host)
                .await
                .map_err(|source| ConnectError::Resolve { host: host.to_owned(), source })?,
        };
        let mut last = ConnectError::Address("the host name has no address");
        for ip in addresses {
            let attempt = self.connect_to(SocketAddr::new(ip, port), secure.then_some(host));
            match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
                Ok(Ok(wire)) => return Ok(wire),
                // Another address of the same name would show the same certificate.
                Ok(Err(error @ ConnectError::Tls(_))) => return Err(error),
                Ok(Err(error)) => last = error,
                Err(_) => last = ConnectError::Dial(io::ErrorKind::TimedOut.into()),
            }
        }
        Err(last)
    }

    async fn connect_to(
        &self,
        address: SocketAddr,
        tls_name: Option<&str>,
    ) -> Result<Wire, ConnectError> {
        let stream = self.dialer.dial(address).await.map_err(ConnectError::Dial)?;
        let Some(name) = tls_name else { return Ok(Wire(TokioIo::new(stream))) };
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            ConnectError::Address("the host is no name that a certificate can have")
        })?;
        let stream = self.tls.connect(name, stream).await.map_err(ConnectError::Tls)?;
        Ok(Wire(TokioIo::new(Box::new(stream))))
    }
}

/// The connect error inside hyper's, if there is one.
pub(crate) fn connect_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a ConnectError> {
    causes(error).find_map(|e| e.downcast_ref())
}

/// An error and what is behind it, outermost first.
pub(crate) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// A connection as hyper wants it.
pub(crate) struct Wire(TokioIo<Box<dyn Stream>>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
