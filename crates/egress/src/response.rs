use std::{fmt, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use url::Url;

use crate::{body::Body, error::EgressError, redirect};

/// An answer: its head, and the body as it comes.
pub struct Response {
    /// The status of the last answer.
    pub status: StatusCode,
    /// Its headers as sent; `Content-Encoding` and `Content-Length` speak of the body before
    /// decompression.
    pub headers: HeaderMap,
    /// The URL that answered, with the fragment that the redirects left.
    pub final_url: Url,
    /// The redirects that were followed, in order.
    pub redirects: Vec<Hop>,
    /// The protocol version.
    pub version: Version,
    /// The address that answered.
    pub address: SocketAddr,
    pub(crate) body: Body,
}

/// One redirect that was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The URL that redirected.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
}

/// A whole body.
#[derive(Clone, PartialEq, Eq)]
pub struct Collected {
    /// The body, decompressed.
    pub bytes: Bytes,
    /// Whether it was cut at the limit.
    pub truncated: bool,
    /// How many bytes of it came over the network.
    pub received: u64,
}

impl Response {
    /// Where the answer redirects to, for a caller that follows redirects itself; `None` when it
    /// does not.
    ///
    /// # Errors
    /// A location that is no URL, or that leads from https to http.
    pub fn redirect(&self) -> Result<Option<Url>, EgressError> {
        let next = redirect::location(&self.final_url, self.status, &self.headers)?;
        if let Some(next) = &next {
            redirect::check_downgrade(&self.final_url, next, false)?;
        }
        Ok(next)
    }

    /// The next piece of the body, decompressed; `None` at its end or at the limit.
    ///
    /// # Errors
    /// A broken, slow, late or oversized body; the deadline; the meter's refusal. After an error
    /// the body gives `None`.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        self.body.chunk().await
    }

    /// Whether the body was cut at the limit: known when [`Response::chunk`] has given `None`.
    pub fn is_truncated(&self) -> bool {
        self.body.is_truncated()
    }

    /// The whole body, up to the limit of the request.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    pub async fn collect(mut self) -> Result<Collected, EgressError> {
        let Some(first) = self.body.chunk().await? else { return Ok(self.collected(Bytes::new())) };
        let Some(second) = self.body.chunk().await? else { return Ok(self.collected(first)) };
        let mut all = Vec::with_capacity(first.len() + second.len());
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.body.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(self.collected(all.into()))
    }

    fn collected(&self, bytes: Bytes) -> Collected {
        let truncated = self.body.is_truncated();
        Collected { bytes, truncated, received: self.body.received() }
    }
}

impl fmt::Debug for Response {
    /// Shows status and host: the rest may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.final_url.host_str().unwrap_or_default();
        write!(f, "Response({} from {host:?})", self.status.as_u16())
    }
}

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = if self.truncated { ", truncated" } else { "" };
        write!(f, "Collected({} bytes{cut})", self.bytes.len())
    }
}
