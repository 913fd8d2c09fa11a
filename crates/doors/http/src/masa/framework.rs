//! How the web framework of the reference answers by itself: unknown paths, other methods, JSON
//! (reference 1.1).

use axum::{
    body::Body,
    response::Response,
    routing::{MethodRouter, options},
};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;

use crate::reply::json_text;

/// The answer to a path that does not exist.
pub(crate) async fn fallback(method: Method, uri: Uri) -> Response {
    message(StatusCode::NOT_FOUND, "Not Found", &method, &uri)
}

/// Answers other methods than the route's: OPTIONS with 204, all others, HEAD among them, with 405;
/// both say what is allowed.
pub(crate) fn with_allow<S: Clone + Send + Sync + 'static>(
    route: MethodRouter<S>,
    allow: &'static str,
) -> MethodRouter<S> {
    let allowed = move |mut response: Response| {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        response
    };
    let not_allowed = async move |method: Method, uri: Uri| {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        allowed(message(status, "Method Not Allowed", &method, &uri))
    };
    let no_content = async move || allowed(empty(StatusCode::NO_CONTENT));
    // Left alone, HEAD would be answered as GET is.
    route.merge(options(no_content)).head(not_allowed).fallback(not_allowed)
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// `{"message": ...}`; to HEAD nothing, and no media type of it.
fn message(status: StatusCode, text: &'static str, method: &Method, uri: &Uri) -> Response {
    if method == Method::HEAD {
        return empty(status);
    }
    #[derive(Serialize)]
    struct Message {
        message: &'static str,
    }
    json(status, &Message { message: text }, wants_pretty(uri))
}

/// Whether the query has a key `pretty`, whatever its value.
pub(crate) fn wants_pretty(uri: &Uri) -> bool {
    uri.query()
        .is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("pretty")))
}

/// A JSON answer as Go writes it: characters of HTML escaped, a line's end, indented on request.
pub(crate) fn json(status: StatusCode, value: &impl Serialize, pretty: bool) -> Response {
    let written = if pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) };
    // Texts, numbers and flags only: this cannot fail.
    let mut body = escape_html(written.unwrap_or_default());
    body.push(b'\n');
    json_text(status, body)
}

/// Outside its strings JSON has none of these characters, so that they can be replaced anywhere.
fn escape_html(json: Vec<u8>) -> Vec<u8> {
    if !json.iter().any(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xe2)) {
        return json;
    }
    let mut out = Vec::with_capacity(json.len() + 16);
    let mut rest = json.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let (escape, len): (&[u8], _) = match first {
            b'<' => (b"\\u003c", 1),
            b'>' => (b"\\u003e", 1),
            b'&' => (b"\\u0026", 1),
            0xe2 if after.starts_with(b"\x80\xa8") => (b"\\u2028", 3),
            0xe2 if after.starts_with(b"\x80\xa9") => (b"\\u2029", 3),
            _ => (std::slice::from_ref(first), 1),
        };
        out.extend_from_slice(escape);
        rest = rest.get(len..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_escaped_and_nothing_else_changes() {
        let json = serde_json::to_vec("<a>&\u{2028}\u{2029}\u{2027}\u{e9}").unwrap();
        assert_eq!(
            String::from_utf8(escape_html(json)).unwrap(),
            "\"\\u003ca\\u003e\\u0026\\u2028\\u2029\u{2027}\u{e9}\""
        );
    }

    #[test]
    fn any_key_named_pretty_asks_for_indentation() {
        for (uri, pretty) in [
            ("/readyz?pretty", true),
            ("/readyz?a=b&pretty=0", true),
            ("/readyz?prettyx=1", false),
            ("/readyz?a=pretty", false),
            ("/readyz", false),
        ] {
            assert_eq!(wants_pretty(&uri.parse().unwrap()), pretty, "{uri}");
        }
    }
}
