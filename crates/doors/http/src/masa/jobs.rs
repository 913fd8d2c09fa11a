//! The handlers of `/job/*` and `/setkey`.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use http::{StatusCode, Uri, header};
use http_body::Body as _;
use sealwork_compat_masa::{AddBody, MasaJob, ResultBody, SetKeyBody, read_body};
use serde::Serialize;

use super::{
    MasaState,
    answers::{Answer, MasaError},
    framework::{json, wants_pretty},
    large,
    port::MasaStatus,
};
use crate::{auth::Caller, body, budget::Budget, reply::plain_text, share::Taker, v1::Content};

/// Validators ask for the status once, at once: a telemetry job is done by then. All known clients
/// wait longer than this.
const INSTANT_PATIENCE: Duration = Duration::from_secs(2);

/// What comes before the id in the path of `/job/status/{id}`.
const STATUS: &str = "/job/status/";

/// `POST /job/generate`
pub(super) async fn generate(State(state): State<Arc<MasaState>>, request: Request) -> Response {
    let (uri, body) = parts(request);
    let sealed = async {
        let job: MasaJob = body.read().await.map_err(MasaError::in_result)?;
        Ok(text(state.port.generate(job)?))
    };
    state.finish(sealed.await, &uri)
}

/// `POST /job/add`
pub(super) async fn add(
    State(state): State<Arc<MasaState>>,
    caller: Option<Extension<Arc<Caller>>>,
    request: Request,
) -> Response {
    #[derive(Serialize)]
    struct Uid {
        uid: String,
    }
    let (uri, body) = parts(request);
    let caller = known(caller);
    let added = async {
        let body: AddBody = body.read().await?;
        let added = state.port.add(Bytes::from(body.encrypted_job), &caller).await?;
        if added.is_instant {
            state.port.wait(added.job, &caller, INSTANT_PATIENCE).await;
        }
        let uid = Uid { uid: added.job.to_string() };
        Ok(Answer::ok(json(StatusCode::OK, &uid, wants_pretty(&uri))))
    };
    state.finish(added.await, &uri)
}

/// `GET /job/status/{id}`
pub(super) async fn status(
    State(state): State<Arc<MasaState>>,
    caller: Option<Extension<Arc<Caller>>>,
    budget: Option<Extension<Budget>>,
    uri: Uri,
) -> Response {
    let reader = match budget {
        Some(Extension(budget)) => Some(budget.reader().await),
        None => None,
    };
    let found = async {
        let id = uri.path().strip_prefix(STATUS).unwrap_or_default();
        let status = match id.parse() {
            Ok(job) => state.port.status(job, &known(caller)).await?,
            Err(_) => MasaStatus::Unknown,
        };
        let pretty = wants_pretty(&uri);
        Ok(match status {
            MasaStatus::Unknown => MasaError::no_result(None, pretty),
            MasaStatus::Pending(pending) => MasaError::no_result(Some(&pending), pretty),
            MasaStatus::Failed { code, message, next_cursor } => {
                let failed = MasaError::failed_job(code, message, pretty);
                failed.with_cursor(next_cursor.as_deref())
            }
            MasaStatus::Done { sealed, next_cursor, stopped, way } => content(sealed)
                .with_state("succeeded")
                .with_cursor(next_cursor.as_deref())
                .with_stopped(stopped.as_deref())
                .with_way(way.as_deref()),
        })
    };
    let mut response = state.finish(found.await, &uri);
    if let Some(reader) = reader {
        response.extensions_mut().insert(reader);
    }
    response
}

/// `POST /job/result`
pub(super) async fn result(State(state): State<Arc<MasaState>>, request: Request) -> Response {
    let on_disk = request.extensions().get::<large::OnDisk>().copied();
    let taker = Taker::of(&request);
    let (uri, body) = parts(request);
    let opened = async {
        if let Some(on_disk) = on_disk {
            let content_type = body.content_type.as_ref().map(|value| value.as_bytes());
            let large = (body.body, on_disk);
            let opened =
                large::open(&state.large, &state.port, content_type, large, &taker).await?;
            return Ok(content(opened));
        }
        let body: ResultBody = body.read().await?;
        let mut data = state.port.open_result(&body)?;
        Ok(text(std::mem::take(&mut *data)))
    };
    state.finish(opened.await, &uri)
}

/// `POST /setkey`
pub(super) async fn set_key(State(state): State<Arc<MasaState>>, request: Request) -> Response {
    #[derive(Serialize)]
    struct Status {
        status: &'static str,
    }
    let (uri, body) = parts(request);
    let set = async {
        let body: SetKeyBody = body.read().await.map_err(MasaError::in_status)?;
        state.port.set_key(body).await?;
        let status = Status { status: "Key set" };
        Ok(Answer::ok(json(StatusCode::OK, &status, wants_pretty(&uri))))
    };
    state.finish(set.await, &uri)
}

/// Who asks, as the guard has found.
fn known(caller: Option<Extension<Arc<Caller>>>) -> Arc<Caller> {
    caller.map_or_else(|| Arc::new(Caller::anonymous()), |Extension(caller)| caller)
}

/// A body that has not been read, with its media type.
struct Unread {
    content_type: Option<http::HeaderValue>,
    body: Body,
    /// Said to have no byte, which the reference takes for a body of zero values. One in chunks is read,
    /// however few they are.
    is_empty: bool,
}

impl Unread {
    async fn read<T: sealwork_compat_masa::Body>(self) -> Result<T, MasaError> {
        if self.is_empty {
            return Ok(T::default());
        }
        let bytes = body::read(self.body).await?;
        Ok(read_body(self.content_type.as_ref().map(|value| value.as_bytes()), &bytes)?)
    }
}

fn parts(request: Request) -> (Uri, Unread) {
    let (mut parts, body) = request.into_parts();
    let content_type = parts.headers.remove(header::CONTENT_TYPE);
    let is_empty = body.size_hint().exact() == Some(0);
    (parts.uri, Unread { content_type, body, is_empty })
}

/// A text that may come in pieces.
fn content(content: Content) -> Answer {
    let (body, in_flight) = content.into_body();
    let mut answer = text(body);
    if let Some(in_flight) = in_flight {
        answer.response.extensions_mut().insert(in_flight);
    }
    answer
}

fn text(body: impl Into<Body>) -> Answer {
    Answer::ok(plain_text(StatusCode::OK, body))
}
