use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use sealwork_egress::{EgressError, Phase, Place, Redirects, Request, Response, Turn};
use sealwork_job::{Code, Timestamp};
use tokio::time::{Duration, Instant, timeout_at};
use url::Url;

use super::{Crawl, Skip, Stopped, frontier::Target, meter};
use crate::{PageError, Site, media::MediaType};

/// What came of fetching a target.
pub(crate) enum Fetched {
    Answer(Box<Answer>),
    Skipped(Skip),
    Over(Stopped),
}

/// An answer, or the lack of one.
pub(crate) struct Answer {
    pub(crate) target: Target,
    pub(crate) fetched_at: Timestamp,
    /// Where the last request went.
    pub(crate) final_url: Url,
    pub(crate) status: Option<StatusCode>,
    pub(crate) media_type: MediaType,
    /// The body, if its type is one that is read.
    pub(crate) body: Result<Body, PageError>,
}

/// A page's body, in memory.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) is_truncated: bool,
    /// Its place among the bodies of all jobs, if it is large.
    pub(crate) room: Option<Place>,
}

/// Bodies up to here need no place.
const SMALL_BODY: usize = 64 << 10;

/// What one request came to.
enum Step {
    Done(StatusCode, MediaType, Result<Body, PageError>),
    Moved(Url),
    Retry,
}

/// What ends a fetch early.
enum Ending {
    Skipped(Skip),
    Over(Stopped),
    Failed(PageError),
}

impl From<EgressError> for Ending {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::Deadline { .. } => Self::Over(Stopped::Deadline),
            EgressError::Exhausted { what: meter::BYTES } => Self::Over(Stopped::EgressBytes),
            EgressError::Exhausted { .. } => Self::Over(Stopped::EgressRequests),
            EgressError::Blacklisted { .. } => Self::Skipped(Skip::Blacklisted),
            EgressError::Robots { .. } => Self::Skipped(Skip::Robots),
            other => Self::Failed(PageError { code: other.code(), message: other.to_string() }),
        }
    }
}

impl Crawl {
    /// Fetches a page. Redirects are followed here and not in `egress`, because each of them may
    /// lead to another host, with its own robots.txt and pace, or out of the site.
    pub(super) async fn fetch(&self, target: Target, site: Option<&Site>) -> Fetched {
        let mut at = target.url.clone();
        let ending = self.follow_redirects(&mut at, &target, site).await;
        let mut answer = Answer {
            fetched_at: self.shared.clock.now(),
            final_url: at,
            target,
            status: None,
            media_type: MediaType::default(),
            body: Ok(Body::default()),
        };
        match ending {
            Ok((status, media_type, body)) => {
                (answer.status, answer.media_type) = (Some(status), media_type);
                answer.body = body;
            }
            Err(Ending::Failed(error)) => answer.body = Err(error),
            Err(Ending::Skipped(skip)) => return Fetched::Skipped(skip),
            Err(Ending::Over(stopped)) => return Fetched::Over(stopped),
        }
        Fetched::Answer(Box::new(answer))
    }

    async fn follow_redirects(
        &self,
        at: &mut Url,
        target: &Target,
        site: Option<&Site>,
    ) -> Result<(StatusCode, MediaType, Result<Body, PageError>), Ending> {
        let maxima = &self.shared.config.maxima;
        let (mut hops, mut retries, mut time) = (0, 0, maxima.page_time);
        loop {
            match self
                .step(at, target.referrer.as_ref(), retries < maxima.retries, &mut time)
                .await?
            {
                Step::Done(status, media_type, body) => return Ok((status, media_type, body)),
                Step::Retry => retries += 1,
                Step::Moved(next) => {
                    if site.is_some_and(|site| !site.contains(&next)) {
                        return Err(Ending::Skipped(Skip::LeftSite));
                    }
                    hops += 1;
                    if hops > maxima.redirects {
                        let host = at.host_str().unwrap_or_default().to_owned();
                        let limit = maxima.redirects;
                        return Err(EgressError::TooManyRedirects { host, limit }.into());
                    }
                    *at = next;
                }
            }
        }
    }

    /// One request, after the host's robots.txt and in its turn. `time` is what is left for the
    /// page; waiting for a turn does not count.
    async fn step(
        &self,
        url: &Url,
        referrer: Option<&Arc<Url>>,
        may_retry: bool,
        time: &mut Duration,
    ) -> Result<Step, Ending> {
        if self.shared.config.blacklist.matches(url) {
            return Err(Ending::Skipped(Skip::Blacklisted));
        }
        let mut delay = None;
        if self.arguments.respect_robots {
            let rules = self.shared.robots.rules(url, &self.scope).await?;
            rules.check(url)?;
            delay = rules.robots().crawl_delay();
        }
        let turn = self.shared.politeness.turn(url, delay, &self.scope).await?;
        let began = Instant::now();
        let mut request = Request::get(url.clone()).header(header::ACCEPT, ACCEPT);
        request.redirects = Redirects::manual();
        request.max_bytes = Some(self.shared.config.maxima.page_bytes);
        request.timeout = Some(*time);
        request.referrer = referrer.map(|referrer| Url::clone(referrer));
        let response = self.shared.egress.fetch(request, &self.scope).await?;
        let step = self.answered(response, turn, may_retry, began + *time).await;
        *time = time.saturating_sub(began.elapsed());
        step
    }

    /// `until` is when the time for the page is over.
    async fn answered(
        &self,
        response: Response,
        turn: Turn,
        may_retry: bool,
        until: Instant,
    ) -> Result<Step, Ending> {
        let status = response.status;
        let headers = response.headers.clone();
        let media_type = MediaType::parse(
            headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default(),
        );
        if let Some(next) = response.redirect()? {
            turn.finish(status, &headers);
            return Ok(Step::Moved(next));
        }
        if !status.is_success() {
            let is_busy = turn.finish(status, &headers).is_some();
            return Ok(if is_busy && may_retry {
                Step::Retry
            } else {
                Step::Done(status, media_type, Err(refusal(status)))
            });
        }
        if media_type.is_other() {
            turn.finish(status, &headers);
            return Ok(Step::Done(status, media_type, Ok(Body::default())));
        }
        let body = self.body(response, until).await;
        turn.finish(status, &headers);
        let body = match body.map_err(Ending::from) {
            Ok(body) => Ok(body),
            Err(Ending::Failed(error)) => Err(error),
            Err(ending) => return Err(ending),
        };
        Ok(Step::Done(status, media_type, body))
    }

    /// Reads a body. What makes it a large one waits on the network until there is a place for it.
    async fn body(&self, mut response: Response, until: Instant) -> Result<Body, EgressError> {
        let (mut bytes, mut room) = (Vec::new(), None);
        while let Some(chunk) = response.chunk().await? {
            if room.is_none() && bytes.len() + chunk.len() > SMALL_BODY {
                let place = self.shared.bodies.enter(self.scope.share());
                room = Some(timeout_at(until, place).await.map_err(|_| {
                    let host = response.final_url.host_str().unwrap_or_default().to_owned();
                    let after = self.shared.config.maxima.page_time;
                    EgressError::Timeout { host, phase: Phase::Queue, after }
                })?);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body { bytes: bytes.into(), is_truncated: response.is_truncated(), room })
    }
}

const ACCEPT: HeaderValue =
    HeaderValue::from_static("text/html,application/xhtml+xml;q=0.9,text/plain;q=0.8,*/*;q=0.1");

fn refusal(status: StatusCode) -> PageError {
    let code = if status == StatusCode::TOO_MANY_REQUESTS {
        Code::RateLimited
    } else {
        Code::UpstreamStatus
    };
    PageError { code, message: format!("the site answered with status {}", status.as_u16()) }
}
