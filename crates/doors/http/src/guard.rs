//! What a request must pass before its route: API key, limits, a bound on its time; and what
//! keeps a panic to its own request.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, extract::MatchedPath, response::Response};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body::Body as _;
use sealwork_job::Code;
use tower::{Layer, Service};

use crate::{
    auth::ApiKeys,
    body::{BodyError, Limited, Verdict},
    config::{DoorConfig, RequestLimits},
    connection::Peer,
    debug::MAX_PROFILE,
    reply::{is_v1, refuse},
    v1::MAX_WAIT,
};

/// Paths that need no API key: Masa's health checks, and what a client must know before it can
/// seal a job or learn how to ask.
pub const PUBLIC_PATHS: [&str; 4] = ["/healthz", "/readyz", "/v1/keys", "/v1/openapi.json"];

/// Guards every route of a door, the unknown ones included.
#[derive(Clone)]
pub(crate) struct GuardLayer(Arc<Rules>);

struct Rules {
    keys: ApiKeys,
    limits: RequestLimits,
    metrics_public: bool,
}

impl GuardLayer {
    pub(crate) fn new(config: &DoorConfig) -> Self {
        Self(Arc::new(Rules {
            keys: ApiKeys::new(&config.api_keys),
            limits: config.requests.clone(),
            metrics_public: config.metrics_public,
        }))
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, rules: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub(crate) struct Guard<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().clone();
        let peer = request.extensions().get::<Peer>().cloned();
        if let Some(refusal) = self.rules.refuse(&mut request) {
            if let Some(peer) = &peer {
                peer.activity.set_linger();
            }
            return Box::pin(std::future::ready(Ok(refusal)));
        }
        let limit = self.rules.time_for(&request);
        let rules = Arc::clone(&self.rules);
        let (request, verdict) = rules.limit_body(request);
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let answer = tokio::time::timeout(limit, answer).await;
            let exceeded = verdict.and_then(|v| v.exceeded(rules.limits.body_bytes));
            if let (Some(_), Some(peer)) = (exceeded, &peer) {
                peer.activity.set_linger();
            }
            Ok(match (answer, exceeded) {
                // Whatever a handler makes of a body that broke a limit, the client is told why.
                (_, Some(error)) => refuse_body(path.path(), error),
                (Ok(Ok(Ok(response))), None) => response,
                (Ok(Err(_panic)), None) => {
                    tracing::error!("a handler panicked");
                    refuse(path.path(), Code::Internal, "a defect of the worker")
                }
                (Err(_late), None) => {
                    refuse(path.path(), Code::RequestTimeout, "no answer in time")
                }
            })
        })
    }
}

impl Rules {
    /// Refuses what the head alone shows to be wrong; otherwise tells the request its caller.
    fn refuse(&self, request: &mut Request<Body>) -> Option<Response> {
        let path = request.uri().path();
        let caller = if PUBLIC_PATHS.contains(&path) || (self.metrics_public && path == "/metrics")
        {
            Some(self.keys.anonymous())
        } else {
            self.keys.authenticate(request.headers())
        };
        let Some(caller) = caller else {
            let mut refusal = refuse(path, Code::Unauthorized, "missing or invalid API key");
            if is_v1(path) {
                let bearer = HeaderValue::from_static("Bearer realm=\"sealwork\"");
                refusal.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
            }
            return Some(refusal);
        };
        if self.exceeds_header_limits(request.headers()) {
            return Some(refuse(path, Code::HeadersTooLarge, "the headers exceed the limits"));
        }
        if request.body().size_hint().lower() > self.limits.body_bytes {
            let limit = self.limits.body_bytes;
            return Some(refuse_body(path, BodyError::TooLarge { limit }));
        }
        request.extensions_mut().insert(caller);
        None
    }

    fn exceeds_header_limits(&self, headers: &HeaderMap) -> bool {
        let bytes: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        headers.len() > self.limits.header_count || bytes > self.limits.header_bytes
    }

    /// Long polls and CPU profiles take the time that they are asked to take.
    fn time_for(&self, request: &Request<Body>) -> Duration {
        let asked = match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
            Some("/v1/jobs/{id}" | "/v1/jobs/{id}/result") => MAX_WAIT,
            Some("/debug/pprof/profile") => MAX_PROFILE,
            _ => Duration::ZERO,
        };
        self.limits.timeout + asked
    }

    /// Puts the body under its limits, unless there is none.
    fn limit_body(&self, request: Request<Body>) -> (Request<Body>, Option<Verdict>) {
        if request.body().is_end_stream() {
            return (request, None);
        }
        let verdict = Verdict::default();
        let limits = &self.limits;
        let request = request.map(|body| Body::new(Limited::new(body, limits, verdict.clone())));
        (request, Some(verdict))
    }
}

fn refuse_body(path: &str, error: BodyError) -> Response {
    refuse(path, error.code(), error.to_string())
}
