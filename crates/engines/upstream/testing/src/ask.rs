use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};
use serde_json::Value;
use url::form_urlencoded;

/// A request as a service sees it.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// The whole path, prefix included.
    pub path: String,
    /// The decoded segments after the prefix.
    pub segments: Vec<String>,
    /// The query; of a repeated name the last value.
    pub query: BTreeMap<String, String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Ask {
    pub(crate) fn new(parts: &Parts, body: Bytes) -> Self {
        let path = parts.uri.path().to_owned();
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Self {
            method: parts.method.clone(),
            segments: Vec::new(),
            path,
            query: query.into_owned().collect(),
            headers: parts.headers.clone(),
            body,
        }
    }

    /// The segments after `prefix`, if it begins with that.
    pub(crate) fn beneath(&self, prefix: &str) -> Option<Vec<String>> {
        let rest = self.path.strip_prefix(prefix)?.strip_prefix('/')?;
        Some(rest.split('/').map(decoded).collect())
    }

    /// The segments as text slices, to be matched.
    pub fn parts(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// The token of `Authorization: Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A number of the query.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name)?.parse().ok()
    }

    /// The body as JSON; `null` for anything else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Decodes `%xx`; a plus stays a plus in a path.
fn decoded(segment: &str) -> String {
    let query = segment.replace('+', "%2B");
    form_urlencoded::parse(query.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}
