//! Datasets that are not as they should be.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{ACTOR, Setup, TIME, items, numbers, order};
use sealwork_job::Code;
use sealwork_test_upstream::{Bad, Items, context};
use sealwork_upstream::apify::Order;
use serde_json::{Value, json};

const MIB: usize = 1 << 20;

async fn code_of(found: Vec<Value>) -> (Code, String, bool) {
    let setup = Setup::finding(Items::of(found)).await;
    let fetched = setup.fetch(&order(10)).await;
    let failure = fetched.result.unwrap_err();
    assert!(!fetched.details.complete);
    (failure.code, failure.message, fetched.details.resume.is_some())
}

#[tokio::test]
async fn a_dataset_in_which_no_item_can_be_read_is_no_empty_success() {
    for found in [
        vec![json!({"m": 1}), json!({"m": 2})],
        vec![json!("text"), json!([1]), Value::Null, json!({})],
        vec![json!({"noResults": true})],
        vec![json!({"error": "no results"}), json!({"m": 1})],
    ] {
        let (code, message, resumes) = code_of(found).await;
        assert_eq!(code, Code::UpstreamChanged, "{message}");
        assert!(resumes, "the run is paid for");
    }
}

#[tokio::test]
async fn a_dataset_of_nothing_but_errors_is_a_run_that_failed() {
    for error in [json!({"error": "no results"}), json!({"#error": true, "#debug": {}})] {
        let (code, message, resumes) = code_of(vec![error.clone(), error]).await;
        assert_eq!((code, resumes), (Code::UpstreamRunFailed, true));
        assert_eq!(message, "Apify Actor run gave errors in the place of items");
    }
}

#[tokio::test]
async fn what_could_not_be_read_is_read_again_from_its_beginning_without_another_run() {
    let setup = Setup::finding(Items::of(vec![json!({"m": 1}), json!({"m": 2})])).await;
    let cursor = setup.fetch(&order(10)).await.details.resume;
    let again = Order { cursor, ..order(10) };
    let values = setup.fetch_values(&context(TIME), &again).await;
    assert_eq!(values.result.unwrap().data, r#"[{"m":1},{"m":2}]"#);
    assert_eq!(setup.upstream.apify.started().len(), 1);
}

#[tokio::test]
async fn a_total_that_is_too_small_ends_nothing() {
    for total in [0, 500, 1000, 1999] {
        let setup = Setup::finding(items(2500)).await;
        setup.upstream.apify.set_total(total);
        let fetched = setup.fetch(&order(2500)).await;
        assert_eq!(numbers(&fetched).len(), 2500, "told {total}");
        let setup = Setup::finding(items(25)).await;
        setup.upstream.apify.set_total(3);
        let page = setup.fetch(&order(10)).await;
        assert!(page.result.unwrap().next_cursor.is_some());
    }
}

#[tokio::test]
async fn a_total_above_what_is_there_ends_with_an_empty_page() {
    let setup = Setup::finding(items(5)).await;
    setup.upstream.apify.set_total(9999);
    let fetched = setup.fetch(&order(50)).await;
    assert_eq!(numbers(&fetched).len(), 5);
    assert!(fetched.details.complete);
}

#[tokio::test]
async fn an_item_that_is_too_large_is_passed_over_and_the_result_says_so() {
    // The first is larger than an item may be, the second larger than a page.
    for large in [5 * MIB, 9 * MIB] {
        let large = json!({"n": 1, "text": "x".repeat(large)});
        let found = vec![json!({"n": 0}), large, json!({"n": 2}), json!({"n": 3})];
        let setup = Setup::finding(Items::of(found)).await;
        let fetched = setup.fetch(&order(10)).await;
        assert_eq!(numbers(&fetched), [0, 2, 3]);
        let stopped = fetched.details.stopped.unwrap();
        assert_eq!((stopped.code, stopped.retryable), (Code::ResponseTooLarge, false));
        assert!(!fetched.details.complete);
        assert_eq!(fetched.result.unwrap().next_cursor, None);
    }
}

#[tokio::test]
async fn a_dataset_of_one_item_that_is_too_large_fails_by_its_name() {
    let found = vec![json!({"n": 1, "text": "x".repeat(5 * MIB)})];
    let setup = Setup::finding(Items::of(found)).await;
    let failure = setup.fetch(&order(10)).await.result.unwrap_err();
    assert_eq!(failure.code, Code::ResponseTooLarge);
}

#[tokio::test]
async fn a_run_that_is_paid_for_survives_more_than_a_moment_without_answers() {
    let setup = Setup::finding(items(5)).await;
    setup.upstream.misbehave("/actor-runs/", Bad::Status(500), 7);
    let fetched = setup.fetch(&order(5)).await;
    assert_eq!(numbers(&fetched).len(), 5);
    assert_eq!(setup.upstream.apify.aborted(), 0);
}

#[tokio::test]
async fn an_actor_that_is_gone_is_called_so_and_its_operations_are_missing() {
    let setup = Setup::finding(items(5)).await;
    setup.upstream.misbehave("/runs", Bad::Status(404), 1);
    let failure = setup.fetch(&order(5)).await.result.unwrap_err();
    let gone = "Apify answered with status 404: the actor that this worker uses is no longer there";
    assert_eq!((failure.code, failure.message.as_str()), (Code::UpstreamNotFound, gone));
    assert_eq!(setup.apify.missing(ACTOR).as_deref(), Some(gone));
    assert_eq!(setup.apify.missing("owner~other"), None);
    setup.fetch(&order(5)).await;
    assert_eq!(setup.apify.missing(ACTOR), None, "it is back");
}
