//! One crawl: breadth-first, several pages at a time, each host at its own pace.

mod fetch;
mod frontier;
mod memory;
mod meter;
mod page;
mod result;

use std::sync::Arc;

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use sealwork_egress::{Egress, Gate, Politeness, RobotsCache, Scope};
use sealwork_engine::Context;
use sealwork_job::{Code, Failure};
use sealwork_platform::Clock;
use serde::Serialize;
use tokio::time::{Duration, Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::{
    fetch::Fetched,
    frontier::{Frontier, Target},
    memory::Memory,
    meter::JobMeter,
    page::Processed,
    result::{Gathered, Room},
};
use crate::{Arguments, Site, WebConfig, key::PageKey};

/// What all crawls of a worker share.
pub(crate) struct Shared {
    pub(crate) config: WebConfig,
    pub(crate) egress: Arc<Egress>,
    pub(crate) politeness: Politeness,
    pub(crate) robots: RobotsCache,
    pub(crate) clock: Arc<dyn Clock>,
    /// Pages that are being parsed.
    pub(crate) parsers: Arc<Gate>,
    /// Large bodies: from their first bytes until the page is part of the result.
    pub(crate) bodies: Arc<Gate>,
    /// Units of [`Memory`].
    pub(crate) results: Arc<Gate>,
}

impl Shared {
    pub(crate) fn new(egress: Arc<Egress>, clock: Arc<dyn Clock>, config: WebConfig) -> Self {
        let maxima = &config.maxima;
        // What one requester may have is what the processors can do.
        let parsers = maxima.parsers.max(1) + 1;
        let for_bodies = maxima.memory / 3;
        let bodies = usize::try_from(for_bodies / maxima.page_bytes.max(1)).unwrap_or(usize::MAX);
        Self {
            politeness: Politeness::new(Arc::clone(&clock), config.politeness),
            robots: RobotsCache::new(Arc::clone(&egress), config.robots.clone()),
            parsers: Gate::new(parsers),
            // One at each parser, and one that comes next.
            bodies: Gate::new(bodies.max(2 * parsers)),
            results: memory::results(maxima.memory - for_bodies),
            egress,
            clock,
            config,
        }
    }
}

/// What a crawl came to.
pub(crate) struct Crawled {
    /// The result's JSON, or why there is none.
    pub(crate) result: Result<Vec<u8>, Failure>,
    /// What it counts.
    pub(crate) counts: Counts,
}

/// Pages by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Fetched with a success status.
    pub(crate) fetched: u64,
    /// Of those, read as HTML or text.
    pub(crate) processed: u64,
    /// Not fetched, or not readable.
    pub(crate) failed: u64,
}

/// Why a crawl ended before it ran out of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stopped {
    /// `max_pages` is reached.
    MaxPages,
    /// The job's time is nearly over.
    Deadline,
    /// The result is as large as it may be.
    OutputBytes,
    /// The worker has no memory for more of the result.
    WorkerMemory,
    /// The job's limit on requests is used up.
    EgressRequests,
    /// The job's limit on received bytes is used up.
    EgressBytes,
}

/// Links that were not visited, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Skipped {
    pub(crate) robots_denied: u64,
    pub(crate) blacklisted: u64,
    pub(crate) left_site: u64,
    pub(crate) duplicate: u64,
}

/// What became of one target.
pub(crate) enum Visit {
    Page(Box<Processed>),
    Skipped(Skip),
    /// The job may go no further.
    Over(Stopped),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    Robots,
    Blacklisted,
    LeftSite,
}

/// The time that is left for putting the result together when fetching ends.
fn margin(remaining: Duration) -> Duration {
    (remaining / 10).clamp(Duration::from_millis(20), Duration::from_secs(1))
}

/// One job's crawl.
pub(crate) struct Crawl {
    shared: Arc<Shared>,
    arguments: Arguments,
    context: Context,
    scope: Scope,
    /// When fetching ends.
    until: Instant,
    /// Ends the work on blocking threads when the crawl is dropped.
    stop: CancellationToken,
    output_limit: usize,
}

impl Crawl {
    pub(crate) fn new(shared: Arc<Shared>, context: &Context, arguments: Arguments) -> Self {
        let remaining = context.remaining();
        let until = context.deadline.checked_sub(margin(remaining)).unwrap_or(context.deadline);
        let meter = JobMeter::new(context, shared.config.blacklist.clone());
        let limit = context.limits.output_bytes.unwrap_or(shared.config.maxima.output_bytes);
        Self {
            scope: Scope::new(Arc::new(meter), Some(until)).of(context.account.share()),
            until,
            stop: context.stop.child_token(),
            output_limit: usize::try_from(limit).unwrap_or(usize::MAX),
            context: context.clone(),
            shared,
            arguments,
        }
    }

    /// Visits the start page, and what it leads to. A start page that cannot be had fails the job,
    /// except a legacy one.
    pub(crate) async fn run(self) -> Crawled {
        let _stop = self.stop.clone().drop_guard();
        let mut counts = Counts::default();
        let Some(start) = self.arguments.start.clone() else {
            counts.failed = 1;
            return Crawled { result: self.nothing(), counts };
        };
        let key = PageKey::new(&start);
        let start = Target { url: start, depth: 0, order: 0, referrer: None };
        let (page, site) = match self.start_page(start).await {
            Ok(found) => found,
            Err(failure) => {
                counts.failed = 1;
                let is_quiet = self.arguments.legacy && failure.code != Code::Blacklisted;
                let result = if is_quiet { Ok(result::empty()) } else { Err(failure) };
                return Crawled { result, counts };
            }
        };
        let site = self.arguments.same_origin.then_some(site);
        let mut state = State::new(&self, key, site);
        let mut stopped = state.take(page);
        if stopped.is_none() {
            stopped = self.follow(&mut state).await;
        }
        counts = state.counts;
        Crawled { result: state.finish(stopped), counts }
    }

    async fn start_page(&self, target: Target) -> Result<(Box<Processed>, Site), Failure> {
        let name = target.url.clone();
        let visit = tokio::select! {
            visit = self.visit(target, None) => visit,
            () = sleep_until(self.until) => Visit::Over(Stopped::Deadline),
        };
        let failure = |code, text: &str| Err(Failure::new(code, format!("{name}: {text}")));
        match visit {
            Visit::Page(page) => match page.failure() {
                Some(failure) => Err(failure),
                None => {
                    let site = Site::of(&page.final_url);
                    Ok((page, site))
                }
            },
            Visit::Skipped(Skip::Blacklisted) => Err(self.blacklisted()),
            Visit::Skipped(Skip::Robots) => {
                failure(Code::RobotsDenied, "the site's robots.txt does not allow it")
            }
            Visit::Skipped(Skip::LeftSite) => failure(Code::EgressDenied, "it leads elsewhere"),
            Visit::Over(Stopped::EgressRequests | Stopped::EgressBytes) => {
                failure(Code::EgressExhausted, "the job's egress limits are too low for one page")
            }
            Visit::Over(_) => failure(Code::DeadlineExceeded, "no answer within the job's time"),
        }
    }

    /// The result of a legacy job whose address is no URL.
    fn nothing(&self) -> Result<Vec<u8>, Failure> {
        if self.shared.config.blacklist.matches_text(&self.arguments.url) {
            return Err(self.blacklisted());
        }
        Ok(result::empty())
    }

    /// The failure of a job whose address the operator refuses, in the reference's words.
    fn blacklisted(&self) -> Failure {
        Failure::new(Code::Blacklisted, format!("URL blacklisted: {}", self.arguments.url))
    }

    async fn follow(&self, state: &mut State<'_>) -> Option<Stopped> {
        let mut visits = FuturesUnordered::new();
        let time_is_up = sleep_until(self.until);
        tokio::pin!(time_is_up);
        let mut ending = None;
        loop {
            while ending.is_none()
                && visits.len() < self.shared.config.maxima.in_flight
                && let Some(target) = state.next_target()
            {
                let (host, rank, site) = (target.host(), target.rank(), state.site.clone());
                visits.push(async move { (host, rank, self.visit(target, site).await) });
            }
            let next = tokio::select! {
                biased;
                () = &mut time_is_up => {
                    state.unvisited += visits.len() as u64;
                    return Some(Stopped::Deadline);
                }
                next = visits.next() => next,
            };
            let Some((host, rank, visit)) = next else { return ending };
            state.frontier.finished(&host, rank);
            match state.note(visit) {
                // What was asked for by then is paid for, and still comes.
                Some(Stopped::EgressRequests) => ending = Some(Stopped::EgressRequests),
                Some(stopped) => {
                    state.unvisited += visits.len() as u64;
                    return Some(stopped);
                }
                None => {}
            }
            if let Err(stopped) = state.write() {
                return Some(stopped);
            }
        }
    }

    async fn visit(&self, target: Target, site: Option<Site>) -> Visit {
        match self.fetch(target, site.as_ref()).await {
            Fetched::Answer(answer) => self.process(answer, site).await,
            Fetched::Skipped(skip) => Visit::Skipped(skip),
            Fetched::Over(stopped) => Visit::Over(stopped),
        }
    }
}

/// What changes while a crawl goes on.
struct State<'a> {
    crawl: &'a Crawl,
    frontier: Frontier,
    gathered: Gathered,
    memory: Memory,
    site: Option<Site>,
    counts: Counts,
    skipped: Skipped,
    /// Visits begun that did not turn out to be skipped.
    started: u32,
    unvisited: u64,
}

impl<'a> State<'a> {
    fn new(crawl: &'a Crawl, start: PageKey, site: Option<Site>) -> Self {
        let max_pages = crawl.arguments.max_pages as usize;
        let per_host = crawl.shared.config.politeness.concurrency;
        let mut frontier = Frontier::new(max_pages.saturating_mul(2), per_host);
        frontier.know(start);
        Self {
            crawl,
            frontier,
            gathered: Gathered::new(crawl.output_limit, crawl.context.spool.clone()),
            memory: Memory::new(Arc::clone(&crawl.shared.results), crawl.scope.share().clone()),
            site,
            counts: Counts::default(),
            skipped: Skipped::default(),
            started: 1,
            unvisited: 0,
        }
    }

    fn next_target(&mut self) -> Option<Target> {
        if self.started >= self.crawl.arguments.max_pages {
            return None;
        }
        let target = self.frontier.next()?;
        self.started += 1;
        Some(target)
    }

    fn note(&mut self, visit: Visit) -> Option<Stopped> {
        match visit {
            Visit::Page(page) => return self.take(page),
            Visit::Over(stopped) => {
                self.unvisited += 1;
                return Some(stopped);
            }
            Visit::Skipped(skip) => {
                self.started -= 1;
                match skip {
                    Skip::Robots => self.skipped.robots_denied += 1,
                    Skip::Blacklisted => self.skipped.blacklisted += 1,
                    Skip::LeftSite => self.skipped.left_site += 1,
                }
            }
        }
        None
    }

    fn take(&mut self, page: Box<Processed>) -> Option<Stopped> {
        // Several links may redirect to one page.
        if page.was_redirected && page.depth > 0 && !self.frontier.know(page.final_key.clone()) {
            self.started -= 1;
            self.skipped.duplicate += 1;
            return None;
        }
        if page.depth == 0 {
            self.frontier.know(page.final_key.clone());
        }
        if page.error.is_some() {
            self.counts.failed += 1;
        } else {
            self.counts.fetched += 1;
            self.counts.processed += u64::from(page.is_read);
        }
        let Processed { depth, leads, parts, .. } = *page;
        self.skipped.left_site += leads.left_site;
        for (key, link) in leads.follow {
            let referrer = Arc::clone(&link.referrer);
            self.frontier.found(key, link.url, depth + 1, referrer, &mut self.memory);
        }
        match self.gathered.add(parts, &mut self.memory) {
            Room::Enough => None,
            Room::Little(stopped) => Some(stopped),
            Room::None(stopped) => {
                self.unvisited += 1;
                Some(stopped)
            }
        }
    }

    /// Writes the pages of the result that none can come before any more. Without a spool that takes
    /// them the job can give no result: there is no use in going on.
    fn write(&mut self) -> Result<(), Stopped> {
        let first = self.frontier.first_outstanding();
        self.gathered.write_before(first, &mut self.memory).map_err(|_| Stopped::OutputBytes)
    }

    fn finish(mut self, stopped: Option<Stopped>) -> Result<Vec<u8>, Failure> {
        let unvisited = self.unvisited + self.frontier.len() as u64 + self.frontier.left_out();
        let left_out =
            if self.memory.was_refused() { Stopped::WorkerMemory } else { Stopped::MaxPages };
        let stopped = stopped.or((unvisited > 0).then_some(left_out));
        // The worker itself fails a job whose spool fails.
        let _ = self.gathered.write_before(None, &mut self.memory);
        self.gathered.finish(stopped, unvisited, &self.skipped)
    }
}
