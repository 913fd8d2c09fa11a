use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use sealwork_platform::{Dialer, Resolver};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::{
    body::{Body, BodyLimits, Ends},
    config::{ConfigError, EgressConfig, EgressLimits},
    connect::Connector,
    decode::{ACCEPT_ENCODING, Decoder},
    error::{EgressError, Refusal},
    exchange::{Outgoing, exchange},
    gate::Gate,
    guard::{Guard, Target},
    pace::Pace,
    pool::Pool,
    queue::Queue,
    redirect,
    request::{Overflow, Request},
    response::{Hop, Response},
    scope::Scope,
    tls,
};

/// The way out. One per worker; shared.
#[derive(Debug)]
pub struct Egress {
    connector: Connector,
    pool: Arc<Pool>,
    user_agent: HeaderValue,
}

impl Egress {
    /// A way out over the machine's resolver and dialer.
    ///
    /// # Errors
    /// What in `config` cannot be used.
    pub fn new(
        resolver: Arc<dyn Resolver>,
        dialer: Arc<dyn Dialer>,
        config: EgressConfig,
    ) -> Result<Arc<Self>, ConfigError> {
        let EgressConfig { allow, ports, user_agent, extra_roots, limits } = config;
        check_limits(&limits)?;
        let value = HeaderValue::from_str(&user_agent)
            .map_err(|_| ConfigError::UserAgent(user_agent.clone()))?;
        let guard = Guard::new(allow, ports, limits.url_bytes);
        let tls = tls::client_config(&extra_roots)?;
        let pool = Pool::new(&limits);
        let lookups = Gate::new(limits.lookups);
        let connector = Connector { guard, resolver, lookups, dialer, tls, limits };
        Ok(Arc::new(Self { connector, pool, user_agent: value }))
    }

    /// The guard, for checks that need no network.
    pub fn guard(&self) -> &Guard {
        &self.connector.guard
    }

    /// The limits in force.
    pub fn limits(&self) -> &EgressLimits {
        &self.connector.limits
    }

    /// Makes one attempt at `request`, redirects included, and returns the head of the answer; the
    /// body is read from it. A status of 4xx or 5xx is an answer like any other.
    ///
    /// # Errors
    /// The guard's refusal at any hop; names, connections, TLS and answers that fail; limits.
    pub async fn fetch(&self, request: Request, scope: &Scope) -> Result<Response, EgressError> {
        request.check()?;
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let ends = self.ends(&request, scope);
        let queue = Queue::default();
        match timeout_at(ends.at, self.follow(request, (scope, &queue), ends)).await {
            Ok(result) => result,
            Err(_) => Err(ends.error(&host, queue.phase())),
        }
    }

    fn ends(&self, request: &Request, scope: &Scope) -> Ends {
        let after = request.timeout.unwrap_or(self.connector.limits.total);
        let own = Instant::now() + after;
        match scope.deadline {
            Some(deadline) if deadline < own => Ends { at: deadline, is_deadline: true, after },
            _ => Ends { at: own, is_deadline: false, after },
        }
    }

    async fn follow(
        &self,
        request: Request,
        by: (&Scope, &Queue),
        ends: Ends,
    ) -> Result<Response, EgressError> {
        let Request { mut method, mut url, mut headers, mut body, redirects, once, .. } = request;
        let limits = Limits { max_bytes: request.max_bytes, overflow: request.overflow, ends };
        self.default_headers(&mut headers);
        let mut hops = Vec::new();
        loop {
            set_referer(&mut headers, request.referrer.as_ref(), &url);
            let outgoing =
                Outgoing { method: &method, url: &url, headers: &headers, body: &body, once };
            let mut response = self.hop(&outgoing, by, &limits).await?;
            let followed = redirects.limit.map(|limit| {
                let location = redirect::location(&url, response.status, &response.headers);
                location.map(|next| next.map(|next| (next, limit)))
            });
            let Some((next, limit)) = followed.transpose()?.flatten() else {
                response.body.check_declared(&response.headers)?;
                response.redirects = hops;
                return Ok(response);
            };
            if hops.len() >= limit as usize {
                let host = url.host_str().unwrap_or_default().to_owned();
                return Err(EgressError::TooManyRedirects { host, limit });
            }
            redirect::check_downgrade(&url, &next, redirects.downgrade)?;
            let status = response.status;
            response.body.discard().await;
            if redirect::becomes_get(status, &method) {
                method = Method::GET;
                body = Bytes::new();
                redirect::drop_body_headers(&mut headers);
            }
            if next.origin() != url.origin() {
                redirect::drop_secrets(&mut headers);
            }
            hops.push(Hop { url: std::mem::replace(&mut url, next), status });
        }
    }

    /// One request to one origin: checked, counted, resolved, checked again, sent.
    async fn hop(
        &self,
        outgoing: &Outgoing<'_>,
        (scope, queue): (&Scope, &Queue),
        limits: &Limits,
    ) -> Result<Response, EgressError> {
        let target = self.connector.guard.check_url(outgoing.url)?;
        scope.meter.request(outgoing.url)?;
        let addresses: Vec<IpAddr> =
            self.connector.addresses(&target, (scope.share(), queue)).await?;
        let by = (scope, queue);
        let (answer, lease) =
            exchange(&self.connector, &self.pool, by, outgoing, &target, &addresses).await?;
        let (head, incoming) = answer.into_parts();
        let host = target.host.to_string();
        let body_limits = self.body_limits(limits);
        let decoder = Decoder::for_headers(&head.headers);
        let own = &self.connector.limits;
        let pace = Pace::new(own.min_bytes_per_second, own.rate_window);
        let address = lease.key.address;
        let meter = Arc::clone(&scope.meter);
        let body = Body::new(host, (incoming, lease), decoder, meter, body_limits, pace);
        Ok(Response {
            status: head.status,
            headers: head.headers,
            final_url: outgoing.url.clone(),
            redirects: Vec::new(),
            version: head.version,
            address,
            body,
        })
    }

    fn body_limits(&self, limits: &Limits) -> BodyLimits {
        let own = &self.connector.limits;
        BodyLimits {
            max_bytes: limits.max_bytes.map_or(own.body_bytes, |max| max.min(own.body_bytes)),
            overflow: limits.overflow,
            ratio: own.decompression_ratio,
            ends: limits.ends,
        }
    }

    fn default_headers(&self, headers: &mut HeaderMap) {
        headers.entry(header::USER_AGENT).or_insert_with(|| self.user_agent.clone());
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static(ACCEPT_ENCODING));
    }

    /// Checks a URL as a fetch of it would, without any network.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check(&self, url: &Url) -> Result<Target, Refusal> {
        self.connector.guard.check_url(url)
    }
}

/// What a request says about its bodies, redirects included.
struct Limits {
    max_bytes: Option<u64>,
    overflow: Overflow,
    ends: Ends,
}

fn check_limits(limits: &EgressLimits) -> Result<(), ConfigError> {
    let counts = [
        ("body_bytes", limits.body_bytes),
        ("decompression_ratio", limits.decompression_ratio),
        ("header_bytes", limits.header_bytes as u64),
        ("header_count", limits.header_count as u64),
        ("url_bytes", limits.url_bytes as u64),
        ("lookups", limits.lookups as u64),
        ("connections", limits.connections as u64),
        ("connections_per_host", limits.connections_per_host as u64),
        ("connections_per_job", limits.connections_per_job as u64),
    ];
    let times: [(&str, Duration); 5] = [
        ("connect", limits.connect),
        ("first_byte", limits.first_byte),
        ("total", limits.total),
        ("idle_for", limits.idle_for),
        ("rate_window", limits.rate_window),
    ];
    let zero_count = counts.iter().find(|(_, count)| *count == 0).map(|(name, _)| *name);
    let zero_time = times.iter().find(|(_, time)| time.is_zero()).map(|(name, _)| *name);
    match zero_count.or(zero_time) {
        Some(name) => Err(ConfigError::Limit(name)),
        None => Ok(()),
    }
}

fn set_referer(headers: &mut HeaderMap, referrer: Option<&Url>, to: &Url) {
    if referrer.is_none() {
        return;
    }
    match redirect::referer(referrer, to) {
        Some(value) => headers.insert(header::REFERER, value),
        None => headers.remove(header::REFERER),
    };
}
