//! Jobs of the reddit engine against the test upstream.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use sealwork_engine::{Engine as _, Report};
use sealwork_engine_reddit::RedditEngine;
use sealwork_job::{Code, Failure, Rerun};
use sealwork_platform::SystemClock;
use sealwork_test_upstream::{Bad, Ending, Items, TOKEN, TestUpstream, apify_at, context};
use sealwork_upstream::{Apify, Social as _};
use serde_json::{Value, json};

const ACTOR: &str = "trudax~reddit-scraper";
const POST: &str = "https://reddit.com/r/space/comments/p0/title/";
const ALL: [&str; 4] = ["scrapeurls", "searchposts", "searchusers", "searchcommunities"];

struct Setup {
    upstream: TestUpstream,
    apify: Apify,
    engine: RedditEngine,
}

impl Setup {
    async fn new() -> Self {
        Self::with_token(Some(TOKEN)).await
    }

    async fn with_token(token: Option<&str>) -> Self {
        let upstream = TestUpstream::start().await.unwrap();
        let apify = apify_at(&upstream, token, 1000);
        let engine = RedditEngine::new(apify.clone(), Arc::new(SystemClock::new()));
        Self { upstream, apify, engine }
    }

    async fn report(&self, arguments: Value) -> Report {
        self.engine.run(&context(Duration::from_secs(30)), arguments).await
    }

    async fn items(&self, arguments: Value) -> Vec<Value> {
        items(&self.report(arguments).await)
    }
}

fn items(report: &Report) -> Vec<Value> {
    serde_json::from_slice(&report.result.as_ref().unwrap().data).unwrap()
}

fn keys(item: &Value) -> Vec<&str> {
    item.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_operation_gives_items_of_the_documented_shape() {
    let setup = Setup::new().await;
    let post = [
        "body",
        "communityName",
        "createdAt",
        "dataType",
        "html",
        "id",
        "isAd",
        "isVideo",
        "numberOfComments",
        "over18",
        "parsedCommunityName",
        "parsedId",
        "scrapedAt",
        "title",
        "upVotes",
        "url",
        "username",
    ];
    let comment = [
        "body",
        "category",
        "communityName",
        "createdAt",
        "dataType",
        "html",
        "id",
        "numberOfreplies",
        "parentId",
        "parsedId",
        "scrapedAt",
        "upVotes",
        "url",
        "username",
    ];
    let user = [
        "commentKarma",
        "createdAt",
        "dataType",
        "description",
        "id",
        "over18",
        "postKarma",
        "scrapedAt",
        "url",
        "userIcon",
        "username",
    ];
    let community = [
        "createdAt",
        "dataType",
        "description",
        "headerImage",
        "id",
        "name",
        "numberOfMembers",
        "over18",
        "scrapedAt",
        "title",
        "url",
    ];
    let scraped = setup.items(json!({"type": "scrapeurls", "urls": [POST]})).await;
    let posts = setup.items(json!({"type": "searchposts", "queries": ["NASA"]})).await;
    for found in [scraped, posts] {
        assert_eq!(found.len(), 10);
        assert_eq!((keys(&found[0]), &found[0]["dataType"]), (post.to_vec(), &json!("post")));
        assert_eq!((keys(&found[1]), &found[1]["dataType"]), (comment.to_vec(), &json!("comment")));
    }
    let users = setup.items(json!({"type": "searchusers", "queries": ["NASA"]})).await;
    assert_eq!((keys(&users[0]), &users[0]["dataType"]), (user.to_vec(), &json!("user")));
    let found = setup.items(json!({"type": "SearchCommunities", "queries": ["space"]})).await;
    assert_eq!((keys(&found[0]), &found[0]["dataType"]), (community.to_vec(), &json!("community")));
}

#[tokio::test]
async fn the_actor_is_given_what_the_job_asks() {
    let setup = Setup::new().await;
    let common = json!({
        "sort": "new", "includeNSFW": false, "maxItems": 10, "maxPostCount": 10, "maxComments": 10,
        "maxCommunitiesCount": 2, "maxUserCount": 2, "searchUsers": false, "searchComments": false,
        "searchPosts": false, "searchCommunities": false, "skipUserPosts": false,
        "skipComments": false,
        "proxy": {"useApifyProxy": true, "apifyProxyGroups": ["RESIDENTIAL"]},
    });
    let with = |changes: Value| {
        let mut input = common.as_object().unwrap().clone();
        input.extend(changes.as_object().unwrap().clone());
        Value::Object(input)
    };
    for (arguments, changes) in [
        (
            json!({"urls": [POST]}),
            json!({
                "startUrls": [{"url": POST, "method": "GET"}], "searchUsers": true,
                "searchComments": true, "searchPosts": true, "searchCommunities": true,
            }),
        ),
        (
            json!({
                "type": "searchposts", "queries": ["NASA", "ESA"], "sort": "TOP", "max_items": 100,
                "max_results": 5, "max_posts": 4, "max_comments": 3, "include_nsfw": true,
                "after": "2025-09-01T12:00:00+02:00",
            }),
            json!({
                "type": "posts", "searches": ["NASA", "ESA"], "searchPosts": true, "sort": "top",
                "maxItems": 100, "maxPostCount": 4, "maxComments": 3, "includeNSFW": true,
                "postDateLimit": "2025-09-01T10:00:00Z",
            }),
        ),
        (
            json!({"type": "searchusers", "queries": ["NASA"], "skip_posts": true, "max_users": 7}),
            json!({
                "type": "users", "searches": ["NASA"], "searchUsers": true, "skipUserPosts": true,
                "maxUserCount": 7,
            }),
        ),
        (
            json!({"type": "searchcommunities", "queries": ["space"], "max_communities": 9}),
            json!({
                "type": "community", "searches": ["space"], "searchCommunities": true,
                "maxCommunitiesCount": 9,
            }),
        ),
    ] {
        setup.report(arguments).await;
        let (actor, input) = setup.upstream.apify.started().pop().unwrap();
        assert_eq!((actor.as_str(), input), (ACTOR, with(changes)));
    }
}

#[tokio::test]
async fn after_means_after_for_every_operation() {
    for arguments in [
        json!({"type": "scrapeurls", "urls": [POST]}),
        json!({"type": "searchposts", "queries": ["a"]}),
        json!({"type": "searchusers", "queries": ["a"]}),
        json!({"type": "searchcommunities", "queries": ["a"]}),
    ] {
        let setup = Setup::new().await;
        let mut arguments = arguments;
        // The test upstream's items are a minute apart, from midnight on.
        arguments["after"] = "2025-09-01T00:06:00Z".into();
        let report = setup.report(arguments).await;
        let times: Vec<Value> =
            items(&report).into_iter().map(|item| item["createdAt"].clone()).collect();
        let later = [7, 8, 9].map(|minute| json!(format!("2025-09-01T00:{minute:02}:00.000Z")));
        assert_eq!(times, later);
        let details = report.details.unwrap();
        assert_eq!((&details["returned"], &details["filtered"]), (&json!(3), &json!(7)));
        assert_eq!(details["complete"], true);
    }
}

#[tokio::test]
async fn pages_of_max_results_go_through_max_items_with_one_run() {
    let setup = Setup::new().await;
    let mut arguments = json!({
        "type": "searchposts", "queries": ["NASA", "European Space Agency"], "max_items": 25,
        "max_results": 10, "max_posts": 5,
    });
    let mut sizes = Vec::new();
    loop {
        let rerun = if sizes.is_empty() { Rerun::Once } else { Rerun::Idempotent };
        assert_eq!(setup.engine.admit(&arguments), Ok(rerun));
        let report = setup.report(arguments.clone()).await;
        sizes.push(items(&report).len());
        match report.result.unwrap().next_cursor {
            Some(cursor) => arguments["next_cursor"] = cursor.into(),
            None => break,
        }
    }
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(setup.upstream.apify.started().len(), 1);
}

#[tokio::test]
async fn counters_have_the_names_of_the_reference() {
    let setup = Setup::new().await;
    let search = json!({"type": "searchposts", "queries": ["a"]});
    let found = setup.report(search.clone()).await;
    assert_eq!(found.stats, [("reddit_queries", 1), ("reddit_returned_items", 10)]);
    setup.upstream.apify.set_endings([Ending::Not("FAILED", 0)]);
    let failed = setup.report(search).await;
    assert_eq!(failed.stats, [("reddit_queries", 1), ("reddit_errors", 1)]);
    let failure = failed.result.unwrap_err();
    assert_eq!(failure.message, "error while scraping Reddit: Apify Actor run failed");
    assert_eq!(setup.report(json!({"type": "searchposts"})).await.stats, []);
}

#[tokio::test]
async fn items_that_are_none_of_the_four_kinds_are_left_out_and_counted() {
    let setup = Setup::new().await;
    let found = vec![
        json!({"dataType": "post", "id": "a"}),
        json!({"type": "user", "id": "b", "username": null}),
        json!({"dataType": "advertisement", "id": "c"}),
        json!({"dataType": "post", "id": {"not": "a text"}}),
        json!({"dataType": "post", "createdAt": "2025-01-01T00:00:00Z"}),
        json!({"id": "no kind"}),
    ];
    setup.upstream.apify.set_found(ACTOR, Items::of(found));
    let report = setup.report(json!({"type": "searchposts", "queries": ["a"]})).await;
    assert_eq!(
        items(&report),
        [
            json!({
                "dataType": "post", "id": "a", "parsedId": "", "url": "", "username": "",
                "title": "", "communityName": "", "parsedCommunityName": "", "body": "",
                "html": null, "numberOfComments": 0, "upVotes": 0, "isVideo": false, "isAd": false,
                "over18": false, "createdAt": "0001-01-01T00:00:00Z",
                "scrapedAt": "0001-01-01T00:00:00Z",
            }),
            json!({
                "dataType": "user", "id": "b", "url": "", "username": "", "userIcon": "",
                "postKarma": 0, "commentKarma": 0, "description": "", "over18": false,
                "createdAt": "0001-01-01T00:00:00Z", "scrapedAt": "0001-01-01T00:00:00Z",
            }),
        ]
    );
    assert_eq!(report.details.unwrap()["unreadable"], 4);
}

#[tokio::test]
async fn times_of_other_forms_are_written_as_rfc_3339_and_lose_no_item() {
    let setup = Setup::new().await;
    const NEVER: &str = "0001-01-01T00:00:00Z";
    let times = [
        (json!("2025-01-01T00:00:00.000Z"), "2025-01-01T00:00:00.000Z"),
        (json!("2025-01-01T01:00:00+0100"), "2025-01-01T00:00:00Z"),
        (json!(""), NEVER),
        (json!("yesterday"), NEVER),
        (json!(1_735_689_600), NEVER),
        (json!(null), NEVER),
    ];
    let post = |time: &Value| json!({"dataType": "post", "id": "a", "createdAt": time});
    let found = times.iter().map(|(time, _)| post(time)).collect();
    setup.upstream.apify.set_found(ACTOR, Items::of(found));
    let report = setup.report(json!({"type": "searchposts", "queries": ["a"]})).await;
    let items = items(&report);
    let written: Vec<&Value> = items.iter().map(|item| &item["createdAt"]).collect();
    assert_eq!(written, times.map(|(_, written)| json!(written)).iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn items_of_which_none_is_of_the_four_kinds_are_no_empty_result() {
    let setup = Setup::new().await;
    let post = json!({"kind": "post", "id": "t3_a", "url": "https://reddit.com/r/a/comments/a"});
    for found in [
        vec![post.clone(), post],
        vec![json!({"dataType": "live", "id": "a"})],
        vec![json!({"dataType": "post"}), json!({"dataType": "user", "postKarma": 3})],
        vec![json!(["post", "a"]), json!("post")],
    ] {
        setup.upstream.apify.set_found(ACTOR, Items::of(found.clone()));
        let report = setup.report(json!({"type": "searchposts", "queries": ["a"]})).await;
        assert_eq!(report.result.unwrap_err().code, Code::UpstreamChanged, "{found:?}");
    }
}

#[tokio::test]
async fn huge_numbers_are_cut_to_the_stated_limit_and_the_result_says_so() {
    let setup = Setup::new().await;
    let huge = json!({
        "type": "searchposts", "queries": ["a"], "max_items": 1_000_000_000_000_000_000u64
    });
    assert_eq!(setup.engine.admit(&huge), Ok(Rerun::Once));
    let report = setup.report(huge).await;
    assert_eq!(items(&report).len(), 1000);
    let capped = json!([{
        "argument": "max_items", "asked": 1_000_000_000_000_000_000u64, "used": 1000
    }]);
    assert_eq!(report.details.unwrap()["capped"], capped);
}

#[tokio::test]
async fn wrong_arguments_are_refused_before_and_fail_at_the_run_in_the_same_words() {
    let setup = Setup::new().await;
    let wrong = json!({"type": "searchposts", "queries": ["a"], "sort": "newest"});
    let refused = setup.engine.admit(&wrong).unwrap_err();
    assert_eq!(refused.code, Code::ArgumentsInvalid);
    assert_eq!(
        refused.message,
        "failed to unmarshal job arguments: failed to unmarshal Reddit job arguments: failed to \
         unmarshal arguments: sort must be one of relevance, hot, top, new, rising, comments; got: \
         newest"
    );
    let failed = setup.report(wrong).await.result.unwrap_err();
    assert_eq!((failed.code, failed.message), (refused.code, refused.message));
    assert!(setup.upstream.seen().is_empty());
}

#[tokio::test]
async fn capabilities_are_those_that_work_and_the_others_say_why() {
    let setup = Setup::new().await;
    assert_eq!(setup.engine.capabilities(), ALL);
    setup.upstream.misbehave("/users/me", Bad::Status(401), 1);
    setup.apify.probe().await;
    assert!(setup.engine.capabilities().is_empty());
    for (operation, name) in setup.engine.operations().iter().zip(ALL) {
        assert_eq!((operation.name, operation.way), (name, "apify"));
        assert!(operation.missing.as_ref().unwrap().contains("401"));
    }
    let without = Setup::with_token(None).await;
    assert!(without.engine.capabilities().is_empty());
    let refused = without.engine.admit(&json!({"type": "searchusers", "queries": ["a"]}));
    let Failure { code, message, .. } = refused.unwrap_err();
    assert_eq!(code, Code::NotConfigured);
    assert_eq!(
        message,
        "type searchusers needs APIFY_API_KEY, which this worker has not been given; it offers no \
         operation of reddit"
    );
}
