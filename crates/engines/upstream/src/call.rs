use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Serialize;
use url::form_urlencoded;

use crate::Secret;

/// One request to an upstream: a path beneath its base address, a query, headers, a body.
#[derive(Clone)]
pub struct Call {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_bytes: Option<u64>,
    /// What of it cannot be sent.
    pub(crate) unsendable: Option<&'static str>,
}

impl Call {
    /// `GET`; each of `path` is one segment, and encoded.
    pub fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    /// `POST`, with an empty body.
    pub fn post(path: &[&str]) -> Self {
        Self::new(Method::POST, path)
    }

    fn new(method: Method, path: &[&str]) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            method,
            path: path.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Vec::new(),
            headers,
            body: Bytes::new(),
            timeout: None,
            max_bytes: None,
            unsendable: None,
        }
    }

    /// Adds a pair to the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Sets a header.
    #[must_use]
    pub fn header(self, name: &'static str, value: &str) -> Self {
        self.put(name, value, false)
    }

    /// Sets a header whose value is a secret: no redirect to another origin takes it along.
    #[must_use]
    pub fn secret_header(self, name: &'static str, value: &Secret) -> Self {
        self.put(name, value.expose(), true)
    }

    /// Sets `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &Secret) -> Self {
        let value = zeroize::Zeroizing::new(format!("Bearer {}", token.expose()));
        self.put("authorization", &value, true)
    }

    /// Sends `value` as JSON.
    #[must_use]
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body = body.into(),
            Err(_) => self.unsendable = Some("a body that is no JSON"),
        }
        self.header("content-type", "application/json")
    }

    /// Sends `pairs` as a form.
    #[must_use]
    pub fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        self.body = form.finish().into();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    /// Bounds the whole exchange; the job's deadline bounds it as well.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Bounds the body of the answer; the operator's limit bounds it as well.
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        Self { max_bytes: Some(bytes), ..self }
    }

    fn put(mut self, name: &'static str, value: &str, is_secret: bool) -> Self {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(is_secret);
                self.headers.insert(name, value);
            }
            _ => self.unsendable = Some("a header with characters that no header can have"),
        }
        self
    }
}

impl fmt::Debug for Call {
    /// Shows the method: the rest may hold secrets or quote the job.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({})", self.method)
    }
}
