use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use sealwork_platform::{Dialer, Resolver, Stream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use crate::{
    config::EgressLimits,
    error::{EgressError, Phase},
    gate::{Gate, Place, Share},
    guard::{Guard, Target},
    pool::{Key, Sender},
    queue::Queue,
};

/// Addresses of one host that are tried.
const MAX_ATTEMPTS: usize = 4;
/// How long one may stay silent before the next is tried beside it.
const NEXT_ATTEMPT: Duration = Duration::from_millis(250);

/// Opens connections: the one place where names become addresses and addresses connections.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) guard: Guard,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) lookups: Arc<Gate>,
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) limits: EgressLimits,
}

impl Connector {
    /// The addresses of a checked URL's host: resolved once, every one of them checked.
    pub(crate) async fn addresses(
        &self,
        target: &Target,
        (share, queue): (&Share, &Queue),
    ) -> Result<Vec<IpAddr>, EgressError> {
        let Some(name) = target.name() else {
            // A literal was checked together with its URL.
            return Ok(target.literal().into_iter().collect());
        };
        let addresses = match self.guard.localhost(name) {
            Some(addresses) => addresses,
            None => {
                let place = queue.wait(self.lookups.enter(share)).await;
                self.resolve(name, place).await?
            }
        };
        self.guard.check_resolved(target, &addresses)?;
        Ok(addresses)
    }

    async fn resolve(&self, name: &str, place: Place) -> Result<Vec<IpAddr>, EgressError> {
        let host = || name.to_owned();
        let after = self.limits.connect;
        let (resolver, asked) = (Arc::clone(&self.resolver), name.to_owned());
        // A task of its own: a lookup that nobody waits for any more goes on, and has its place
        // until it ends.
        let lookup = tokio::spawn(async move {
            let resolved = resolver.resolve(&asked).await;
            drop(place);
            resolved
        });
        let resolved = timeout(after, lookup)
            .await
            .map_err(|_| EgressError::Timeout { host: host(), phase: Phase::Resolve, after })?
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| EgressError::HostNotFound { host: host() })?;
        let mut addresses: Vec<IpAddr> = Vec::with_capacity(resolved.len());
        for address in resolved {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(EgressError::HostNotFound { host: host() });
        }
        Ok(addresses)
    }

    /// Connects to the first of `addresses` that answers, and to nothing else.
    pub(crate) async fn connect(
        &self,
        target: &Target,
        addresses: &[IpAddr],
        slot: Place,
    ) -> Result<(Key, Sender), EgressError> {
        self.guard.check_elsewhere(target, addresses, |address| self.dialer.is_own(address))?;
        let host = target.host.to_string();
        let after = self.limits.connect;
        timeout(after, self.open(target, &host, addresses, slot))
            .await
            .map_err(|_| EgressError::Timeout { host, phase: Phase::Connect, after })?
    }

    async fn open(
        &self,
        target: &Target,
        host: &str,
        addresses: &[IpAddr],
        slot: Place,
    ) -> Result<(Key, Sender), EgressError> {
        let (address, stream) = self.dial(target, host, addresses).await?;
        let sender = if target.tls {
            let (stream, h2) = self.handshake(target, host, stream).await?;
            if h2 {
                self.http2(host, stream, slot).await?
            } else {
                self.http1(host, stream, slot).await?
            }
        } else {
            self.http1(host, stream, slot).await?
        };
        Ok((Key::new(target, address), sender))
    }

    /// Tries the addresses in the resolver's order. The next one starts when the one before fails
    /// or lets a moment pass, and the first to answer wins (RFC 8305, section 5).
    async fn dial(
        &self,
        target: &Target,
        host: &str,
        addresses: &[IpAddr],
    ) -> Result<(SocketAddr, Box<dyn Stream>), EgressError> {
        let mut left = addresses.iter().take(MAX_ATTEMPTS);
        let mut attempts = FuturesUnordered::new();
        let mut reason = io::ErrorKind::AddrNotAvailable;
        loop {
            if let Some(address) = left.next() {
                let address = SocketAddr::new(*address, target.port);
                attempts.push(async move { (address, self.dialer.dial(address).await) });
            }
            tokio::select! {
                attempt = attempts.next() => match attempt {
                    Some((address, Ok(stream))) => return Ok((address, stream)),
                    Some((_, Err(error))) => reason = error.kind(),
                    None => {
                        let (host, reason) = (host.to_owned(), reason.to_string());
                        return Err(EgressError::Connect { host, reason });
                    }
                },
                () = sleep(NEXT_ATTEMPT), if left.len() > 0 => {}
            }
        }
    }

    async fn handshake(
        &self,
        target: &Target,
        host: &str,
        stream: Box<dyn Stream>,
    ) -> Result<(Box<dyn Stream>, bool), EgressError> {
        let refused = |reason: String| EgressError::Tls { host: host.to_owned(), reason };
        let name = match (target.literal(), target.name()) {
            (Some(address), _) => ServerName::from(address),
            (None, name) => ServerName::try_from(name.unwrap_or_default().to_owned())
                .map_err(|error| refused(error.to_string()))?,
        };
        let stream = TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
            .map_err(|error| refused(tls_reason(&error)))?;
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), h2))
    }

    async fn http1(
        &self,
        host: &str,
        stream: Box<dyn Stream>,
        slot: Place,
    ) -> Result<Sender, EgressError> {
        let (sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(self.limits.header_count)
            .max_header_size(self.limits.header_bytes)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(host, &error))?;
        tokio::spawn(carry(connection, slot));
        Ok(Sender::H1(sender))
    }

    async fn http2(
        &self,
        host: &str,
        stream: Box<dyn Stream>,
        slot: Place,
    ) -> Result<Sender, EgressError> {
        let header_bytes = u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX);
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(header_bytes)
            .initial_stream_window_size(256 << 10)
            .initial_connection_window_size(2 << 20)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(host, &error))?;
        tokio::spawn(carry(connection, slot));
        Ok(Sender::H2(sender))
    }
}

/// A connection lives as long as its sender, and holds its slot until it is closed.
async fn carry(connection: impl Future<Output = Result<(), hyper::Error>>, slot: Place) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection ended");
    }
    drop(slot);
}

fn broken(host: &str, error: &hyper::Error) -> EgressError {
    EgressError::Connect { host: host.to_owned(), reason: error.to_string() }
}

/// What rustls found wrong, or else what the network did.
fn tls_reason(error: &io::Error) -> String {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .map_or_else(|| error.kind().to_string(), ToString::to_string)
}
