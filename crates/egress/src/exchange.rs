use std::{error::Error, io, net::IpAddr, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::timeout;
use url::Url;

use crate::{
    connect::Connector,
    error::{EgressError, Phase, Refusal, UpstreamFault},
    gate::Place,
    guard::Target,
    pool::{Connection, Key, Lease, Places, Pool, Sender},
    queue::Queue,
    scope::{EgressMeter, Scope},
};

/// Kept connections that may turn out dead before a new one is opened.
const STALE_CONNECTIONS: usize = 2;

/// A request to one origin, redirects left aside.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
    /// Not to be sent again, if it may have arrived.
    pub(crate) once: bool,
}

impl Outgoing<'_> {
    /// Whether a second one like it changes nothing.
    fn may_repeat(&self) -> bool {
        self.method.is_safe() && !self.once
    }
}

/// Sends one request to one of `addresses` and waits for the head of the answer.
pub(crate) async fn exchange(
    connector: &Connector,
    pool: &Arc<Pool>,
    (scope, queue): (&Scope, &Queue),
    outgoing: &Outgoing<'_>,
    target: &Target,
    addresses: &[IpAddr],
) -> Result<(Response<Incoming>, Lease), EgressError> {
    let host = target.host.to_string();
    let meter = scope.meter.as_ref();
    let per_job = connector.limits.connections_per_job;
    let mut places = queue.wait(pool.places(scope, per_job, &host)).await;
    for kept in (0..=STALE_CONNECTIONS).rev() {
        let found = if kept > 0 { take_kept(pool, target, addresses) } else { None };
        let is_kept = found.is_some();
        let mut lease = match found {
            Some(connection) => Lease::new(pool, places, connection),
            None => {
                let slot = queue.wait(pool.slot(scope.share())).await;
                open(connector, pool, (places, slot), target, addresses).await?
            }
        };
        let request = build(outgoing, &host, target, &lease.connection.sender)?;
        meter.sent(request_bytes(outgoing));
        let after = connector.limits.first_byte;
        let sent =
            timeout(after, send(&mut lease.connection.sender, request)).await.map_err(|_| {
                EgressError::Timeout { host: host.clone(), phase: Phase::FirstByte, after }
            })?;
        match sent {
            Ok(answer) => {
                check_head(connector, meter, &host, &answer)?;
                return Ok((answer, lease));
            }
            Err(lost) if is_kept && (lost.unsent || outgoing.may_repeat()) => {
                places = lease.into_places();
            }
            Err(lost) => return Err(lost.error(&host)),
        }
    }
    // The last round never uses a kept connection, so it returns.
    Err(EgressError::Connect { host, reason: io::ErrorKind::NotConnected.to_string() })
}

fn take_kept(pool: &Pool, target: &Target, addresses: &[IpAddr]) -> Option<(Key, Connection)> {
    addresses.iter().find_map(|address| {
        let key = Key::new(target, SocketAddr::new(*address, target.port));
        pool.take(&key).map(|connection| (key, connection))
    })
}

async fn open(
    connector: &Connector,
    pool: &Arc<Pool>,
    (places, slot): (Places, Place),
    target: &Target,
    addresses: &[IpAddr],
) -> Result<Lease, EgressError> {
    let owner = slot.share().clone();
    let (key, sender) = connector.connect(target, addresses, slot).await?;
    let connection = Connection::new(sender, owner);
    if let Some(shared) = connection.shared() {
        pool.share(key.clone(), shared);
    }
    Ok(Lease::new(pool, places, (key, connection)))
}

/// HTTP/1.1 takes the path and a `Host` header, HTTP/2 the whole address.
fn build(
    outgoing: &Outgoing<'_>,
    host: &str,
    target: &Target,
    sender: &Sender,
) -> Result<Request<Full<Bytes>>, EgressError> {
    let refused = |error: http::Error| EgressError::from(Refusal::Url(error.to_string()));
    let url = outgoing.url;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let mut headers = outgoing.headers.clone();
    let uri = match sender {
        Sender::H1(_) => {
            let value = HeaderValue::from_str(&authority).map_err(|error| refused(error.into()))?;
            headers.insert(header::HOST, value);
            Uri::builder().path_and_query(path)
        }
        Sender::H2(_) => {
            let scheme = if target.tls { "https" } else { "http" };
            Uri::builder().scheme(scheme).authority(authority).path_and_query(path)
        }
    };
    let uri = uri.build().map_err(refused)?;
    let mut request = Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// A request that brought no answer.
struct Lost {
    error: hyper::Error,
    /// Whether no byte of it can have reached the peer.
    unsent: bool,
}

impl Lost {
    fn error(&self, host: &str) -> EgressError {
        let host = host.to_owned();
        let error = &self.error;
        if error.is_parse() {
            return wire_error(&host, error);
        }
        if !self.unsent {
            return EgressError::Upstream { host, fault: UpstreamFault::NoAnswer };
        }
        let cause = io_kind(error).map(|kind| kind.to_string());
        let reason = cause.unwrap_or_else(|| "the connection ended before the request".to_owned());
        EgressError::Connect { host, reason }
    }
}

async fn send(
    sender: &mut Sender,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Lost> {
    let sent = match sender {
        Sender::H1(sender) => {
            sender.ready().await.map_err(|error| Lost { error, unsent: true })?;
            sender.try_send_request(request).await
        }
        Sender::H2(sender) => {
            sender.ready().await.map_err(|error| Lost { error, unsent: true })?;
            sender.try_send_request(request).await
        }
    };
    sent.map_err(|mut lost| {
        let unsent = lost.take_message().is_some();
        Lost { error: lost.into_error(), unsent }
    })
}

fn check_head(
    connector: &Connector,
    meter: &dyn EgressMeter,
    host: &str,
    answer: &Response<Incoming>,
) -> Result<(), EgressError> {
    let upstream = |fault| EgressError::Upstream { host: host.to_owned(), fault };
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(upstream(UpstreamFault::Upgrade));
    }
    let bytes = header_bytes(answer.headers());
    let limits = &connector.limits;
    if answer.headers().len() > limits.header_count || bytes > limits.header_bytes {
        return Err(upstream(UpstreamFault::Headers));
    }
    // The status line is about this long in HTTP/1.1.
    meter.received(bytes as u64 + 19)
}

fn request_bytes(outgoing: &Outgoing<'_>) -> u64 {
    let line = outgoing.method.as_str().len() + outgoing.url.as_str().len() + 12;
    (line + header_bytes(outgoing.headers) + outgoing.body.len()) as u64
}

/// Names, values, and four bytes each for colon, space and line end.
fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// What a failure on the wire says about the answer.
pub(crate) fn wire_error(host: &str, error: &hyper::Error) -> EgressError {
    let fault = if error.is_parse_too_large() {
        UpstreamFault::Headers
    } else if error.is_incomplete_message() || error.is_closed() || io_kind(error).is_some() {
        UpstreamFault::Truncated
    } else {
        UpstreamFault::Protocol
    };
    EgressError::Upstream { host: host.to_owned(), fault }
}

/// The kind of the network error behind `error`. Malformed framing also comes as an I/O error, but
/// as one of its data.
fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            let kind = error.kind();
            let is_data = matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
            return (!is_data).then_some(kind);
        }
        source = cause.source();
    }
    None
}
