//! Which way a job of `twitter` goes, what it says about that, and the way by Apify.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use sealwork_engine::Engine as _;
use sealwork_engine_twitter::Operation;
use sealwork_job::{Code, Rerun};
use sealwork_test_upstream::{BASE_KEY, Bad, ELEVATED_KEY, Items, context};
use sealwork_upstream::Social as _;
use serde_json::{Value, json};

use common::{Given, START, Setup, posts, stat, texts};

const ANY: &str = "twitter";
const APIFY: &str = "twitter-apify";

/// Everything is configured.
async fn all() -> Setup {
    let given = Given {
        api_keys: &[ELEVATED_KEY],
        accounts: "alice",
        cookies: &["alice"],
        apify: true,
        ..Given::default()
    };
    Setup::new(given).await
}

fn search() -> Value {
    json!({"type": "searchbyquery", "query": "climate change", "max_results": 10})
}

fn followers(max_results: u64) -> Value {
    json!({"type": "getfollowers", "query": "NASA", "max_results": max_results})
}

async fn way(setup: &Setup, arguments: Value) -> (Value, Value) {
    let report = setup.report(ANY, arguments).await;
    assert!(report.result.is_ok(), "{:?}", report.result.map_err(|failure| failure.message));
    let details = report.details.unwrap();
    (details["way"].clone(), details["tried"].clone())
}

#[tokio::test]
async fn followers_go_by_apify_and_searches_by_credentials() {
    let setup = all().await;
    assert_eq!(way(&setup, followers(5)).await.0, "apify");
    let following = json!({"type": "getfollowing", "query": "NASA"});
    assert_eq!(way(&setup, following).await.0, "apify");
    assert_eq!(way(&setup, search()).await, (json!("credential"), Value::Null));
    let archive = json!({"type": "searchbyfullarchive", "query": "NASA"});
    assert_eq!(way(&setup, archive).await.0, "credential");
    assert_eq!(way(&setup, json!({"type": "getbyid", "query": "17"})).await.0, "credential");
}

#[tokio::test]
async fn the_next_way_is_taken_when_the_first_has_no_usable_account() {
    let setup = all().await;
    setup.upstream.x_web.set_budget("alice", 0, START + 900);
    let tried = json!([{"way": "credential", "code": "rate_limited"}]);
    assert_eq!(way(&setup, search()).await, (json!("api"), tried));
    let ended = all().await;
    ended.upstream.x_web.end_session("alice");
    let tried = json!([{"way": "credential", "code": "upstream_unauthorized"}]);
    assert_eq!(
        way(&ended, json!({"type": "getprofilebyid", "query": "17"})).await,
        (json!("api"), tried)
    );
    let unpaid = all().await;
    unpaid.upstream.misbehave("/acts/", Bad::Status(402), 9);
    let tried = json!([{"way": "apify", "code": "upstream_forbidden"}]);
    assert_eq!(way(&unpaid, followers(5)).await, (json!("credential"), tried));
}

#[tokio::test]
async fn a_run_that_is_paid_is_not_left_for_another_way() {
    for status in [401, 402, 403, 429] {
        let setup = all().await;
        setup.upstream.misbehave("/datasets/", Bad::Status(status), 99);
        let context = context(Duration::from_secs(5));
        let report = setup.report_in(&context, ANY, followers(5)).await;
        assert!(report.result.is_err(), "{status}");
        assert_eq!(setup.upstream.count("GET", "/x-web/"), 0, "{status}");
        // What was paid for is read with the cursor, and without another run.
        setup.upstream.behave();
        let resume = report.details.unwrap()["resume"].as_str().unwrap().to_owned();
        assert!(resume.starts_with("apify:"), "{resume}");
        let next = json!({"type": "getfollowers", "query": "NASA", "max_results": 5, "next_cursor": resume});
        assert_eq!(setup.result(ANY, next).await.as_array().unwrap().len(), 5);
        assert_eq!(setup.upstream.apify.started().len(), 1);
    }
}

#[tokio::test]
async fn a_run_that_is_paid_and_found_nothing_is_not_left_for_another_way() {
    for status in [401, 403, 429] {
        let setup = all().await;
        setup.upstream.apify.set_run_time(Duration::from_secs(3600));
        let actor = "kaitoeasyapi~premium-x-follower-scraper-following-data";
        setup.upstream.apify.set_found(actor, Items::of(vec![]));
        setup.upstream.misbehave("/actor-runs/", Bad::Status(status), 99);
        let report = setup.report_in(&context(Duration::from_secs(3)), ANY, followers(5)).await;
        assert!(report.result.is_err(), "{status}");
        assert_eq!(setup.upstream.apify.started().len(), 1);
        assert_eq!(setup.upstream.count("GET", "/x-web/"), 0, "{status}");
    }
}

#[tokio::test]
async fn a_way_that_was_asked_and_failed_is_not_passed_over() {
    let setup = all().await;
    setup.upstream.misbehave("/x-web/", Bad::Html, 9);
    let failure = setup.failure(ANY, search()).await;
    assert_eq!(failure.code, Code::UpstreamInvalid);
    assert_eq!(setup.upstream.count("GET", "/x/2/"), 0);
}

#[tokio::test]
async fn with_api_keys_alone_a_tweet_and_a_profile_go_by_api() {
    let setup = Setup::new(Given { api_keys: &[BASE_KEY], ..Given::default() }).await;
    for operation in ["getbyid", "getprofilebyid", "searchbyquery"] {
        assert_eq!(way(&setup, json!({"type": operation, "query": "17"})).await.0, "api");
    }
    let refused = setup.engine(ANY).admit(&json!({"type": "gettrends"})).unwrap_err();
    assert_eq!(refused.code, Code::NotConfigured);
    assert!(refused.message.contains("TWITTER_ACCOUNTS"), "{}", refused.message);
    // At the Masa route the job runs all the same, and ends in the same failure.
    let report = setup.report(ANY, json!({"type": "gettrends"})).await;
    assert_eq!(stat(&report, "twitter_auth_errors"), 1);
    assert_eq!(report.result.unwrap_err().code, Code::NotConfigured);
}

#[tokio::test]
async fn a_cursor_goes_back_to_the_way_that_gave_it() {
    let setup = all().await;
    setup.upstream.x_web.set_budget("alice", 0, START + 900);
    let (_, output) = setup.output(ANY, search()).await;
    let cursor = output.next_cursor.unwrap();
    assert!(cursor.starts_with("api:"));
    setup.clock.forward(900);
    setup.upstream.x_web.set_budget("alice", 100, START + 1800);
    let next = json!({"query": "climate change", "max_results": 10, "next_cursor": cursor});
    assert_eq!(way(&setup, next.clone()).await.0, "api");
    assert_eq!(texts(&setup.result(ANY, next).await, "tweet_id"), posts(10, 10));
}

#[tokio::test]
async fn capabilities_are_what_is_configured() {
    let setup = all().await;
    assert_eq!(setup.engine(ANY).capabilities().len(), 16);
    assert_eq!(setup.engine(APIFY).capabilities(), ["getfollowers", "getfollowing"]);
    let apify = Setup::new(Given { apify: true, ..Given::default() }).await;
    assert_eq!(apify.engine(ANY).capabilities(), ["getfollowers", "getfollowing"]);
    let keys = Setup::new(Given { api_keys: &[BASE_KEY], ..Given::default() }).await;
    keys.engine("twitter-api").probe().await;
    assert_eq!(keys.engine(ANY).capabilities(), ["searchbyquery", "getbyid", "getprofilebyid"]);
    let none = Setup::new(Given::default()).await;
    for engine in &none.engines {
        assert_eq!(engine.capabilities(), Vec::<String>::new());
        assert!(engine.operations().iter().all(|operation| operation.missing.is_some()));
    }
}

#[tokio::test]
async fn a_paid_run_is_never_repeated_by_a_restart_and_all_else_may_be() {
    let setup = all().await;
    let rerun =
        |job_type: &str, arguments: Value| setup.engine(job_type).admit(&arguments).unwrap();
    assert_eq!(rerun(APIFY, followers(5)), Rerun::Once);
    assert_eq!(rerun(ANY, followers(5)), Rerun::Once);
    assert_eq!(rerun(ANY, search()), Rerun::Idempotent);
    let page = json!({"query": "NASA", "next_cursor": "x"});
    assert_eq!(rerun(APIFY, page), Rerun::Idempotent);
    assert_eq!(rerun("twitter-credential", followers(5)), Rerun::Idempotent);
}

#[tokio::test]
async fn the_actor_gets_the_references_input_and_its_items_the_references_form() {
    let setup = all().await;
    let report = setup.report(APIFY, followers(250)).await;
    assert_eq!(stat(&report, "twitter_returned_followers"), 250);
    assert_eq!(stat(&report, "twitter_scrapes"), 1);
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    let profile = &found[0];
    for field in
        ["id_str", "screen_name", "followers_count", "pinned_tweet_ids_str", "target_username"]
    {
        assert!(profile.get(field).is_some(), "{field}");
    }
    let (actor, input) = setup.upstream.apify.started().remove(0);
    assert_eq!(actor, "kaitoeasyapi~premium-x-follower-scraper-following-data");
    assert_eq!(
        input,
        json!({
            "user_names": ["NASA"], "user_ids": [], "maxFollowers": 250, "maxFollowings": 200,
            "getFollowers": true, "getFollowing": false,
        })
    );
}

#[tokio::test]
async fn a_further_page_starts_no_second_run() {
    let setup = all().await;
    let (first, output) = setup.output(APIFY, followers(60)).await;
    let cursor = output.next_cursor.unwrap();
    let next =
        json!({"type": "getfollowers", "query": "NASA", "max_results": 60, "next_cursor": cursor});
    let second = setup.result(APIFY, next).await;
    assert_eq!((first.as_array().unwrap().len(), second.as_array().unwrap().len()), (60, 60));
    assert_ne!(first[0]["id_str"], second[0]["id_str"]);
    assert_eq!(setup.upstream.apify.started().len(), 1);
    // By `twitter` the cursor names its way.
    let (_, output) = setup.output(ANY, followers(60)).await;
    let cursor = output.next_cursor.unwrap();
    assert!(cursor.starts_with("apify:"));
    let next =
        json!({"type": "getfollowers", "query": "NASA", "max_results": 60, "next_cursor": cursor});
    setup.result(ANY, next).await;
    assert_eq!(setup.upstream.apify.started().len(), 2);
}

#[tokio::test]
async fn a_job_whose_time_is_over_stops_its_run() {
    let setup = all().await;
    setup.upstream.apify.set_run_time(Duration::from_secs(3600));
    let context = context(Duration::from_millis(800));
    let report = setup.report_in(&context, APIFY, followers(5)).await;
    // What it had found by then is a result that is not complete.
    assert_eq!(report.details.unwrap()["stopped"]["code"], "deadline_exceeded");
    assert!(report.result.is_ok());
    assert_eq!(setup.upstream.apify.aborted(), 1);
}

#[tokio::test]
async fn a_cancelled_job_ends_at_once() {
    let setup = all().await;
    setup.upstream.set_latency(Duration::from_secs(30));
    for (job_type, part) in [("twitter-credential", "/x-web/"), ("twitter-api", "/x/2/")] {
        let context = context(Duration::from_secs(60));
        let job = setup.report_in(&context, job_type, search());
        let cancel = async {
            while setup.upstream.count("GET", part) == 0 {
                tokio::task::yield_now().await;
            }
            context.stop.cancel();
        };
        let started = tokio::time::Instant::now();
        let (report, ()) = tokio::join!(job, cancel);
        assert_eq!(report.result.unwrap_err().code, Code::Cancelled);
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn arguments_that_are_wrong_are_refused_at_every_job_type() {
    let setup = all().await;
    for engine in &setup.engines {
        for arguments in [
            json!({"type": "getlikes", "query": "x"}),
            json!({"query": "x", "max_results": -1}),
            json!({"query": "x", "max_results": "many"}),
            json!({"query": "x", "limit": 10}),
        ] {
            let refused = engine.admit(&arguments).unwrap_err();
            assert_eq!(refused.code, Code::ArgumentsInvalid);
            let ran = setup.failure(engine.name(), arguments).await;
            assert_eq!((ran.code, ran.message), (refused.code, refused.message));
        }
    }
    assert!(setup.upstream.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_jobs_of_all_operations_run_side_by_side() {
    let setup = all().await;
    setup.upstream.set_latency(Duration::from_millis(300));
    let started = tokio::time::Instant::now();
    let jobs = (0..100).map(|at| {
        let operation = Operation::ALL[at % Operation::ALL.len()].as_str();
        setup.report(ANY, json!({"type": operation, "query": "1234567890"}))
    });
    let reports = futures_util::future::join_all(jobs).await;
    let took = started.elapsed();
    println!("100 jobs of 16 operations, 300 ms each request: {took:?}");
    assert!(reports.iter().all(|report| report.result.is_ok()));
    // One after the other they take more than 30 s.
    assert!(took < Duration::from_secs(10), "{took:?}");
}
