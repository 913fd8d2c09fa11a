use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::{Ask, Reply};

/// How an answer goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bad {
    /// Another status, with an error body as JSON.
    Status(u16),
    /// Another status, with a body and headers.
    Answer(u16, &'static str, Vec<(&'static str, String)>),
    /// Status 401 whose body and headers send back what the request had: headers and body.
    Echo,
    /// A page of HTML with status 200.
    Html,
    /// The answer, whose body ends in the middle of its JSON.
    HalfJson,
    /// The answer, during whose body the connection breaks.
    Broken,
    /// The answer, with another text in the place of a text.
    Edited(&'static str, &'static str),
    /// JSON of another form.
    OtherShape,
    /// An empty body with status 200.
    Empty,
    /// No answer, ever.
    Silence,
    /// The connection closes instead of an answer.
    Closed,
    /// A body without end.
    Endless,
    /// A body of a byte now and then.
    Trickle,
}

impl Bad {
    /// `None` for the connection to be closed.
    pub(crate) async fn answer(
        &self,
        ask: &Ask,
        good: impl Future<Output = Reply>,
    ) -> Option<Reply> {
        Some(match self {
            Self::Status(status) => {
                Reply::json(&json!({"error": {"type": "test", "message": "as a test wants it"}}))
                    .status(*status)
            }
            Self::Answer(status, body, headers) => {
                let reply = Reply::text("application/json", *body).status(*status);
                headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value))
            }
            Self::Echo => echo(ask),
            Self::Html => Reply::text("text/html", "<!doctype html><title>Sign in</title>"),
            Self::HalfJson => {
                let whole = whole(good.await).await;
                Reply::text("application/json", whole.slice(..whole.len() / 2))
            }
            Self::Broken => {
                let whole = whole(good.await).await;
                let half = Ok(whole.slice(..whole.len() / 2));
                let pieces = [half, Err(std::io::ErrorKind::ConnectionReset.into())];
                // A moment, so that the head and the first half are sent before the break.
                let pieces = stream::iter(pieces).then(|piece| async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    piece
                });
                Reply::pieces("application/json", pieces)
            }
            Self::Edited(from, to) => {
                let whole = whole(good.await).await;
                Reply::text("application/json", String::from_utf8_lossy(&whole).replace(from, to))
            }
            Self::OtherShape => Reply::json(&json!({"result": {"rows": 7}, "ok": "yes"})),
            Self::Empty => Reply::text("application/json", ""),
            Self::Silence => std::future::pending().await,
            Self::Closed => return None,
            Self::Endless => {
                Reply::endless("[", r#"{"id":"endless"},"#.repeat(1000), Duration::ZERO)
            }
            Self::Trickle => Reply::endless("[", " ".to_owned(), Duration::from_millis(200)),
        })
    }
}

fn echo(ask: &Ask) -> Reply {
    let credentials = ask.header("authorization").unwrap_or_default();
    let cookie = ask.header("cookie").unwrap_or_default();
    let sent = String::from_utf8_lossy(&ask.body);
    let message = format!("refused {credentials} {cookie} {sent} of {}", ask.path);
    let body = json!({
        "error": {"type": credentials, "message": message},
        "errors": [{"message": message, "detail": message, "title": credentials}],
        "detail": message,
    });
    Reply::json(&body).status(401).header("x-echo", credentials)
}

async fn whole(reply: Reply) -> Bytes {
    reply.body.collect().await.map(|body| body.to_bytes()).unwrap_or_default()
}
