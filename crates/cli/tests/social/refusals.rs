//! What is wrong is refused at admission on `/v1`, and settles as a failure on Masa's routes. A
//! refusal goes out in the clear and quotes nothing of a sealed job; a failure may.

use sealwork_client::ClientError;
use sealwork_job::Code;
use sealwork_test_upstream::TestUpstream;
use serde_json::{Value, json};

use super::{World, masa, v1};

/// What only the job says.
const SAID: [&str; 5] = ["hush", "evil.example", "77", "max_item ", "no name"];

/// Engine, arguments, and what the text must name.
fn wrong() -> Vec<(&'static str, Value, &'static [&'static str])> {
    let post = "https://reddit.com/r/a/comments/b";
    vec![
        ("reddit", json!({"type": "hush", "queries": ["a"]}), &["type", "searchposts"]),
        ("reddit", json!({"type": "searchposts"}), &["queries must be provided"]),
        (
            "reddit",
            json!({"type": "scrapeurls", "urls": [post], "sort": "hush"}),
            &["sort", "relevance, hot, top, new, rising, comments"],
        ),
        (
            "reddit",
            json!({"type": "searchusers", "queries": ["a"], "max_items": -77}),
            &["max_items must be non-negative"],
        ),
        (
            "reddit",
            json!({"type": "scrapeurls", "urls": ["https://evil.example/r/a/comments/b"]}),
            &["eddit"],
        ),
        ("tiktok", json!({"video_url": "https://evil.example/v"}), &["video_url", "tiktok.com"]),
        (
            "tiktok",
            json!({"video_url": "https://tiktok.com/v", "language": "english"}),
            &["language", "eng-US"],
        ),
        (
            "tiktok",
            json!({"type": "searchbytrending", "period": "77"}),
            &["period must be one of 7, 30"],
        ),
        ("twitter", json!({"type": "hush", "query": "a"}), &["type", "searchbyquery"]),
        ("twitter-apify", json!({"type": "getbyid", "query": "1"}), &["getfollowers"]),
        (
            "twitter-api",
            json!({"type": "searchbyquery", "query": "a", "max_results": "5"}),
            &["max_results must be an integer"],
        ),
        (
            "twitter-credential",
            json!({"type": "gettweets", "query": "no name"}),
            &["query", "a screen name"],
        ),
    ]
}

async fn refused(world: &World, engine: &str, arguments: &Value) -> (String, String) {
    match v1(&world.worker, engine, arguments.clone()).await {
        Err(ClientError::Refused(refusal)) => (refusal.code, refusal.detail),
        other => panic!("{engine} {arguments}: {:?}", other.map(|result| result.code)),
    }
}

/// Broken by: an engine whose `admit` is weaker than its `run`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_arguments_are_refused_with_the_field_and_what_is_allowed() {
    let world = World::new().await;
    let asked = world.upstream.seen().len();
    for (engine, arguments, named) in wrong() {
        let (code, detail) = refused(&world, engine, &arguments).await;
        assert_eq!(code, Code::ArgumentsInvalid.as_str(), "{detail}");
        let failed = masa(&world.worker, &json!({"type": engine, "arguments": arguments}));
        let failed = failed.result.unwrap_err();
        assert_eq!((&failed["code"], &failed["retryable"]), (&json!(code), &json!(false)));
        let told = failed["error"].as_str().unwrap();
        for part in named {
            assert!(detail.contains(part), "{detail} does not name {part}");
            assert!(told.contains(part), "{told} does not name {part}");
        }
        assert!(SAID.iter().all(|said| !detail.contains(said)), "{detail} quotes the job");
    }
    assert_eq!(world.upstream.seen().len(), asked, "nobody was asked");
    // An unknown name is refused on /v1, where nobody is used to it being ignored.
    let unknown = json!({"type": "searchposts", "queries": ["a"], "max_item": 5});
    let (_, detail) = refused(&world, "reddit", &unknown).await;
    assert!(detail.contains("an argument is unknown; known are type"), "{detail}");
    masa(&world.worker, &json!({"type": "reddit", "arguments": unknown})).result.unwrap();
}

/// Broken by: `not_configured`, or an engine that does not ask whether it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_configured_is_refused_with_what_there_is_instead() {
    let none = [("APIFY_API_KEY", ""), ("TWITTER_API_KEYS", ""), ("TWITTER_ACCOUNTS", "")];
    let world = World::at(TestUpstream::start().await.unwrap(), &none);
    for (engine, arguments, text) in [
        (
            "reddit",
            json!({"type": "searchposts", "queries": ["a"]}),
            "type is one that needs APIFY_API_KEY, which this worker has not been given; it offers \
             no operation of reddit",
        ),
        (
            "tiktok",
            json!({"type": "searchbytrending"}),
            "type is one that needs APIFY_API_KEY, which this worker has not been given; type must \
             be one of transcription",
        ),
        (
            "twitter",
            json!({"type": "getfollowers", "query": "NASA"}),
            "type is one that needs APIFY_API_KEY or TWITTER_ACCOUNTS, which this worker has not \
             been given; it offers no operation of twitter",
        ),
    ] {
        let (code, detail) = refused(&world, engine, &arguments).await;
        assert_eq!((code.as_str(), detail.as_str()), (Code::NotConfigured.as_str(), text));
        let failed = masa(&world.worker, &json!({"type": engine, "arguments": arguments}));
        assert_eq!(failed.result.unwrap_err()["code"], Code::NotConfigured.as_str());
    }
}
