use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use sealwork_platform::{Entropy, Listener};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{
    budget::Budget,
    config::{ConnectionLimits, Cors, DoorConfig},
    connection::Server,
    debug::{self, DebugState, LogLevelControl, Profiler},
    error::DoorError,
    guard::{Rules, guard},
    health::Health,
    masa,
    observe::{AccessLog, MetricsPage, Observer, REQUEST_ID, observe},
    reply::{METRICS, is_v1, plain_text},
    serve::{self, Drained},
    v1::{self, ProblemDocument, V1Port, V1State},
};

/// Headers of answers that a page may read in a browser.
const EXPOSED: [HeaderName; 9] = [
    header::LOCATION,
    header::RETRY_AFTER,
    REQUEST_ID,
    HeaderName::from_static("sealwork-receipt-digest"),
    HeaderName::from_static("sealwork-next-cursor"),
    HeaderName::from_static("sealwork-job-state"),
    HeaderName::from_static("sealwork-result-stopped"),
    HeaderName::from_static("sealwork-way"),
    v1::FRESHNESS,
];
/// Headers of requests that a page may send in a browser.
const SENT: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("sealwork-token"),
];

/// Open connections at once of the admin's listener.
const ADMIN_CONNECTIONS: usize = 64;

/// What stands behind a door.
pub struct DoorParts {
    /// The worker, as `/v1` sees it.
    pub v1: Arc<dyn V1Port>,
    /// Masa's routes (`masa::routes`), and Marlin's (`marlin::routes`) where they are wanted; an
    /// empty router leaves them out.
    pub masa: Router,
    /// Counts how requests end; `masa::routes` shows it.
    pub health: Arc<Health>,
    /// Changes how much is logged.
    pub log_level: Arc<dyn LogLevelControl>,
    /// Takes profiles. Only for a standalone worker; absent, `/debug/pprof` does not exist.
    pub profiler: Option<Arc<dyn Profiler>>,
    /// Whether profiling is on from the start (`ENABLE_PPROF`).
    pub profiling: bool,
    /// What `/debug/pprof/cmdline` shows: see [`debug::redact_command_line`].
    pub command_line: String,
    /// Where requests are logged; absent: nowhere.
    pub access_log: Option<AccessLog>,
    /// What `/metrics` shows; absent: the path does not exist.
    pub metrics: Option<MetricsPage>,
    /// Tells the request ids of one start from those of another.
    pub entropy: Arc<dyn Entropy>,
}

/// An HTTP door, ready to be opened.
pub struct HttpDoor {
    config: DoorConfig,
    router: Router,
    tls: Option<TlsAcceptor>,
    metrics: Option<MetricsPage>,
    drain: CancellationToken,
    admin_router: Router,
    admin: Option<Box<dyn Listener>>,
}

impl HttpDoor {
    /// A door with these parts behind it.
    ///
    /// # Errors
    /// [`DoorError`] when the configuration cannot work.
    pub fn new(config: DoorConfig, parts: DoorParts) -> Result<Self, DoorError> {
        config.check()?;
        let tls = config.tls.as_ref().map(|identity| identity.acceptor()).transpose()?;
        let cors = cors_layer(&config.cors)?;
        let drain = CancellationToken::new();
        let debug = DebugState {
            log_level: parts.log_level,
            profiler: parts.profiler,
            profiling: parts.profiling,
            command_line: parts.command_line.into(),
        };
        let metrics_route = parts
            .metrics
            .clone()
            .map(|page| Router::new().route(METRICS, get(metrics)).with_state(page));
        let operation = debug::routes(debug).merge(metrics_route.unwrap_or_default());
        let budget = Budget::new(config.requests.bytes_in_flight);
        let rules = Arc::new(Rules::new(&config, budget.clone()));
        let router = Router::new()
            .merge(v1::routes(V1State {
                port: parts.v1,
                health: parts.health,
                drain: drain.clone(),
            }))
            .merge(parts.masa)
            .merge(operation.clone())
            .fallback(unknown_path)
            .layer(from_fn_with_state(rules, guard));
        let router = match cors {
            Some(cors) => router.layer(cors),
            None => router,
        };
        let rules = Arc::new(Rules::without_keys(&config, budget));
        let admin_router = operation
            .merge(masa::liveness())
            .fallback(unknown_path)
            .layer(from_fn_with_state(rules, guard));
        let boot = u32::from_be_bytes(parts.entropy.array());
        let observer = Arc::new(Observer::new(parts.access_log, boot));
        Ok(Self {
            config,
            router: router.layer(from_fn_with_state(Arc::clone(&observer), observe)),
            tls,
            metrics: parts.metrics,
            drain,
            admin_router: admin_router.layer(from_fn_with_state(observer, observe)),
            admin: None,
        })
    }

    /// Serves `/debug`, `/metrics` and `/healthz` on `listener` as well, without TLS and without
    /// keys: whoever can connect there may do what an admin may.
    #[must_use]
    pub fn with_admin(mut self, listener: Box<dyn Listener>) -> Self {
        self.admin = Some(listener);
        self
    }

    /// Serves connections of `listener` until `stop` fires. Then nothing new is accepted, long
    /// polls answer at once, requests in flight end within
    /// [`drain_timeout`](crate::ConnectionLimits::drain_timeout), and what is left is cut off. The
    /// admin's listener is served until all that is over.
    pub async fn serve(self, listener: &dyn Listener, stop: CancellationToken) -> Drained {
        let Self { config, router, tls, metrics, drain, admin_router, admin } = self;
        let (connections, requests) = (config.connections, &config.requests);
        let drained = CancellationToken::new();
        let admin = admin.map(|listener| {
            let connections = ConnectionLimits {
                total: ADMIN_CONNECTIONS,
                per_address: ADMIN_CONNECTIONS,
                drain_timeout: Duration::ZERO,
                ..connections.clone()
            };
            let drain = CancellationToken::new();
            let server = Server::new(admin_router, None, connections, requests, drain);
            (server, listener, drained.clone())
        });
        let administering = async {
            if let Some((server, listener, drained)) = admin {
                let _ = serve::run(server, &*listener, drained).await;
            }
        };
        let server = Server::new(router, tls, connections, requests, drain);
        let serving = async {
            let end = serve::run(server, listener, stop).await;
            drained.cancel();
            end
        };
        let both = async { tokio::join!(serving, administering).0 };
        match metrics {
            Some(page) => tokio::select! {
                drained = both => drained,
                never = page.keep_up() => match never {},
            },
            None => both.await,
        }
    }
}

impl std::fmt::Debug for HttpDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpDoor").field("config", &self.config).finish_non_exhaustive()
    }
}

fn cors_layer(cors: &Cors) -> Result<Option<CorsLayer>, DoorError> {
    let origins = match cors {
        Cors::Off => return Ok(None),
        Cors::Any => AllowOrigin::any(),
        Cors::Origins(list) => {
            AllowOrigin::list(list.iter().map(|o| origin(o)).collect::<Result<Vec<_>, _>>()?)
        }
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(SENT)
        .expose_headers(EXPOSED)
        .max_age(std::time::Duration::from_secs(600));
    Ok(Some(layer))
}

/// An origin as browsers write it: scheme, host, port, and nothing after them.
fn origin(text: &str) -> Result<HeaderValue, DoorError> {
    let wrong = || DoorError::Origin(text.to_owned());
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or_else(wrong)?;
    if text != format!("{scheme}://{authority}") || authority.as_str().contains('@') {
        return Err(wrong());
    }
    HeaderValue::from_str(text).map_err(|_| wrong())
}

async fn unknown_path(method: Method, uri: Uri) -> Response {
    if is_v1(uri.path()) {
        return v1::unknown_path().into_response();
    }
    masa::framework::fallback(method, uri).await
}

/// Fetch metrics
///
/// Counters, gauges and histograms in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "worker", operation_id = "metrics",
    responses(
        (status = 200, description = "The metrics", body = String, content_type = "text/plain; version=0.0.4"),
        (status = 401, description = "API key missing or wrong", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "Not an admin's key", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn metrics(State(page): State<MetricsPage>) -> Response {
    let mut response = plain_text(StatusCode::OK, page.render());
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, format);
    response
}
