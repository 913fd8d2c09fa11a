//! `twitter-credential` against the test upstream: each operation, sessions, login, accounts,
//! budgets, bad answers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use sealwork_engine::Engine as _;
use sealwork_job::Code;
use sealwork_test_upstream::{Bad, X_PASSWORD, context};
use sealwork_upstream::Social as _;
use serde_json::{Value, json};

use common::{Given, START, Setup, cookies, posts, stat, texts};

const WEB: &str = "twitter-credential";

async fn with(accounts: &'static str, cookies: &'static [&'static str]) -> Setup {
    Setup::new(Given { accounts, cookies, ..Given::default() }).await
}

/// Two accounts with cookies.
async fn usual() -> Setup {
    with("alice,bob", &["alice", "bob"]).await
}

fn search(max_results: u64) -> Value {
    json!({"type": "searchbyquery", "query": "climate change", "max_results": max_results})
}

/// A job's items, and its cursor.
async fn list(setup: &Setup, arguments: Value) -> (Vec<String>, Option<String>) {
    let (found, output) = setup.output(WEB, arguments).await;
    let field = if found[0]["tweet_id"].is_string() { "tweet_id" } else { "UserID" };
    (texts(&found, field), output.next_cursor)
}

#[tokio::test]
async fn an_upstream_that_never_ends_its_answer_ends_with_the_jobs_time() {
    for bad in [Bad::Silence, Bad::Trickle] {
        let setup = usual().await;
        setup.upstream.misbehave("/x", bad.clone(), 9);
        let context = context(Duration::from_millis(500));
        let report = setup.report_in(&context, WEB, search(10)).await;
        assert_eq!(report.result.unwrap_err().code, Code::DeadlineExceeded, "{bad:?}");
    }
}

#[tokio::test]
async fn a_search_pages_until_there_is_enough_and_shows_no_advertisements() {
    let setup = usual().await;
    let report = setup.report(WEB, search(120)).await;
    assert_eq!(stat(&report, "twitter_returned_tweets"), 120);
    assert_eq!(report.details.unwrap()["way"], "credential");
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(texts(&found, "tweet_id"), posts(0, 120));
    let tweet = &found[3];
    assert_eq!(tweet["text"], "Post 3 of @NASA about the #Moon\nmore at https://www.nasa.gov/moon");
    assert!(tweet["html"].as_str().unwrap().contains("hashtag/Moon\">#Moon</a>"));
    assert_eq!(tweet["created_at"], "2025-10-09T08:50:20Z");
    assert_eq!((&tweet["username"], &tweet["views"]), (&json!("ISRO"), &json!(1003)));
    assert_eq!(tweet["photos"][0]["url"], "https://pbs.twimg.com/media/moon.jpg");
    assert_eq!(tweet["public_metrics"]["quote_count"], 1);
    let variables: Value =
        serde_json::from_str(&setup.upstream.seen()[0].query["variables"]).unwrap();
    assert_eq!(variables["rawQuery"], "climate change");
    assert_eq!(variables["product"], "Latest");
}

#[tokio::test]
async fn every_operation_for_tweets_gives_tweets() {
    let setup = usual().await;
    for operation in [
        "searchbyquery",
        "searchbyfullarchive",
        "gettweets",
        "gethometweets",
        "getforyoutweets",
        "getbookmarks",
    ] {
        let arguments = json!({"type": operation, "query": "NASA", "max_results": 30});
        assert_eq!(list(&setup, arguments).await.0, posts(0, 30), "{operation}");
    }
    let pinned = setup.result(WEB, json!({"type": "gettweets", "query": "NASA"})).await;
    assert_eq!((&pinned[0]["is_pin"], &pinned[1]["is_pin"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn media_are_the_tweets_with_photos_or_videos() {
    let setup = usual().await;
    let arguments = json!({"type": "getmedia", "query": "NASA", "max_results": 20});
    let report = setup.report(WEB, arguments).await;
    assert_eq!(stat(&report, "twitter_returned_other"), 20);
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert!(found.as_array().unwrap().iter().all(|tweet| tweet["photos"][0]["id"].is_string()));
}

#[tokio::test]
async fn a_profile_without_media_is_left_after_ten_pages_with_the_cursor_to_go_on() {
    let setup = usual().await;
    setup.upstream.x_web.set_posts(5000);
    let bare = Bad::Edited("extended_entities", "other_entities");
    setup.upstream.misbehave("/UserTweetsAndReplies", bare, 99);
    let report = setup.report(WEB, json!({"type": "getmedia", "query": "NASA"})).await;
    let details = report.details.unwrap();
    assert_eq!(
        (&details["complete"], &details["stopped"]["code"], &details["returned"]),
        (&json!(false), &json!("pages_barren"), &json!(0))
    );
    let output = report.result.unwrap();
    assert_eq!((&output.data[..], output.next_cursor.as_deref()), (&b"[]"[..], Some("DAAC2000")));
    assert_eq!(setup.upstream.count("GET", "/UserTweetsAndReplies"), 10);
}

#[tokio::test]
async fn a_tweet_is_one_object_and_its_replies_are_a_list_with_thread_cursors() {
    let setup = usual().await;
    let id = "1899999999999999990";
    let tweet = setup.result(WEB, json!({"type": "getbyid", "query": id})).await;
    assert_eq!(tweet["tweet_id"], id);
    let replies = json!({"type": "getreplies", "query": id, "max_results": 50});
    let found = setup.result(WEB, replies).await;
    assert_eq!(found.as_array().unwrap().len(), 50);
    assert!(!texts(&found, "tweet_id").contains(&id.to_owned()));
    assert_eq!(found[0]["ThreadCursor"]["cursor"], "");
    let cursor = &found[1]["ThreadCursor"];
    assert_eq!(
        (&cursor["focal_tweet_id"], &cursor["cursor_type"]),
        (&json!(id), &json!("ShowMore"))
    );
    let gone = setup.failure(WEB, json!({"type": "getbyid", "query": "1899999999999999404"})).await;
    assert_eq!(gone.code, Code::UpstreamNotFound);
}

#[tokio::test]
async fn every_operation_for_profiles_gives_profiles() {
    let setup = usual().await;
    for (operation, query) in
        [("getfollowers", "NASA"), ("getfollowing", "NASA"), ("getretweeters", "1234567890")]
    {
        let arguments = json!({"type": operation, "query": query, "max_results": 250});
        let report = setup.report(WEB, arguments).await;
        assert_eq!(stat(&report, "twitter_returned_profiles"), 250, "{operation}");
        let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
        assert_eq!((&found[0]["UserID"], &found[249]["UserID"]), (&json!("5000"), &json!("5249")));
    }
    for (operation, query) in
        [("searchbyprofile", "NASA"), ("getprofilebyid", "11348282"), ("getprofilebyid", "NASA")]
    {
        let profile = setup.result(WEB, json!({"type": operation, "query": query})).await;
        assert_eq!(
            (&profile["Username"], &profile["UserID"]),
            (&json!("NASA"), &json!("11348282"))
        );
        assert_eq!(profile["URL"], "https://twitter.com/NASA");
        assert_eq!(profile["Joined"], "2007-12-19T20:20:32Z");
        // The reference's quirk: likes where the number of followed profiles should be.
        assert_eq!(
            (&profile["FollowingCount"], &profile["FriendsCount"]),
            (&json!(16_000), &json!(170))
        );
    }
    for (operation, query) in
        [("searchbyprofile", "nobody_here"), ("getprofilebyid", "123404"), ("gettweets", "nobody")]
    {
        let failure = setup.failure(WEB, json!({"type": operation, "query": query})).await;
        assert_eq!(failure.code, Code::UpstreamNotFound, "{operation}");
    }
}

#[tokio::test]
async fn trends_are_names_and_a_space_is_an_object() {
    let setup = usual().await;
    let report = setup.report(WEB, json!({"type": "gettrends"})).await;
    assert_eq!(stat(&report, "twitter_returned_other"), 3);
    let names: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(names, json!(["#Artemis", "Moon", "Rocket launch"]));
    let space = setup.result(WEB, json!({"type": "getspace", "query": "1vOxwdyYrlqKB"})).await;
    assert_eq!((&space["ID"], &space["State"]), (&json!("1vOxwdyYrlqKB"), &json!("Ended")));
    assert_eq!(space["Topics"], json!([{"ID": "848920371311001600", "Title": "Technology"}]));
    assert_eq!(space["Participants"]["Admins"][0]["UserID"], "11348282");
    assert_eq!(space["StartedAt"], "2025-10-09T08:54:20Z");
    let gone = setup.failure(WEB, json!({"type": "getspace", "query": "1abc404"})).await;
    assert_eq!(gone.code, Code::UpstreamNotFound);
}

#[tokio::test]
async fn cursors_lose_nothing_and_repeat_nothing() {
    let setup = usual().await;
    setup.upstream.x_web.set_posts(70);
    for operation in ["searchbyquery", "gethometweets", "gettweets"] {
        let (mut cursor, mut all) = (None, Vec::new());
        loop {
            let arguments = json!({"type": operation, "query": "NASA", "max_results": 33, "next_cursor": cursor});
            let (_, output) = setup.output(WEB, arguments).await;
            let found: Value = serde_json::from_slice(&output.data).unwrap();
            all.extend(texts(&found, "tweet_id"));
            match output.next_cursor {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(all, posts(0, 70), "{operation}");
    }
}

#[tokio::test]
async fn the_longest_query_fits_into_a_request_of_either_way() {
    let given = Given {
        api_keys: &[sealwork_test_upstream::BASE_KEY],
        accounts: "alice",
        cookies: &["alice"],
        ..Given::default()
    };
    let setup = Setup::new(given).await;
    let query = "é".repeat(512);
    let range = json!({"query": query, "start_time": "2025-01-02T03:04:05Z", "end_time": "2025-01-03T03:04:05Z", "max_results": 60});
    for job_type in [WEB, "twitter-api"] {
        assert!(setup.report(job_type, range.clone()).await.result.is_ok(), "{job_type}");
    }
}

#[tokio::test]
async fn an_accounts_own_timeline_goes_on_with_that_account() {
    let setup = usual().await;
    let sessions = |from: usize| -> Vec<String> {
        let seen = setup.upstream.seen();
        let tokens = seen[from..].iter().map(|ask| ask.header("x-csrf-token").unwrap().to_owned());
        tokens.collect()
    };
    let (mut cursor, mut from) = (None, 0);
    for _ in 0..3 {
        let arguments = json!({"type": "gethometweets", "max_results": 250, "next_cursor": cursor});
        let (_, output) = setup.output(WEB, arguments).await;
        cursor = output.next_cursor;
        assert_eq!(sessions(from), ["csrf-of-alice"; 2][..sessions(from).len()]);
        from = setup.upstream.seen().len();
        if cursor.is_none() {
            break;
        }
    }
    // Searches take turns.
    setup.result(WEB, search(100)).await;
    assert_eq!(sessions(from).len(), 2);
    assert_ne!(sessions(from)[0], sessions(from)[1]);
}

#[tokio::test]
async fn an_empty_timeline_is_an_empty_list() {
    let setup = usual().await;
    let report = setup.report(WEB, json!({"query": "nothing here"})).await;
    assert_eq!(report.details.unwrap()["complete"], true);
    let output = report.result.unwrap();
    assert_eq!((&output.data[..], output.next_cursor), (&b"[]"[..], None));
}

#[tokio::test]
async fn a_missing_session_is_made_by_password_once_and_kept() {
    let setup = with("carol:correct-horse-battery", &[]).await;
    assert_eq!(X_PASSWORD, "correct-horse-battery");
    let jobs = (0..5).map(|_| setup.report(WEB, search(20)));
    for report in futures_util::future::join_all(jobs).await {
        assert!(report.result.is_ok());
    }
    assert_eq!(setup.upstream.count("POST", "guest/activate.json"), 1, "one login for five jobs");
    let kept = setup.sessions.0.lock().unwrap()["carol"].clone();
    assert_eq!(kept, "auth_token=new-session-of-carol; ct0=csrf-of-carol");
}

#[tokio::test]
async fn a_kept_session_is_used_before_a_login() {
    let setup = with("dave:wrong-password", &[]).await;
    setup.sessions.0.lock().unwrap().insert("dave".to_owned(), cookies("dave"));
    assert!(setup.report(WEB, search(20)).await.result.is_ok());
    assert_eq!(setup.upstream.count("POST", "/"), 0);
}

#[tokio::test]
async fn a_session_that_has_ended_gives_way_to_cookies_and_then_to_a_login() {
    let setup = with("asked_erin:correct-horse-battery", &["asked_erin"]).await;
    let stale = "auth_token=session-of-stale; ct0=nothing".to_owned();
    setup.sessions.0.lock().unwrap().insert("asked_erin".to_owned(), stale);
    assert!(setup.report(WEB, search(20)).await.result.is_ok());
    assert_eq!(setup.upstream.count("POST", "/"), 0, "the operator's cookies work");
    setup.upstream.x_web.end_session("asked_erin");
    assert!(setup.report(WEB, search(20)).await.result.is_ok());
    assert_eq!(setup.upstream.count("POST", "guest/activate.json"), 1);
    let kept = setup.sessions.0.lock().unwrap()["asked_erin"].clone();
    assert!(kept.contains("new-session-of-asked_erin"));
}

#[tokio::test]
async fn logins_that_are_refused_say_why_and_are_not_tried_again_and_again() {
    for (account, why) in [
        ("frank:wrong-password", "the password is wrong"),
        ("denied_frank:correct-horse-battery", "denies the login; give the account's cookies"),
        ("code_frank:correct-horse-battery", "a code sent by e-mail; give the account's cookies"),
    ] {
        let setup = with(account, &[]).await;
        let report = setup.report(WEB, search(20)).await;
        assert_eq!(stat(&report, "twitter_auth_errors"), 1, "{account}");
        let failure = report.result.unwrap_err();
        assert_eq!(failure.code, Code::UpstreamUnauthorized);
        assert!(failure.message.contains(why), "{}", failure.message);
        assert_eq!(setup.engine(WEB).capabilities(), Vec::<String>::new());
        let reason = setup.engine(WEB).operations()[0].missing.clone().unwrap();
        assert!(reason.contains(why), "{reason}");
        let asked = setup.upstream.seen().len();
        setup.clock.forward(3500);
        assert_eq!(setup.failure(WEB, search(20)).await.code, Code::UpstreamUnauthorized);
        assert_eq!(setup.upstream.seen().len(), asked, "{why}");
    }
}

#[tokio::test]
async fn each_reason_is_told_when_accounts_are_refused_for_different_ones() {
    let accounts = "frank:wrong-password,code_frank:correct-horse-battery";
    let failure = with(accounts, &[]).await.failure(WEB, search(20)).await;
    for why in ["the password is wrong", "a code sent by e-mail"] {
        assert!(failure.message.contains(why), "{}", failure.message);
    }
}

#[tokio::test]
async fn an_account_without_password_and_cookies_is_no_capability_and_nobody_is_asked() {
    let setup = with("frank", &[]).await;
    let engine = setup.engine(WEB);
    assert_eq!(engine.capabilities(), Vec::<String>::new());
    engine.probe().await;
    assert_eq!(engine.capabilities(), Vec::<String>::new());
    let refused = engine.admit(&search(20)).unwrap_err();
    assert_eq!(refused.code, Code::NotConfigured);
    assert!(refused.message.contains("password or cookies"), "{}", refused.message);
    let report = setup.report(WEB, search(20)).await;
    assert_eq!(report.result.as_ref().unwrap_err().code, Code::NotConfigured);
    assert_eq!(stat(&report, "twitter_scrapes"), 0);
    assert!(setup.upstream.seen().is_empty());
    // Beside one that works it is left aside.
    let setup = with("frank,alice", &["alice"]).await;
    for _ in 0..3 {
        let report = setup.report(WEB, search(20)).await;
        assert_eq!(
            (stat(&report, "twitter_scrapes"), stat(&report, "twitter_auth_errors")),
            (1, 0)
        );
    }
}

#[tokio::test]
async fn an_account_without_password_and_cookies_works_with_a_session_that_was_kept() {
    let setup = with("dave", &[]).await;
    setup.sessions.0.lock().unwrap().insert("dave".to_owned(), cookies("dave"));
    setup.engine(WEB).probe().await;
    assert_eq!(setup.engine(WEB).capabilities().len(), 16);
    assert!(setup.report(WEB, search(20)).await.result.is_ok());
    // Once X has ended it, only the operator can help.
    setup.upstream.x_web.end_session("dave");
    assert_eq!(setup.failure(WEB, search(20)).await.code, Code::UpstreamUnauthorized);
    setup.clock.forward(100_000);
    assert_eq!(setup.engine(WEB).capabilities(), Vec::<String>::new());
}

#[tokio::test]
async fn another_account_takes_over_when_one_is_refused() {
    let setup = usual().await;
    setup.upstream.x_web.end_session("alice");
    let report = setup.report(WEB, search(100)).await;
    assert_eq!(stat(&report, "twitter_auth_errors"), 1);
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(texts(&found, "tweet_id"), posts(0, 100));
}

#[tokio::test]
async fn another_account_takes_over_when_one_meets_its_limit_and_each_endpoint_counts_alone() {
    let setup = usual().await;
    setup.upstream.x_web.set_budget("alice", 0, START + 900);
    let report = setup.report(WEB, search(100)).await;
    assert_eq!(stat(&report, "twitter_ratelimit_errors"), 1);
    let found: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(texts(&found, "tweet_id"), posts(0, 100));
    let limited = |setup: &Setup| {
        let seen = setup.upstream.seen();
        let of_alice =
            seen.iter().filter(|ask| ask.header("x-csrf-token") == Some("csrf-of-alice"));
        of_alice.count()
    };
    assert_eq!(limited(&setup), 1);
    setup.result(WEB, search(100)).await;
    assert_eq!(limited(&setup), 1, "it rests");
    // At another endpoint it is asked.
    for _ in 0..2 {
        setup.result(WEB, json!({"type": "gethometweets"})).await;
    }
    assert_eq!(limited(&setup), 2);
    setup.clock.forward(900);
    setup.upstream.x_web.set_budget("alice", 100, START + 1800);
    for _ in 0..2 {
        setup.result(WEB, search(20)).await;
    }
    assert_eq!(limited(&setup), 3);
}

#[tokio::test]
async fn what_came_before_all_accounts_met_their_limit_stays() {
    let setup = usual().await;
    for user in ["alice", "bob"] {
        setup.upstream.x_web.set_budget(user, 1, START + 900);
    }
    let report = setup.report(WEB, search(500)).await;
    let details = report.details.unwrap();
    assert_eq!(
        (&details["returned"], &details["stopped"]["code"]),
        (&json!(100), &json!("rate_limited"))
    );
    let cursor = report.result.unwrap().next_cursor.unwrap();
    setup.clock.forward(900);
    let rest = json!({"query": "climate change", "max_results": 20, "next_cursor": cursor});
    for user in ["alice", "bob"] {
        setup.upstream.x_web.set_budget(user, 100, START + 1800);
    }
    assert_eq!(list(&setup, rest).await.0, posts(100, 20));
}

#[tokio::test]
async fn each_bad_answer_has_its_code() {
    for (bad, code) in [
        (Bad::Status(400), Code::UpstreamRejected),
        (Bad::Status(401), Code::UpstreamUnauthorized),
        (Bad::Status(403), Code::UpstreamForbidden),
        (Bad::Status(404), Code::UpstreamChanged),
        (Bad::Status(429), Code::RateLimited),
        (Bad::Status(500), Code::UpstreamStatus),
        (Bad::Html, Code::UpstreamInvalid),
        (Bad::Empty, Code::UpstreamInvalid),
        (Bad::HalfJson, Code::UpstreamInvalid),
        (Bad::OtherShape, Code::UpstreamChanged),
        (Bad::Closed, Code::UpstreamInvalid),
        (Bad::Endless, Code::ResponseTooLarge),
        (Bad::Answer(200, r#"{"errors":[{"code":88,"message":"x"}]}"#, vec![]), Code::RateLimited),
        (
            Bad::Answer(403, r#"{"errors":[{"code":326,"message":"x"}]}"#, vec![]),
            Code::UpstreamUnauthorized,
        ),
        (
            Bad::Answer(200, r#"{"data":{"home":{"home_timeline_urt":"x"}}}"#, vec![]),
            Code::UpstreamChanged,
        ),
    ] {
        let setup = usual().await;
        setup.upstream.misbehave("/x-web/", bad.clone(), 20);
        let failure = setup.failure(WEB, json!({"type": "gethometweets"})).await;
        assert_eq!(failure.code, code, "{bad:?}");
    }
}

#[tokio::test]
async fn an_answer_of_another_form_is_told_as_that_for_each_operation() {
    for operation in sealwork_engine_twitter::Operation::ALL {
        let setup = usual().await;
        setup.upstream.misbehave("/x-web/", Bad::OtherShape, 9);
        let arguments = json!({"type": operation.as_str(), "query": "1234567890"});
        assert_eq!(setup.failure(WEB, arguments).await.code, Code::UpstreamChanged, "{operation}");
    }
}

#[tokio::test]
async fn all_sixteen_operations_are_capabilities_with_an_account_and_none_without() {
    assert_eq!(usual().await.engine(WEB).capabilities().len(), 16);
    let none = Setup::new(Given::default()).await;
    assert_eq!(none.engine(WEB).capabilities(), Vec::<String>::new());
    let refused = none.engine(WEB).admit(&search(10)).unwrap_err();
    assert_eq!(refused.code, Code::NotConfigured);
    assert!(refused.message.contains("TWITTER_ACCOUNTS"), "{}", refused.message);
}
