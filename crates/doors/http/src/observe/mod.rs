//! What is written and counted about each request, whatever becomes of it.

mod access_log;
mod metrics_page;
mod route_metrics;
mod writer;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

pub use access_log::AccessLog;
use access_log::Line;
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue};
use http_body::Body as _;
pub use metrics_page::MetricsPage;
use route_metrics::{RouteMetrics, RouteTable};
use tokio::time::Instant;

use crate::{connection::Peer, reply::LoggedCode};

/// The answer's header that names the request as the access log does.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The status that is logged when the client leaves before the answer.
const CLIENT_LEFT: u16 = 499;

/// Logs, counts and times every request of a door.
pub(crate) async fn observe(
    State(observer): State<Arc<Observer>>,
    request: Request,
    next: Next,
) -> Response {
    let id = observer.next_id();
    let mut observation = observer.begin(&request, &id);
    let mut response = next.run(request).await;
    observation.answered(&response);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// What is known about the requests of a door so far.
pub(crate) struct Observer {
    log: Option<AccessLog>,
    routes: RouteTable,
    boot: u32,
    next: AtomicU64,
}

impl Observer {
    /// `boot` tells the request ids of one start from those of another.
    pub(crate) fn new(log: Option<AccessLog>, boot: u32) -> Self {
        Self { log, routes: RouteTable::default(), boot, next: AtomicU64::new(0) }
    }

    /// A request's name: unique on this worker, in the log and in the answer.
    fn next_id(&self) -> HeaderValue {
        let mut text = *b"00000000-000000000000";
        let n = self.next.fetch_add(1, Relaxed);
        hex_into(&mut text[..8], u64::from(self.boot));
        hex_into(&mut text[9..], n);
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-"))
    }

    fn begin(self: &Arc<Self>, request: &Request, id: &HeaderValue) -> Observation {
        let pattern = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let route = self.routes.find(request.method(), pattern);
        route.begin();
        let line = self.log.as_ref().map(|_| Line {
            id: id.clone(),
            peer: request.extensions().get::<Peer>().map(|peer| peer.address.ip()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            host: host_of(request),
            user_agent: request.headers().get(http::header::USER_AGENT).cloned(),
            bytes_in: request.body().size_hint().exact(),
        });
        Observation { observer: Arc::clone(self), route, started: Instant::now(), line, end: None }
    }
}

/// HTTP/2 names the host in the address.
fn host_of(request: &Request) -> Option<HeaderValue> {
    let header = request.headers().get(http::header::HOST).cloned();
    header.or_else(|| HeaderValue::from_str(request.uri().authority()?.as_str()).ok())
}

/// Writes the low digits of `n` over `out`, in hexadecimal.
fn hex_into(out: &mut [u8], mut n: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(n & 15) as usize];
        n >>= 4;
    }
}

/// One request on its way. Dropped without an answer, it was left by its client.
struct Observation {
    observer: Arc<Observer>,
    route: Arc<RouteMetrics>,
    started: Instant,
    line: Option<Line>,
    end: Option<End>,
}

/// How a request ended.
struct End {
    status: u16,
    code: &'static str,
    bytes_out: Option<u64>,
}

impl Observation {
    fn answered(&mut self, response: &Response) {
        self.end = Some(End {
            status: response.status().as_u16(),
            code: response.extensions().get::<LoggedCode>().map_or("", |c| c.0.as_str()),
            bytes_out: response.body().size_hint().exact(),
        });
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let end = self.end.take().unwrap_or(End {
            status: CLIENT_LEFT,
            code: "client_left",
            bytes_out: None,
        });
        let latency = self.started.elapsed();
        self.route.end(end.status, latency);
        if let (Some(log), Some(line)) = (&self.observer.log, &self.line) {
            log.write(line, end.status, end.code, end.bytes_out, latency);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_count_up_behind_the_boot_and_never_repeat() {
        let observer = Observer::new(None, 0xdead_beef);
        assert_eq!(observer.next_id(), "deadbeef-000000000000");
        assert_eq!(observer.next_id(), "deadbeef-000000000001");
    }
}
