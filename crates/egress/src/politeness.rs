use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderMap, StatusCode, header};
use sealwork_platform::Clock;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use crate::{
    error::EgressError,
    gate::{Gate, Place},
    retry_after::retry_after,
    scope::Scope,
};

/// How gently hosts are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolitenessConfig {
    /// Requests to one host at a time; one requester's leave at least one place to others, if there
    /// are two.
    pub concurrency: usize,
    /// Least time from the start of one request to the start of the next.
    pub min_delay: Duration,
    /// A longer `Crawl-delay` is cut to this.
    pub max_crawl_delay: Duration,
    /// The pause after a 429 or 503 without `Retry-After`; doubles at each one in a row.
    pub backoff: Duration,
    /// The longest such pause.
    pub max_backoff: Duration,
    /// A longer `Retry-After` is cut to this.
    pub max_retry_after: Duration,
    /// The longest pause that holds for every job: one URL that answers 503 must not close a host
    /// for all requesters. What is longer holds for the job that met it.
    pub max_shared_pause: Duration,
    /// Hosts remembered at most; the one that was used least recently is forgotten.
    pub hosts: usize,
}

impl Default for PolitenessConfig {
    fn default() -> Self {
        Self {
            concurrency: 4,
            min_delay: Duration::ZERO,
            max_crawl_delay: Duration::from_secs(30),
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(600),
            max_shared_pause: Duration::from_secs(30),
            hosts: 10_000,
        }
    }
}

/// Per-host concurrency, pauses and back-off, shared by all jobs of a worker.
pub struct Politeness {
    clock: Arc<dyn Clock>,
    config: PolitenessConfig,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// The right to make one request to a host. Dropping it gives the place back; an answer should be
/// reported with [`Turn::finish`].
pub struct Turn {
    name: String,
    host: Arc<Host>,
    scope: Scope,
    clock: Arc<dyn Clock>,
    config: PolitenessConfig,
    started: Instant,
    _place: Place,
}

struct Host {
    places: Arc<Gate>,
    /// Held by the one who waits for the next start, so that others queue behind in order and a
    /// waiter who gives up leaves no gap.
    start: tokio::sync::Mutex<()>,
    mood: Mutex<Mood>,
}

#[derive(Default)]
struct Mood {
    last_start: Option<Instant>,
    paused_until: Option<Instant>,
    /// Refusals in a row, and when the last of them came.
    refusals: u32,
    refused_at: Option<Instant>,
}

impl Politeness {
    /// No host is known yet. The clock is for `Retry-After` dates.
    pub fn new(clock: Arc<dyn Clock>, config: PolitenessConfig) -> Self {
        Self { clock, config, hosts: Mutex::default() }
    }

    /// Waits until a request to the URL's host may start. `crawl_delay` is what its robots.txt
    /// asks for.
    ///
    /// # Errors
    /// [`EgressError::RateLimited`] at once when the host's pause, or the one that it asked this job
    /// for, ends after the scope's deadline; [`EgressError::Deadline`] when the turn does not come
    /// before it.
    pub async fn turn(
        &self,
        url: &Url,
        crawl_delay: Option<Duration>,
        scope: &Scope,
    ) -> Result<Turn, EgressError> {
        let deadline = scope.deadline;
        let name = url.host_str().unwrap_or_default();
        let key = format!("{name}:{}", url.port_or_known_default().unwrap_or_default());
        let host = self.host(&key);
        let delay = crawl_delay.unwrap_or_default().min(self.config.max_crawl_delay);
        let delay = delay.max(self.config.min_delay);
        let waiting = async {
            // Before a place is taken: the job's own pause holds up nobody else.
            wait_out(name, scope.paused_until(&key), deadline).await?;
            let place = host.places.enter(scope.share()).await;
            let _next = host.start.lock().await;
            host.wait_for_start(name, delay, deadline).await?;
            Ok::<_, EgressError>(place)
        };
        let place = match deadline {
            None => waiting.await?,
            Some(deadline) => timeout_at(deadline, waiting)
                .await
                .map_err(|_| EgressError::Deadline { host: name.to_owned() })??,
        };
        let (clock, config) = (Arc::clone(&self.clock), self.config);
        let (scope, started) = (scope.clone(), Instant::now());
        Ok(Turn { name: key, host, scope, clock, config, started, _place: place })
    }

    fn host(&self, key: &str) -> Arc<Host> {
        let mut hosts = locked(&self.hosts);
        if let Some(known) = hosts.get(key) {
            return Arc::clone(known);
        }
        if hosts.len() >= self.config.hosts.max(1) {
            let now = Instant::now();
            hosts.retain(|_, host| Arc::strong_count(host) > 1 || locked(&host.mood).matters(now));
        }
        while hosts.len() >= self.config.hosts.max(1) {
            // Those in use go last: who uses them keeps their entry, and others begin a new one.
            let rank =
                |host: &Arc<Host>| (Arc::strong_count(host) > 1, locked(&host.mood).last_start);
            let oldest = hosts.iter().min_by_key(|(_, host)| rank(host));
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            hosts.remove(&oldest);
        }
        let new = Arc::new(Host::new(self.config.concurrency));
        hosts.insert(key.to_owned(), Arc::clone(&new));
        new
    }
}

impl fmt::Debug for Politeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = locked(&self.hosts).len();
        f.debug_struct("Politeness").field("hosts", &hosts).finish_non_exhaustive()
    }
}

impl Turn {
    /// Reports the answer. A 429 or 503 pauses the host, for `Retry-After` if it says so, and
    /// returns the length of the pause: up to [`PolitenessConfig::max_shared_pause`] of it holds for
    /// everybody, all of it for the job. Other answers end a row of refusals.
    pub fn finish(self, status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
        let mut mood = locked(&self.host.mood);
        if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            mood.refusals = 0;
            return None;
        }
        let config = &self.config;
        let now = Instant::now();
        // Answers to requests that were under way together are one refusal.
        if mood.refused_at.is_none_or(|at| self.started > at) {
            mood.refusals = mood.refusals.saturating_add(1);
            mood.refused_at = Some(now);
        }
        let doublings = mood.refusals.saturating_sub(1);
        let doubled = config.backoff.saturating_mul(2_u32.saturating_pow(doublings));
        let asked = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| retry_after(value.as_bytes(), self.clock.now()))
            .map(|wait| wait.min(config.max_retry_after));
        let pause = asked.unwrap_or(Duration::ZERO).max(doubled.min(config.max_backoff));
        mood.paused_until = mood.paused_until.max(Some(now + pause.min(config.max_shared_pause)));
        if pause > config.max_shared_pause {
            self.scope.pause(&self.name, now + pause);
        }
        Some(pause)
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

impl Host {
    fn new(concurrency: usize) -> Self {
        Self {
            places: Gate::new(concurrency),
            start: tokio::sync::Mutex::default(),
            mood: Mutex::default(),
        }
    }

    async fn wait_for_start(
        &self,
        name: &str,
        delay: Duration,
        deadline: Option<Instant>,
    ) -> Result<(), EgressError> {
        loop {
            let (paused_until, next) = {
                let mut mood = locked(&self.mood);
                let now = Instant::now();
                let paused = mood.paused_until.filter(|until| *until > now);
                let next = mood.last_start.map(|last| last + delay).filter(|next| *next > now);
                if paused.is_none() && next.is_none() {
                    mood.last_start = Some(now);
                    return Ok(());
                }
                (paused, next)
            };
            check_pause(name, paused_until, deadline)?;
            if let Some(ready) = paused_until.max(next) {
                sleep_until(ready).await;
            }
        }
    }
}

/// Waits for the end of a pause.
async fn wait_out(
    name: &str,
    until: Option<Instant>,
    deadline: Option<Instant>,
) -> Result<(), EgressError> {
    check_pause(name, until, deadline)?;
    if let Some(until) = until {
        sleep_until(until).await;
    }
    Ok(())
}

/// A pause that ends after the deadline is not worth waiting for.
fn check_pause(
    name: &str,
    until: Option<Instant>,
    deadline: Option<Instant>,
) -> Result<(), EgressError> {
    match (until, deadline) {
        (Some(until), Some(deadline)) if until > deadline => Err(EgressError::RateLimited {
            host: name.to_owned(),
            wait: until.saturating_duration_since(Instant::now()),
        }),
        _ => Ok(()),
    }
}

impl Mood {
    /// Whether forgetting it would change how the host is treated.
    fn matters(&self, now: Instant) -> bool {
        const RECENT: Duration = Duration::from_secs(60);
        self.paused_until.is_some_and(|until| until > now)
            || self.last_start.is_some_and(|last| last + RECENT > now)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
