use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Failure, Rerun};
use sealwork_platform::Clock;
use sealwork_upstream::{
    Apify, Social,
    apify::{Fetched, Order},
    not_configured,
};
use serde_json::Value;
use std::time::Duration;

use crate::{Arguments, ArgumentsError, Item, Operation, input::input};

const ACTOR: &str = "trudax~reddit-scraper";

/// The engine `reddit`. Needs Apify.
///
/// It moves these counters, by the names of Masa's workers:
///
/// | counter | by |
/// |---|---|
/// | `reddit_queries` | 1 for each job that was begun |
/// | `reddit_returned_items` | items of the result |
/// | `reddit_errors` | 1 for a job that failed |
#[derive(Debug)]
pub struct RedditEngine {
    apify: Apify,
    clock: Arc<dyn Clock>,
}

impl RedditEngine {
    /// An engine that runs its actor at `apify`.
    pub fn new(apify: Apify, clock: Arc<dyn Clock>) -> Self {
        Self { apify, clock }
    }

    fn parse(&self, arguments: &Value) -> Result<Arguments, ArgumentsError> {
        let now = i64::try_from(self.clock.now().as_millis()).unwrap_or(i64::MAX);
        let now = Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX);
        Arguments::parse(arguments, self.apify.max_items(), now)
    }
}

#[async_trait]
impl Engine for RedditEngine {
    fn name(&self) -> &'static str {
        "reddit"
    }

    fn capabilities(&self) -> Vec<String> {
        sealwork_upstream::working(&self.operations())
    }

    fn admit(&self, arguments: &Value) -> Result<Rerun, Failure> {
        let arguments = self.parse(arguments)?;
        if !self.apify.is_configured() {
            let (operation, others) = (arguments.operation.name(), self.operations());
            return Err(not_configured(self.name(), operation, "APIFY_API_KEY", &others));
        }
        // A page of what an earlier run found can be read twice; a run is paid.
        Ok(if arguments.next_cursor.is_some() { Rerun::Idempotent } else { Rerun::Once })
    }

    async fn run(&self, context: &Context, arguments: Value) -> Report {
        let mut arguments = match self.parse(&arguments) {
            Ok(arguments) => arguments,
            Err(error) => return Report::failure(error.into(), []),
        };
        let order = Order {
            actor: ACTOR,
            input: input(&arguments),
            cursor: arguments.next_cursor.take(),
            results: arguments.max_results,
        };
        let after = arguments.after;
        let is_wanted = |item: &Item| after.is_none_or(|after| item.is_after(after));
        let Fetched { result, mut details, .. } =
            self.apify.fetch(context, &order, is_wanted).await;
        details.capped = arguments.capped;
        let report = match result {
            Ok(output) => {
                let returned = ("reddit_returned_items", details.returned);
                Report::output(output, [("reddit_queries", 1), returned])
            }
            Err(Failure { code, message, .. }) => {
                let message = format!("error while scraping Reddit: {message}");
                let stats = [("reddit_queries", 1), ("reddit_errors", 1)];
                Report::failure(Failure::new(code, message), stats)
            }
        };
        report.with_details(details.to_json())
    }

    fn rerun(&self) -> Rerun {
        Rerun::Once
    }

    fn grace(&self) -> Duration {
        Apify::GRACE
    }
}

#[async_trait]
impl Social for RedditEngine {
    fn operations(&self) -> Vec<sealwork_upstream::Operation> {
        let missing = self.apify.missing(ACTOR);
        let operation = |operation: Operation| sealwork_upstream::Operation {
            name: operation.name(),
            way: "apify",
            missing: missing.clone(),
        };
        Operation::ALL.into_iter().map(operation).collect()
    }
}
