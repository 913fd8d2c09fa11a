//! Outgoing requests of a program: one attempt each, to hosts that job and operator allow.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use sealwork_egress::{
    Egress, EgressError, EgressMeter, Overflow, Redirects, Request, Response, Scope,
};
use sealwork_engine::{Context, Meter};
use serde_json::{Value, json};
use url::Url;

use crate::{
    hosts::HostPatterns,
    javascript::{self, FetchHead},
};

/// Redirects that are followed for a script that asks for it.
const REDIRECTS: u32 = 20;

/// The network as one job may use it.
pub(crate) struct Fetches {
    egress: Arc<Egress>,
    scope: Scope,
    /// The largest body of an answer.
    max_bytes: u64,
    /// Bytes that all requests together may send.
    max_sent: u64,
    /// Of bodies that were sent, or are about to be.
    sent: AtomicU64,
}

impl Fetches {
    pub(crate) fn new(egress: Arc<Egress>, context: &Context, hosts: HostPatterns) -> Self {
        let limits = &context.limits;
        let max_bytes_each_way = limits.egress_bytes.unwrap_or(u64::MAX);
        let meter = JobMeter {
            meter: Arc::clone(&context.meter),
            hosts,
            max_requests: limits.egress_requests.unwrap_or(u64::MAX),
            max_bytes_each_way,
        };
        let max_bytes = egress.limits().body_bytes.min(limits.memory_bytes.unwrap_or(u64::MAX));
        let scope = Scope::new(Arc::new(meter), Some(context.deadline));
        Self {
            egress,
            scope: scope.of(context.account.share()),
            max_bytes,
            max_sent: max_bytes_each_way,
            sent: AtomicU64::new(0),
        }
    }

    /// Performs one request, in the guest's own form.
    pub(crate) async fn answer(&self, request: &Bytes) -> Bytes {
        self.fetch(request).await.unwrap_or_else(Refused::told)
    }

    async fn fetch(&self, request: &Bytes) -> Result<Bytes, Refused> {
        let (head, body) = javascript::call(request)
            .filter(|(head, _)| head.kind == "fetch")
            .ok_or_else(|| Refused::new("request_malformed", "no request of the known form"))?;
        let request = self.request(head, body)?;
        // Before it is sent, so that requests at the same time count together.
        let body_bytes = request.body.len() as u64;
        if self.sent.fetch_add(body_bytes, Relaxed).saturating_add(body_bytes) > self.max_sent {
            return Err(EgressError::Exhausted { what: "egress_bytes" }.into());
        }
        let is_manual = request.redirects.limit.is_none();
        let response = self.egress.fetch(request, &self.scope).await?;
        let head = answer_head(&response, is_manual);
        let body = response.collect().await?.bytes;
        Ok(javascript::frame(&head, &[&body]))
    }

    fn request(&self, head: FetchHead, body: Bytes) -> Result<Request, Refused> {
        let malformed = |text| Refused::new("request_malformed", text);
        let method = Method::from_bytes(head.method.as_bytes());
        let method = method.map_err(|_| malformed("the method is not valid"))?;
        let url = Url::parse(&head.url).map_err(|_| malformed("the URL is not valid"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in head.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            let name = name.map_err(|_| malformed("a header's name is not valid"))?;
            let value = javascript::header_value(&value);
            headers.append(name, value.ok_or_else(|| malformed("a header's value is not valid"))?);
        }
        Ok(Request {
            headers,
            body,
            max_bytes: Some(self.max_bytes),
            overflow: Overflow::Refuse,
            redirects: match head.redirect.as_str() {
                "follow" => Redirects::follow(REDIRECTS),
                "error" => Redirects::follow(0),
                _ => Redirects::manual(),
            },
            once: true,
            ..Request::new(method, url)
        })
    }
}

/// The answer to a request that came while too much of what programs send was under way.
pub(crate) fn no_room() -> Bytes {
    let text =
        "the bodies of this requester's open requests have more than 64 MiB: wait for answers";
    Refused::new("requests_too_large", text).told()
}

/// What the script gets of the answer beside its body. The body is decompressed, and the headers
/// say so by not saying otherwise.
fn answer_head(response: &Response, is_manual: bool) -> Value {
    let skipped = ["content-encoding", "content-length"];
    let headers: Vec<(&str, String)> = response
        .headers
        .iter()
        .filter(|(name, _)| !skipped.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_bytes().iter().map(|b| *b as char).collect()))
        .collect();
    json!({
        "status": response.status.as_u16(),
        "status_text": response.status.canonical_reason().unwrap_or_default(),
        "headers": headers,
        "url": response.final_url.as_str(),
        "redirected": !is_manual && !response.redirects.is_empty(),
    })
}

/// Why a request has no answer, as the script sees it.
struct Refused {
    code: String,
    message: String,
}

impl Refused {
    fn new(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned() }
    }

    /// In the guest's own form.
    fn told(self) -> Bytes {
        javascript::frame(&json!({ "error": self.code, "message": self.message }), &[])
    }
}

impl From<EgressError> for Refused {
    fn from(error: EgressError) -> Self {
        Self { code: error.code().to_string(), message: error.to_string() }
    }
}

/// Counts a job's use of the network and holds it to its hosts, at redirects too.
struct JobMeter {
    meter: Arc<Meter>,
    hosts: HostPatterns,
    max_requests: u64,
    /// Received bytes, and sent ones as well.
    max_bytes_each_way: u64,
}

impl EgressMeter for JobMeter {
    fn request(&self, url: &Url) -> Result<(), EgressError> {
        if !self.hosts.allow(url) {
            let host = url.host_str().unwrap_or_default().to_owned();
            return Err(EgressError::Undeclared { host });
        }
        // At a redirect the body is sent again.
        if self.meter.usage().egress_sent_bytes > self.max_bytes_each_way {
            return Err(EgressError::Exhausted { what: "egress_bytes" });
        }
        if !self.meter.take_egress_request(self.max_requests) {
            return Err(EgressError::Exhausted { what: "egress_requests" });
        }
        Ok(())
    }

    fn sent(&self, bytes: u64) {
        self.meter.add_egress_sent(bytes);
    }

    fn received(&self, bytes: u64) -> Result<(), EgressError> {
        if self.meter.add_egress_received(bytes) > self.max_bytes_each_way {
            return Err(EgressError::Exhausted { what: "egress_bytes" });
        }
        Ok(())
    }
}
