//! Whatever the upstream answers, no credential of the operator comes out of a job.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use sealwork_engine::Report;
use sealwork_test_upstream::{BASE_KEY, Bad, TOKEN, X_PASSWORD};
use serde_json::json;

use common::{Given, Setup};

const SECRETS: [&str; 6] =
    [BASE_KEY, TOKEN, X_PASSWORD, "session-of-alice", "csrf-of-alice", "session-of-carol"];

/// What all tests of this process log. One for all: what a place that logs is once told about
/// listeners, it remembers.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn everything(report: &Report) -> String {
    let result = match &report.result {
        Ok(output) => {
            format!("{} {:?}", String::from_utf8_lossy(&output.data), output.next_cursor)
        }
        Err(failure) => failure.message.clone(),
    };
    format!("{result} {:?} {:?} {report:?}", report.stats, report.details)
}

async fn setup() -> Setup {
    LazyLock::force(&LOG);
    let given = Given {
        api_keys: &[BASE_KEY],
        accounts: "alice,carol:correct-horse-battery",
        cookies: &["alice"],
        apify: true,
        ..Given::default()
    };
    Setup::new(given).await
}

#[tokio::test]
async fn an_upstream_that_sends_credentials_back_gives_none_of_them_away() {
    for (job_type, operation) in [
        ("twitter-api", "searchbyquery"),
        ("twitter-api", "getbyid"),
        ("twitter-credential", "searchbyquery"),
        ("twitter-credential", "searchbyprofile"),
        ("twitter-apify", "getfollowers"),
        ("twitter", "getfollowing"),
    ] {
        let setup = setup().await;
        setup.upstream.misbehave("/", Bad::Echo, 99);
        let query = if operation == "getbyid" { "17" } else { "NASA" };
        let report = setup.report(job_type, json!({"type": operation, "query": query})).await;
        assert!(report.result.is_err());
        let said = everything(&report);
        for secret in SECRETS {
            assert!(!said.contains(secret), "{job_type} {operation}: {said}");
        }
    }
    let logged = String::from_utf8_lossy(&LOG.0.lock().unwrap()).into_owned();
    assert!(logged.contains("an upstream request failed"), "the log was watched");
    assert!(logged.contains("X refuses an account or key"), "the operator is told");
    for secret in SECRETS {
        assert!(!logged.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn an_item_that_quotes_a_credential_is_withheld() {
    let setup = setup().await;
    let page = r#"{"data":[{"id":"2","text":"a AAAAbase%2Bkey-0123456789abcdef0123 b"},{"id":"1","text":"c"}]}"#;
    assert!(page.contains(BASE_KEY));
    setup.upstream.misbehave("/search/recent", Bad::Answer(200, page, vec![]), 1);
    let found = setup.result("twitter-api", json!({"query": "x"})).await;
    assert!(found[0]["withheld"].is_string());
    assert_eq!(found[1]["tweet_id"], "1");
    // A session that was made for this very job.
    let setup = self::setup().await;
    setup.upstream.x_web.end_session("alice");
    let user = r#"{"data":{"user":{"result":{"__typename":"User","rest_id":"7","legacy":{"screen_name":"x","description":"auth_token=new-session-of-carol"}}}}}"#;
    setup.upstream.misbehave_after(1, "/UserByScreenName", Bad::Answer(200, user, vec![]), 9);
    let profile = json!({"type": "searchbyprofile", "query": "x"});
    assert!(setup.result("twitter-credential", profile).await["withheld"].is_string());
    let home = r#"{"data":{"home":{"home_timeline_urt":{"instructions":[{"type":"TimelineAddEntries","entries":[{"entryId":"tweet-1","content":{"itemContent":{"tweet_results":{"result":{"rest_id":"1","legacy":{"full_text":"csrf-of-carol"}}}}}}]}]}}}}"#;
    setup.upstream.misbehave("/HomeTimeline", Bad::Answer(200, home, vec![]), 1);
    let found = setup.result("twitter-credential", json!({"type": "getforyoutweets"})).await;
    assert!(found[0]["withheld"].is_string());
}

#[tokio::test]
async fn an_item_or_cursor_that_quotes_a_credential_of_another_way_is_withheld() {
    for (job_type, operation, path, from) in [
        ("twitter-api", "searchbyquery", "/search/recent", "ISRO"),
        ("twitter-credential", "searchbyquery", "/SearchTimeline", "ISRO"),
        ("twitter-apify", "getfollowers", "/datasets/", "Person 3"),
        ("twitter-api", "searchbyquery", "/search/recent", "b26v"),
        ("twitter-credential", "searchbyquery", "/SearchTimeline", "DAAC"),
    ] {
        for secret in [BASE_KEY, TOKEN, X_PASSWORD, "session-of-alice", "csrf-of-alice"] {
            let setup = setup().await;
            setup.upstream.misbehave(path, Bad::Edited(from, secret), 9);
            let arguments = json!({"type": operation, "query": "NASA", "max_results": 20});
            let report = setup.report(job_type, arguments).await;
            let said = everything(&report);
            assert!(report.result.is_ok(), "{job_type} {from}: {said}");
            assert!(said.contains("withheld"), "{job_type} {from} {secret}: {said}");
            assert!(!said.contains(secret), "{job_type} {from} {secret}: {said}");
        }
    }
}

#[tokio::test]
async fn a_cursor_that_quotes_a_credential_is_withheld_and_the_result_says_so() {
    for (job_type, path, from, secret, size) in [
        ("twitter-api", "/search/recent", "b26v", BASE_KEY, 100),
        ("twitter", "/SearchTimeline", "DAAC", "session-of-alice", 50),
        ("twitter-credential", "/SearchTimeline", "DAAC", "csrf-of-alice", 50),
    ] {
        let setup = setup().await;
        setup.upstream.misbehave(path, Bad::Edited(from, secret), 9);
        let arguments = json!({"type": "searchbyquery", "query": "x", "max_results": size});
        let report = setup.report(job_type, arguments).await;
        let said = everything(&report);
        assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "{job_type}: {said}");
        let details = report.details.unwrap();
        assert_eq!(details["returned"], size);
        assert_eq!(
            (&details["complete"], &details["stopped"]["code"]),
            (&json!(false), &json!("upstream_changed"))
        );
        assert_eq!(report.result.unwrap().next_cursor, None);
    }
}
