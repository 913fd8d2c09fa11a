//! Examples of Apify's documentation, read by the code that reads Apify's answers: see
//! `samples/SOURCES.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use common::{ACTOR, Setup, items, order};
use sealwork_job::Code;
use sealwork_test_upstream::{Bad, context};
use serde_json::Value;

#[tokio::test]
async fn a_run_that_is_aborted_gives_what_is_in_its_dataset() {
    let setup = Setup::finding(items(0)).await;
    for (path, status, body) in [
        ("/acts/", 201, include_str!("samples/run.json")),
        ("/actor-runs/HG7ML7M8z78YcAPEB", 200, include_str!("samples/aborted_run.json")),
        ("/datasets/wmKPijuyDnPZAPRMk/items", 200, include_str!("samples/dataset_items.json")),
    ] {
        setup.upstream.misbehave(path, Bad::Answer(status, body, Vec::new()), 1);
    }
    let fetched = setup.fetch_values(&context(common::TIME), &order(10)).await;
    let found: Value = serde_json::from_slice(&fetched.result.unwrap().data).unwrap();
    assert_eq!(found, serde_json::json!([{"foo": "bar", "foo2": "bar2"}]));
    assert_eq!(fetched.details.stopped.unwrap().message, "Apify Actor run aborted");
}

#[tokio::test]
async fn documented_errors_are_told_by_what_they_mean() {
    for (path, status, body, code, text) in [
        (
            "/acts/",
            401,
            include_str!("samples/unauthorized.json"),
            Code::UpstreamUnauthorized,
            "Apify answered with status 401: it refuses this worker's token",
        ),
        (
            "/acts/",
            402,
            include_str!("samples/payment_required.json"),
            Code::UpstreamForbidden,
            "Apify answered with status 402: the operator has too many runs going there",
        ),
        (
            "/acts/",
            429,
            include_str!("samples/too_many_requests.json"),
            Code::RateLimited,
            "Apify answered with status 429: it limits the rate",
        ),
        (
            "/actor-runs/run0",
            404,
            include_str!("samples/run_not_found.json"),
            Code::UpstreamNotFound,
            "Apify answered with status 404: it has no such thing",
        ),
    ] {
        let setup = Setup::finding(items(0)).await;
        if path == "/actor-runs/run0" {
            setup.upstream.apify.set_run_time(common::TIME);
        }
        let wait = vec![("retry-after", "0".to_owned())];
        setup.upstream.misbehave(path, Bad::Answer(status, body, wait), 3);
        let failure = setup.fetch(&order(10)).await.result.unwrap_err();
        assert_eq!((failure.code, failure.message.as_str()), (code, text));
        let missing = setup.apify.missing(ACTOR);
        assert_eq!(missing.is_some(), matches!(status, 401 | 402), "{missing:?}");
    }
}
