//! Jobs of the tiktok engine against the test upstream.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use sealwork_egress::UpstreamBase;
use sealwork_engine::{Engine as _, Report};
use sealwork_engine_tiktok::{TiktokEngine, TranscriptionConfig};
use sealwork_job::{Code, Rerun};
use sealwork_platform::SystemClock;
use sealwork_test_upstream::{Bad, Ending, Items, TOKEN, TestUpstream, apify_at, context, egress};
use sealwork_upstream::{Apify, Social as _};
use serde_json::{Value, json};

const VIDEO: &str = "https://www.tiktok.com/@coachty23/video/7502100651397172526";

struct Setup {
    upstream: TestUpstream,
    apify: Apify,
    engine: TiktokEngine,
}

impl Setup {
    async fn new() -> Self {
        Self::with_token(Some(TOKEN)).await
    }

    async fn with_token(token: Option<&str>) -> Self {
        let upstream = TestUpstream::start().await.unwrap();
        let base = upstream.base("/tiktok").parse().unwrap();
        Self::at(upstream, Some(base), token)
    }

    fn at(upstream: TestUpstream, base: Option<UpstreamBase>, token: Option<&str>) -> Self {
        let apify = apify_at(&upstream, token, 1000);
        let clock = Arc::new(SystemClock::new());
        let config = TranscriptionConfig {
            base,
            user_agent: TranscriptionConfig::DEFAULT_USER_AGENT.to_owned(),
            default_language: TranscriptionConfig::DEFAULT_LANGUAGE.to_owned(),
        };
        let engine = TiktokEngine::new(config, apify.clone(), egress(), clock);
        Self { upstream, apify, engine }
    }

    /// As the worker that both belong to does it.
    async fn probe(&self) {
        self.apify.probe().await;
        self.engine.probe().await;
    }

    async fn report(&self, arguments: Value) -> Report {
        self.engine.run(&context(Duration::from_secs(30)), arguments).await
    }

    async fn result(&self, arguments: Value) -> Value {
        serde_json::from_slice(&self.report(arguments).await.result.unwrap().data).unwrap()
    }

    async fn failure(&self, arguments: Value) -> (Code, String) {
        let failure = self.report(arguments).await.result.unwrap_err();
        (failure.code, failure.message)
    }
}

fn transcription(language: Option<&str>) -> Value {
    json!({"type": "transcription", "video_url": VIDEO, "language": language})
}

#[tokio::test]
async fn the_example_of_the_readme_gives_the_documented_result() {
    let setup = Setup::new().await;
    let report = setup.report(transcription(Some("eng-US"))).await;
    assert_eq!(report.stats, [("tiktok_transcription_success", 1)]);
    assert_eq!(report.details.unwrap()["way"], "transcription");
    let result: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    assert_eq!(
        result,
        json!({
            "transcription_text": "Hello world second line third line",
            "detected_language": "eng-US",
            "video_title": "A goalkeeper's morning #training",
            "original_url": VIDEO,
            "thumbnail_url": "https://cdn.tiktok.example/thumbnail.jpg",
        })
    );
    let seen = setup.upstream.seen();
    assert_eq!((seen.len(), &seen[0].json()), (1, &json!({"url": VIDEO})));
    assert!(seen[0].header("user-agent").unwrap().contains("Chrome/126"));
    let origin = format!("http://{}", setup.upstream.address());
    assert_eq!(seen[0].header("origin"), Some(origin.as_str()));
    let referer = format!("{origin}/tiktok/tiktok-transcription");
    assert_eq!(seen[0].header("referer"), Some(referer.as_str()));
}

#[tokio::test]
async fn the_language_that_is_asked_for_is_given_or_refused() {
    let setup = Setup::new().await;
    for (asked, given) in [
        (Some("spa-ES"), "spa-ES"),
        (Some("SPA-es"), "spa-ES"),
        (Some(""), "eng-US"),
        (None, "eng-US"),
    ] {
        let result = setup.result(transcription(asked)).await;
        assert_eq!(result["detected_language"], given, "{asked:?}");
    }
    assert_eq!(
        setup.failure(transcription(Some("fra-FR"))).await,
        (
            Code::UpstreamNotFound,
            "Transcript for requested language fra-FR not found in API response; there is eng-US, \
             spa-ES"
                .to_owned()
        )
    );
}

#[tokio::test]
async fn without_the_workers_language_another_is_taken_but_never_a_blank_one() {
    let setup = Setup::new().await;
    setup.upstream.tiktok.set_answer(json!({
        "transcripts": {"ara-SA": " \n", "deu-DE": "WEBVTT\n\n00:00.000 --> 00:01.000\nGuten Tag\n"}
    }));
    let result = setup.result(transcription(None)).await;
    assert_eq!(
        result,
        json!({"transcription_text": "Guten Tag", "detected_language": "deu-DE", "original_url": VIDEO})
    );
    for answer in [
        json!({"transcripts": {}}),
        json!({"transcripts": null}),
        json!({"videoTitle": "silent"}),
        json!({"transcripts": {"eng-US": "", "deu-DE": null}}),
        json!({"transcripts": {"eng-US": "WEBVTT\n\nNOTE nothing is said\n"}}),
    ] {
        setup.upstream.tiktok.set_answer(answer);
        let none = (Code::UpstreamNotFound, "No transcripts found in API response".to_owned());
        assert_eq!(setup.failure(transcription(None)).await, none);
        assert_eq!(setup.failure(transcription(Some("eng-US"))).await.0, none.0);
    }
}

#[tokio::test]
async fn each_bad_answer_has_its_code_and_the_words_of_the_reference() {
    for (bad, code, text) in [
        (Bad::Status(401), "upstream_unauthorized", "API request failed with status code 401: "),
        (Bad::Status(403), "upstream_forbidden", "API request failed with status code 403: "),
        (Bad::Status(404), "upstream_not_found", "API request failed with status code 404: "),
        (Bad::Status(429), "rate_limited", "API request failed with status code 429: "),
        (Bad::Status(500), "upstream_status", "API request failed with status code 500: "),
        (Bad::Html, "upstream_invalid", "Failed to parse API response: "),
        (Bad::HalfJson, "upstream_invalid", "Failed to parse API response: "),
        (Bad::Empty, "upstream_invalid", "Failed to parse API response: "),
        (Bad::Broken, "upstream_invalid", "API request failed: "),
        (Bad::Closed, "upstream_invalid", "API request failed: "),
        (Bad::Endless, "response_too_large", "API request failed: "),
    ] {
        let setup = Setup::new().await;
        setup.upstream.misbehave("/api/tiktok-transcription", bad.clone(), 1);
        let report = setup.report(transcription(None)).await;
        assert_eq!(report.stats, [("tiktok_transcription_errors", 1)]);
        let failure = report.result.unwrap_err();
        assert_eq!(failure.code.as_str(), code, "{bad:?}: {}", failure.message);
        assert!(failure.message.starts_with(text), "{bad:?}: {}", failure.message);
    }
    let setup = Setup::new().await;
    for changed in [
        json!([]),
        json!(["title", "thumbnail", {"eng-US": "WEBVTT\n\nHello"}, ""]),
        json!({}),
        json!({"captions": {"eng-US": "WEBVTT\n\nHello"}}),
        json!({"transcripts": ["not", "a", "map"]}),
    ] {
        setup.upstream.tiktok.set_answer(changed.clone());
        let (code, message) = setup.failure(transcription(None)).await;
        assert_eq!(code, Code::UpstreamChanged, "{changed}: {message}");
    }
    for none in [json!({"transcripts": {}}), json!({"transcripts": null})] {
        setup.upstream.tiktok.set_answer(none.clone());
        assert_eq!(setup.failure(transcription(None)).await.0, Code::UpstreamNotFound, "{none}");
    }
    setup.upstream.tiktok.set_answer(json!({"error": "Video is\n private"}));
    assert_eq!(
        setup.failure(transcription(None)).await,
        (Code::UpstreamRejected, "API returned an error: Video is private".to_owned())
    );
}

#[tokio::test]
async fn a_service_that_does_not_answer_ends_with_the_job() {
    let setup = Setup::new().await;
    setup.upstream.misbehave("/api/tiktok-transcription", Bad::Silence, 1);
    let context = context(Duration::from_millis(300));
    let report = setup.engine.run(&context, transcription(None)).await;
    assert_eq!(report.result.unwrap_err().code, Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_search_by_query_gives_videos_of_the_documented_shape() {
    let setup = Setup::new().await;
    let search = json!({"type": "searchbyquery", "search": ["space"], "max_items": 3});
    assert_eq!(setup.engine.admit(&search), Ok(Rerun::Once));
    let report = setup.report(search).await;
    assert_eq!(report.stats, [("tiktok_queries", 1), ("tiktok_returned_videos", 3)]);
    let videos: Value = serde_json::from_slice(&report.result.unwrap().data).unwrap();
    let video = &videos[2];
    assert_eq!(video["id"], "7500000000000000002");
    assert_eq!((&video["createTime"], &video["author"]), (&json!("1757980800"), &json!("someone")));
    assert_eq!(video["video"]["zoomCover"], json!({"240": "", "480": "", "720": "", "960": ""}));
    assert_eq!(video["stats"]["playCount"], 1000);
    assert_eq!(video["officalItem"], false);
    assert_eq!(video.as_object().unwrap().len(), 46);
    let proxy = json!({"useApifyProxy": true, "apifyProxyGroups": ["RESIDENTIAL"]});
    assert_eq!(
        setup.upstream.apify.started(),
        [(
            "epctex~tiktok-search-scraper".to_owned(),
            json!({"search": ["space"], "startUrls": [], "maxItems": 3, "proxy": proxy})
        )]
    );
    let urls = json!({
        "type": "searchbyquery", "start_urls": ["https://www.tiktok.com/tag/space"], "end_page": 2
    });
    assert_eq!(setup.result(urls).await.as_array().unwrap().len(), 20);
    let (_, input) = setup.upstream.apify.started().pop().unwrap();
    assert_eq!(
        input,
        json!({
            "search": [], "startUrls": ["https://www.tiktok.com/tag/space"], "maxItems": 20,
            "endPage": 2, "proxy": proxy
        })
    );
}

#[tokio::test]
async fn a_search_by_trend_gives_videos_of_the_documented_shape() {
    let setup = Setup::new().await;
    let found = setup.result(json!({"type": "SearchByTrending", "max_items": 2})).await;
    assert_eq!(
        found[1],
        json!({
            "country_code": "US", "cover": "https://cdn.tiktok.example/cover.jpg", "duration": 12,
            "id": "7500000000000000001", "item_id": "7500000000000000001",
            "item_url": "https://www.tiktok.com/@someone/video/7500000000000000001",
            "region": "United States", "title": "Trending 1"
        })
    );
    let arguments = json!({
        "type": "searchbytrending", "country_code": "de", "sort_by": "repost", "period": "30"
    });
    assert_eq!(setup.result(arguments).await.as_array().unwrap().len(), 20);
    let input = |country: &str, sort: &str, period: &str, items: u64| {
        let actor = "lexis-solutions~tiktok-trending-videos-scraper".to_owned();
        let input = json!({
            "countryCode": country, "sortBy": sort, "period": period, "maxItems": items
        });
        (actor, input)
    };
    assert_eq!(
        setup.upstream.apify.started(),
        [input("US", "vv", "7", 2), input("DE", "repost", "30", 20)]
    );
}

#[tokio::test]
async fn what_is_put_in_the_place_of_videos_is_none() {
    let setup = Setup::new().await;
    let query = json!({"type": "searchbyquery", "search": ["a"]});
    let trending = json!({"type": "searchbytrending"});
    for (search, actor) in [
        (query, "epctex~tiktok-search-scraper"),
        (trending, "lexis-solutions~tiktok-trending-videos-scraper"),
    ] {
        for (found, code) in [
            (vec![json!({"error": "no results"})], Code::UpstreamRunFailed),
            (vec![json!({"a": 1}), json!({"error": "no results"})], Code::UpstreamChanged),
            (vec![json!([]), json!(["1", "2", "3"])], Code::UpstreamChanged),
        ] {
            setup.upstream.apify.set_found(actor, Items::of(found.clone()));
            let report = setup.report(search.clone()).await;
            assert_eq!(report.result.unwrap_err().code, code, "{actor}: {found:?}");
            assert!(report.details.unwrap()["resume"].is_string());
        }
    }
}

#[tokio::test]
async fn searches_that_fail_say_which_and_count_as_the_reference_does() {
    let setup = Setup::new().await;
    setup.upstream.apify.set_endings([Ending::Not("FAILED", 0)]);
    let trending = json!({"type": "searchbytrending"});
    let report = setup.report(trending.clone()).await;
    assert_eq!(report.stats, [("tiktok_errors", 1)]);
    let failure = report.result.unwrap_err();
    assert_eq!(failure.message, "apify run (trending): Apify Actor run failed");
    setup.upstream.misbehave("/runs", Bad::Echo, 1);
    let report = setup.report(json!({"type": "searchbyquery", "search": ["a"]})).await;
    assert_eq!(report.stats, [("tiktok_errors", 1), ("tiktok_auth_errors", 1)]);
    let failure = report.result.unwrap_err();
    assert_eq!(failure.code, Code::UpstreamUnauthorized);
    assert!(failure.message.starts_with("apify run (search): Apify answered with status 401"));
    assert!(!failure.message.contains(TOKEN));
    setup.upstream.apify.set_found("epctex~tiktok-search-scraper", Items::of(Vec::new()));
    let nothing = setup.report(json!({"type": "searchbyquery", "search": ["a"]})).await;
    assert_eq!(nothing.stats, [("tiktok_queries", 1), ("tiktok_returned_videos", 0)]);
    assert_eq!(&nothing.result.unwrap().data[..], b"[]");
}

#[tokio::test]
async fn arguments_out_of_range_are_refused_by_naming_field_and_values() {
    let setup = Setup::new().await;
    for (arguments, text) in [
        (
            json!({"type": "download"}),
            "type must be one of transcription, searchbyquery, searchbytrending; got: download",
        ),
        (json!({}), "video_url is required: the address of a video at tiktok.com"),
        (
            json!({"video_url": "https://eviltiktok.com/@a/video/1"}),
            "video_url must be the address of a video at tiktok.com",
        ),
        (
            json!({"video_url": "tiktok.com/@a/video/1"}),
            "video_url must be the address of a video at tiktok.com",
        ),
        (
            json!({"video_url": VIDEO, "language": "english"}),
            "language must be two or three letters, a hyphen and two letters, for example eng-US",
        ),
        (json!({"video_url": VIDEO, "language": 7}), "language must be a string"),
        (
            json!({"video_url": VIDEO, "max_items": 7}),
            "max_items is no argument here; known are type, video_url, language",
        ),
        (
            json!({"type": "searchbyquery"}),
            "search is required: a list of what to search for; or give start_urls",
        ),
        (
            json!({"type": "searchbyquery", "search": "space"}),
            "search must be a list of non-empty strings",
        ),
        (
            json!({"type": "searchbyquery", "start_urls": ["http://127.0.0.1/"]}),
            "start_urls must be a list of addresses at tiktok.com",
        ),
        (
            json!({"type": "searchbyquery", "search": ["a"], "max_items": -1}),
            "max_items must be non-negative, got: -1",
        ),
        (
            json!({"type": "searchbytrending", "country_code": "XX"}),
            "country_code must be one of au, br, ca, eg, fr, de, id, il, it, jp, my, ph, ru, sa, \
             sg, kr, es, tw, th, tr, ae, gb, us, vn; got: XX",
        ),
        (
            json!({"type": "searchbytrending", "sort_by": "views"}),
            "sort_by must be one of vv, like, comment, repost; got: views",
        ),
        (json!({"type": "searchbytrending", "period": 14}), "period must be one of 7, 30; got: 14"),
        (
            json!({"type": "searchbytrending", "period": "14"}),
            "period must be one of 7, 30; got: 14",
        ),
        (
            json!({"type": "searchbytrending", "next_cursor": "x"}),
            "next_cursor must be a cursor that this worker gave with an earlier result",
        ),
    ] {
        let refused = setup.engine.admit(&arguments).unwrap_err();
        assert_eq!(refused.code, Code::ArgumentsInvalid, "{arguments}");
        let text = format!("Failed to unmarshal job arguments: {text}");
        assert_eq!(refused.message, text, "{arguments}");
        assert_eq!(setup.failure(arguments).await, (refused.code, refused.message));
    }
    assert!(setup.upstream.seen().is_empty());
}

#[tokio::test]
async fn capabilities_are_those_that_work() {
    let all = ["transcription", "searchbyquery", "searchbytrending"];
    let setup = Setup::new().await;
    assert_eq!(setup.engine.capabilities(), all);
    setup.probe().await;
    assert_eq!(setup.engine.capabilities(), all, "the service answers, be it with 404");
    setup.upstream.misbehave("/tiktok", Bad::Status(503), 1);
    setup.upstream.misbehave("/users/me", Bad::Status(500), 1);
    setup.probe().await;
    assert!(setup.engine.capabilities().is_empty());
    assert!(setup.engine.operations().iter().all(|operation| operation.missing.is_some()));
    setup.probe().await;
    assert_eq!(setup.engine.capabilities(), all);
    let without = Setup::with_token(None).await;
    assert_eq!(without.engine.capabilities(), ["transcription"]);
    let refused = without.engine.admit(&json!({"type": "searchbytrending"})).unwrap_err();
    assert_eq!(refused.code, Code::NotConfigured);
    assert_eq!(
        refused.message,
        "type searchbytrending needs APIFY_API_KEY, which this worker has not been given; type must \
         be one of transcription"
    );
    assert_eq!(without.engine.admit(&transcription(None)), Ok(Rerun::Idempotent));
}

#[tokio::test]
async fn a_service_that_no_longer_transcribes_is_no_capability_and_a_video_that_it_lacks_ends_none()
{
    let bad_ones = [
        Bad::Answer(404, "", vec![]),
        Bad::Html,
        Bad::Status(500),
        Bad::OtherShape,
        Bad::Status(403),
        Bad::Closed,
    ];
    for bad in bad_ones {
        let setup = Setup::new().await;
        setup.upstream.misbehave("/tiktok-transcription", bad.clone(), 1);
        setup.failure(transcription(None)).await;
        let reason = setup.engine.operations()[0].missing.clone();
        assert!(reason.is_some(), "{bad:?}");
        // That the service's front page is there says nothing of it.
        setup.engine.probe().await;
        assert_eq!(setup.engine.operations()[0].missing, reason, "{bad:?}");
        setup.result(transcription(None)).await;
        assert_eq!(setup.engine.operations()[0].missing, None, "{bad:?}");
    }
    let setup = Setup::new().await;
    for status in [200, 404, 500] {
        let bad = Bad::Answer(status, r#"{"error":"video not found"}"#, vec![]);
        setup.upstream.misbehave("/tiktok-transcription", bad, 1);
        setup.failure(transcription(None)).await;
        assert_eq!(setup.engine.operations()[0].missing, None, "{status}");
    }
}

#[tokio::test]
async fn what_the_service_says_of_a_video_quotes_no_credential_of_the_worker() {
    let setup = Setup::new().await;
    let captions = json!({"eng-US": "WEBVTT\n\n00:00.000 --> 00:01.000\nx"});
    let said = |field: &str| json!({field: format!("it is {TOKEN}"), "transcripts": captions});
    setup.upstream.tiktok.set_answer(said("videoTitle"));
    assert!(setup.result(transcription(None)).await["withheld"].is_string());
    setup.upstream.tiktok.set_answer(said("error"));
    let (code, message) = setup.failure(transcription(None)).await;
    assert_eq!(code, Code::UpstreamRejected);
    assert!(message.contains("withheld") && !message.contains(TOKEN), "{message}");
}

#[tokio::test]
async fn transcriptions_that_are_switched_off_are_refused_and_ask_nobody() {
    let setup = Setup::at(TestUpstream::start().await.unwrap(), None, Some(TOKEN));
    setup.engine.probe().await;
    assert_eq!(setup.engine.capabilities(), ["searchbyquery", "searchbytrending"]);
    let refused = setup.engine.admit(&transcription(None)).unwrap_err();
    assert_eq!(refused.code, Code::NotConfigured);
    assert!(refused.message.contains("TIKTOK_TRANSCRIPTION_BASE_URL"), "{}", refused.message);
    assert_eq!(setup.failure(transcription(None)).await.0, Code::NotConfigured);
    assert!(setup.upstream.seen().is_empty());
}
