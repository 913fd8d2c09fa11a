use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header::IntoHeaderName};
use url::Url;

use crate::error::Refusal;

/// One request. [`Request::get`] has the defaults; the fields are set after it.
#[derive(Clone)]
pub struct Request {
    /// Any method but `CONNECT` and `TRACE`.
    pub method: Method,
    /// What to fetch; the fragment is not sent.
    pub url: Url,
    /// Headers in addition to `Host`, `User-Agent`, `Accept` and `Accept-Encoding`; the last three
    /// can be given here. Those that are marked sensitive stay within the first origin.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// Body bytes after decompression; absent: the operator's limit, which also bounds it.
    pub max_bytes: Option<u64>,
    /// What happens to a larger body.
    pub overflow: Overflow,
    /// Time for the whole request; absent: the operator's limit.
    pub timeout: Option<Duration>,
    /// What happens at redirects.
    pub redirects: Redirects,
    /// One attempt: what may have arrived is not sent again, whatever its method.
    pub once: bool,
    /// `Referer` of the first request, cut to its origin when it goes to another one and dropped
    /// when it would go from https to http.
    pub referrer: Option<Url>,
}

impl Request {
    /// `GET url`.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A request without a body.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            max_bytes: None,
            overflow: Overflow::default(),
            timeout: None,
            redirects: Redirects::default(),
            once: false,
            referrer: None,
        }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: impl IntoHeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if matches!(self.method, Method::CONNECT | Method::TRACE) {
            return Err(Refusal::Method(self.method.to_string()));
        }
        match self.headers.keys().find(|name| CONNECTION_HEADERS.contains(&name.as_str())) {
            Some(name) => Err(Refusal::Header(name.to_string())),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Request {
    /// Shows method and host: path, query, headers and body may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {:?})", self.method, self.url.host_str().unwrap_or_default())
    }
}

/// What happens to a body that is larger than [`Request::max_bytes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// It is cut there, and the response says so.
    #[default]
    Truncate,
    /// The fetch fails.
    Refuse,
}

/// What happens at redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirects {
    /// How many are followed; `None`: none, and the 3xx answer itself is returned.
    pub limit: Option<u32>,
    /// Whether one may lead from https to http.
    pub downgrade: bool,
}

impl Redirects {
    /// Follows up to `limit` and fails at the one after.
    pub fn follow(limit: u32) -> Self {
        Self { limit: Some(limit), downgrade: false }
    }

    /// Returns the redirect itself to the caller, who decides.
    pub fn manual() -> Self {
        Self { limit: None, downgrade: false }
    }
}

impl Default for Redirects {
    fn default() -> Self {
        Self::follow(10)
    }
}

/// Headers that belong to a connection and not to a request, in lower case.
const CONNECTION_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
