use std::sync::Arc;

use async_trait::async_trait;
use sealwork_egress::Egress;
use sealwork_engine::{Context, Engine, Report, Stat};
use sealwork_job::{Code, Failure, Output, Rerun};
use sealwork_platform::Clock;
use serde_json::Value;

use crate::{
    Arguments, WebConfig,
    crawl::{Counts, Crawl, Crawled, Shared},
};

/// The engine `web`. Needs no keys and works always.
///
/// It moves these counters, by the names of both generations of Masa's workers:
///
/// | counter | by |
/// |---|---|
/// | `web_queries` | 1 for each job that was begun |
/// | `web_success`, `web_scraped_pages` | pages fetched |
/// | `web_processed_pages` | pages read as HTML or text |
/// | `web_errors` | pages that could not be fetched or read |
/// | `web_invalid` | 1 for a job whose address the operator refuses |
pub struct WebEngine {
    shared: Arc<Shared>,
}

impl WebEngine {
    /// An engine that goes out through `egress`.
    pub fn new(egress: Arc<Egress>, clock: Arc<dyn Clock>, config: WebConfig) -> Self {
        Self { shared: Arc::new(Shared::new(egress, clock, config)) }
    }
}

impl std::fmt::Debug for WebEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebEngine").finish_non_exhaustive()
    }
}

#[async_trait]
impl Engine for WebEngine {
    fn name(&self) -> &'static str {
        "web"
    }

    fn capabilities(&self) -> Vec<String> {
        vec!["scraper".to_owned()]
    }

    fn admit(&self, arguments: &Value) -> Result<Rerun, Failure> {
        Arguments::parse(arguments, &self.shared.config)?;
        Ok(Rerun::Idempotent)
    }

    async fn run(&self, context: &Context, arguments: Value) -> Report {
        let arguments = match Arguments::parse(&arguments, &self.shared.config) {
            Ok(arguments) => arguments,
            Err(error) => return Report::failure(error.into(), []),
        };
        let Crawled { result, counts } =
            Crawl::new(Arc::clone(&self.shared), context, arguments).run().await;
        match result {
            Ok(json) => Report::output(Output::json(json), stats(counts)),
            Err(failure) if failure.code == Code::Blacklisted => {
                Report::failure(failure, [("web_queries", 1), ("web_invalid", 1)])
            }
            Err(failure) => Report::failure(failure, stats(counts)),
        }
    }
}

/// Counters that do not move are left out, as the reference does.
fn stats(counts: Counts) -> Vec<Stat> {
    let moved = [
        ("web_queries", 1),
        ("web_success", counts.fetched),
        ("web_scraped_pages", counts.fetched),
        ("web_processed_pages", counts.processed),
        ("web_errors", counts.failed),
    ];
    moved.into_iter().filter(|(_, by)| *by > 0).collect()
}
