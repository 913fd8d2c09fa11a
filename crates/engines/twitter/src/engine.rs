use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sealwork_egress::Egress;
use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, Failure, Output, Rerun};
use sealwork_platform::Clock;
use sealwork_upstream::{
    Apify, Details, Operation as Listed, Social, Stopped, Tried, Upstream, apify::Fetched,
    job_scope, left_out, not_configured,
};
use serde_json::Value;

use crate::{
    Arguments, ArgumentsError, JobType, Operation, SessionStore, TwitterConfig, Way,
    api::ApiWay,
    apify::{ACTOR, followers},
    cursor::Cursor,
    desk::{Run, WayError},
    found::Found,
    tally::Tally,
    web::{WebClient, WebWay},
};

/// How long a job may take to report what it has when its time is over.
const GRACE: Duration = Duration::from_secs(2);

/// X: its accounts, keys and budgets, which the four engines share.
pub struct Twitter {
    web: WebWay,
    api: ApiWay,
    apify: Apify,
    clock: Arc<dyn Clock>,
    max_results: u64,
}

impl Twitter {
    /// X through `egress`, with `sessions` kept over restarts.
    pub fn new(
        config: TwitterConfig,
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
        apify: Apify,
        sessions: Arc<dyn SessionStore>,
    ) -> Arc<Self> {
        let upstream = |base| Upstream::new("X", base, Arc::clone(&egress), Arc::clone(&clock));
        let client = WebClient {
            upstream: upstream(config.web),
            bearer: config.web_bearer,
            user_agent: config.web_user_agent,
        };
        let secrets = apify.secrets();
        let web = WebWay::new(client, config.graphql, config.accounts, sessions, secrets.clone());
        let api = ApiWay::new(upstream(config.api), &config.api_keys, secrets.clone());
        Arc::new(Self { web, api, apify, clock, max_results: config.max_results })
    }

    /// The four engines.
    pub fn engines(self: &Arc<Self>) -> [TwitterEngine; 4] {
        JobType::ALL.map(|job_type| TwitterEngine { job_type, twitter: Arc::clone(self) })
    }

    fn is_configured(&self, way: Way) -> bool {
        match way {
            Way::Credential => self.web.is_configured(),
            Way::Api => self.api.is_configured(),
            Way::Apify => self.apify.is_configured(),
        }
    }

    /// Why an operation does not work this way, as far as that is known.
    fn missing(&self, way: Way, operation: Operation) -> Option<String> {
        let clock = self.clock.as_ref();
        match way {
            Way::Credential => self.web.missing(operation, clock),
            Way::Api => self.api.missing(operation, clock),
            Way::Apify => self.apify.missing(ACTOR),
        }
    }
}

impl std::fmt::Debug for Twitter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twitter").finish_non_exhaustive()
    }
}

/// One of the engines `twitter`, `twitter-credential`, `twitter-api` and `twitter-apify`.
///
/// They move these counters, by the names of Masa's workers:
///
/// | counter | by |
/// |---|---|
/// | `twitter_scrapes` | requests to X with an account or key; 1 for a run or a page of Apify |
/// | `twitter_returned_tweets`, `twitter_returned_profiles`, `twitter_returned_other` | items of the result; media, trends and spaces are others |
/// | `twitter_returned_followers` | items of a result by Apify |
/// | `twitter_auth_errors` | requests with credentials that X refused; 1 for a job without an account that can be used |
/// | `twitter_ratelimit_errors` | requests that met a limit; 1 for a job all of whose accounts had |
/// | `twitter_errors` | requests that failed otherwise |
pub struct TwitterEngine {
    job_type: JobType,
    twitter: Arc<Twitter>,
}

impl TwitterEngine {
    fn parse(&self, arguments: &Value) -> Result<Arguments, ArgumentsError> {
        Arguments::parse(arguments, self.job_type, self.twitter.max_results)
    }

    /// The ways of a job that something is configured for; one alone when its cursor says so.
    ///
    /// # Errors
    /// [`Code::NotConfigured`], naming what is missing.
    fn ways(&self, arguments: &Arguments) -> Result<Vec<Way>, Failure> {
        let named = arguments.cursor.as_ref().and_then(|cursor| cursor.way);
        let mut ways = self.job_type.ways(arguments.operation);
        ways.retain(|way| named.is_none_or(|named| named == *way));
        let settings: Vec<&str> = ways.iter().map(|way| way.setting()).collect();
        ways.retain(|way| self.twitter.is_configured(*way));
        if ways.is_empty() {
            let (operation, job_type) = (arguments.operation, self.job_type.as_str());
            let (settings, others) = (settings.join(" or "), self.operations());
            return Err(not_configured(job_type, operation.as_str(), &settings, &others));
        }
        if let (Some(cursor), [Way::Credential, ..]) = (&arguments.cursor, ways.as_slice())
            && self.twitter.web.is_of_nobody(arguments.operation, &cursor.token)
        {
            let text = "next_cursor comes from an account that this worker does not have";
            return Err(Failure::new(Code::ArgumentsInvalid, text));
        }
        // What cannot pass is refused before X is asked; other failures may.
        let hopeless = match (ways.as_slice(), arguments.operation) {
            ([Way::Api], Operation::SearchByFullArchive) => self.twitter.api.lacks_archive(),
            ([Way::Credential], _) => self.twitter.web.lacks_sessions(self.twitter.clock.as_ref()),
            _ => None,
        };
        match hopeless {
            Some(reason) => Err(Failure::new(Code::NotConfigured, reason)),
            None => Ok(ways),
        }
    }

    async fn perform(&self, context: &Context, arguments: &Arguments, ways: &[Way]) -> Report {
        let mut run = Run {
            context,
            arguments,
            scope: job_scope(context, Some(context.deadline)),
            clock: self.twitter.clock.as_ref(),
            may_wait: false,
            only: None,
            answered: None,
            tally: Tally::default(),
        };
        let token = arguments.cursor.as_ref().map(|cursor| cursor.token.as_str());
        let mut tried = Vec::new();
        for (index, way) in ways.iter().copied().enumerate() {
            run.may_wait = index + 1 == ways.len();
            let ended = self.go(way, &mut run, token).await;
            let failure = match ended {
                Ended::Found(output, details) => {
                    return self.report(&run, way, tried, Ok(output), details);
                }
                Ended::NoAccount(failure, _) if !run.may_wait => failure,
                Ended::NoAccount(failure, details) | Ended::Failed(failure, details) => {
                    return self.report(&run, way, tried, Err(failure), details);
                }
            };
            tried.push(Tried { way: way.as_str(), code: failure.code });
        }
        // Not reached: there is a last way, and it reports.
        Report::failure(Failure::new(Code::Internal, "no way was tried"), [])
    }

    async fn go(&self, way: Way, run: &mut Run<'_>, token: Option<&str>) -> Ended {
        let operation = run.arguments.operation;
        let found = match way {
            Way::Credential => self.twitter.web.run(operation, run, token).await,
            Way::Api => self.twitter.api.run(operation, run, token).await,
            Way::Apify => return self.go_by_apify(run, token).await,
        };
        let details = Details { way: way.as_str(), ..Details::default() };
        match found {
            Ok(mut found) => {
                found.withhold_cursor(self.twitter.apify.secrets());
                finished(found, details)
            }
            Err(WayError::NoAccount(failure)) => Ended::NoAccount(failure, details),
            Err(WayError::Failed(failure)) => Ended::Failed(failure, details),
        }
    }

    async fn go_by_apify(&self, run: &mut Run<'_>, token: Option<&str>) -> Ended {
        run.tally.asked();
        let Fetched { result, details, is_paid } =
            followers(&self.twitter.apify, run.context, run.arguments, token).await;
        if let Some(stopped) = &details.stopped {
            run.tally.failed(stopped.code);
        }
        match result {
            Ok(output) => Ended::Found(output, details),
            Err(failure) => {
                run.tally.failed(failure.code);
                let has_no_account = matches!(
                    failure.code,
                    Code::NotConfigured
                        | Code::UpstreamUnauthorized
                        | Code::UpstreamForbidden
                        | Code::RateLimited
                );
                // What is paid for is not left for another way without a word.
                if has_no_account && token.is_none() && !is_paid {
                    Ended::NoAccount(failure, details)
                } else {
                    Ended::Failed(failure, details)
                }
            }
        }
    }

    fn report(
        &self,
        run: &Run<'_>,
        way: Way,
        tried: Vec<Tried>,
        result: Result<Output, Failure>,
        details: Details,
    ) -> Report {
        let stats = run.tally.stats(way, run.arguments.operation.kind(), details.returned);
        let own = |token: String| match self.job_type {
            JobType::Any => Cursor::write(way, &token),
            JobType::Only(_) => token,
        };
        let resume = details.resume.map(own);
        let details = Details { tried, resume, capped: run.arguments.capped.clone(), ..details };
        let report = match result {
            Ok(output) => {
                let next_cursor = output.next_cursor.map(own);
                Report::output(Output { next_cursor, ..output }, stats)
            }
            Err(failure) => Report::failure(executing(failure), stats),
        };
        report.with_details(details.to_json())
    }
}

/// What came of one way.
enum Ended {
    Found(Output, Details),
    /// The next way may do better.
    NoAccount(Failure, Details),
    Failed(Failure, Details),
}

fn finished(mut found: Found, details: Details) -> Ended {
    let next_cursor = found.cursor.take();
    let stopped = found.stopped.take();
    if found.count() == 0
        && let Some(failure) = stopped
    {
        return Ended::Failed(failure, details);
    }
    let stopped = stopped.or(found.paused.take()).or(found.partial.take());
    let stopped = stopped.or_else(|| left_out(found.unreadable));
    let details = Details {
        complete: stopped.is_none(),
        returned: found.count(),
        unreadable: found.unreadable,
        stopped: stopped.map(Stopped::from),
        ..details
    };
    Ended::Found(Output { next_cursor, ..Output::json(found.finish()) }, details)
}

/// Begins with the text that Masa's workers gave for any failure (reference 3.5).
fn executing(failure: Failure) -> Failure {
    Failure::new(failure.code, format!("error executing job: {}", failure.message))
}

impl std::fmt::Debug for TwitterEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TwitterEngine({})", self.job_type.as_str())
    }
}

#[async_trait]
impl Engine for TwitterEngine {
    fn name(&self) -> &'static str {
        self.job_type.as_str()
    }

    fn capabilities(&self) -> Vec<String> {
        sealwork_upstream::working(&self.operations())
    }

    fn admit(&self, arguments: &Value) -> Result<Rerun, Failure> {
        let arguments = self.parse(arguments)?;
        let ways = self.ways(&arguments)?;
        // A run is paid; a page of what an earlier run found can be read twice.
        let may_pay = ways.contains(&Way::Apify) && arguments.cursor.is_none();
        Ok(if may_pay { Rerun::Once } else { Rerun::Idempotent })
    }

    async fn run(&self, context: &Context, arguments: Value) -> Report {
        let arguments = match self.parse(&arguments) {
            Ok(arguments) => arguments,
            Err(error) => return Report::failure(error.into(), []),
        };
        match self.ways(&arguments) {
            Ok(ways) => self.perform(context, &arguments, &ways).await,
            Err(failure) => {
                let mut tally = Tally::default();
                tally.failed(failure.code);
                let kind = arguments.operation.kind();
                Report::failure(executing(failure), tally.stats(Way::Credential, kind, 0))
            }
        }
    }

    fn rerun(&self) -> Rerun {
        match self.job_type {
            JobType::Only(Way::Apify) => Rerun::Once,
            _ => Rerun::Idempotent,
        }
    }

    fn grace(&self) -> Duration {
        GRACE.max(Apify::GRACE)
    }
}

#[async_trait]
impl Social for TwitterEngine {
    fn operations(&self) -> Vec<Listed> {
        let listed = |operation: Operation| {
            let ways = self.job_type.ways(operation);
            let missing = |way: &Way| self.twitter.missing(*way, operation);
            // The first way that works, else the best one with its reason.
            let way = ways.iter().find(|way| missing(way).is_none()).or(ways.first())?;
            Some(Listed { name: operation.as_str(), way: way.as_str(), missing: missing(way) })
        };
        Operation::ALL.into_iter().filter_map(listed).collect()
    }

    /// The API's keys are asked by the engine that has no other way: `twitter` knows what it
    /// knows. Whether a session is valid is not asked, as X limits that more tightly than using it;
    /// whether an account has one is.
    async fn probe(&self) {
        match self.job_type {
            JobType::Only(Way::Api) => self.twitter.api.probe(self.twitter.clock.as_ref()).await,
            JobType::Only(Way::Credential) => self.twitter.web.look_for_sessions().await,
            JobType::Only(Way::Apify) | JobType::Any => {}
        }
    }
}
