//! The Twitter engines at the test upstream.
#![allow(dead_code, reason = "each test uses its part")]

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sealwork_engine::{Context, Engine as _, Report};
use sealwork_engine_twitter::{
    Session, SessionStore, Twitter, TwitterConfig, TwitterEngine, parse_accounts,
};
use sealwork_job::{Failure, Output, Timestamp};
use sealwork_platform::Clock;
use sealwork_test_upstream::{TOKEN, TestUpstream, apify_at, context, egress};
use sealwork_upstream::{ApifyConfig, Secret};
use serde_json::Value;
use tokio::time::Instant;
use zeroize::Zeroizing;

pub(crate) const TIME: Duration = Duration::from_secs(60);
/// Where the test's clock starts, in Unix seconds.
pub(crate) const START: u64 = 1_760_000_000;

/// A clock that goes as tokio's does, and can be set forward.
#[derive(Debug)]
pub(crate) struct TestClock {
    started: Instant,
    forward: AtomicU64,
}

impl TestClock {
    pub(crate) fn forward(&self, seconds: u64) {
        self.forward.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let start = Timestamp::from_secs(START + self.forward.load(Ordering::SeqCst));
        start.plus(self.started.elapsed())
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Sessions in memory.
#[derive(Debug, Default)]
pub(crate) struct Sessions(pub(crate) Mutex<BTreeMap<String, String>>);

#[async_trait]
impl SessionStore for Sessions {
    async fn load(&self, account: &str) -> io::Result<Option<Zeroizing<String>>> {
        Ok(self.0.lock().unwrap().get(account).cloned().map(Zeroizing::new))
    }

    async fn save(&self, account: &str, session: Zeroizing<String>) -> io::Result<()> {
        self.0.lock().unwrap().insert(account.to_owned(), session.to_string());
        Ok(())
    }

    async fn forget(&self, account: &str) -> io::Result<()> {
        self.0.lock().unwrap().remove(account);
        Ok(())
    }
}

/// What the operator has configured.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) api_keys: &'static [&'static str],
    /// `USER` or `USER:PASSWORD`, separated by commas.
    pub(crate) accounts: &'static str,
    /// Those of them that have cookies.
    pub(crate) cookies: &'static [&'static str],
    pub(crate) apify: bool,
    pub(crate) max_results: Option<u64>,
}

pub(crate) struct Setup {
    pub(crate) upstream: TestUpstream,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) engines: [TwitterEngine; 4],
}

/// The cookies that the test upstream takes.
pub(crate) fn cookies(user: &str) -> String {
    format!("auth_token=session-of-{user}; ct0=csrf-of-{user}")
}

impl Setup {
    pub(crate) async fn new(given: Given) -> Self {
        let upstream = TestUpstream::start().await.unwrap();
        let clock = Arc::new(TestClock { started: Instant::now(), forward: AtomicU64::default() });
        let token = given.apify.then_some(TOKEN);
        let apify = apify_at(&upstream, token, ApifyConfig::DEFAULT_MAX_ITEMS);
        let config = TwitterConfig {
            api_keys: given.api_keys.iter().map(|key| Secret::new(key)).collect(),
            accounts: parse_accounts(given.accounts, |user| {
                let has_some = given.cookies.contains(&user);
                has_some.then(|| Session::parse(&cookies(user)).unwrap())
            })
            .unwrap(),
            max_results: given.max_results.unwrap_or(TwitterConfig::MAX_RESULTS),
            ..TwitterConfig::new(
                upstream.base("/x/2").parse().unwrap(),
                upstream.base("/x-web").parse().unwrap(),
            )
        };
        let sessions = Arc::<Sessions>::default();
        let twitter = Twitter::new(config, egress(), clock.clone(), apify, sessions.clone());
        Self { upstream, sessions, clock, engines: twitter.engines() }
    }

    pub(crate) fn engine(&self, name: &str) -> &TwitterEngine {
        self.engines.iter().find(|engine| engine.name() == name).unwrap()
    }

    pub(crate) async fn report(&self, job_type: &str, arguments: Value) -> Report {
        self.report_in(&context(TIME), job_type, arguments).await
    }

    pub(crate) async fn report_in(
        &self,
        context: &Context,
        job_type: &str,
        arguments: Value,
    ) -> Report {
        self.engine(job_type).run(context, arguments).await
    }

    /// The output of a job that succeeds, as JSON and as it is.
    pub(crate) async fn output(&self, job_type: &str, arguments: Value) -> (Value, Output) {
        let report = self.report(job_type, arguments).await;
        let output = report.result.unwrap_or_else(|failure| panic!("{}", failure.message));
        (serde_json::from_slice(&output.data).unwrap(), output)
    }

    pub(crate) async fn result(&self, job_type: &str, arguments: Value) -> Value {
        self.output(job_type, arguments).await.0
    }

    pub(crate) async fn failure(&self, job_type: &str, arguments: Value) -> Failure {
        self.report(job_type, arguments).await.result.map(|_| ()).unwrap_err()
    }
}

/// A counter of a report.
pub(crate) fn stat(report: &Report, name: &str) -> u64 {
    report.stats.iter().filter(|(known, _)| *known == name).map(|(_, by)| by).sum()
}

/// The values of one field of a list.
pub(crate) fn texts(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    items.map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

/// `count` numbers of posts as text, from the newest one after `skip` on.
pub(crate) fn posts(skip: u64, count: u64) -> Vec<String> {
    (skip..skip + count).map(|index| (1_900_000_000_000_000_000 - index).to_string()).collect()
}
