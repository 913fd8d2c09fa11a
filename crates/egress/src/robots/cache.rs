use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::{MAX_BYTES, Robots};
use crate::{
    egress::Egress,
    error::{EgressError, Phase},
    request::{Redirects, Request},
    response::Response,
    scope::Scope,
};

/// How robots.txt files are fetched and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotsConfig {
    /// The crawler's product token: letters, `-` and `_` (RFC 9309 section 2.2.1).
    pub agent: String,
    /// How long a file is kept; RFC 9309 section 2.4 asks for at most 24 hours.
    pub keep: Duration,
    /// How soon an unreachable file is asked for again.
    pub retry: Duration,
    /// After this long without an answer the file counts as absent: section 2.3.1.4 suggests 30
    /// days.
    pub give_up: Duration,
    /// Time for one fetch.
    pub timeout: Duration,
    /// Origins remembered.
    pub origins: usize,
    /// Memory for all files together, in bytes.
    pub bytes: usize,
}

impl Default for RobotsConfig {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            agent: "Sealwork".to_owned(),
            keep: 24 * HOUR,
            retry: Duration::from_secs(60),
            give_up: 30 * 24 * HOUR,
            timeout: Duration::from_secs(20),
            origins: 10_000,
            bytes: 64 << 20,
        }
    }
}

/// The robots.txt files of the origins that the worker crawls, fetched when first asked for.
pub struct RobotsCache {
    egress: Arc<Egress>,
    config: RobotsConfig,
    origins: Mutex<HashMap<String, Arc<Slot>>>,
}

/// One origin. The lock is held during a fetch: others wait for it instead of fetching too, and
/// when its job is stopped the next one takes over.
#[derive(Default)]
struct Slot {
    known: tokio::sync::Mutex<Option<Known>>,
    weight: AtomicUsize,
}

struct Known {
    rules: Arc<Rules>,
    until: Instant,
    unreachable_since: Option<Instant>,
}

/// What an origin lets the crawler fetch.
#[derive(Debug, Clone)]
pub struct Rules {
    robots: Robots,
    origin: RulesOrigin,
}

/// Where rules come from: RFC 9309 section 2.3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulesOrigin {
    /// A file.
    File,
    /// No file, or one behind too many redirects: everything is allowed.
    Absent,
    /// The server failed (5xx), or asked to be left alone (429): nothing is allowed until it has
    /// been asked again (RFC 9309, 2.3.1.4).
    Failing(StatusCode),
    /// No answer: nothing is allowed until it has been asked again (RFC 9309, 2.3.1.4).
    Unreachable(EgressError),
}

impl Rules {
    /// Whether `url` may be fetched; its origin must be the one that these rules are for.
    ///
    /// # Errors
    /// [`EgressError::Robots`] when the file forbids it or the server fails to give it; the
    /// error of the attempt when the server could not be reached at all.
    pub fn check(&self, url: &Url) -> Result<(), EgressError> {
        let host = || url.host_str().unwrap_or_default().to_owned();
        match &self.origin {
            RulesOrigin::File if self.robots.allows_url(url) => Ok(()),
            RulesOrigin::Absent => Ok(()),
            RulesOrigin::File => Err(EgressError::Robots { host: host(), status: None }),
            RulesOrigin::Failing(status) => {
                Err(EgressError::Robots { host: host(), status: Some(status.as_u16()) })
            }
            RulesOrigin::Unreachable(error) => Err(error.clone()),
        }
    }

    /// Whether `url` may be fetched.
    pub fn allows(&self, url: &Url) -> bool {
        self.check(url).is_ok()
    }

    /// The file; an empty one where there is none.
    pub fn robots(&self) -> &Robots {
        &self.robots
    }

    /// Where the rules come from.
    pub fn origin(&self) -> &RulesOrigin {
        &self.origin
    }
}

impl RobotsCache {
    /// An empty cache that fetches through `egress`.
    pub fn new(egress: Arc<Egress>, config: RobotsConfig) -> Self {
        Self { egress, config, origins: Mutex::default() }
    }

    /// The rules of the origin of `url`, fetched on behalf of `scope` if they are not known.
    ///
    /// # Errors
    /// What is about the job, the URL or the worker and not about the server: the job's deadline and
    /// limits, the blacklist, the guard's refusal of the origin, a place that did not come in time.
    /// A server that cannot be reached gives rules.
    pub async fn rules(&self, url: &Url, scope: &Scope) -> Result<Arc<Rules>, EgressError> {
        self.egress.check(url)?;
        let origin = url.origin().ascii_serialization();
        let slot = self.slot(&origin);
        let host = url.host_str().unwrap_or_default();
        let mut known = match scope.deadline {
            None => slot.known.lock().await,
            Some(deadline) => timeout_at(deadline, slot.known.lock())
                .await
                .map_err(|_| EgressError::Deadline { host: host.to_owned() })?,
        };
        if let Some(fresh) = known.as_ref().filter(|known| known.until > Instant::now()) {
            return Ok(Arc::clone(&fresh.rules));
        }
        let (robots, origin) = self.fetch(url, scope).await?;
        let since = known.as_ref().and_then(|known| known.unreachable_since);
        let fetched = self.known(robots, origin, since);
        let rules = Arc::clone(&fetched.rules);
        slot.weight.store(rules.robots.weight(), Relaxed);
        *known = Some(fetched);
        self.bound_memory(&slot);
        Ok(rules)
    }

    fn slot(&self, origin: &str) -> Arc<Slot> {
        let mut origins = locked(&self.origins);
        if origins.len() >= self.config.origins && !origins.contains_key(origin) {
            let now = Instant::now();
            origins.retain(|_, slot| slot.is_needed(now));
            // All fresh: any of them goes.
            while origins.len() >= self.config.origins {
                let Some(key) = origins.keys().next().cloned() else { break };
                origins.remove(&key);
            }
        }
        Arc::clone(origins.entry(origin.to_owned()).or_default())
    }

    /// Forgets origins until the files fit, any but `newest`.
    fn bound_memory(&self, newest: &Arc<Slot>) {
        let mut origins = locked(&self.origins);
        let mut bytes: usize = origins.values().map(|slot| slot.weight.load(Relaxed)).sum();
        origins.retain(|_, slot| {
            if bytes <= self.config.bytes || Arc::ptr_eq(slot, newest) {
                return true;
            }
            let weight = slot.weight.load(Relaxed);
            bytes -= weight;
            weight == 0
        });
    }

    fn known(&self, robots: Robots, origin: RulesOrigin, since: Option<Instant>) -> Known {
        let now = Instant::now();
        let is_down = matches!(origin, RulesOrigin::Failing(_) | RulesOrigin::Unreachable(_));
        if !is_down {
            let rules = Arc::new(Rules { robots, origin });
            return Known { rules, until: now + self.config.keep, unreachable_since: None };
        }
        let since = since.unwrap_or(now);
        let given_up = now.saturating_duration_since(since) >= self.config.give_up;
        let origin = if given_up { RulesOrigin::Absent } else { origin };
        let rules = Arc::new(Rules { robots, origin });
        Known { rules, until: now + self.config.retry, unreachable_since: Some(since) }
    }

    async fn fetch(&self, url: &Url, scope: &Scope) -> Result<(Robots, RulesOrigin), EgressError> {
        let mut place = url.clone();
        place.set_path("/robots.txt");
        place.set_query(None);
        place.set_fragment(None);
        let mut request = Request::get(place);
        request.max_bytes = Some(MAX_BYTES as u64 + 1);
        request.timeout = Some(self.config.timeout);
        // Section 2.3.1.2: five redirects, also to other hosts. Nothing here is secret, so they
        // may leave https.
        request.redirects = Redirects { limit: Some(5), downgrade: true };
        let read = match self.egress.fetch(request, scope).await {
            Ok(response) => self.read(response).await,
            Err(error) => Err(error),
        };
        match read {
            Err(EgressError::TooManyRedirects { .. }) => {
                Ok((Robots::default(), RulesOrigin::Absent))
            }
            Err(error) if error.is_about_the_job() => Err(error),
            Err(error @ EgressError::Blacklisted { .. }) => Err(error),
            // The server was not asked.
            Err(error @ EgressError::Timeout { phase: Phase::Queue, .. }) => Err(error),
            Err(error) => Ok((Robots::default(), RulesOrigin::Unreachable(error))),
            Ok(rules) => Ok(rules),
        }
    }

    async fn read(&self, response: Response) -> Result<(Robots, RulesOrigin), EgressError> {
        let status = response.status;
        if status.is_success() {
            let body = response.collect().await?;
            return Ok((Robots::parse(&body.bytes, &self.config.agent), RulesOrigin::File));
        }
        // 429 lies among the codes that mean "absent", but who sends it does not mean "go on".
        let is_down = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        let origin = if is_down { RulesOrigin::Failing(status) } else { RulesOrigin::Absent };
        Ok((Robots::default(), origin))
    }
}

impl fmt::Debug for RobotsCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins = locked(&self.origins).len();
        f.debug_struct("RobotsCache").field("origins", &origins).finish_non_exhaustive()
    }
}

impl Slot {
    /// Whether it is being fetched or still holds: then it stays.
    fn is_needed(&self, now: Instant) -> bool {
        match self.known.try_lock() {
            Err(_) => true,
            Ok(known) => known.as_ref().is_some_and(|known| known.until > now),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
