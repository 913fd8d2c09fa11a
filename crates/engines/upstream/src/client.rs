use std::{fmt, sync::Arc};

use sealwork_egress::{
    Egress, EgressError, EgressLimits, Overflow, Redirects, Request, Response, Scope, UpstreamBase,
};
use sealwork_job::Timestamp;
use sealwork_platform::Clock;
use serde::de::DeserializeOwned;

use crate::{Answer, Call, Fault, RateLimit, UpstreamError};

/// Bytes of an answer that is read whole, unless the call says otherwise.
const WHOLE: u64 = 8 << 20;

/// Limits for the egress that upstreams are reached through. A crawler is gentle with each host; all
/// jobs of a worker ask the same few upstreams, which limit the rate themselves.
pub fn egress_limits() -> EgressLimits {
    EgressLimits { connections_per_host: 256, idle_per_origin: 64, ..EgressLimits::default() }
}

/// An upstream API: its name, and the address that the operator configured.
#[derive(Clone)]
pub struct Upstream {
    name: &'static str,
    base: UpstreamBase,
    egress: Arc<Egress>,
    clock: Arc<dyn Clock>,
}

impl Upstream {
    /// An upstream that is reached through `egress`. `name` is how errors call it.
    pub fn new(
        name: &'static str,
        base: UpstreamBase,
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { name, base, egress, clock }
    }

    /// How errors call it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Sends a call and reads the whole answer, whatever its status. Redirects are not followed: an
    /// API that redirects has moved, and the operator must know.
    ///
    /// # Errors
    /// [`Fault::Network`]; [`Fault::Unsendable`] for a call with an impossible header or path.
    pub async fn answer(&self, call: Call, scope: &Scope) -> Result<Answer, UpstreamError> {
        let max_bytes = call.max_bytes.unwrap_or(WHOLE);
        let response = self.send(call.max_bytes(max_bytes), Overflow::Refuse, scope).await?;
        let (status, headers) = (response.status, response.headers.clone());
        let rate = self.rate(&response);
        match response.collect().await {
            Ok(body) => Ok(Answer { upstream: self.name, status, headers, rate, body: body.bytes }),
            // What refuses is refused, also when its explanation breaks off.
            Err(error) if !status.is_success() && !error.is_about_the_job() => {
                let body = bytes::Bytes::new();
                Ok(Answer { upstream: self.name, status, headers, rate, body })
            }
            Err(error) => Err(self.network(error)),
        }
    }

    /// The JSON of a successful answer. `what` names what was expected, for the error's text.
    ///
    /// # Errors
    /// As [`Upstream::answer`]; [`Fault::Status`] for a status that is no success; as
    /// [`Answer::json`].
    pub async fn json<T: DeserializeOwned>(
        &self,
        call: Call,
        scope: &Scope,
        what: &'static str,
    ) -> Result<T, UpstreamError> {
        self.answer(call, scope).await?.success()?.json(what)
    }

    /// Sends a call and gives the head of the answer, to be read piece by piece.
    pub(crate) async fn send(
        &self,
        call: Call,
        overflow: Overflow,
        scope: &Scope,
    ) -> Result<Response, UpstreamError> {
        if let Some(what) = call.unsendable {
            return Err(self.error(Fault::Unsendable(what)));
        }
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let query: Vec<(&str, &str)> =
            call.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let url = self
            .base
            .join_segments(&path, &query)
            .map_err(|_| self.error(Fault::Unsendable("a path that leaves the base address")))?;
        let request = Request {
            headers: call.headers,
            body: call.body,
            max_bytes: call.max_bytes,
            timeout: call.timeout,
            overflow,
            redirects: Redirects::manual(),
            ..Request::new(call.method, url)
        };
        self.egress.fetch(request, scope).await.map_err(|error| self.network(error))
    }

    /// The wall time, which rate limits are told in.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What an answer says about the rate limit.
    pub(crate) fn rate(&self, response: &Response) -> RateLimit {
        RateLimit::read(&response.headers, self.clock.now())
    }

    pub(crate) fn network(&self, error: EgressError) -> UpstreamError {
        self.error(Fault::Network(error))
    }

    /// An error of this upstream.
    pub fn error(&self, fault: Fault) -> UpstreamError {
        UpstreamError::new(self.name, fault)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({} at {:?})", self.name, self.base)
    }
}
