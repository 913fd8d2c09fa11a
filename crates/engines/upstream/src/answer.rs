use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::error::Category;

use crate::{Fault, RateLimit, UpstreamError, objects};

/// How much of an answer that is no success is kept for the engine.
const KEPT: usize = 16 << 10;

/// A whole answer of an upstream.
#[derive(Clone)]
pub struct Answer {
    /// The upstream's name.
    pub upstream: &'static str,
    /// Its status, whatever it is.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// What they say about the rate limit.
    pub rate: RateLimit,
    /// Its body, decompressed.
    pub body: Bytes,
}

impl Answer {
    /// The answer, if its status is a success.
    ///
    /// # Errors
    /// [`Fault::Status`] for any other status.
    pub fn success(self) -> Result<Self, UpstreamError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let body = Bytes::copy_from_slice(&self.body[..self.body.len().min(KEPT)]);
        let fault = Fault::Status(self.status);
        Err(UpstreamError::new(self.upstream, fault).with_rate(self.rate).with_body(body))
    }

    /// The body as JSON, whatever the status.
    ///
    /// # Errors
    /// [`Fault::NotJson`], [`Fault::Truncated`], or [`Fault::Shape`] with `what`: the name of what
    /// was expected.
    pub fn json<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, UpstreamError> {
        read_json(&self.body, what)
            .map_err(|fault| UpstreamError::new(self.upstream, fault).with_rate(self.rate))
    }
}

impl fmt::Debug for Answer {
    /// Shows the status: the rest may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} {})", self.upstream, self.status.as_u16())
    }
}

/// Reads a body, and borrows from it. What is wrong is told by kind: the reader's own message would
/// quote the answer.
///
/// # Errors
/// [`Fault::NotJson`], [`Fault::Truncated`], or [`Fault::Shape`] with `what`: the name of what was
/// expected.
pub fn read_json<'a, T: Deserialize<'a>>(body: &'a [u8], what: &'static str) -> Result<T, Fault> {
    objects::from_slice(body).map_err(|error| match error.classify() {
        Category::Eof if !body.trim_ascii().is_empty() => Fault::Truncated,
        Category::Data => Fault::Shape(what),
        _ => Fault::NotJson,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_half_an_object_and_another_form_are_told_apart() {
        type Expected = std::collections::BTreeMap<String, u64>;
        let read = |body: &str| read_json::<Expected>(body.as_bytes(), "a map");
        assert_eq!(read(r#"{"a":1}"#).unwrap().len(), 1);
        assert_eq!(read("<html>").unwrap_err(), Fault::NotJson);
        assert_eq!(read("").unwrap_err(), Fault::NotJson);
        assert_eq!(read(r#"{"a":1"#).unwrap_err(), Fault::Truncated);
        assert_eq!(read(r#"{"a":"1"}"#).unwrap_err(), Fault::Shape("a map"));
        assert_eq!(read(r#"{"a":1} x"#).unwrap_err(), Fault::NotJson);
    }
}
