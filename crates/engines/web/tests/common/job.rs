//! Runs jobs on an engine of their own.

use std::{sync::Arc, time::Duration};

use sealwork_egress::{Egress, EgressConfig};
use sealwork_engine::{Context, Engine as _, Meter, Report};
use sealwork_engine_web::{WebConfig, WebEngine};
use sealwork_job::{Failure, JobId, Limits, RequesterId, Timestamp};
use sealwork_platform::Clock;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::net::Web;

/// 2026-01-02T03:04:05Z, always.
#[derive(Debug)]
pub(crate) struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_767_323_045)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// An engine, and what its jobs may use.
pub(crate) struct Setup {
    pub(crate) web: Web,
    pub(crate) config: WebConfig,
    pub(crate) limits: Limits,
    pub(crate) time: Duration,
}

impl Setup {
    pub(crate) fn new(web: Web) -> Self {
        let mut config = WebConfig::default();
        // One parser and one place per host make the order of visits a fact.
        config.politeness.concurrency = 1;
        Self { web, config, limits: Limits::default(), time: Duration::from_secs(300) }
    }

    pub(crate) fn engine(&self) -> WebEngine {
        self.engine_with(Arc::new(Stopped))
    }

    pub(crate) fn engine_with(&self, clock: Arc<dyn Clock>) -> WebEngine {
        let net = Arc::new(self.web.clone());
        let egress = Egress::new(net.clone(), net, EgressConfig::default()).unwrap();
        WebEngine::new(egress, clock, self.config.clone())
    }

    pub(crate) fn context(&self) -> Context {
        Context {
            job: JobId([7; 16]),
            requester: RequesterId::anonymous(),
            account: RequesterId::anonymous(),
            limits: self.limits,
            input: None,
            deadline: Instant::now() + self.time,
            stop: CancellationToken::new(),
            meter: Arc::new(Meter::default()),
            spool: None,
        }
    }

    pub(crate) async fn report(&self, arguments: Value) -> Report {
        let engine = self.engine();
        engine.admit(&arguments).unwrap();
        engine.run(&self.context(), arguments).await
    }

    /// The result of a job that succeeds.
    pub(crate) async fn result(&self, arguments: Value) -> Value {
        let report = self.report(arguments).await;
        serde_json::from_slice(&report.result.unwrap().data).unwrap()
    }

    /// The failure of a job that fails.
    pub(crate) async fn failure(&self, arguments: Value) -> Failure {
        self.report(arguments).await.result.unwrap_err()
    }
}

/// The paths of the result's documents, in order.
pub(crate) fn paths(result: &Value) -> Vec<String> {
    let documents = result["documents"].as_array().unwrap();
    documents
        .iter()
        .map(|document| url::Url::parse(document["url"].as_str().unwrap()).unwrap())
        .map(|url| url[url::Position::BeforePath..].to_owned())
        .collect()
}

/// The document of a path.
pub(crate) fn document<'a>(result: &'a Value, path: &str) -> &'a Value {
    let documents = result["documents"].as_array().unwrap();
    documents.iter().find(|document| document["url"].as_str().unwrap().ends_with(path)).unwrap()
}
