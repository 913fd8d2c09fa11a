//! Answers whose form has changed are told as that, and never as an empty result; what X leaves out
//! or puts between is no change.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use sealwork_engine_twitter::Operation;
use sealwork_job::Code;
use sealwork_test_upstream::{BASE_KEY, Bad};
use serde_json::{Value, json};

use common::{Given, Setup, texts};

const API: &str = "twitter-api";
const WEB: &str = "twitter-credential";

async fn with_key() -> Setup {
    Setup::new(Given { api_keys: &[BASE_KEY], ..Given::default() }).await
}

async fn with_session() -> Setup {
    Setup::new(Given { accounts: "alice", cookies: &["alice"], ..Given::default() }).await
}

fn page(body: &'static str) -> Bad {
    Bad::Answer(200, body, vec![])
}

#[tokio::test]
async fn a_search_by_api_without_tweets_is_empty_only_when_x_says_so() {
    for (body, code) in [
        ("{}", Code::UpstreamChanged),
        ("[]", Code::UpstreamChanged),
        (r#"{"data":null}"#, Code::UpstreamChanged),
        (r#"{"data":[]}"#, Code::UpstreamChanged),
        (r#"{"data":["a","b"],"meta":{}}"#, Code::UpstreamChanged),
        (r#"{"data":[["1","a"]],"meta":{"result_count":1}}"#, Code::UpstreamChanged),
        (r#"{"tweets":[{"id":"1","text":"a"}],"meta":{"result_count":1}}"#, Code::UpstreamChanged),
        (r#"{"data":[{"id":null,"text":null}],"meta":{"result_count":1}}"#, Code::UpstreamChanged),
        (r#"{"errors":[{"title":"Something"}]}"#, Code::UpstreamStatus),
        (r#"{"title":"Too Many Requests","status":429}"#, Code::RateLimited),
        (r#"{"errors":[{"code":88}]}"#, Code::RateLimited),
        (r#"{"errors":[{"title":"Unauthorized","status":401}]}"#, Code::UpstreamUnauthorized),
        (r#"{"status":503}"#, Code::UpstreamStatus),
        (r#"{"title":"CreditsDepleted","status":402}"#, Code::UpstreamForbidden),
    ] {
        let setup = with_key().await;
        setup.upstream.misbehave("/search/recent", page(body), 99);
        assert_eq!(setup.failure(API, json!({"query": "x"})).await.code, code, "{body}");
    }
    let setup = with_key().await;
    setup.upstream.misbehave("/search/recent", page(r#"{"meta":{"result_count":0}}"#), 1);
    assert_eq!(setup.result(API, json!({"query": "x"})).await, json!([]));
}

#[tokio::test]
async fn a_tweet_or_profile_by_api_is_not_made_up() {
    for body in
        ["{}", "[]", r#"["a"]"#, r#"{"data":{}}"#, r#"{"data":[]}"#, r#"{"data":["a","b"]}"#]
    {
        for operation in ["getbyid", "getprofilebyid"] {
            let setup = with_key().await;
            setup.upstream.misbehave("/x/2/", page(body), 9);
            let failure = setup.failure(API, json!({"type": operation, "query": "17"})).await;
            assert_eq!(failure.code, Code::UpstreamChanged, "{operation} {body}");
        }
    }
}

/// The fields of an operation's answer without which it says nothing.
fn fields(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::SearchByProfile | Operation::GetProfileById => {
            &["data", "user", "result", "rest_id", "core", "screen_name"]
        }
        Operation::GetTrends => &[
            "timeline",
            "instructions",
            "addEntries",
            "entries",
            "timelineModule",
            "items",
            "trend",
            "name",
        ],
        Operation::GetSpace => &["data", "audioSpace", "metadata", "rest_id"],
        Operation::GetFollowers | Operation::GetFollowing => &[
            "data",
            "user",
            "timeline",
            "instructions",
            "entries",
            "content",
            "itemContent",
            "user_results",
            "result",
            "rest_id",
        ],
        Operation::GetRetweeters => &[
            "data",
            "retweeters_timeline",
            "timeline",
            "instructions",
            "entries",
            "content",
            "itemContent",
            "user_results",
            "result",
            "rest_id",
        ],
        _ => &[
            "data",
            "instructions",
            "entries",
            "itemContent",
            "tweet_results",
            "result",
            "legacy",
            "full_text",
        ],
    }
}

/// The last request of an operation.
fn path(operation: Operation) -> &'static str {
    match operation {
        Operation::SearchByQuery | Operation::SearchByFullArchive => "/SearchTimeline",
        Operation::SearchByProfile => "/UserByScreenName",
        Operation::GetProfileById => "/UserByRestId",
        Operation::GetById | Operation::GetReplies => "/TweetDetail",
        Operation::GetRetweeters => "/Retweeters",
        Operation::GetTweets => "/UserTweets",
        Operation::GetMedia => "/UserTweetsAndReplies",
        Operation::GetHomeTweets => "/HomeLatestTimeline",
        Operation::GetForYouTweets => "/HomeTimeline",
        Operation::GetBookmarks => "/Bookmarks",
        Operation::GetFollowers => "/Followers",
        Operation::GetFollowing => "/Following",
        Operation::GetTrends => "/guide.json",
        _ => "/AudioSpaceById",
    }
}

#[tokio::test]
async fn a_field_with_another_name_is_a_change_in_each_operation() {
    for operation in Operation::ALL {
        for field in fields(operation) {
            let setup = with_session().await;
            let renamed = |name: &str| -> &'static str { format!("\"{name}\":").leak() };
            let edit = Bad::Edited(renamed(field), renamed(&format!("{field}_of_2027")));
            setup.upstream.misbehave(path(operation), edit, 99);
            let arguments = json!({"type": operation.as_str(), "query": "1234567890"});
            let report = setup.report(WEB, arguments).await;
            let code = report.result.map(|output| output.data).map_err(|failure| failure.code);
            assert_eq!(code.unwrap_err(), Code::UpstreamChanged, "{operation}: {field}");
        }
    }
}

#[tokio::test]
async fn a_cursor_with_another_form_stops_the_result_and_loses_nothing() {
    let setup = with_session().await;
    setup.upstream.misbehave("/SearchTimeline", Bad::Edited("cursorType", "cursorKind"), 99);
    let report = setup.report(WEB, json!({"query": "x", "max_results": 60})).await;
    let details = report.details.unwrap();
    assert_eq!(
        (&details["returned"], &details["complete"], &details["stopped"]["code"]),
        (&json!(50), &json!(false), &json!("upstream_changed"))
    );
}

/// Entries of a search, in the envelope of one.
fn timeline(instructions: &Value) -> Bad {
    let timeline = json!({"timeline": {"instructions": instructions}});
    let answer = json!({"data": {"search_by_raw_query": {"search_timeline": timeline}}});
    page(answer.to_string().leak())
}

fn entry(id: &str, item: &Value) -> Value {
    json!({"entryId": id, "content": {"entryType": "TimelineTimelineItem", "itemContent": item}})
}

fn tweet(result: &Value) -> Value {
    json!({"itemType": "TimelineTweet", "tweet_results": result})
}

#[tokio::test]
async fn what_x_hides_leaves_out_or_puts_between_is_no_change() {
    let legacy = json!({"full_text": "here"});
    let entries = json!([
        entry("tweet-9", &tweet(&json!({}))),
        entry("tweet-8", &tweet(&json!({"result": {"__typename": "TweetTombstone", "tombstone": {}}}))),
        entry("tweet-7", &tweet(&json!({"result": {"__typename": "TweetUnavailable", "reason": "NsfwLoggedOut"}}))),
        entry("promoted-tweet-6", &json!({"itemType": "TimelineTweet"})),
        entry("label-1", &json!({"itemType": "TimelineLabel", "text": "More"})),
        entry("messageprompt-1", &json!({"itemType": "TimelineMessagePrompt", "content": {}})),
        {"entryId": "who-to-follow-1", "content": {"entryType": "TimelineTimelineModule", "items": []}},
        {"entryId": "new-1", "content": {"entryType": "TimelineOfTomorrow", "stuff": 1}},
        entry("tweet-5", &tweet(&json!({"result": {"__typename": "Tweet", "rest_id": "5", "legacy": legacy}}))),
        entry("tweet-4", &tweet(&json!({"result": {
            "__typename": "TweetWithVisibilityResults",
            "tweet": {"rest_id": "4", "legacy": legacy},
        }}))),
    ]);
    let setup = with_session().await;
    let instructions = json!([
        {"type": "TimelineClearCache"},
        {"type": "TimelineAddEntries", "entries": entries},
        {"type": "TimelineOfTomorrow"},
        {"type": "TimelineTerminateTimeline", "direction": "Bottom"},
    ]);
    setup.upstream.misbehave("/SearchTimeline", timeline(&instructions), 1);
    let report = setup.report(WEB, json!({"query": "x"})).await;
    let details = report.details.unwrap();
    assert_eq!((&details["complete"], &details["unreadable"]), (&json!(true), &json!(0)));
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(texts(&found, "tweet_id"), ["5", "4"]);
    for empty in [
        json!([]),
        json!([{"type": "TimelineAddEntries", "entries": []}]),
        json!([{"type": "TimelineTerminateTimeline", "direction": "Bottom"}]),
        json!([{"type": "TimelineReplaceEntry", "entry": {"entryId": "cursor-bottom-0", "content": {
            "entryType": "TimelineTimelineCursor", "cursorType": "Bottom", "value": "x",
        }}}]),
    ] {
        setup.upstream.misbehave("/SearchTimeline", timeline(&empty), 1);
        assert_eq!(setup.result(WEB, json!({"query": "x"})).await, json!([]), "{empty}");
    }
    for changed in [
        json!([{"type": "TimelineOfTomorrow", "pieces": []}]),
        json!([{"type": "TimelineAddEntries"}]),
        json!([{}]),
        json!([[]]),
        json!({}),
    ] {
        setup.upstream.misbehave("/SearchTimeline", timeline(&changed), 1);
        let failure = setup.failure(WEB, json!({"query": "x"})).await;
        assert_eq!(failure.code, Code::UpstreamChanged, "{changed}");
    }
}

#[tokio::test]
async fn a_timeline_that_x_leaves_out_is_one_that_cannot_be_seen() {
    for user in [
        r#"{}"#,
        r#"{"result":{"__typename":"User"}}"#,
        r#"{"result":{"__typename":"UserUnavailable","reason":"Protected"}}"#,
        r#"{"result":{"__typename":"User","timeline_v2":{}}}"#,
        r#"{"result":{"__typename":"User","timeline":{"timeline":{}}}}"#,
    ] {
        let setup = with_session().await;
        let body: &'static str = format!(r#"{{"data":{{"user":{user}}}}}"#).leak();
        setup.upstream.misbehave("/UserTweets", page(body), 9);
        let failure = setup.failure(WEB, json!({"type": "gettweets", "query": "NASA"})).await;
        assert_eq!(failure.code, Code::UpstreamNotFound, "{user}");
    }
}

#[tokio::test]
async fn an_error_in_a_success_is_told_as_such() {
    let setup = with_session().await;
    setup.upstream.misbehave("/SearchTimeline", page(r#"{"errors":[{"code":131}]}"#), 9);
    let failure = setup.failure(WEB, json!({"query": "x"})).await;
    assert_eq!(failure.code, Code::UpstreamStatus);
    assert!(failure.message.contains("answered with a success that says"), "{}", failure.message);
}
