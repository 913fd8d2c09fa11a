//! One connection: from the accepted socket to its last byte.

mod activity;
mod admission;
mod guarded;
mod pacer;
mod prefixed;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use sealwork_platform::Stream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service;

pub(crate) use activity::Activity;
use activity::Answer;
pub(crate) use admission::{Admission, network};
use guarded::Guarded;
pub(crate) use pacer::Pacer;
use prefixed::Prefixed;

use crate::config::{ConnectionLimits, RequestLimits};

/// The first byte of a TLS record that holds a handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// How long a refused client gets to take its answer.
const FAREWELL: Duration = Duration::from_secs(1);

/// What requests know about their connection, as an extension.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) activity: Arc<Activity>,
}

/// Serves connections.
pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) connections: ConnectionLimits,
    http: auto::Builder<TokioExecutor>,
    /// Fires when open connections shall end after the requests in flight.
    pub(crate) drain: CancellationToken,
}

impl Server {
    pub(crate) fn new(
        router: Router,
        tls: Option<TlsAcceptor>,
        connections: ConnectionLimits,
        requests: &RequestLimits,
        drain: CancellationToken,
    ) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // What exceeds the limits by less than as much again is left to the guard, whose answer says
        // what is wrong; hyper's own has no body.
        let header_bytes = requests.header_bytes.saturating_mul(2);
        // Heads are timed by `Guarded`, together with silence before, between and after them.
        // No `pipeline_flush`: with it, hyper loses an answer that closes over unread bytes.
        http.http1()
            .header_read_timeout(None)
            .max_headers(requests.header_count.saturating_mul(2))
            .max_buf_size(header_bytes);
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(connections.http2_streams)
            .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(256 * 1024)
            .keep_alive_interval(Some(connections.idle_timeout))
            .keep_alive_timeout(connections.head_timeout);
        Self { router, tls, connections, http, drain }
    }

    /// Serves one connection until its end.
    pub(crate) async fn serve(&self, mut stream: Box<dyn Stream>, address: SocketAddr) {
        let Some(tls) = &self.tls else {
            return self.http(stream, address, true).await;
        };
        // A TLS hello tells itself by its first byte; plain HTTP deserves an answer that says so.
        let mut first = [0];
        let limit = self.connections.head_timeout;
        match timeout(limit, stream.read_exact(&mut first)).await {
            Ok(Ok(_)) if first[0] == TLS_HANDSHAKE => {}
            Ok(Ok(_)) if first[0].is_ascii_alphabetic() => {
                return farewell(stream, &PLAIN_ON_TLS).await;
            }
            _ => return,
        }
        let stream = Prefixed::new(first[0], stream);
        if let Ok(Ok(stream)) = timeout(limit, tls.accept(stream)).await {
            self.http(stream, address, false).await;
        }
    }

    async fn http<S: Stream + 'static>(&self, stream: S, address: SocketAddr, plain: bool) {
        let activity = Arc::new(Activity::new());
        let peer = Peer { address, activity: Arc::clone(&activity) };
        let cut = Arc::clone(&activity).until_cut();
        let stream = Guarded::new(stream, activity, &self.connections, plain);
        let service = RouterService { router: self.router.clone(), peer };
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        // Errors here are the peer's: it broke off, kept silent, or sent no HTTP.
        let served = async {
            tokio::select! {
                _ = connection.as_mut() => {}
                () = self.drain.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        };
        tokio::select! {
            () = served => {}
            () = cut => {}
        }
    }
}

const PLAIN_ON_TLS: Farewell = Farewell {
    status: "400 Bad Request",
    text: "This port speaks HTTPS: use https:// in the address.\n",
};

/// To a client for whom there is no room.
pub(crate) const NO_ROOM: Farewell = Farewell {
    status: "503 Service Unavailable",
    text: "Too many connections; try again later.\n",
};

/// An answer to a connection that is not served.
pub(crate) struct Farewell {
    status: &'static str,
    text: &'static str,
}

/// Answers without having read the request, closes, and gives the client a moment to take it.
pub(crate) async fn farewell(mut stream: Box<dyn Stream>, what: &Farewell) {
    let answer = format!(
        "HTTP/1.1 {}\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: {}\r\n\
         Connection: close\r\nRetry-After: 5\r\n\r\n{}",
        what.status,
        what.text.len(),
        what.text
    );
    let _ = timeout(FAREWELL, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Closing over unread bytes would reset the connection and take the answer with it.
        let mut scrap = [0; 1024];
        for _ in 0..64 {
            if stream.read(&mut scrap).await? == 0 {
                break;
            }
        }
        std::io::Result::Ok(())
    })
    .await;
}

/// The router as hyper calls it: tells requests their peer and counts them on the connection.
#[derive(Clone)]
struct RouterService {
    router: Router,
    peer: Peer,
}

impl hyper::service::Service<Request<Incoming>> for RouterService {
    type Response = Response<Answer>;
    type Error = std::convert::Infallible;
    type Future = std::pin::Pin<
        Box<dyn Future<Output = Result<Self::Response, std::convert::Infallible>> + Send>,
    >;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let in_flight = self.peer.activity.begin();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer.clone());
        let answer = self.router.clone().call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| in_flight.until_sent(body))) })
    }
}
