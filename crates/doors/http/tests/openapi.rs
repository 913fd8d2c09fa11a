//! The committed description of the API is the one that the code gives.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::path::Path;

use sealwork_door_http::v1::openapi_json;
use sealwork_platform::Environment;

/// With `SEALWORK_BLESS=1` the committed file is written anew instead.
#[test]
#[allow(clippy::disallowed_methods, reason = "a file of the repository, not of a worker")]
fn the_committed_description_has_not_drifted() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/openapi.json");
    let expected = openapi_json();
    if Environment::of_process().var("SEALWORK_BLESS") == Some("1") {
        std::fs::write(&file, expected).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == expected,
        "docs/openapi.json has drifted from the code; if the change is meant, write it anew: \
         SEALWORK_BLESS=1 cargo test -p sealwork-door-http --test openapi"
    );
}

#[test]
fn every_operation_has_an_id_a_summary_and_documented_answers() {
    let description: serde_json::Value = serde_json::from_str(openapi_json()).unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            assert!(
                operation["summary"].as_str().is_some_and(|s| !s.is_empty()),
                "{method} {path}"
            );
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        }
    }
    assert!(ids.len() >= 10);
}
