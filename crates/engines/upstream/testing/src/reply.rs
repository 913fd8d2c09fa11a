use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{Response, header};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::Value;

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer.
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

impl Reply {
    /// JSON with status 200.
    pub fn json(value: &Value) -> Self {
        Self::text("application/json", value.to_string())
    }

    /// A text of a media type, with status 200.
    pub fn text(media_type: &str, text: impl Into<Bytes>) -> Self {
        let body = http_body_util::Full::new(text.into()).map_err(|never| match never {});
        Self::with_body(media_type, body.boxed_unsync())
    }

    /// A body that comes piece by piece, with status 200. An error breaks the connection.
    pub fn pieces(
        media_type: &str,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data)));
        Self::with_body(media_type, BodyExt::boxed_unsync(body))
    }

    /// With another status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// A body that brings `piece` again and again, after `pause` each.
    pub(crate) fn endless(first: &'static str, piece: String, pause: Duration) -> Self {
        let rest = stream::repeat(Bytes::from(piece)).then(move |piece| async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok(piece)
        });
        let first = stream::once(async move { Ok(Bytes::from_static(first.as_bytes())) });
        Self::pieces("application/json", first.chain(rest))
    }

    fn with_body(media_type: &str, body: Body) -> Self {
        let headers = vec![(header::CONTENT_TYPE.to_string(), media_type.to_owned())];
        Self { status: 200, headers, body }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(self.body).expect("a test's headers are headers")
    }
}
