//! Logins whose job ends before they do, and accounts that are not to be logged in again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use sealwork_job::Code;
use sealwork_test_upstream::{Bad, context};
use serde_json::{Value, json};

use common::{Given, Setup};

const WEB: &str = "twitter-credential";

async fn with(accounts: &'static str, cookies: &'static [&'static str]) -> Setup {
    Setup::new(Given { accounts, cookies, ..Given::default() }).await
}

fn search() -> Value {
    json!({"type": "searchbyquery", "query": "climate change", "max_results": 20})
}

/// Runs a job that ends while its account is being logged in.
async fn left_during_login(setup: &Setup) {
    setup.upstream.set_latency(Duration::from_millis(100));
    let context = context(Duration::from_millis(150));
    let report = setup.report_in(&context, WEB, search()).await;
    assert_eq!(report.result.unwrap_err().code, Code::DeadlineExceeded);
    setup.upstream.set_latency(Duration::ZERO);
}

#[tokio::test]
async fn a_login_goes_on_when_its_job_has_ended() {
    let setup = with("carol:correct-horse-battery", &[]).await;
    left_during_login(&setup).await;
    setup.result(WEB, search()).await;
    assert_eq!(setup.upstream.count("POST", "guest/activate.json"), 1);
}

#[tokio::test]
async fn a_login_that_fails_when_its_job_has_ended_is_not_tried_again() {
    let setup = with("carol:wrong-password", &[]).await;
    left_during_login(&setup).await;
    for _ in 0..2 {
        let failure = setup.failure(WEB, search()).await;
        assert!(failure.message.contains("the password is wrong"), "{}", failure.message);
    }
    assert_eq!(setup.upstream.count("POST", "guest/activate.json"), 1);
}

#[tokio::test]
async fn an_account_that_a_success_says_is_locked_is_not_logged_in_again() {
    let setup = with("alice:correct-horse-battery", &["alice"]).await;
    let locked = Bad::Answer(200, r#"{"errors":[{"code":326}]}"#, vec![]);
    setup.upstream.misbehave("/graphql/", locked, 9);
    let failure = setup.failure(WEB, search()).await;
    assert_eq!(failure.code, Code::UpstreamUnauthorized);
    assert!(failure.message.contains("locked or suspended"), "{}", failure.message);
    assert_eq!(setup.upstream.count("POST", "/"), 0);
}
