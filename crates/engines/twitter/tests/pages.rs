//! Pages of X that are odd: without a tweet, shorter than before, with an error beside their tweets,
//! with cursors that lead nowhere, with very much beside their tweets.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use sealwork_engine::Engine as _;
use sealwork_job::Code;
use sealwork_test_upstream::{BASE_KEY, Bad};
use serde_json::{Value, json};
use tokio::time::Instant;

use common::{Given, Setup, posts, texts};

const API: &str = "twitter-api";
const WEB: &str = "twitter-credential";

async fn with_key() -> Setup {
    Setup::new(Given { api_keys: &[BASE_KEY], ..Given::default() }).await
}

async fn with_sessions() -> Setup {
    let cookies = &["alice", "bob"];
    Setup::new(Given { accounts: "alice,bob", cookies, ..Given::default() }).await
}

fn search(max_results: u64) -> Value {
    json!({"type": "searchbyquery", "query": "climate change", "max_results": max_results})
}

fn next(cursor: impl Into<Value>, max_results: u64) -> Value {
    json!({"query": "x", "max_results": max_results, "next_cursor": cursor.into()})
}

/// The numbers of a job's tweets, and its cursor.
async fn list(setup: &Setup, arguments: Value) -> (Vec<String>, Option<String>) {
    let (found, output) = setup.output(WEB, arguments).await;
    (texts(&found, "tweet_id"), output.next_cursor)
}

/// A page of a search with these entries, which leads on to `next`.
fn page(entries: &[Value], next: &str) -> Bad {
    let content = json!({
        "entryType": "TimelineTimelineCursor", "cursorType": "Bottom", "value": next,
    });
    let cursor = json!({"entryId": "cursor-bottom-1", "content": content});
    let entries: Vec<&Value> = entries.iter().chain([&cursor]).collect();
    let timeline = json!({"instructions": [{"type": "TimelineAddEntries", "entries": entries}]});
    let data = json!({"search_by_raw_query": {"search_timeline": {"timeline": timeline}}});
    Bad::Answer(200, json!({"data": data}).to_string().leak(), vec![])
}

fn entry(id: &str, item: &Value) -> Value {
    let content = json!({"entryType": "TimelineTimelineItem", "itemContent": item});
    json!({"entryId": id, "content": content})
}

fn tweet(result: &Value) -> Value {
    json!({"itemType": "TimelineTweet", "tweet_results": {"result": result}})
}

#[tokio::test]
async fn a_page_without_any_tweet_is_not_the_end_of_a_search_that_leads_on() {
    let mut promoted = tweet(&json!({"rest_id": "1", "legacy": {"full_text": "a"}}));
    promoted["promotedMetadata"] = json!({});
    for passed_over in [
        entry("promoted-tweet-1", &json!({"itemType": "TimelineTweet"})),
        entry("tweet-1", &promoted),
        entry("tweet-1", &json!({"itemType": "TimelineTweet", "tweet_results": {}})),
        entry("prompt-1", &json!({"itemType": "TimelinePrompt"})),
        json!({"entryId": "who-to-follow-1", "content": {"entryType": "TimelineTimelineModule"}}),
        json!({"entryId": "new-1", "content": {"entryType": "TimelineOfTomorrow"}}),
    ] {
        let setup = with_sessions().await;
        let bad = page(std::slice::from_ref(&passed_over), "DAAC70");
        setup.upstream.misbehave_after(1, "/SearchTimeline", bad, 1);
        let (found, cursor) = list(&setup, search(60)).await;
        assert_eq!(found, [posts(0, 50), posts(70, 10)].concat(), "{passed_over}");
        assert!(cursor.is_some());
    }
    // One with nothing at all is.
    let setup = with_sessions().await;
    setup.upstream.misbehave_after(1, "/SearchTimeline", page(&[], "DAAC70"), 1);
    assert_eq!(list(&setup, search(60)).await, (posts(0, 50), None));
}

#[tokio::test]
async fn a_cursor_within_a_page_holds_when_pages_have_become_shorter() {
    let setup = with_sessions().await;
    let (found, cursor) = list(&setup, next("@120@DAAC0", 5)).await;
    assert_eq!(found, posts(120, 5));
    assert_eq!(list(&setup, next(cursor.unwrap(), 5)).await.0, posts(125, 5));
}

#[tokio::test]
async fn a_strange_tweet_at_the_end_of_a_page_is_counted_and_passed() {
    let setup = with_sessions().await;
    let known = tweet(&json!({"rest_id": "1", "legacy": {"full_text": "a"}}));
    let strange = tweet(&json!({"rest_id": "2", "text": "in a new place"}));
    let bad = page(&[entry("tweet-1", &known), entry("tweet-2", &strange)], "DAAC20");
    setup.upstream.misbehave("/SearchTimeline", bad, 2);
    let (found, cursor) = list(&setup, search(1)).await;
    assert_eq!((found, cursor.as_deref()), (vec!["1".to_owned()], Some("@1@")));
    let report = setup.report(WEB, next(cursor.unwrap(), 5)).await;
    let details = report.details.unwrap();
    assert_eq!((&details["unreadable"], &details["complete"]), (&json!(1), &json!(false)));
    assert_eq!(details["stopped"]["code"], "upstream_changed");
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(texts(&found, "tweet_id"), posts(20, 5));
}

#[tokio::test]
async fn an_error_beside_tweets_loses_none_of_them_and_makes_the_result_incomplete() {
    let setup = with_sessions().await;
    let with_error = Bad::Edited(r#""search_timeline":"#, r#""errors":0,"search_timeline":"#);
    setup.upstream.misbehave("/SearchTimeline", with_error, 1);
    assert_eq!(list(&setup, search(20)).await.0, posts(0, 20), "no error of the answer");
    let with_error = Bad::Edited(r#"{"data":"#, r#"{"errors":[{"code":88}],"data":"#);
    setup.upstream.misbehave("/SearchTimeline", with_error, 1);
    let report = setup.report(WEB, search(20)).await;
    let details = report.details.unwrap();
    assert_eq!((&details["returned"], &details["complete"]), (&json!(20), &json!(false)));
    assert_eq!(details["stopped"]["code"], "rate_limited");
    assert!(report.result.unwrap().next_cursor.is_some());
}

#[tokio::test]
async fn a_cursor_of_an_account_that_is_not_there_is_refused() {
    let setup = with_sessions().await;
    let home = |cursor: Value| json!({"type": "gethometweets", "next_cursor": cursor});
    for cursor in [json!("@0.2@DAAC20"), json!("@0.18446744073709551615@x"), json!(1e30)] {
        let refused = setup.engine(WEB).admit(&home(cursor.clone())).unwrap_err();
        assert_eq!(refused.code, Code::ArgumentsInvalid, "{cursor}");
        assert!(refused.message.contains("next_cursor"), "{}", refused.message);
    }
    assert!(setup.engine(WEB).admit(&home(json!("@0.1@DAAC20"))).is_ok());
}

#[tokio::test]
async fn a_cursor_with_which_nobody_could_go_on_is_not_given_out() {
    for odd in [&*"x".repeat(4200).leak(), "a b", "\u{e4}", r"a\r\nb: c"] {
        let setup = with_key().await;
        setup.upstream.misbehave("/search/recent", Bad::Edited("b26v", odd), 9);
        let report = setup.report(API, search(100)).await;
        assert_eq!(report.details.unwrap()["stopped"]["code"], "upstream_changed");
        assert_eq!(report.result.unwrap().next_cursor, None);
    }
}

#[tokio::test]
async fn a_page_with_very_many_media_is_read_in_one_pass() {
    let keys: Vec<String> = (0..100_000).map(|at| format!("3_{at}")).collect();
    let media = |key: &String| json!({"media_key": key, "type": "photo"});
    let media: Vec<Value> = keys.iter().rev().map(media).collect();
    let tweet = json!({"id": "1", "text": "a", "attachments": {"media_keys": keys}});
    let page = json!({"data": [tweet], "includes": {"media": media}});
    let setup = with_key().await;
    let bad = Bad::Answer(200, page.to_string().leak(), vec![]);
    setup.upstream.misbehave("/search/recent", bad, 1);
    let started = Instant::now();
    let found = setup.result(API, search(10)).await;
    assert_eq!(found[0]["photos"].as_array().unwrap().len(), 100_000);
    // Key by key it takes minutes.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn x_is_asked_again_when_it_says_and_no_sooner() {
    let setup = with_key().await;
    let later = |seconds: &str| Bad::Answer(503, "{}", vec![("retry-after", seconds.to_owned())]);
    setup.upstream.misbehave("/search/recent", later("1"), 1);
    let started = Instant::now();
    setup.result(API, search(10)).await;
    assert!(started.elapsed() >= Duration::from_secs(1));
    setup.upstream.misbehave("/search/recent", later("3600"), 9);
    assert_eq!(setup.failure(API, search(10)).await.code, Code::UpstreamStatus);
    assert_eq!(setup.upstream.count("GET", "/search/recent"), 3);
}

#[tokio::test]
async fn a_number_is_a_query_by_its_digits() {
    let setup = with_key().await;
    let tweet = json!({"type": "getbyid", "query": 1_881_258_110_712_492_142_u64});
    assert_eq!(setup.result(API, tweet).await["tweet_id"], "1881258110712492142");
}
