//! What a request must pass before its route: API key, limits, a bound on its time; and what
//! keeps a panic to its own request.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt as _;
use http::{Version, header};
use http_body::Body as _;
use sealwork_job::Code;

use crate::{
    auth::{ApiKeys, Caller},
    body::{BodyError, Fate, Limited},
    budget::{AnswerTime, Budget, Reader},
    config::{DoorConfig, RequestLimits},
    connection::Peer,
    debug::MAX_PROFILE,
    masa::large,
    reply::{METRICS, is_below, refuse},
    share::Taker,
    v1::{InFlight, MAX_WAIT},
};

/// Paths that need no API key: Masa's health checks, and what a client must know before it can
/// judge the worker, seal a job or learn how to ask. One that ends in `/` stands for all below it.
const PUBLIC_PATHS: [&str; 9] = [
    "/healthz",
    "/readyz",
    "/v1/keys",
    "/v1/evidence",
    "/v1/evidence/",
    "/v1/key-configs/",
    "/v1/openapi.json",
    "/attestation/raw",
    "/attestation/hex",
];

/// Whether `path` needs no API key.
pub fn is_public(path: &str) -> bool {
    PUBLIC_PATHS
        .iter()
        .any(|public| path == *public || (public.ends_with('/') && path.starts_with(public)))
}

/// Who may come in, and what a request may take.
pub(crate) struct Rules {
    keys: ApiKeys,
    limits: RequestLimits,
    answers: AnswerTime,
    budget: Budget,
    metrics_public: bool,
}

impl Rules {
    pub(crate) fn new(config: &DoorConfig, budget: Budget) -> Self {
        Self {
            keys: ApiKeys::new(&config.api_keys, config.admin_key.as_ref()),
            limits: config.requests.clone(),
            answers: AnswerTime {
                least: config.connections.answer_timeout,
                pace: config.connections.answers,
            },
            budget,
            metrics_public: config.metrics_public,
        }
    }

    /// As [`Self::new`], for clients whom the system has let in already: they may do everything.
    pub(crate) fn without_keys(config: &DoorConfig, budget: Budget) -> Self {
        Self { keys: ApiKeys::new(&[], None), ..Self::new(config, budget) }
    }
}

/// Guards every route of a door, the unknown ones included.
pub(crate) async fn guard(
    State(rules): State<Arc<Rules>>,
    mut request: Request,
    next: Next,
) -> Response {
    let uri = request.uri().clone();
    let peer = request.extensions().get::<Peer>().cloned();
    let linger = || {
        if let Some(peer) = &peer {
            peer.activity.set_linger();
        }
    };
    let taker = match rules.admit(&request) {
        Ok(caller) => {
            request.extensions_mut().insert(Arc::clone(&caller));
            Taker::new(caller, peer.clone())
        }
        Err((code, text)) => {
            linger();
            return refuse(uri.path(), code, text);
        }
    };
    request.extensions_mut().insert(rules.budget.clone());
    let time = rules.time_for(&request);
    let limit = rules.body_limit(&request);
    let (request, fate) = rules.limit_body(request, limit, &taker);
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let answer = tokio::time::timeout(time, answer).await;
    let exceeded = fate.as_ref().and_then(|fate| fate.exceeded(limit));
    let is_arriving = fate.is_some_and(|fate| !fate.has_arrived());
    match (answer, exceeded) {
        // Whatever a handler makes of a body that broke a limit, the client is told why.
        (_, Some(error)) => {
            linger();
            refuse(uri.path(), error.code(), error.to_string())
        }
        (Ok(Ok(response)), None) => rules.count(response, uri.path(), &taker),
        (Ok(Err(_panic)), None) => {
            tracing::error!("a handler panicked");
            refuse(uri.path(), Code::Internal, "a defect of the worker")
        }
        (Err(_late), None) if is_arriving => {
            linger();
            refuse(uri.path(), Code::BodyTooSlow, "the body did not arrive in time")
        }
        (Err(_late), None) => refuse(uri.path(), Code::RequestTimeout, "no answer in time"),
    }
}

impl Rules {
    /// Who sends the request; or what is wrong, where the head alone shows it.
    fn admit(&self, request: &Request) -> Result<Arc<Caller>, (Code, String)> {
        let refused = |code, text: &str| Err((code, text.to_owned()));
        let (path, headers) = (request.uri().path(), request.headers());
        if !has_proper_host(request) {
            let text = "an HTTP/1.1 request has exactly one Host header";
            return refused(Code::RequestMalformed, text);
        }
        let is_public_page = self.metrics_public && path == METRICS;
        let caller = if is_public(path) || is_public_page {
            Some(self.keys.anonymous())
        } else {
            self.keys.authenticate(headers)
        };
        let Some(caller) = caller else {
            return refused(Code::Unauthorized, "missing or invalid API key");
        };
        let is_admins = is_below(path, "/debug") || path == METRICS;
        if is_admins && !caller.is_admin && !is_public_page {
            return refused(Code::Forbidden, "this path is for the worker's admin");
        }
        if self.exceeds_header_limits(request) {
            return refused(Code::HeadersTooLarge, "the headers exceed the limits");
        }
        let limit = self.body_limit(request);
        if request.body().size_hint().lower() > limit {
            let error = BodyError::TooLarge { limit };
            return refused(error.code(), &error.to_string());
        }
        Ok(caller)
    }

    fn exceeds_header_limits(&self, request: &Request) -> bool {
        let (uri, headers) = (request.uri(), request.headers());
        let target = uri.path().len() + uri.query().map_or(0, str::len);
        let fields: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        headers.len() > self.limits.header_count || target + fields > self.limits.header_bytes
    }

    /// Whether the route keeps the body on the disk: one that says to be longer than others may be.
    fn is_spooled(&self, request: &Request) -> bool {
        let declared = request.body().size_hint().exact();
        request.uri().path() == large::PATH
            && declared.is_some_and(|len| len > self.limits.body_bytes)
    }

    /// How long the body may be. What is not kept in memory must say its length.
    fn body_limit(&self, request: &Request) -> u64 {
        let limits = &self.limits;
        if self.is_spooled(request) {
            limits.result_body_bytes.max(limits.body_bytes)
        } else {
            limits.body_bytes
        }
    }

    /// Long polls and CPU profiles take the time that they are asked to take; so does a body beyond
    /// what others may have.
    fn time_for(&self, request: &Request) -> Duration {
        let asked = match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
            Some("/v1/jobs/{id}" | "/v1/jobs/{id}/result") => MAX_WAIT,
            Some("/debug/pprof/profile") => MAX_PROFILE,
            _ if self.is_spooled(request) => {
                let len = request.body().size_hint().lower();
                let times = len.checked_div(self.limits.body_bytes).unwrap_or_default();
                self.limits.timeout.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
            }
            _ => Duration::ZERO,
        };
        self.limits.timeout + asked
    }

    /// Puts the body under its limits, unless there is none.
    fn limit_body(
        &self,
        mut request: Request,
        limit: u64,
        taker: &Taker,
    ) -> (Request, Option<Fate>) {
        if request.body().is_end_stream() {
            return (request, None);
        }
        let fate = Fate::default();
        let expected = request.body().size_hint().exact();
        let is_spooled = self.is_spooled(&request);
        if is_spooled {
            let in_memory = self.limits.body_bytes;
            request.extensions_mut().insert(large::OnDisk { in_memory });
        }
        let intake = (!is_spooled).then(|| self.budget.intake(expected, taker));
        let upload = self.limits.upload;
        let limited = |body| Body::new(Limited::new(body, limit, upload, intake, fate.clone()));
        (request.map(limited), Some(fate))
    }

    /// Counts the answer among the bytes in flight; without room for it, it is let go again.
    fn count(&self, mut response: Response, path: &str, taker: &Taker) -> Response {
        let reader = response.extensions_mut().remove::<Reader>();
        let in_flight = response.extensions_mut().remove::<InFlight>();
        let (head, body) = response.into_parts();
        let counted = match in_flight {
            Some(InFlight(bytes)) => self.budget.count_as(bytes, body, taker, self.answers),
            None => self.budget.count(body, taker, self.answers),
        };
        drop(reader);
        match counted {
            Some(body) => Response::from_parts(head, body),
            None => {
                let text = "the worker has no memory left for this answer now";
                refuse(path, Code::Overloaded, text)
            }
        }
    }
}

/// RFC 9112 3.2. HTTP/2 has its own field, and HTTP/1.0 needs none.
fn has_proper_host(request: &Request) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version() != Version::HTTP_11)
}
