//! A paid run is never paid twice.

use std::time::Duration;

use sealwork_client::SealOptions;
use sealwork_job::Code;
use sealwork_test_upstream::{TestUpstream, example};
use serde_json::json;

use super::{PATIENCE, PAUSE, client, settled, spec, submit, worker};

/// Waits until each of `runs` runs is polled.
async fn until_polled(upstream: &TestUpstream, runs: usize) {
    let polled =
        || (0..runs).all(|run| upstream.count("GET", &format!("/actor-runs/run{run}")) > 0);
    let waiting = async {
        while !polled() {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the runs are polled");
}

/// Broken by: `Rerun::Idempotent` in the engines' `admit`, or a port that does not ask them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_while_runs_are_polled_starts_none_of_them_again() {
    let upstream = TestUpstream::start().await.unwrap();
    upstream.apify.set_run_time(Duration::from_secs(600));
    let first = worker(&upstream, tempfile::tempdir().unwrap(), &[]);
    let posts = json!({"type": "reddit", "arguments": example("reddit", "searchposts").unwrap()});
    let (sealed, id) = submit(&first, &posts);
    let mut handles = Vec::new();
    for (engine, operation) in [
        ("tiktok", "searchbyquery"),
        ("twitter-apify", "getfollowers"),
        ("twitter", "getfollowing"),
    ] {
        let client = client(&first);
        let spec = spec(engine, example(engine, operation).unwrap());
        let job = client.seal(&spec, &SealOptions::default()).await.unwrap();
        handles.push((engine, client.submit(&job).await.unwrap()));
    }
    until_polled(&upstream, 4).await;
    let directory = first.kill();

    upstream.apify.set_run_time(Duration::ZERO);
    let second = worker(&upstream, directory, &[]);
    let failed = settled(&second, &sealed, &id).result.unwrap_err();
    assert_eq!(failed["code"], Code::Interrupted.as_str(), "{failed}");
    let client = client(&second);
    for (engine, handle) in &handles {
        client.wait(handle, PATIENCE, |_| {}).await.unwrap();
        let result = client.result(handle).await.unwrap();
        assert_eq!(result.code, Code::Interrupted.as_str(), "{engine}");
    }
    assert_eq!(upstream.apify.started().len(), 4, "a run was paid twice");

    // What costs nothing runs again: a page of what an earlier run found, and a search of X.
    let page = json!({
        "type": "searchposts", "queries": ["a"], "max_items": 20, "max_results": 10,
    });
    let ended = super::masa(&second, &json!({"type": "reddit", "arguments": page}));
    let mut next = page.clone();
    next["next_cursor"] = json!(ended.cursor.unwrap());
    upstream.set_latency(Duration::from_secs(30));
    let asked = upstream.seen().len();
    let (sealed, id) = submit(&second, &json!({"type": "reddit", "arguments": next}));
    let tweets = json!({"type": "twitter", "arguments": {"query": "a"}});
    let (sealed_tweets, tweets) = submit(&second, &tweets);
    let paid = upstream.apify.started().len();
    let both = async {
        while upstream.seen().len() < asked + 2 {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("both are asked for");
    let directory = second.kill();
    upstream.set_latency(Duration::ZERO);
    let third = worker(&upstream, directory, &[]);
    let found = settled(&third, &sealed, &id).result.unwrap();
    assert_eq!(found.as_array().unwrap().len(), 10);
    let found = settled(&third, &sealed_tweets, &tweets).result.unwrap();
    assert_eq!(found.as_array().unwrap().len(), 10);
    assert_eq!(upstream.apify.started().len(), paid);
}
