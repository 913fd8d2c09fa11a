//! What one refusal of X ends: what was asked for, the account at an endpoint, or the account. What
//! one requester asks for must not end an account for all others.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use sealwork_engine::Engine as _;
use sealwork_job::Code;
use sealwork_test_upstream::{BASE_KEY, Bad, ELEVATED_KEY};
use serde_json::{Value, json};

use common::{Given, Setup, stat};

const API: &str = "twitter-api";
const WEB: &str = "twitter-credential";

async fn with_key() -> Setup {
    Setup::new(Given { api_keys: &[BASE_KEY], ..Given::default() }).await
}

async fn with_sessions() -> Setup {
    let (accounts, cookies) = ("alice,bob", &["alice", "bob"][..]);
    Setup::new(Given { accounts, cookies, ..Given::default() }).await
}

fn tweet(id: &str) -> Value {
    json!({"type": "getbyid", "query": id})
}

fn refusal(status: u16, body: &'static str) -> Bad {
    Bad::Answer(status, body, vec![])
}

#[tokio::test]
async fn a_tweet_that_x_forbids_stays_the_only_one() {
    for (body, asked) in [
        (r#"{"title":"Forbidden","resource_type":"tweet","resource_id":"666","status":403}"#, 1),
        (
            r#"{"errors":[{"type":"https://api.twitter.com/2/problems/not-authorized-for-resource"}]}"#,
            1,
        ),
        // Without a word about what it is, the key is asked for something else.
        (r#"{"title":"Forbidden","type":"about:blank","status":403}"#, 2),
        ("", 2),
    ] {
        let setup = with_key().await;
        setup.upstream.misbehave("/tweets/666", refusal(403, body), 99);
        let failure = setup.failure(API, tweet("666")).await;
        assert_eq!((failure.code, setup.upstream.seen().len()), (Code::UpstreamForbidden, asked));
        setup.result(API, tweet("17")).await;
        assert_eq!(setup.upstream.seen().len(), asked + 1);
        // It has worked a moment ago: the next refusal needs no other question.
        assert_eq!(setup.failure(API, tweet("666")).await.code, Code::UpstreamForbidden);
        assert_eq!(setup.upstream.seen().len(), asked + 2);
        assert_eq!(setup.engine(API).capabilities().len(), 4);
    }
}

#[tokio::test]
async fn one_answer_that_refuses_a_key_does_not_end_it() {
    let setup = with_key().await;
    setup.upstream.misbehave("/users/666", refusal(401, r#"{"title":"Unauthorized"}"#), 99);
    let failure = setup.failure(API, json!({"type": "getprofilebyid", "query": "666"})).await;
    assert_eq!(failure.code, Code::UpstreamUnauthorized);
    setup.result(API, json!({"type": "getprofilebyid", "query": "17"})).await;
    setup.result(API, json!({"query": "x"})).await;
    assert_eq!(setup.engine(API).capabilities().len(), 4);
}

#[tokio::test]
async fn a_key_that_is_refused_twice_rests_a_minute_and_longer_the_next_time() {
    let setup = with_key().await;
    setup.upstream.misbehave("/x/2/", refusal(401, ""), 99);
    for (rest, asked) in [(60, 2), (120, 4), (240, 6)] {
        assert_eq!(setup.failure(API, tweet("17")).await.code, Code::UpstreamUnauthorized);
        assert_eq!(setup.upstream.seen().len(), asked);
        setup.clock.forward(rest - 5);
        assert_eq!(setup.failure(API, tweet("17")).await.code, Code::UpstreamUnauthorized);
        assert_eq!(setup.upstream.seen().len(), asked, "it rests");
        setup.clock.forward(10);
    }
    setup.upstream.behave();
    setup.result(API, tweet("17")).await;
}

#[tokio::test]
async fn a_key_that_may_not_use_an_endpoint_rests_from_that_alone() {
    let setup = Setup::new(Given { api_keys: &[BASE_KEY, ELEVATED_KEY], ..Given::default() }).await;
    let body = r#"{"title":"Client Forbidden","reason":"client-not-enrolled"}"#;
    setup.upstream.misbehave("/users/", refusal(403, body), 99);
    let profile = json!({"type": "getprofilebyid", "query": "17"});
    assert_eq!(setup.failure(API, profile.clone()).await.code, Code::UpstreamForbidden);
    assert_eq!(setup.upstream.seen().len(), 2, "each key once: X has said what it is about");
    assert_eq!(setup.failure(API, profile).await.code, Code::UpstreamForbidden);
    assert_eq!(setup.upstream.seen().len(), 2, "they rest");
    setup.result(API, tweet("17")).await;
}

#[tokio::test]
async fn a_request_is_refused_when_two_keys_that_work_are_refused_it() {
    let api_keys = &[BASE_KEY, ELEVATED_KEY];
    let setup = Setup::new(Given { api_keys, ..Given::default() }).await;
    setup.upstream.misbehave("/tweets/666", refusal(403, ""), 99);
    let report = setup.report(API, tweet("666")).await;
    assert_eq!(stat(&report, "twitter_auth_errors"), 0);
    assert_eq!(report.result.unwrap_err().code, Code::UpstreamForbidden);
    assert_eq!(setup.upstream.count("GET", "/tweets/666"), 2);
}

#[tokio::test]
async fn a_session_that_works_is_not_lost_by_one_refusal() {
    for (status, body) in [
        (401, r#"{"errors":[{"code":32,"message":"Could not authenticate you."}]}"#),
        (401, ""),
        (403, ""),
        (403, "<html>"),
    ] {
        let setup = with_sessions().await;
        setup.upstream.misbehave("/TweetDetail", refusal(status, body), 2);
        setup.failure(WEB, tweet("666")).await;
        assert_eq!(setup.upstream.count("GET", "/TweetDetail"), 2, "once with each account");
        for _ in 0..2 {
            setup.result(WEB, tweet("17")).await;
        }
        let seen = setup.upstream.seen();
        let last: Vec<_> =
            seen[seen.len() - 2..].iter().map(|ask| ask.header("x-csrf-token")).collect();
        assert_ne!(last[0], last[1], "both sessions are used still");
    }
}

#[tokio::test]
async fn a_limit_in_the_body_of_a_success_rests_the_key_as_any_other() {
    let setup = Setup::new(Given { api_keys: &[BASE_KEY, ELEVATED_KEY], ..Given::default() }).await;
    let limited = refusal(200, r#"{"errors":[{"code":88,"message":"Rate limit exceeded"}]}"#);
    setup.upstream.misbehave("/search/recent", limited, 1);
    for requests in [2, 3] {
        setup.result(API, json!({"query": "x"})).await;
        assert_eq!(setup.upstream.seen().len(), requests);
    }
    let seen = setup.upstream.seen();
    assert_eq!(seen[1].bearer(), seen[2].bearer(), "the first rests");
}
