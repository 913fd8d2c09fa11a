//! What X refuses for reasons that are not the job's is no capability, and the list says why.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use sealwork_engine::Engine as _;
use sealwork_job::Code;
use sealwork_test_upstream::{BASE_KEY, Bad, ELEVATED_KEY};
use sealwork_upstream::Social as _;
use serde_json::{Value, json};

use common::{Given, Setup};

const API: &str = "twitter-api";
const WEB: &str = "twitter-credential";

async fn with_key() -> Setup {
    Setup::new(Given { api_keys: &[BASE_KEY], ..Given::default() }).await
}

async fn with_sessions() -> Setup {
    let cookies = &["alice", "bob"];
    Setup::new(Given { accounts: "alice,bob", cookies, ..Given::default() }).await
}

fn search() -> Value {
    json!({"type": "searchbyquery", "query": "climate change", "max_results": 10})
}

fn missing(setup: &Setup, job_type: &str) -> Vec<&'static str> {
    let operations = setup.engine(job_type).operations();
    operations.into_iter().filter(|it| it.missing.is_some()).map(|it| it.name).collect()
}

/// What X says of a key that may do nothing, or of an API that is none, and what this worker says of
/// that.
fn refusals() -> [(Bad, &'static str, Code); 5] {
    let answer = |status, body| Bad::Answer(status, body, vec![]);
    let not_enrolled = r#"{"title":"Client Forbidden","reason":"client-not-enrolled","type":"https://api.twitter.com/2/problems/client-forbidden"}"#;
    let unpaid =
        r#"{"title":"CreditsDepleted","type":"https://api.twitter.com/2/problems/credits"}"#;
    let capped = r#"{"title":"UsageCapExceeded","period":"Monthly","type":"https://api.twitter.com/2/problems/usage-capped"}"#;
    [
        (answer(403, not_enrolled), "not enrolled", Code::UpstreamForbidden),
        (answer(402, unpaid), "are used up", Code::UpstreamForbidden),
        (answer(429, capped), "key's plan allows is used up", Code::UpstreamForbidden),
        (answer(404, r#"{"title":"Not Found"}"#), "status 404", Code::UpstreamNotFound),
        (Bad::Html, "no JSON", Code::UpstreamInvalid),
    ]
}

#[tokio::test]
async fn what_x_refuses_a_key_altogether_is_no_capability_after_the_probe_and_says_why() {
    for (bad, why, _) in refusals() {
        let setup = with_key().await;
        let engine = setup.engine(API);
        setup.upstream.misbehave("/x/2", bad.clone(), 99);
        engine.probe().await;
        for operation in engine.operations() {
            let reason = operation.missing.unwrap_or_default();
            assert!(reason.contains(why), "{bad:?} {}: {reason}", operation.name);
        }
        setup.clock.forward(3600);
        assert_eq!(engine.capabilities(), Vec::<String>::new(), "{bad:?}");
        setup.upstream.behave();
        engine.probe().await;
        assert_eq!(engine.capabilities(), ["searchbyquery", "getbyid", "getprofilebyid"]);
    }
}

#[tokio::test]
async fn what_x_refuses_a_key_in_a_job_is_no_capability_from_then_on_and_the_job_says_why() {
    for (bad, why, code) in refusals() {
        let setup = with_key().await;
        setup.upstream.misbehave("/x/2", bad.clone(), 99);
        let failure = setup.failure(API, search()).await;
        assert_eq!(failure.code, code, "{bad:?}");
        assert!(failure.message.contains(why), "{bad:?}: {}", failure.message);
        let operations = setup.engine(API).operations();
        let search = operations.iter().find(|it| it.name == "searchbyquery").unwrap();
        assert!(search.missing.as_ref().unwrap().contains(why), "{bad:?} {search:?}");
        let tweet = operations.iter().find(|it| it.name == "getbyid").unwrap();
        assert_eq!(tweet.missing, None, "{bad:?}: nobody has asked there");
    }
}

#[tokio::test]
async fn a_key_is_no_capability_after_its_rest_until_it_is_known_to_work() {
    let setup = with_key().await;
    setup.upstream.misbehave("/x/2", Bad::Status(401), 2);
    assert_eq!(setup.failure(API, search()).await.code, Code::UpstreamUnauthorized);
    setup.clock.forward(61);
    assert_eq!(missing(&setup, API).len(), 4);
    setup.engine(API).probe().await;
    assert_eq!(missing(&setup, API), ["searchbyfullarchive"]);
}

#[tokio::test]
async fn operations_whose_ids_are_outdated_are_no_capabilities_until_they_work() {
    let setup = with_sessions().await;
    setup.upstream.misbehave("/SearchTimeline", Bad::Answer(404, "", vec![]), 1);
    assert_eq!(setup.failure(WEB, search()).await.code, Code::UpstreamChanged);
    assert_eq!(missing(&setup, WEB), ["searchbyquery", "searchbyfullarchive"]);
    let reason = setup.engine(WEB).operations()[0].missing.clone().unwrap();
    assert!(reason.contains("the operation's id is outdated"), "{reason}");
    setup.result(WEB, search()).await;
    assert_eq!(missing(&setup, WEB), Vec::<&str>::new());
}

#[tokio::test]
async fn operations_that_x_fails_for_everybody_are_no_capabilities_for_a_while() {
    for bad in [Bad::Status(500), Bad::Html, Bad::OtherShape] {
        let setup = with_sessions().await;
        setup.upstream.misbehave("/UserByScreenName", bad.clone(), 3);
        setup.failure(WEB, json!({"type": "gettweets", "query": "NASA"})).await;
        let mut found = missing(&setup, WEB);
        found.sort_unstable();
        let mut by_name =
            ["searchbyprofile", "gettweets", "getmedia", "getfollowers", "getfollowing"];
        by_name.sort_unstable();
        assert_eq!(found, by_name, "{bad:?}");
        setup.clock.forward(60);
        assert_eq!(missing(&setup, WEB), Vec::<&str>::new(), "{bad:?}: its rest is over");
    }
}

#[tokio::test]
async fn an_endpoint_that_has_just_failed_for_everybody_is_left_for_another_way() {
    let given = Given {
        api_keys: &[ELEVATED_KEY],
        accounts: "alice",
        cookies: &["alice"],
        ..Given::default()
    };
    let setup = Setup::new(given).await;
    setup.upstream.misbehave("/SearchTimeline", Bad::Answer(404, "", vec![]), 9);
    assert_eq!(setup.failure("twitter", search()).await.code, Code::UpstreamChanged);
    let listed = setup.engine("twitter").operations();
    let listed = listed.iter().find(|it| it.name == "searchbyquery").unwrap();
    assert_eq!((listed.way, &listed.missing), ("api", &None));
    let report = setup.report("twitter", search()).await;
    assert!(report.result.is_ok());
    let details = report.details.unwrap();
    let tried = json!([{"way": "credential", "code": "upstream_changed"}]);
    assert_eq!((&details["way"], &details["tried"]), (&json!("api"), &tried));
}
