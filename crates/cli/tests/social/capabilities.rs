//! Lists of capabilities are what the jobs do.

use std::collections::BTreeMap;

use sealwork_job::Code;
use sealwork_test_upstream::{BASE_KEY, Bad, TestUpstream, example};
use serde_json::{Value, json};

use super::{World, client, masa};

const NONE: [(&str, &str); 3] =
    [("APIFY_API_KEY", ""), ("TWITTER_API_KEYS", ""), ("TWITTER_ACCOUNTS", "")];
const REDDIT: [&str; 4] = ["scrapeurls", "searchposts", "searchusers", "searchcommunities"];
const TIKTOK: [&str; 3] = ["transcription", "searchbyquery", "searchbytrending"];
/// Those of the late README, and the one of the early README that it left out.
const CREDENTIAL: [&str; 16] = [
    "searchbyquery",
    "searchbyfullarchive",
    "searchbyprofile",
    "getbyid",
    "getreplies",
    "getretweeters",
    "gettweets",
    "getmedia",
    "gethometweets",
    "getforyoutweets",
    "getbookmarks",
    "getprofilebyid",
    "getfollowers",
    "getfollowing",
    "gettrends",
    "getspace",
];
const API: [&str; 4] = ["searchbyquery", "searchbyfullarchive", "getbyid", "getprofilebyid"];
const APIFY: [&str; 2] = ["getfollowers", "getfollowing"];

type Reported = BTreeMap<String, Vec<String>>;

/// What telemetry reports of the social engines.
fn reported(world: &World) -> Reported {
    let all: Reported =
        serde_json::from_value(world.telemetry()["reported_capabilities"].clone()).unwrap();
    assert_eq!(all["telemetry"], ["telemetry"]);
    assert_eq!(all["web"], ["scraper"]);
    let is_social = |name: &str| name.starts_with("twitter") || matches!(name, "reddit" | "tiktok");
    all.into_iter().filter(|(name, _)| is_social(name)).collect()
}

fn lists(expected: &[(&str, &[&str])]) -> Reported {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    expected.iter().map(|(name, operations)| ((*name).to_owned(), owned(operations))).collect()
}

/// Broken by: an operation in `Operation::ALL` that the engine does not do, or does not list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_credentials_all_is_advertised_and_each_of_it_works() {
    let world = World::new().await;
    let expected = lists(&[
        ("reddit", &REDDIT),
        ("tiktok", &TIKTOK),
        ("twitter", &CREDENTIAL),
        ("twitter-credential", &CREDENTIAL),
        ("twitter-api", &API),
        ("twitter-apify", &APIFY),
    ]);
    assert_eq!(reported(&world), expected);
    for (engine, operations) in expected {
        for operation in operations {
            let job = json!({"type": engine, "arguments": example(&engine, &operation).unwrap()});
            let result = masa(&world.worker, &job).result;
            let result = result.unwrap_or_else(|failed| panic!("{engine} {operation}: {failed}"));
            let items = result.as_array().map_or(1, Vec::len);
            assert!(items > 0, "{engine} {operation} gives nothing");
        }
    }
    let paid = world.upstream.apify.started().len();
    // Reddit's four, two searches of tiktok, followers and followed ones of two engines.
    assert_eq!(paid, 4 + 2 + 4, "no list of capabilities costs a run");
}

/// Broken by: `working` or `missing` of the engines, or a telemetry source that keeps its first list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_credentials_are_for_is_not_advertised_and_v1_tells_why() {
    let upstream = TestUpstream::start().await.unwrap();
    let world = World::at(upstream, &NONE);
    assert_eq!(reported(&world), lists(&[("tiktok", &TIKTOK[..1])]));
    let capabilities = client(&world.worker).capabilities().await.unwrap();
    let engine = |name: &str| capabilities.engines.iter().find(|it| it.name == name).unwrap();
    for (name, operations, setting) in [
        ("reddit", &REDDIT[..], "APIFY_API_KEY"),
        ("twitter-credential", &CREDENTIAL, "TWITTER_ACCOUNTS"),
        ("twitter-api", &API, "TWITTER_API_KEYS"),
        ("twitter-apify", &APIFY, "APIFY_API_KEY"),
    ] {
        let engine = engine(name);
        assert!(engine.operations.is_empty(), "{name}");
        let listed: Vec<&str> =
            engine.availability.iter().map(|it| it.operation.as_str()).collect();
        assert_eq!(listed, operations, "{name}");
        for it in &engine.availability {
            let reason = it.reason.as_ref().unwrap();
            assert!(!it.works && reason.contains(setting), "{name}: {reason}");
        }
    }
    let tiktok: Vec<_> =
        engine("tiktok").availability.iter().map(|it| (it.way.as_str(), it.works)).collect();
    assert_eq!(tiktok, [("transcription", true), ("apify", false), ("apify", false)]);
    assert!(engine("web").availability.is_empty());
    // What is not advertised fails for those who ask all the same.
    for (engine, operation) in [("reddit", "searchposts"), ("twitter", "getbyid")] {
        let job = json!({"type": engine, "arguments": example(engine, operation).unwrap()});
        let failed = masa(&world.worker, &job).result.unwrap_err();
        assert_eq!(failed["code"], Code::NotConfigured.as_str(), "{failed}");
    }
    let asked: Vec<String> = world.upstream.seen().into_iter().map(|ask| ask.path).collect();
    assert!(asked.iter().all(|path| path.starts_with("/tiktok")), "{asked:?}");
}

/// Broken by: a start that does not wait for the first answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_refused_are_not_advertised_from_the_start() {
    let upstream = TestUpstream::start().await.unwrap();
    upstream.misbehave("/users/me", Bad::Status(401), 99);
    upstream.misbehave("/x/2", Bad::Status(401), 99);
    let world = World::at(upstream, &[("TWITTER_ACCOUNTS", "")]);
    assert_eq!(reported(&world), lists(&[("tiktok", &TIKTOK[..1])]));
    let paid = world.upstream.apify.started().len();
    assert_eq!(paid, 0, "asking costs nothing");
    // A job that finds otherwise corrects the list.
    world.upstream.behave();
    let posts = json!({"type": "reddit", "arguments": example("reddit", "searchposts").unwrap()});
    masa(&world.worker, &posts).result.unwrap();
    let capabilities = client(&world.worker).capabilities().await.unwrap();
    let reddit = capabilities.engines.iter().find(|it| it.name == "reddit").unwrap();
    assert_eq!(reddit.operations, REDDIT, "{:?}", reddit.availability);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_kind_of_credentials_gives_its_own_operations_alone() {
    let base = [("APIFY_API_KEY", ""), ("TWITTER_API_KEYS", BASE_KEY), ("TWITTER_ACCOUNTS", "")];
    let world = World::at(TestUpstream::start().await.unwrap(), &base);
    let basic = ["searchbyquery", "getbyid", "getprofilebyid"];
    assert_eq!(
        reported(&world),
        lists(&[("tiktok", &TIKTOK[..1]), ("twitter", &basic), ("twitter-api", &basic)])
    );
    let apify = [("TWITTER_API_KEYS", ""), ("TWITTER_ACCOUNTS", "")];
    let world = World::at(TestUpstream::start().await.unwrap(), &apify);
    let expected = lists(&[
        ("reddit", &REDDIT),
        ("tiktok", &TIKTOK),
        ("twitter", &APIFY),
        ("twitter-apify", &APIFY),
    ]);
    assert_eq!(reported(&world), expected);
    // As the late README promises: followers by Apify under `twitter` itself.
    let job = json!({"type": "twitter", "arguments": example("twitter", "getfollowers").unwrap()});
    let found: Value = masa(&world.worker, &job).result.unwrap();
    assert!(found[0]["screen_name"].is_string(), "{found}");
}

/// Broken by: `awaits_answer`, or a start without a bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_says_nothing_is_no_capability_and_does_not_hold_up_the_start() {
    let upstream = TestUpstream::start().await.unwrap();
    upstream.misbehave("/users/me", Bad::Silence, 99);
    upstream.misbehave("/x/2", Bad::Silence, 99);
    let world = World::at(upstream, &[("TWITTER_ACCOUNTS", "")]);
    assert_eq!(reported(&world), lists(&[("tiktok", &TIKTOK[..1])]));
    let capabilities = client(&world.worker).capabilities().await.unwrap();
    for name in ["reddit", "twitter-api"] {
        let engine = capabilities.engines.iter().find(|it| it.name == name).unwrap();
        let reason = engine.availability[0].reason.as_ref().unwrap();
        assert!(reason.contains("not answered yet"), "{name}: {reason}");
    }
}
