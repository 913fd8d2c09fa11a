//! Nothing that was fetched is lost, and a result that is not complete says so, and why.

use std::time::Duration;

use sealwork_job::Code;
use sealwork_test_upstream::{Bad, Ending};
use serde_json::json;

use super::{World, masa, output, v1};

/// Broken by: `MasaDraft::new` in the worker, `with_stopped` in the door.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_failure_is_the_result_and_says_what_stopped_it() {
    let world = World::new().await;
    let posts = json!({"type": "searchposts", "queries": ["a"], "max_items": 10});
    world.upstream.apify.set_endings([Ending::Not("FAILED", 4), Ending::Not("FAILED", 4)]);
    let ended = masa(&world.worker, &json!({"type": "reddit", "arguments": posts}));
    assert_eq!(ended.result.unwrap().as_array().unwrap().len(), 4);
    assert_eq!(ended.stopped.as_deref(), Some(Code::UpstreamRunFailed.as_str()));
    let result = v1(&world.worker, "reddit", posts.clone()).await.unwrap();
    assert_eq!(output(&result).as_array().unwrap().len(), 4);
    let details = result.details.unwrap();
    assert_eq!((&details["complete"], &details["returned"]), (&json!(false), &json!(4)));
    assert_eq!(details["stopped"]["code"], Code::UpstreamRunFailed.as_str());
    assert_eq!(details["stopped"]["retryable"], true);

    // A later page of X that does not come: what came stays, and the cursor goes on from there.
    let limited = Bad::Answer(429, "{}", vec![("retry-after", "900".to_owned())]);
    world.upstream.misbehave_after(1, "/search/recent", limited, 99);
    let search = json!({"type": "searchbyquery", "query": "a", "max_results": 300});
    let ended = masa(&world.worker, &json!({"type": "twitter-api", "arguments": search}));
    let found = ended.result.unwrap();
    assert!((1..300).contains(&found.as_array().unwrap().len()));
    assert_eq!(ended.stopped.as_deref(), Some(Code::RateLimited.as_str()));
    assert!(ended.cursor.is_some());

    // Nothing found and nothing wrong is another outcome than a failure.
    world.upstream.apify.set_endings([Ending::Not("SUCCEEDED", 0)]);
    let ended = masa(&world.worker, &json!({"type": "reddit", "arguments": posts}));
    assert_eq!((ended.result.unwrap(), ended.stopped), (json!([]), None));
}

/// Broken by: the cursor of a failed job in the worker or in Masa's door.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_paid_run_found_can_be_fetched_after_its_job_has_failed() {
    let world = World::new().await;
    world.upstream.misbehave("/items", Bad::Status(500), 3);
    let mut posts = json!({"type": "searchposts", "queries": ["a"], "max_items": 10});
    let ended = masa(&world.worker, &json!({"type": "reddit", "arguments": posts}));
    let failed = ended.result.unwrap_err();
    assert_eq!(failed["code"], Code::UpstreamStatus.as_str(), "{failed}");
    posts["next_cursor"] = json!(ended.cursor.expect("where to go on"));
    let ended = masa(&world.worker, &json!({"type": "reddit", "arguments": posts}));
    assert_eq!(ended.result.unwrap().as_array().unwrap().len(), 10);
    assert_eq!(world.upstream.apify.started().len(), 1, "it was paid again");
}

/// Broken by: `remainder` in the command line's render.rs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_says_what_is_missing_and_where_it_goes_on() {
    let world = World::new().await;
    let args = r#"{"type": "searchposts", "queries": ["a"], "max_items": 1500}"#;
    let run = ["job", "run", "reddit", "--args", args];
    world.upstream.misbehave_after(1, "/items", Bad::Status(500), 3);
    let partial = world.worker.run(&run);
    assert_eq!(partial.code, 0, "{partial:?}");
    let items: Vec<serde_json::Value> = serde_json::from_str(&partial.out).unwrap();
    assert_eq!(items.len(), 1000, "the output stays JSON");
    for part in ["not complete (upstream_status): Apify", "trying again", "--arg next_cursor="] {
        assert!(partial.err.contains(part), "{part} is not in {}", partial.err);
    }
    let cursor = partial.err.split("--arg ").nth(1).unwrap().split_whitespace().next().unwrap();
    let rest = world.worker.run(&[&run[..], &["--arg", cursor]].concat());
    let items: Vec<serde_json::Value> = serde_json::from_str(&rest.out).unwrap();
    assert_eq!((rest.code, items.len()), (0, 500), "{}", rest.err);
    assert!(!rest.err.contains("complete") && !rest.err.contains("next_cursor"), "{}", rest.err);

    world.upstream.misbehave("/items", Bad::Status(500), 3);
    let failed = world.worker.run(&[&run[..], &["--format", "text"]].concat());
    assert_eq!(failed.code, 1, "{failed:?}");
    let said = "what it found is fetched, without another run, with --arg next_cursor=";
    assert!(failed.out.contains(said), "{failed:?}");
}

/// Broken by: a run that outlives its job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_with_its_job() {
    let world = World::at(
        sealwork_test_upstream::TestUpstream::start().await.unwrap(),
        &[("JOB_TIMEOUT_SECONDS", "2")],
    );
    world.upstream.apify.set_endings([Ending::Never(3)]);
    let posts = json!({"type": "searchposts", "queries": ["a"], "max_items": 10});
    let ended = masa(&world.worker, &json!({"type": "reddit", "arguments": posts}));
    assert_eq!(ended.result.unwrap().as_array().unwrap().len(), 3, "what it found by then");
    assert_eq!(ended.stopped.as_deref(), Some(Code::DeadlineExceeded.as_str()));
    let aborted = world.upstream.apify.until_aborted(1);
    tokio::time::timeout(Duration::from_secs(10), aborted).await.expect("it is stopped");
}
