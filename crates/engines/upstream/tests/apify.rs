//! Runs of actors against the test upstream.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::{future::Future, time::Duration};

use common::{ACTOR, Setup, TIME, items, numbers, order};
use sealwork_engine::Context;
use sealwork_job::{Code, Limits, RequesterId};
use sealwork_test_upstream::{Bad, Ending, Items, TOKEN, context, limited};
use sealwork_upstream::apify::Order;
use serde_json::json;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_run_is_started_once_and_its_items_come_in_order() {
    let setup = Setup::finding(items(25)).await;
    let fetched = setup.fetch(&order(25)).await;
    assert_eq!(numbers(&fetched), (0..25).collect::<Vec<_>>());
    assert!(fetched.details.complete);
    assert_eq!(fetched.details.returned, 25);
    assert_eq!(fetched.result.unwrap().next_cursor, None);
    let started = setup.upstream.apify.started();
    assert_eq!(started, [(ACTOR.to_owned(), json!({"query": "space"}))]);
    assert_eq!(setup.upstream.count("POST", "abort"), 0, "a run that is over needs no stop");
}

#[tokio::test]
async fn a_run_that_takes_its_time_is_waited_for_with_one_held_request() {
    let setup = Setup::finding(items(5)).await;
    setup.upstream.apify.set_run_time(Duration::from_millis(700));
    assert_eq!(numbers(&setup.fetch(&order(5)).await).len(), 5);
    assert_eq!(setup.upstream.count("GET", "/actor-runs/"), 1);
}

#[tokio::test]
async fn a_run_that_found_nothing_is_a_result_and_no_failure() {
    let setup = Setup::finding(items(0)).await;
    let fetched = setup.fetch(&order(10)).await;
    assert!(fetched.details.complete);
    let output = fetched.result.unwrap();
    assert_eq!((&output.data[..], output.next_cursor), (&b"[]"[..], None));
}

#[tokio::test]
async fn pages_are_read_by_cursor_and_start_no_other_run() {
    for tells_total in [true, false] {
        let setup = Setup::finding(items(25)).await;
        setup.upstream.apify.set_tells_total(tells_total);
        let mut all = Vec::new();
        let mut order = order(10);
        loop {
            let fetched = setup.fetch(&order).await;
            all.extend(numbers(&fetched));
            match fetched.result.unwrap().next_cursor {
                Some(cursor) => order.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(all, (0..25).collect::<Vec<_>>());
        assert_eq!(setup.upstream.apify.started().len(), 1);
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_requester_and_its_query_alone() {
    let setup = Setup::finding(items(25)).await;
    let cursor = setup.fetch(&order(10)).await.result.unwrap().next_cursor;
    assert!(cursor.is_some());
    let next = Order { cursor: cursor.clone(), ..order(10) };
    let other = Context { requester: RequesterId::new("key", "mallory"), ..context(TIME) };
    let stolen = setup.fetch_in(&other, &next).await;
    let changed = Order { input: json!({"query": "time"}), ..next.clone() };
    let changed = setup.fetch(&changed).await;
    let made_up = Order { cursor: Some("eyJvZmZzZXQiOjEwfQ".to_owned()), ..order(10) };
    let made_up = setup.fetch(&made_up).await;
    for fetched in [stolen, changed, made_up] {
        assert_eq!(fetched.result.unwrap_err().code, Code::ArgumentsInvalid);
    }
    assert_eq!(setup.upstream.apify.started().len(), 1);
    assert_eq!(numbers(&setup.fetch(&next).await), (10..20).collect::<Vec<_>>());
    setup.upstream.misbehave("/items", Bad::Status(404), 1);
    let forgotten = setup.fetch(&next).await.result.unwrap_err();
    assert_eq!(forgotten.code, Code::UpstreamNotFound);
    assert!(forgotten.message.ends_with("what the run found is no longer kept there"));
}

#[tokio::test]
async fn each_refusal_of_a_start_has_its_code_and_nothing_is_tried_again() {
    for (bad, code) in [
        (Bad::Status(400), "upstream_rejected"),
        (Bad::Status(401), "upstream_unauthorized"),
        (Bad::Status(402), "upstream_forbidden"),
        (Bad::Status(403), "upstream_forbidden"),
        (Bad::Status(404), "upstream_not_found"),
        (Bad::Status(500), "upstream_status"),
        (Bad::Status(503), "upstream_status"),
        (Bad::Answer(302, "", vec![("location", "/other".to_owned())]), "upstream_status"),
        (Bad::Html, "upstream_invalid"),
        (Bad::Empty, "upstream_invalid"),
        (Bad::HalfJson, "upstream_invalid"),
        (Bad::Broken, "upstream_invalid"),
        (Bad::OtherShape, "upstream_changed"),
        (Bad::Endless, "response_too_large"),
        (Bad::Closed, "upstream_invalid"),
    ] {
        let setup = Setup::finding(items(5)).await;
        setup.upstream.misbehave("/runs", bad.clone(), 1);
        let fetched = setup.fetch(&order(5)).await;
        let failure = fetched.result.unwrap_err();
        assert_eq!(failure.code.as_str(), code, "{bad:?}: {}", failure.message);
        assert_eq!(setup.upstream.count("POST", "/acts/"), 1, "{bad:?}");
        assert_eq!((fetched.details.complete, fetched.details.returned), (false, 0));
        let is_refusal = ["answered with status 3", "answered with status 4"]
            .iter()
            .any(|refusal| failure.message.contains(refusal));
        let says_so = failure.message.ends_with("; whether a run was started there is not known");
        assert_ne!(is_refusal, says_so, "{bad:?}: {}", failure.message);
    }
}

#[tokio::test]
async fn a_start_refused_for_its_rate_is_tried_again_when_that_is_over() {
    let setup = Setup::finding(items(5)).await;
    let limited = Bad::Answer(429, "{}", vec![("retry-after", "0".to_owned())]);
    setup.upstream.misbehave("/runs", limited.clone(), 2);
    assert_eq!(numbers(&setup.fetch(&order(5)).await).len(), 5);
    assert_eq!(setup.upstream.apify.started().len(), 1);
    setup.upstream.misbehave("/runs", limited, 9);
    let failure = setup.fetch(&order(5)).await.result.unwrap_err();
    assert_eq!(failure.code, Code::RateLimited);
    assert_eq!(setup.upstream.count("POST", "/acts/"), 6);
}

#[tokio::test]
async fn a_rate_limit_beyond_the_deadline_is_told_at_once() {
    let setup = Setup::finding(items(5)).await;
    let limited = Bad::Answer(429, "{}", vec![("retry-after", "3600".to_owned())]);
    setup.upstream.misbehave("/runs", limited, 9);
    let failure = setup.fetch(&order(5)).await.result.unwrap_err();
    assert_eq!(failure.code, Code::RateLimited);
    assert_eq!(setup.upstream.count("POST", "/acts/"), 1);
}

#[tokio::test]
async fn a_run_that_is_paid_for_survives_polls_that_fail() {
    let setup = Setup::finding(items(5)).await;
    let limited = Bad::Answer(429, "{}", vec![("retry-after", "0".to_owned())]);
    for bad in [Bad::Status(500), Bad::Html, Bad::Closed, limited] {
        setup.upstream.misbehave("/actor-runs/", bad, 1);
    }
    let fetched = setup.fetch(&order(5)).await;
    assert_eq!(numbers(&fetched).len(), 5);
    assert!(fetched.details.complete);
    assert_eq!(setup.upstream.apify.started().len(), 1);
}

#[tokio::test]
async fn a_run_that_cannot_be_watched_is_stopped_and_what_it_found_is_given() {
    let setup = Setup::finding(items(5)).await;
    setup.upstream.apify.set_endings([Ending::Never(3)]);
    setup.upstream.misbehave("/actor-runs/run0", Bad::Status(403), 1);
    let fetched = setup.fetch(&order(5)).await;
    assert_eq!(setup.upstream.apify.aborted(), 1);
    assert_eq!(numbers(&fetched), [0, 1, 2]);
    assert_eq!(fetched.details.stopped.unwrap().code, Code::UpstreamForbidden);
}

#[tokio::test]
async fn what_a_run_found_before_it_failed_is_a_result_that_is_not_complete() {
    for (status, text) in [
        ("FAILED", "Apify Actor run failed"),
        ("ABORTED", "Apify Actor run aborted"),
        ("TIMED-OUT", "Apify Actor run timed out"),
    ] {
        let setup = Setup::finding(items(5)).await;
        setup.upstream.apify.set_endings([Ending::Not(status, 3), Ending::Not(status, 0)]);
        let partial = setup.fetch(&order(5)).await;
        assert_eq!(numbers(&partial), [0, 1, 2]);
        let stopped = partial.details.stopped.unwrap();
        assert_eq!((stopped.code, stopped.retryable), (Code::UpstreamRunFailed, true));
        assert_eq!(stopped.message, text);
        assert!(!partial.details.complete);
        let nothing = setup.fetch(&order(5)).await;
        let failure = nothing.result.unwrap_err();
        assert_eq!((failure.code, failure.message.as_str()), (Code::UpstreamRunFailed, text));
    }
}

#[tokio::test]
async fn a_run_is_stopped_in_time_and_what_it_found_is_given() {
    let setup = Setup::finding(items(50)).await;
    setup.upstream.apify.set_endings([Ending::Never(7), Ending::Never(0)]);
    let fetched = setup.fetch_in(&context(Duration::from_secs(2)), &order(50)).await;
    assert_eq!(numbers(&fetched).len(), 7);
    assert_eq!(fetched.details.stopped.unwrap().code, Code::DeadlineExceeded);
    assert_eq!((setup.upstream.apify.going(), setup.upstream.apify.aborted()), (0, 1));
    let fetched = setup.fetch_in(&context(Duration::from_secs(2)), &order(50)).await;
    assert_eq!(fetched.result.unwrap_err().code, Code::DeadlineExceeded);
    assert_eq!((setup.upstream.apify.going(), setup.upstream.apify.aborted()), (0, 2));
}

#[tokio::test]
async fn a_run_ends_by_itself_at_the_jobs_deadline_should_nobody_stop_it() {
    let setup = Setup::finding(items(1)).await;
    setup.fetch_in(&context(Duration::from_secs(100)), &order(1)).await;
    let start = setup.upstream.seen().into_iter().find(|ask| ask.path.contains("/acts/")).unwrap();
    let timeout = start.number("timeout").unwrap();
    assert!((90..100).contains(&timeout), "{timeout}");
}

#[tokio::test]
async fn a_cancelled_job_stops_its_run() {
    let setup = Setup::finding(items(5)).await;
    setup.upstream.apify.set_endings([Ending::Never(3)]);
    let context = context(TIME);
    let (order, fetching) = (order(5), context.clone());
    let fetching = setup.fetch_in(&fetching, &order);
    let cancelling = async {
        setup.until(|upstream| upstream.count("GET", "/actor-runs/") > 0).await;
        context.stop.cancel();
    };
    let (fetched, ()) = tokio::join!(fetching, cancelling);
    assert_eq!(fetched.result.unwrap_err().code, Code::Cancelled);
    assert_eq!((setup.upstream.apify.going(), setup.upstream.apify.aborted()), (0, 1));
}

#[tokio::test]
async fn a_job_that_ends_while_its_run_starts_stops_that_run_all_the_same() {
    let setup = Setup::finding(items(5)).await;
    setup.upstream.apify.set_endings([Ending::Never(3), Ending::Never(3)]);
    setup.upstream.set_latency(Duration::from_millis(300));
    let context = context(TIME);
    let (order, fetching) = (order(5), context.clone());
    let fetching = setup.fetch_in(&fetching, &order);
    let cancelling = async {
        setup.until(|upstream| upstream.count("POST", "/acts/") == 1).await;
        context.stop.cancel();
    };
    let (fetched, ()) = tokio::join!(fetching, cancelling);
    assert_eq!(fetched.result.unwrap_err().code, Code::Cancelled);
    within(setup.upstream.apify.until_aborted(1)).await;
    let dropped = setup.fetch(&order);
    let starting = setup.until(|upstream| upstream.count("POST", "/acts/") == 2);
    tokio::select! {
        _ = dropped => panic!("the run never ends"),
        () = starting => {}
    }
    within(setup.upstream.apify.until_aborted(2)).await;
    assert_eq!(setup.upstream.apify.going(), 0);
}

#[tokio::test]
async fn a_page_that_breaks_off_is_read_on_from_where_it_broke() {
    for bad in [
        Bad::HalfJson,
        Bad::Broken,
        Bad::Closed,
        Bad::Html,
        Bad::Empty,
        Bad::Status(502),
        Bad::Answer(429, "{}", vec![("retry-after", "0".to_owned())]),
    ] {
        let setup = Setup::finding(items(2500)).await;
        setup.upstream.misbehave("/items", bad.clone(), 2);
        let fetched = setup.fetch(&order(2500)).await;
        assert_eq!(numbers(&fetched), (0..2500).collect::<Vec<_>>(), "{bad:?}");
        assert!(fetched.details.complete, "{bad:?}");
    }
}

#[tokio::test]
async fn nothing_that_was_fetched_is_lost_when_a_later_page_fails() {
    for (bad, code) in [
        (Bad::Status(401), "upstream_unauthorized"),
        (Bad::Status(404), "upstream_not_found"),
        (Bad::Status(500), "upstream_status"),
        (Bad::OtherShape, "upstream_changed"),
        (Bad::Html, "upstream_invalid"),
    ] {
        let setup = Setup::finding(items(2500)).await;
        setup.upstream.misbehave("/items", Bad::HalfJson, 1);
        setup.upstream.misbehave("/items", bad.clone(), 3);
        let partial = setup.fetch(&order(2500)).await;
        let first = numbers(&partial);
        assert!(!first.is_empty() && first.len() < 1000, "{bad:?}: {}", first.len());
        let stopped = partial.details.stopped.unwrap();
        assert_eq!(stopped.code.as_str(), code, "{bad:?}");
        setup.upstream.behave();
        let cursor = partial.result.unwrap().next_cursor;
        let rest = setup.fetch(&Order { cursor, ..order(2500) }).await;
        let all: Vec<u64> = first.into_iter().chain(numbers(&rest)).collect();
        assert_eq!(all, (0..2500).collect::<Vec<_>>(), "{bad:?}");
        assert_eq!(setup.upstream.apify.started().len(), 1);
    }
}

#[tokio::test]
async fn a_dataset_that_is_too_long_for_the_jobs_time_is_given_as_far_as_it_was_read() {
    let setup = Setup::finding(items(100_000)).await;
    setup.upstream.set_latency(Duration::from_millis(300));
    let partial = setup.fetch_in(&context(Duration::from_secs(3)), &order(100_000)).await;
    let first = numbers(&partial);
    assert!(first.len() >= 1000 && first.len() < 50_000, "{}", first.len());
    assert_eq!(partial.details.stopped.unwrap().code, Code::DeadlineExceeded);
    setup.upstream.set_latency(Duration::ZERO);
    let cursor = partial.result.unwrap().next_cursor;
    let rest = setup.fetch(&Order { cursor, ..order(100_000) }).await;
    assert_eq!(numbers(&rest).first(), Some(&(first.len() as u64)));
    assert_eq!(first.len() + numbers(&rest).len(), 100_000);
    assert_eq!(setup.upstream.apify.started().len(), 1);
}

#[tokio::test]
async fn a_paid_run_whose_items_cannot_be_read_is_resumed_without_paying_again() {
    let setup = Setup::finding(items(5)).await;
    setup.upstream.misbehave("/items", Bad::Status(500), 3);
    let fetched = setup.fetch(&order(5)).await;
    assert_eq!(fetched.result.unwrap_err().code, Code::UpstreamStatus);
    let cursor = fetched.details.resume;
    assert!(cursor.is_some());
    let resumed = setup.fetch(&Order { cursor, ..order(5) }).await;
    assert_eq!(numbers(&resumed).len(), 5);
    assert_eq!(setup.upstream.apify.started().len(), 1);
}

#[tokio::test]
async fn a_result_stops_at_the_output_limit_and_goes_on_with_its_cursor() {
    let setup = Setup::finding(items(500)).await;
    let limits = Limits { output_bytes: Some(1000), ..Limits::default() };
    let mut order = order(500);
    let mut all = Vec::new();
    while all.len() < 500 {
        let fetched = setup.fetch_in(&limited(TIME, limits), &order).await;
        all.extend(numbers(&fetched));
        let output = fetched.result.unwrap();
        assert!(output.data.len() <= 1000, "{}", output.data.len());
        if let Some(stopped) = fetched.details.stopped {
            assert_eq!(stopped.code, Code::OutputTooLarge);
        }
        order.cursor = output.next_cursor;
    }
    assert_eq!(all, (0..500).collect::<Vec<_>>());
    assert_eq!(setup.upstream.apify.started().len(), 1);
}

#[tokio::test]
async fn an_item_that_fits_into_no_result_fails_the_job_by_its_name() {
    let setup = Setup::finding(items(5)).await;
    let limits = Limits { output_bytes: Some(8), ..Limits::default() };
    let fetched = setup.fetch_in(&limited(TIME, limits), &order(5)).await;
    assert_eq!(fetched.result.unwrap_err().code, Code::OutputTooLarge);
    assert!(fetched.details.resume.is_some(), "it is paid, and fits where more is allowed");
}

#[tokio::test]
async fn items_of_another_form_are_left_out_and_counted() {
    let found = vec![json!({"n": 1}), json!("text"), json!({"n": "2"}), json!({"m": 3})];
    let setup = Setup::finding(Items::of(found)).await;
    let fetched = setup.fetch(&order(10)).await;
    assert_eq!(numbers(&fetched), [1]);
    assert_eq!((fetched.details.returned, fetched.details.unreadable), (1, 3));
}

#[tokio::test]
async fn a_start_that_was_never_sent_is_not_called_uncertain() {
    let setup = Setup::finding(items(5)).await;
    let limits = Limits { egress_requests: Some(0), ..Limits::default() };
    let failure = setup.fetch_in(&limited(TIME, limits), &order(5)).await.result.unwrap_err();
    assert_eq!(failure.code, Code::EgressExhausted);
    assert!(!failure.message.contains("not known"), "{}", failure.message);
    assert!(setup.upstream.seen().is_empty());
}

#[tokio::test]
async fn the_jobs_own_limits_on_requests_hold() {
    let setup = Setup::finding(items(5)).await;
    let limits = Limits { egress_requests: Some(2), ..Limits::default() };
    let context = limited(TIME, limits);
    let fetched = setup.fetch_in(&context, &order(5)).await;
    assert_eq!(fetched.result.unwrap_err().code, Code::EgressExhausted);
    assert_eq!(context.meter.usage().egress_requests, 2);
}

#[tokio::test]
async fn answers_without_end_are_bounded() {
    let setup = Setup::finding(items(5)).await;
    setup.upstream.misbehave("/items", Bad::Endless, 1);
    let endless = setup.fetch_values(&context(TIME), &order(50)).await;
    assert_eq!(endless.details.returned, 50, "it reads as far as it is asked to");
    let mut all = JoinSet::new();
    for bad in [Bad::Trickle, Bad::Silence] {
        for path in ["/runs", "/actor-runs/", "/items"] {
            let bad = bad.clone();
            all.spawn(async move {
                let setup = Setup::finding(items(5)).await;
                setup.upstream.misbehave(path, bad.clone(), 9);
                let time = Duration::from_millis(1500);
                let fetched = within(setup.fetch_in(&context(time), &order(5))).await;
                let failure = fetched.result.unwrap_err();
                assert_eq!(failure.code, Code::DeadlineExceeded, "{bad:?} at {path}");
            });
        }
    }
    all.join_all().await;
}

#[tokio::test]
async fn a_token_that_is_echoed_appears_nowhere() {
    for path in ["/runs", "/actor-runs/", "/items", "/users/me"] {
        let setup = Setup::finding(items(5)).await;
        setup.upstream.misbehave(path, Bad::Echo, 9);
        let fetched = setup.fetch(&order(5)).await;
        setup.apify.probe().await;
        let missing = setup.apify.missing(ACTOR).unwrap_or_default();
        let shown = format!("{fetched:?} {missing} {:?}", setup.apify);
        let told = fetched.result.as_ref().err().map(|failure| failure.message.clone());
        let details = fetched.details.to_json().to_string();
        let all = format!("{shown} {told:?} {details}");
        assert!(!all.contains(TOKEN) && !all.contains("Bearer"), "{path}: {all}");
    }
    let found = Items::of(vec![json!({"n": 1}), json!({"n": 2, "text": TOKEN}), json!({"n": 3})]);
    let setup = Setup::finding(found).await;
    let fetched = setup.fetch_values(&context(TIME), &order(10)).await;
    let output = fetched.result.unwrap();
    let text = std::str::from_utf8(&output.data).unwrap();
    assert!(!text.contains(TOKEN) && text.contains("withheld"), "{text}");
    for ask in setup.upstream.seen() {
        assert!(!ask.path.contains(TOKEN) && ask.query.values().all(|value| value != TOKEN));
    }
}

#[tokio::test]
async fn capabilities_follow_what_the_last_answers_say() {
    let setup = Setup::finding(items(5)).await;
    assert_eq!(setup.apify.missing(ACTOR), None);
    setup.upstream.misbehave("/users/me", Bad::Status(401), 1);
    setup.apify.probe().await;
    let refused = "Apify answered with status 401: it refuses this worker's credentials";
    assert_eq!(setup.apify.missing(ACTOR).as_deref(), Some(refused));
    setup.apify.probe().await;
    assert_eq!(setup.apify.missing(ACTOR), None);
    let rented = r#"{"error": {"type": "actor-is-not-rented", "message": "x"}}"#;
    setup.upstream.misbehave("/runs", Bad::Answer(403, rented, Vec::new()), 1);
    setup.fetch(&order(5)).await;
    let reason = "Apify answered with status 403: the operator has not rented this actor";
    assert_eq!(setup.apify.missing(ACTOR).as_deref(), Some(reason));
    assert_eq!(setup.apify.missing("owner~other"), None);
    setup.fetch(&order(5)).await;
    assert_eq!(setup.apify.missing(ACTOR), None, "a run that starts proves the opposite");
    assert_eq!(setup.upstream.count("POST", "/acts/"), 2, "no probe runs an actor");
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    let setup = Setup::without_token().await;
    let failure = setup.fetch(&order(5)).await.result.unwrap_err();
    assert_eq!(failure.code, Code::NotConfigured);
    assert_eq!(failure.message, "the operator of this worker has not set APIFY_API_KEY");
    setup.apify.probe().await;
    assert_eq!(setup.apify.missing(ACTOR).as_deref(), Some(failure.message.as_str()));
    assert!(setup.upstream.seen().is_empty());
}

#[tokio::test]
async fn ids_that_are_no_ids_are_not_put_into_addresses() {
    for id in ["../users/me", "a b", "", TOKEN] {
        let setup = Setup::finding(items(1)).await;
        let body = json!({"data": {"id": "run0", "status": "SUCCEEDED", "defaultDatasetId": id}});
        let body: &'static str = body.to_string().leak();
        setup.upstream.misbehave("/runs", Bad::Answer(201, body, Vec::new()), 1);
        let failure = setup.fetch(&order(1)).await.result.unwrap_err();
        assert_eq!(failure.code, Code::UpstreamChanged, "{id:?}");
        assert_eq!(setup.upstream.seen().len(), 1, "{id:?}");
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it ends in time")
}
