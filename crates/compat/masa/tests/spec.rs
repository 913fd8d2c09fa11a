//! Every job type and argument name of both READMEs and of the generations between them
//! (reference 7).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sealwork_compat_masa::{MasaJob, to_spec, unknown_job_type};
use sealwork_job::{Code, JobSpec};
use serde_json::{Value, json};

fn job(job_type: &str, arguments: Value) -> MasaJob {
    let Value::Object(arguments) = arguments else { panic!("not an object") };
    MasaJob { job_type: job_type.to_owned(), arguments: Some(arguments), ..MasaJob::default() }
}

fn spec(job_type: &str, arguments: Value) -> JobSpec {
    to_spec(&job(job_type, arguments)).unwrap()
}

#[test]
fn every_job_type_of_every_generation_has_an_engine() {
    for (job_type, engine, operation) in [
        ("web", "web", "scraper"),
        ("web-scraper", "web", "scraper"),
        ("webscraper", "web", "scraper"),
        ("tiktok", "tiktok", "transcription"),
        ("tiktok-transcription", "tiktok", "transcription"),
        ("reddit", "reddit", "scrapeurls"),
        ("twitter", "twitter", "searchbyquery"),
        ("twitter-scraper", "twitter", "searchbyquery"),
        ("twitter-credential", "twitter-credential", "searchbyquery"),
        ("twitter-credential-scraper", "twitter-credential", "searchbyquery"),
        ("twitter-api", "twitter-api", "searchbyquery"),
        ("twitter-api-scraper", "twitter-api", "searchbyquery"),
        ("twitter-apify", "twitter-apify", "getfollowers"),
    ] {
        let spec = spec(job_type, json!({}));
        assert_eq!(spec.engine.as_str(), engine, "{job_type}");
        assert_eq!(spec.arguments["type"], operation, "{job_type}");
    }
    let without_arguments = MasaJob { job_type: "telemetry".to_owned(), ..MasaJob::default() };
    assert_eq!(to_spec(&without_arguments).unwrap().arguments, json!({}));
    assert_eq!(spec("telemetry", json!({"x": 1})).arguments, json!({}));
}

#[test]
fn a_program_job_keeps_its_arguments_as_they_are() {
    let arguments = json!({"program": {"javascript": "x"}, "input": {"count": 2}, "args": []});
    let spec = spec("program", arguments.clone());
    assert_eq!((spec.engine.as_str(), spec.arguments), ("program", arguments));
}

#[test]
fn unknown_types_fail_with_the_text_that_clients_know() {
    for job_type in ["", "Web", "linkedin", "web ", "no such \"type\""] {
        let failure = to_spec(&job(job_type, json!({}))).unwrap_err();
        assert_eq!(failure, unknown_job_type(job_type));
        assert_eq!(failure.code, Code::EngineUnknown);
        assert_eq!(failure.message, format!("unknown job type: {job_type}"));
    }
}

#[test]
fn operations_are_taken_in_any_case_and_under_their_old_names() {
    for (job_type, named, meant) in [
        ("twitter", "SearchByQuery", "searchbyquery"),
        ("twitter-scraper", "searchfollowers", "getfollowers"),
        ("twitter-scraper", "getbookmarks", "getbookmarks"),
        ("tiktok", "tiktok-transcription", "transcription"),
        ("tiktok", "", "transcription"),
        ("web", "web-scraper", "scraper"),
        ("reddit", "SearchPosts", "searchposts"),
    ] {
        assert_eq!(spec(job_type, json!({"type": named})).arguments["type"], meant, "{named}");
    }
    // What is no name is left for the engine to refuse.
    assert_eq!(spec("twitter", json!({"type": 5})).arguments["type"], 5);
    assert_eq!(spec("twitter", json!({"type": null})).arguments["type"], "searchbyquery");
}

#[test]
fn the_old_crawler_is_told_from_the_new_one_and_unknown_arguments_are_ignored() {
    let arguments = json!({"url": "google", "depth": 1, "legacy": true, "cookies": []});
    assert_eq!(
        spec("web-scraper", arguments.clone()).arguments,
        json!({"type": "scraper", "url": "google", "depth": 1, "legacy": true})
    );
    assert_eq!(
        spec("web", arguments).arguments,
        json!({"type": "scraper", "url": "google", "depth": 1})
    );
    let all = json!({
        "type": "scraper", "url": "https://a.example", "max_depth": 2, "max_pages": 3,
        "selector": "p", "same_origin": false, "respect_robots": true,
    });
    assert_eq!(spec("web", all.clone()).arguments, all);
}

#[test]
fn counts_and_cursors_of_the_early_readme_are_understood() {
    let arguments = spec("twitter-scraper", json!({"count": 7, "next_cursor": 12})).arguments;
    assert_eq!(arguments["max_results"], 7);
    assert_eq!(arguments["next_cursor"], "12");
    assert_eq!(arguments.get("count"), None);
    for beginning in [json!(0), json!(0.0)] {
        let arguments = spec("twitter", json!({"next_cursor": beginning})).arguments;
        assert_eq!(arguments.get("next_cursor"), None, "{arguments}");
    }
    for none in [json!(-1), json!(1.5), json!(1e30)] {
        assert_eq!(spec("twitter", json!({"next_cursor": none})).arguments["next_cursor"], none);
    }
    let size = |arguments: Value| spec("twitter", arguments).arguments["max_results"].clone();
    assert_eq!(size(json!({"count": 7, "max_results": 3})), 3);
    assert_eq!(size(json!({"count": 7, "max_results": 0})), 7);
    assert_eq!(size(json!({"max_results": 0})), 0);
    assert_eq!(spec("twitter", json!({"next_cursor": "abc"})).arguments["next_cursor"], "abc");
    let unknown = spec("twitter", json!({"query": "x", "lang": "en"})).arguments;
    assert_eq!(unknown, json!({"type": "searchbyquery", "query": "x"}));
}

#[test]
fn what_an_operation_does_not_know_is_ignored_as_masas_workers_do() {
    let more = json!({"proxy": {}, "depth": 1});
    for (job_type, known) in [
        (
            "reddit",
            json!({
                "type": "searchposts", "queries": ["a"], "sort": "new", "include_nsfw": true,
                "skip_posts": true, "after": "2025-01-01T00:00:00Z", "max_items": 1,
                "max_results": 1, "max_posts": 1, "max_comments": 1, "max_communities": 1,
                "max_users": 1, "urls": [], "next_cursor": "x",
            }),
        ),
        ("tiktok", json!({"type": "transcription", "video_url": "u", "language": "eng-US"})),
        (
            "tiktok",
            json!({
                "type": "searchbyquery", "search": ["a"], "start_urls": [], "max_items": 1,
                "end_page": 1, "next_cursor": "x",
            }),
        ),
        (
            "tiktok",
            json!({
                "type": "searchbytrending", "country_code": "US", "sort_by": "vv", "period": "7",
                "max_items": 1, "next_cursor": "x",
            }),
        ),
    ] {
        let mut sent = known.clone();
        sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(spec(job_type, sent).arguments, known);
    }
    // Of another operation of the same type.
    let arguments = spec("tiktok", json!({"video_url": "u", "max_items": 3})).arguments;
    assert_eq!(arguments, json!({"type": "transcription", "video_url": "u"}));
}

/// The late README's examples literally have `"next_cursor": "optional_pagination_cursor"`: clients
/// that were copied from it mean the first page.
#[test]
fn the_cursor_that_the_late_readme_writes_in_its_examples_asks_for_the_first_page() {
    for job_type in ["twitter-apify", "twitter", "reddit"] {
        let arguments = json!({"next_cursor": "optional_pagination_cursor"});
        assert_eq!(spec(job_type, arguments).arguments.get("next_cursor"), None, "{job_type}");
    }
}

#[test]
fn worker_id_quote_and_timeout_do_not_reach_the_engine() {
    let mut asked = job("telemetry", json!({}));
    asked.timeout = 1;
    asked.stamp("w", [1; 32], Some(2));
    assert_eq!(to_spec(&asked).unwrap(), spec("telemetry", json!({})));
}

#[test]
fn arguments_nested_too_deep_are_refused() {
    let nested = |depth: usize| {
        let inner = (0..depth).fold(json!(1), |inner, _| json!([inner]));
        to_spec(&job("web", json!({ "a": inner })))
    };
    assert!(nested(63).is_ok());
    assert_eq!(nested(64).unwrap_err().code, Code::JobMalformed);
    // The same bound as for jobs that come in on their own.
    let spec = nested(63).unwrap();
    assert!(JobSpec::from_json(&spec.to_json()).is_ok());
}
