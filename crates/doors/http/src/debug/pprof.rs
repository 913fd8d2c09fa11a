//! Profiles under the paths of Go's net/http/pprof, so that `go tool pprof http://…` works.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};

use super::{DebugState, Kind, MAX_PROFILE, ProfileError, Profiler};
use crate::{
    body,
    masa::framework::{fallback, with_allow},
    reply::plain_text,
};

/// How long a CPU profile takes when nothing else is asked for.
const DEFAULT_PROFILE: Duration = Duration::from_secs(30);
/// The most addresses that are looked up at once.
const MAX_SYMBOLS: usize = 4096;

#[derive(Clone)]
struct Profiling {
    profiler: Arc<dyn Profiler>,
    enabled: Arc<AtomicBool>,
    command_line: Arc<str>,
}

pub(super) fn routes(profiler: Arc<dyn Profiler>, state: &DebugState) -> Router {
    let profiling = Profiling {
        profiler,
        enabled: Arc::new(AtomicBool::new(state.profiling)),
        command_line: Arc::clone(&state.command_line),
    };
    let mut profiles = Router::new()
        .route("/debug/pprof", with_allow(get(to_index), "OPTIONS, GET"))
        .route("/debug/pprof/", with_allow(get(index), "OPTIONS, GET"))
        .route("/debug/pprof/cmdline", with_allow(get(command_line), "OPTIONS, GET"))
        .route("/debug/pprof/profile", with_allow(get(cpu), "OPTIONS, GET"))
        .route("/debug/pprof/trace", with_allow(get(trace), "OPTIONS, GET"))
        .route(
            "/debug/pprof/symbol",
            with_allow(get(symbol_count).post(symbols), "OPTIONS, GET, POST"),
        );
    for kind in Kind::ALL {
        let show = async move |State(profiling): State<Profiling>| {
            file(profiling.profiler.snapshot(kind).await, kind.name())
        };
        let path = format!("/debug/pprof/{}", kind.name());
        profiles = profiles.route(&path, with_allow(get(show), "OPTIONS, GET"));
    }
    let enabled = from_fn_with_state(profiling.clone(), only_when_enabled);
    Router::new()
        .route("/debug/pprof/enable", with_allow(post(enable), "OPTIONS, POST"))
        .route("/debug/pprof/disable", with_allow(post(disable), "OPTIONS, POST"))
        .merge(profiles.layer(enabled))
        .with_state(profiling)
}

/// Before profiling is enabled, the paths do not exist.
async fn only_when_enabled(
    State(profiling): State<Profiling>,
    request: Request,
    next: Next,
) -> Response {
    if profiling.enabled.load(Relaxed) {
        next.run(request).await
    } else {
        fallback(request.method().clone(), request.uri().clone()).await
    }
}

/// A profile as a file, or why there is none.
fn file(profile: Result<Vec<u8>, ProfileError>, name: &str) -> Response {
    let bytes = match profile {
        Ok(bytes) => bytes,
        Err(error) => return refuse(&error),
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(file) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, file);
    }
    response
}

fn refuse(error: &ProfileError) -> Response {
    let status = match error {
        ProfileError::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    for_pprof(plain_text(status, format!("{error}\n")))
}

/// Makes `go tool pprof` print the text of an error.
fn for_pprof(mut response: Response) -> Response {
    let header = HeaderName::from_static("x-go-pprof");
    response.headers_mut().insert(header, HeaderValue::from_static("1"));
    response
}

async fn enable(State(profiling): State<Profiling>) -> Response {
    // Where the heap cannot be sampled, the other profiles still work, and it says so itself.
    match profiling.profiler.enable().await {
        Ok(()) | Err(ProfileError::Unsupported(_)) => {
            profiling.enabled.store(true, Relaxed);
            plain_text(StatusCode::OK, "pprof enabled")
        }
        Err(error) => refuse(&error),
    }
}

/// The routes stay, as with Masa; only the sampling of the heap ends.
async fn disable(State(profiling): State<Profiling>) -> Response {
    match profiling.profiler.disable().await {
        Ok(()) | Err(ProfileError::Unsupported(_)) => plain_text(StatusCode::OK, "pprof disabled"),
        Err(error) => refuse(&error),
    }
}

/// The READMEs name the index without the slash, on which the relative paths of a client rest.
async fn to_index() -> Response {
    let mut response = plain_text(StatusCode::MOVED_PERMANENTLY, "see /debug/pprof/\n");
    let index = HeaderValue::from_static("/debug/pprof/");
    response.headers_mut().insert(header::LOCATION, index);
    response
}

async fn index() -> Response {
    let mut page =
        "/debug/pprof/\n\nProfiles, for `go tool pprof http://HOST/debug/pprof/NAME`:\n".to_owned();
    for kind in Kind::ALL {
        let _ = writeln!(page, "{:14}{}", kind.name(), kind.about());
    }
    page.push_str("profile       CPU samples of the next ?seconds=30\n");
    page.push_str("cmdline       the command line, without values\n");
    page.push_str("symbol        names of functions by address\n");
    page.push_str("trace         not here: only Go's runtime can make one\n");
    plain_text(StatusCode::OK, page)
}

async fn command_line(State(profiling): State<Profiling>) -> Response {
    plain_text(StatusCode::OK, profiling.command_line.to_string())
}

async fn cpu(State(profiling): State<Profiling>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("seconds="));
    let asked = asked.and_then(|secs| secs.parse().ok()).filter(|secs| *secs > 0);
    let duration = asked.map_or(DEFAULT_PROFILE, Duration::from_secs).min(MAX_PROFILE);
    file(profiling.profiler.cpu(duration).await, "profile")
}

/// No client of the reference asks for one, and only Go's runtime can make one.
async fn trace() -> Response {
    let text = "execution traces are a feature of Go's runtime, which this worker does not have; \
                use profile, or `perf record`\n";
    for_pprof(plain_text(StatusCode::NOT_IMPLEMENTED, text))
}

/// `go tool pprof` asks whether there are symbols at all before it looks any up.
async fn symbol_count(State(profiling): State<Profiling>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default().as_bytes().to_vec();
    plain_text(StatusCode::OK, look_up(&*profiling.profiler, &query).await)
}

async fn symbols(State(profiling): State<Profiling>, body: Body) -> Response {
    let addresses: Bytes = match body::read(body).await {
        Ok(bytes) => bytes,
        Err(error) => return plain_text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    plain_text(StatusCode::OK, look_up(&*profiling.profiler, &addresses).await)
}

/// One line for each address of `0x1+0x2+…` whose function is known.
async fn look_up(profiler: &dyn Profiler, addresses: &[u8]) -> String {
    let words = addresses.split(|b| *b == b'+').take(MAX_SYMBOLS);
    let addresses = words.filter_map(|word| std::str::from_utf8(word).ok()).filter_map(|word| {
        let digits = word.trim().trim_start_matches("0x");
        u64::from_str_radix(digits, 16).ok()
    });
    let mut page = "num_symbols: 1\n".to_owned();
    for (address, name) in profiler.symbols(addresses.collect()).await {
        let _ = writeln!(page, "{address:#x} {name}");
    }
    page
}
