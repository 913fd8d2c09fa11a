//! Cursors are delivered: in a header on Masa's routes, in the result on `/v1`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{World, masa, output, v1};

fn ids(result: &Value, field: &str) -> Vec<String> {
    let items = result.as_array().unwrap().iter();
    items.map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

/// Broken by: `with_cursor` in the door, `Output::next_cursor` in the engines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_follow_each_other_on_masas_routes_without_another_run() {
    let world = World::new().await;
    for (kind, arguments, field) in [
        (
            "reddit",
            json!({"type": "searchposts", "queries": ["a"], "max_items": 25, "max_results": 10}),
            "id",
        ),
        (
            "twitter-apify",
            json!({"type": "getfollowing", "query": "NASA", "max_results": 90}),
            "id_str",
        ),
        ("twitter", json!({"type": "searchbyquery", "query": "a", "max_results": 30}), "tweet_id"),
        (
            "twitter-api",
            json!({"type": "searchbyquery", "query": "a", "max_results": 30}),
            "tweet_id",
        ),
    ] {
        let runs = world.upstream.apify.started().len();
        let (mut arguments, mut seen) = (arguments, BTreeSet::new());
        for page in 0..3 {
            let ended = masa(&world.worker, &json!({"type": kind, "arguments": arguments}));
            let found = ids(&ended.result.unwrap(), field);
            assert!(!found.is_empty(), "{kind}, page {page}");
            for id in found {
                assert!(seen.insert(id), "{kind} repeats an item on page {page}");
            }
            // What the runs found ends there; X's own lists go on.
            let is_last = page == 2 && matches!(kind, "reddit" | "twitter-apify");
            assert_eq!(ended.cursor.is_none(), is_last, "{kind}, page {page}");
            arguments["next_cursor"] = json!(ended.cursor);
        }
        let runs = world.upstream.apify.started().len() - runs;
        assert_eq!(runs, usize::from(matches!(kind, "reddit" | "twitter-apify")), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_v1_the_cursor_is_in_the_result_and_details_say_how_it_came_about() {
    let world = World::new().await;
    let first = json!({"type": "searchbyquery", "search": ["a"], "max_items": 20});
    let result = v1(&world.worker, "tiktok", first).await.unwrap();
    assert_eq!(output(&result).as_array().unwrap().len(), 20);
    let details = result.details.as_ref().unwrap();
    assert_eq!((&details["way"], &details["complete"]), (&json!("apify"), &json!(true)));
    assert_eq!(details["returned"], 20);

    let mut search = json!({"type": "searchbyquery", "query": "a", "max_results": 1_000_000});
    let result = v1(&world.worker, "twitter", search.clone()).await.unwrap();
    let details = result.details.as_ref().unwrap();
    let capped = json!([{"argument": "max_results", "asked": 1_000_000, "used": 1000}]);
    assert_eq!((&details["way"], &details["capped"]), (&json!("credential"), &capped));
    search["max_results"] = json!(20);
    let result = v1(&world.worker, "twitter", search.clone()).await.unwrap();
    let cursor = result.outcome.as_ref().unwrap().next_cursor.clone().unwrap();
    search["next_cursor"] = json!(cursor);
    let next = v1(&world.worker, "twitter", search).await.unwrap();
    let (first, next) = (ids(&output(&result), "tweet_id"), ids(&output(&next), "tweet_id"));
    assert!(next.len() == 20 && next.iter().all(|id| !first.contains(id)));
}
