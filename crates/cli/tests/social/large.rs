//! Results that are larger than any other body on Masa's routes may be.

use sealwork_test_upstream::TestUpstream;
use serde_json::json;

use super::{World, masa};

const ITEMS: usize = 6000;

/// Broken by: `body_limit` in the door's guard, `result_body_bytes` in serve/settings.rs,
/// `MasaDraft::pour` in the worker.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paid_result_opens_however_much_larger_than_other_bodies_it_is() {
    let upstream = TestUpstream::start().await.unwrap();
    let small = [("HTTP_MAX_BODY_BYTES", "1MiB"), ("MAX_ENVELOPE_BYTES", "1MiB")];
    let world = World::at(upstream, &small);
    let arguments = json!({"type": "searchposts", "queries": ["a"], "max_items": ITEMS});
    let ended = masa(&world.worker, &json!({"type": "reddit", "arguments": arguments}));
    let result = ended.result.unwrap();
    assert!(result.to_string().len() > 2 << 20);
    let ids: Vec<&str> =
        result.as_array().unwrap().iter().map(|item| item["parsedId"].as_str().unwrap()).collect();
    let expected: Vec<String> =
        (0..ITEMS).map(|n| format!("{}{n}", if n % 2 == 0 { 'p' } else { 'c' })).collect();
    assert!(ids == expected, "{} items", ids.len());
    assert_eq!((ended.way.as_deref(), ended.stopped), (Some("apify"), None));
}
