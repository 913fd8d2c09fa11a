//! `twitter-api` against the test upstream: each operation, pages, keys, budgets, bad answers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use sealwork_engine::Engine as _;
use sealwork_job::Code;
use sealwork_test_upstream::{BASE_KEY, Bad, ELEVATED_KEY, context};
use sealwork_upstream::Social as _;
use serde_json::{Value, json};

use common::{Given, START, Setup, posts, stat, texts};

async fn with_keys(api_keys: &'static [&'static str]) -> Setup {
    Setup::new(Given { api_keys, ..Given::default() }).await
}

const API: &str = "twitter-api";

fn search(max_results: u64) -> Value {
    json!({"type": "searchbyquery", "query": "climate change", "max_results": max_results})
}

#[tokio::test]
async fn an_upstream_that_never_ends_its_answer_ends_with_the_jobs_time() {
    for bad in [Bad::Silence, Bad::Trickle] {
        let setup = with_keys(&[BASE_KEY]).await;
        setup.upstream.misbehave("/x", bad.clone(), 9);
        let context = context(Duration::from_millis(500));
        let report = setup.report_in(&context, API, search(10)).await;
        assert_eq!(report.result.unwrap_err().code, Code::DeadlineExceeded, "{bad:?}");
    }
}

#[tokio::test]
async fn a_search_sends_the_query_as_written_and_takes_authors_and_media_with_the_page() {
    let setup = with_keys(&[BASE_KEY]).await;
    let query = r#"from:NASA ("climate change" OR #moon) -is:retweet"#;
    let found = setup.result(API, json!({"query": query, "max_results": 12})).await;
    assert_eq!(texts(&found, "tweet_id"), posts(0, 12));
    let seen = setup.upstream.seen();
    assert_eq!(seen.len(), 1, "no call for each author");
    assert_eq!(seen[0].query["query"], query);
    assert!(seen[0].query["expansions"].contains("author_id"));
    let tweet = &found[3];
    assert_eq!(tweet["id"], 1_899_999_999_999_999_997_u64);
    assert_eq!(tweet["username"], "ISRO");
    assert_eq!(tweet["created_at"], "2025-10-09T08:50:20Z");
    assert_eq!(tweet["timestamp"], 1_759_999_820);
    assert_eq!(tweet["public_metrics"]["like_count"], 9);
    assert_eq!(tweet["photos"][0]["url"], "https://pbs.twimg.com/media/moon.jpg");
    assert_eq!(tweet["urls"], json!(["https://www.nasa.gov/moon"]));
    assert_eq!(tweet["hashtags"], json!(["Moon"]));
    assert_eq!((&tweet["result_count"], &tweet["error"]), (&json!(12), &Value::Null));
    assert_eq!(found[7]["is_reply"], true);
}

#[tokio::test]
async fn pages_follow_each_other_until_there_is_enough() {
    let setup = with_keys(&[BASE_KEY]).await;
    let report = setup.report(API, search(250)).await;
    assert_eq!(stat(&report, "twitter_scrapes"), 3);
    assert_eq!(stat(&report, "twitter_returned_tweets"), 250);
    let details = report.details.clone().unwrap();
    assert_eq!((&details["way"], &details["complete"]), (&json!("api"), &json!(true)));
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(texts(&found, "tweet_id"), posts(0, 250));
    let sizes: Vec<String> =
        setup.upstream.seen().iter().map(|ask| ask.query["max_results"].clone()).collect();
    assert_eq!(sizes, ["100", "100", "50"]);
}

#[tokio::test]
async fn the_full_archive_has_pages_of_500() {
    let setup = with_keys(&[ELEVATED_KEY]).await;
    let archive = json!({"type": "searchbyfullarchive", "query": "NASA", "max_results": 600});
    assert_eq!(setup.result(API, archive).await.as_array().unwrap().len(), 600);
    assert_eq!(setup.upstream.count("GET", "/tweets/search/all"), 2);
}

#[tokio::test]
async fn cursors_lose_nothing_and_repeat_nothing() {
    let setup = with_keys(&[BASE_KEY]).await;
    setup.upstream.x_api.set_posts(31);
    let (mut cursor, mut all) = (None, Vec::new());
    loop {
        let arguments = json!({"query": "x", "max_results": 7, "next_cursor": cursor});
        let (found, output) = setup.output(API, arguments).await;
        all.extend(texts(&found, "tweet_id"));
        match output.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(all, posts(0, 31));
}

#[tokio::test]
async fn nothing_found_is_an_empty_list_and_no_failure() {
    let setup = with_keys(&[BASE_KEY]).await;
    let report = setup.report(API, json!({"query": "nothing here"})).await;
    assert_eq!(report.details.unwrap()["complete"], true);
    assert_eq!(&report.result.unwrap().data[..], b"[]");
}

#[tokio::test]
async fn a_time_range_is_sent_in_whole_seconds() {
    let setup = with_keys(&[BASE_KEY]).await;
    let range = json!({"query": "x", "start_time": "2025-01-02T03:04:05.678Z", "end_time": "2025-01-03T00:00:00+01:00"});
    setup.result(API, range).await;
    let seen = &setup.upstream.seen()[0];
    assert_eq!(seen.query["start_time"], "2025-01-02T03:04:05Z");
    assert_eq!(seen.query["end_time"], "2025-01-02T23:00:00Z");
}

#[tokio::test]
async fn a_tweet_is_one_object() {
    let setup = with_keys(&[BASE_KEY]).await;
    let tweet = setup.result(API, json!({"type": "getbyid", "query": "1899999999999999990"})).await;
    assert_eq!(tweet["tweet_id"], "1899999999999999990");
    assert_eq!(tweet["username"], "NASA");
    for (query, text) in
        [("1899999999999999404", "no such tweet"), ("1899999999999999403", "protected")]
    {
        let failure = setup.failure(API, json!({"type": "getbyid", "query": query})).await;
        assert_eq!(failure.code, Code::UpstreamNotFound);
        assert!(failure.message.contains(text), "{}", failure.message);
        assert!(failure.message.starts_with("error executing job: "));
    }
}

#[tokio::test]
async fn a_profile_comes_by_number_or_by_name() {
    let setup = with_keys(&[BASE_KEY]).await;
    for query in ["11348282", "@NASA"] {
        let report = setup.report(API, json!({"type": "getprofilebyid", "query": query})).await;
        assert_eq!(stat(&report, "twitter_returned_profiles"), 1);
        let profile: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
        assert_eq!(profile["data"]["username"], "NASA");
        assert_eq!(profile["data"]["public_metrics"]["followers_count"], 80_000_000);
        assert_eq!(profile["data"]["created_at"], "2007-12-19T20:20:32.000Z");
    }
    let gone = setup.failure(API, json!({"type": "getprofilebyid", "query": "123404"})).await;
    assert_eq!(gone.code, Code::UpstreamNotFound);
}

#[tokio::test]
async fn keys_are_told_apart_without_asking_for_a_tweet() {
    let setup = with_keys(&[BASE_KEY, ELEVATED_KEY, "AAAAnot-a-key-0123"]).await;
    let engine = setup.engine(API);
    engine.probe().await;
    assert!(setup.upstream.seen().iter().all(|ask| ask.query["query"].starts_with("sealwork-")));
    assert_eq!(
        engine.capabilities(),
        ["searchbyquery", "searchbyfullarchive", "getbyid", "getprofilebyid"]
    );
    // The full archive is asked for with the key that may, whichever turn it is.
    for _ in 0..3 {
        let archive = json!({"type": "searchbyfullarchive", "query": "NASA"});
        setup.result(API, archive).await;
    }
    let archive = setup.upstream.seen();
    let archive = archive.iter().filter(|ask| ask.query["query"] == "NASA");
    assert!(
        archive.clone().count() == 3
            && archive.clone().all(|ask| ask.bearer() == Some(ELEVATED_KEY))
    );
}

#[tokio::test]
async fn base_keys_do_not_advertise_the_full_archive_and_say_why() {
    let setup = with_keys(&[BASE_KEY]).await;
    let engine = setup.engine(API);
    engine.probe().await;
    assert_eq!(engine.capabilities(), ["searchbyquery", "getbyid", "getprofilebyid"]);
    let operations = engine.operations();
    let archive = operations.iter().find(|it| it.name == "searchbyfullarchive").unwrap();
    assert!(archive.missing.as_ref().unwrap().contains("elevated API key"));
    let refused = engine.admit(&json!({"type": "searchbyfullarchive", "query": "x"})).unwrap_err();
    assert_eq!(refused.code, Code::NotConfigured);
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_no_capability_until_it_does() {
    let setup = with_keys(&[BASE_KEY]).await;
    let engine = setup.engine(API);
    setup.upstream.misbehave("/x/2", Bad::Status(503), 2);
    engine.probe().await;
    assert_eq!(engine.capabilities(), Vec::<String>::new());
    let reason = engine.operations()[0].missing.clone().unwrap();
    assert!(reason.contains("status 503"), "{reason}");
    // A job is tried all the same, and tells otherwise.
    assert!(engine.admit(&search(10)).is_ok());
    setup.upstream.behave();
    setup.result(API, search(10)).await;
    // The full archive has not answered since.
    assert_eq!(engine.capabilities(), ["searchbyquery", "getbyid", "getprofilebyid"]);
}

#[tokio::test]
async fn refused_keys_are_no_capability_and_work_again_when_they_do() {
    let setup = with_keys(&["AAAAnot-a-key-0123"]).await;
    let report = setup.report(API, search(10)).await;
    assert_eq!(stat(&report, "twitter_auth_errors"), 1);
    assert_eq!(report.result.unwrap_err().code, Code::UpstreamUnauthorized);
    assert_eq!(setup.engine(API).capabilities(), Vec::<String>::new());
    // It rests: another job does not ask.
    let again = setup.failure(API, search(10)).await;
    assert_eq!((again.code, setup.upstream.seen().len()), (Code::UpstreamUnauthorized, 2));
}

#[tokio::test]
async fn another_key_takes_over_when_one_meets_its_limit() {
    let setup = with_keys(&[BASE_KEY, ELEVATED_KEY]).await;
    setup.upstream.x_api.set_budget(BASE_KEY, 1, START + 900);
    let report = setup.report(API, search(500)).await;
    assert_eq!(stat(&report, "twitter_ratelimit_errors"), 0, "the budget is known beforehand");
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(texts(&found, "tweet_id"), posts(0, 500));
    let with_base =
        setup.upstream.seen().iter().filter(|ask| ask.bearer() == Some(BASE_KEY)).count();
    assert_eq!(with_base, 1);
}

#[tokio::test]
async fn what_came_before_the_limit_stays_and_the_cursor_goes_on_from_there() {
    let setup = with_keys(&[BASE_KEY]).await;
    setup.upstream.x_api.set_budget(BASE_KEY, 2, START + 900);
    let report = setup.report(API, search(500)).await;
    let details = report.details.clone().unwrap();
    assert_eq!((&details["complete"], &details["returned"]), (&json!(false), &json!(200)));
    assert_eq!(details["stopped"]["code"], "rate_limited");
    assert_eq!(stat(&report, "twitter_ratelimit_errors"), 1);
    let cursor = report.result.unwrap().next_cursor.unwrap();
    // Nothing is asked before the window ends.
    let early = setup.failure(API, search(10)).await;
    assert_eq!((early.code, setup.upstream.seen().len()), (Code::RateLimited, 2));
    assert!(early.message.contains("free in "), "{}", early.message);
    setup.clock.forward(900);
    setup.upstream.x_api.set_budget(BASE_KEY, 100, START + 1800);
    let rest = json!({"query": "climate change", "max_results": 50, "next_cursor": cursor});
    assert_eq!(texts(&setup.result(API, rest).await, "tweet_id"), posts(200, 50));
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for() {
    let setup = with_keys(&[BASE_KEY]).await;
    let limited = Bad::Answer(429, "{}", vec![("retry-after", "1".to_owned())]);
    setup.upstream.misbehave("/search/recent", limited, 1);
    let report = setup.report(API, search(10)).await;
    assert_eq!(stat(&report, "twitter_ratelimit_errors"), 1);
    assert!(report.result.is_ok());
    assert_eq!(setup.upstream.seen().len(), 2);
}

#[tokio::test]
async fn each_bad_answer_has_its_code() {
    for (bad, code, asked) in [
        (Bad::Status(400), Code::UpstreamRejected, 1),
        // Once more for what everybody may have: it is the key, and not what was asked for.
        (Bad::Status(401), Code::UpstreamUnauthorized, 2),
        (Bad::Status(403), Code::UpstreamForbidden, 2),
        (Bad::Status(404), Code::UpstreamNotFound, 1),
        (Bad::Status(429), Code::RateLimited, 1),
        (Bad::Status(500), Code::UpstreamStatus, 3),
        (Bad::Status(503), Code::UpstreamStatus, 3),
        (Bad::Html, Code::UpstreamInvalid, 1),
        (Bad::Empty, Code::UpstreamInvalid, 1),
        (Bad::HalfJson, Code::UpstreamInvalid, 1),
        (Bad::Broken, Code::UpstreamInvalid, 3),
        (Bad::Closed, Code::UpstreamInvalid, 3),
        (Bad::Endless, Code::ResponseTooLarge, 1),
    ] {
        let setup = with_keys(&[BASE_KEY]).await;
        setup.upstream.misbehave("/x/2/", bad.clone(), 10);
        let failure = setup.failure(API, search(10)).await;
        assert_eq!((failure.code, setup.upstream.seen().len()), (code, asked), "{bad:?}");
    }
}

#[tokio::test]
async fn an_answer_of_another_form_is_told_as_that() {
    for operation in ["getbyid", "getprofilebyid"] {
        let setup = with_keys(&[BASE_KEY]).await;
        setup.upstream.misbehave("/x/2/", Bad::OtherShape, 1);
        let failure = setup.failure(API, json!({"type": operation, "query": "17"})).await;
        assert_eq!(failure.code, Code::UpstreamChanged, "{operation}");
    }
    let setup = with_keys(&[BASE_KEY]).await;
    let rows = r#"{"data":[{"id":[],"text":{}},{"number":1}]}"#;
    setup.upstream.misbehave("/x/2/", Bad::Answer(200, rows, vec![]), 1);
    assert_eq!(setup.failure(API, search(10)).await.code, Code::UpstreamChanged);
}

#[tokio::test]
async fn a_single_tweet_of_another_form_is_left_out_and_counted() {
    let setup = with_keys(&[BASE_KEY]).await;
    let page = r#"{"data":[{"id":"3","text":"a"},{"id":{},"text":"b"},{"id":"1","text":"c"}],"meta":{"result_count":3}}"#;
    setup.upstream.misbehave("/x/2/", Bad::Answer(200, page, vec![]), 1);
    let report = setup.report(API, search(10)).await;
    assert_eq!(report.details.unwrap()["unreadable"], 1);
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(texts(&found, "tweet_id"), ["3", "1"]);
}

#[tokio::test]
async fn a_later_page_that_fails_loses_nothing() {
    for (bad, code) in [
        (Bad::Html, "upstream_invalid"),
        (Bad::HalfJson, "upstream_invalid"),
        (Bad::Status(404), "upstream_not_found"),
        (Bad::Status(401), "upstream_unauthorized"),
    ] {
        let setup = with_keys(&[BASE_KEY]).await;
        setup.upstream.misbehave_after(1, "/search/recent", bad, 1);
        let report = setup.report(API, search(300)).await;
        let details = report.details.unwrap();
        assert_eq!(
            (&details["returned"], &details["stopped"]["code"]),
            (&json!(100), &json!(code))
        );
        assert!(report.result.unwrap().next_cursor.is_some());
    }
}

#[tokio::test]
async fn time_that_runs_out_gives_what_is_there() {
    let setup = with_keys(&[BASE_KEY]).await;
    setup.upstream.set_latency(Duration::from_millis(300));
    let context = context(Duration::from_millis(1000));
    let report = setup.report_in(&context, API, search(1000)).await;
    let details = report.details.unwrap();
    assert_eq!(details["stopped"]["code"], "deadline_exceeded");
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    let count = found.as_array().unwrap().len();
    assert!((100..1000).contains(&count), "{count}");
}

#[tokio::test]
async fn results_above_the_operators_limit_are_cut_and_said_to_be() {
    let given = Given { api_keys: &[BASE_KEY], max_results: Some(30), ..Given::default() };
    let setup = Setup::new(given).await;
    let report = setup.report(API, search(1_000_000_000_000_000_000)).await;
    let capped = &report.details.unwrap()["capped"][0];
    assert_eq!((&capped["argument"], &capped["used"]), (&json!("max_results"), &json!(30)));
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 30);
}

fn page(body: &'static str) -> Bad {
    Bad::Answer(200, body, vec![])
}

#[tokio::test]
async fn pages_that_lead_to_themselves_are_not_asked_for_again_and_again() {
    let setup = with_keys(&[BASE_KEY]).await;
    let empty = r#"{"data":[],"meta":{"result_count":0,"next_token":"z"}}"#;
    setup.upstream.misbehave("/search/recent", page(empty), 999);
    let failure = setup.failure(API, search(100)).await;
    assert_eq!((failure.code, setup.upstream.seen().len()), (Code::UpstreamInvalid, 2));

    let setup = with_keys(&[BASE_KEY]).await;
    let same = r#"{"data":[{"id":"17","text":"a"}],"meta":{"result_count":1,"next_token":"z"}}"#;
    setup.upstream.misbehave("/search/recent", page(same), 999);
    let report = setup.report(API, search(100)).await;
    let details = report.details.unwrap();
    assert_eq!(
        (&details["complete"], &details["stopped"]["code"]),
        (&json!(false), &json!("upstream_invalid"))
    );
    let output = report.result.unwrap();
    let found: Value = serde_json::from_slice(&output.data).unwrap();
    assert_eq!((texts(&found, "tweet_id"), output.next_cursor), (vec!["17".to_owned()], None));
}

#[tokio::test]
async fn after_ten_pages_without_anything_new_the_requester_decides() {
    let setup = with_keys(&[BASE_KEY]).await;
    for number in 0..20 {
        let body = format!(r#"{{"meta":{{"result_count":0,"next_token":"t{number}"}}}}"#);
        setup.upstream.misbehave("/search/recent", page(body.leak()), 1);
    }
    let report = setup.report(API, search(100)).await;
    let details = report.details.unwrap();
    assert_eq!(
        (&details["complete"], &details["stopped"]["code"]),
        (&json!(false), &json!("pages_barren"))
    );
    let output = report.result.unwrap();
    assert_eq!((&output.data[..], output.next_cursor.as_deref()), (&b"[]"[..], Some("t9")));
    assert_eq!(setup.upstream.seen().len(), 10);
}

#[tokio::test]
async fn a_limit_that_is_over_already_is_tried_again_at_once() {
    for header in [("retry-after", "0"), ("retry-after", "-5"), ("x-rate-limit-reset", "7")] {
        let setup = with_keys(&[BASE_KEY]).await;
        let limited = Bad::Answer(429, "{}", vec![(header.0, header.1.to_owned())]);
        setup.upstream.misbehave("/search/recent", limited, 1);
        setup.result(API, search(10)).await;
        assert_eq!(setup.upstream.seen().len(), 2, "{header:?}");
    }
}
