//! Passwords, cookies, bearer and Apify tokens are nowhere, whatever the upstreams answer.

use std::{fs, path::Path};

use sealwork_client::ClientError;
use sealwork_test_upstream::{
    BASE_KEY, Bad, ELEVATED_KEY, Items, TOKEN, TestUpstream, X_PASSWORD, example,
};
use serde_json::{Value, json};

use super::{World, client, masa, support::write, v1};

/// Every one that the worker has or gets.
const SECRETS: [&str; 7] = [
    TOKEN,
    ELEVATED_KEY,
    BASE_KEY,
    X_PASSWORD,
    "session-of-alice",
    "session-of-bob",
    "csrf-of-alice",
];
const JOBS: [(&str, &str); 8] = [
    ("reddit", "searchposts"),
    ("tiktok", "searchbyquery"),
    ("tiktok", "transcription"),
    ("twitter-apify", "getfollowers"),
    ("twitter-api", "searchbyquery"),
    ("twitter-credential", "searchbyquery"),
    ("twitter-credential", "getspace"),
    ("twitter", "getfollowing"),
];

/// What a worker says and leaves behind, piece by piece.
struct Watch(Vec<(String, Vec<u8>)>);

impl Watch {
    fn note(&mut self, place: impl Into<String>, what: impl Into<Vec<u8>>) {
        self.0.push((place.into(), what.into()));
    }

    fn note_files(&mut self, directory: &Path) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.note_files(&path);
            } else if !path.ends_with("bob_twitter_cookies.json") {
                self.note(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }

    fn assert_clean(&self) {
        for (place, bytes) in &self.0 {
            let text = String::from_utf8_lossy(bytes);
            for secret in SECRETS {
                assert!(!text.contains(secret), "{secret} is in {place}: {text}");
            }
        }
    }
}

/// All jobs, over both doors; what they give and how they fail.
async fn run_all(world: &World, what: &str, watch: &mut Watch) {
    for (engine, operation) in JOBS {
        let arguments = example(engine, operation).unwrap();
        let ended = masa(&world.worker, &json!({"type": engine, "arguments": arguments}));
        let said = match &ended.result {
            Ok(result) | Err(result) => format!("{result} {:?}", ended.cursor),
        };
        watch.note(format!("{what}: {engine} {operation} on Masa's routes"), said);
        let said = match v1(&world.worker, engine, arguments).await {
            Ok(result) => {
                let outcome = match &result.outcome {
                    Ok(output) => String::from_utf8_lossy(&output.data).into_owned(),
                    Err(failure) => format!("{failure:?}"),
                };
                format!("{outcome} {:?} {:?}", result.details, result.receipt.claims)
            }
            Err(ClientError::Refused(refusal)) => refusal.to_string(),
            Err(error) => panic!("{engine} {operation}: {error}"),
        };
        watch.note(format!("{what}: {engine} {operation} on /v1"), said);
    }
}

/// Broken by: a message that quotes an upstream, a `Debug` of a token, a token in an address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_credential_is_found_in_anything_that_a_worker_says_or_writes() {
    let upstream = TestUpstream::start().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    let cookies = json!({"auth_token": "session-of-bob", "ct0": "csrf-of-bob"}).to_string();
    write(&dir.path().join("data/bob_twitter_cookies.json"), cookies.as_bytes());
    let worker = super::worker(&upstream, dir, &[("LOG_LEVEL", "debug")]);
    let world = World { upstream, worker };
    let mut watch = Watch(Vec::new());
    // What an actor found quotes the token.
    let found = Items::of(vec![json!({"dataType": "post", "id": "1", "body": TOKEN})]);
    world.upstream.apify.set_found("trudax~reddit-scraper", found);
    run_all(&world, "good answers", &mut watch).await;
    world.upstream.misbehave("/", Bad::Echo, usize::MAX);
    run_all(&world, "credentials sent back", &mut watch).await;
    world.upstream.behave();
    for bad in [Bad::Html, Bad::HalfJson, Bad::OtherShape, Bad::Status(500)] {
        world.upstream.misbehave("/users/me", bad.clone(), usize::MAX);
        world.upstream.misbehave("/runs", bad, usize::MAX);
        let posts = example("reddit", "searchposts").unwrap();
        let ended = masa(&world.worker, &json!({"type": "reddit", "arguments": posts}));
        watch.note("a run that cannot be started", ended.result.unwrap_err().to_string());
        world.upstream.behave();
    }

    let capabilities: Value =
        serde_json::to_value(client(&world.worker).capabilities().await.unwrap()).unwrap();
    watch.note("capabilities", capabilities.to_string());
    watch.note("telemetry", world.telemetry().to_string());
    for path in
        ["/metrics", "/readyz", "/v1/keys", "/v1/receipts?limit=1000", "/debug/pprof/cmdline"]
    {
        watch.note(path, world.worker.http(&format!("GET {path}"), "").1);
    }
    let directory = world.worker.stop();
    watch.note_files(directory.path());
    let log = watch.0.iter().find(|(place, _)| place.ends_with("worker.log")).unwrap();
    let log = String::from_utf8_lossy(&log.1);
    assert!(log.contains("upstream"), "the log was watched: {log}");
    assert!(watch.0.iter().any(|(place, _)| place.contains("store.redb")), "so was the store");
    watch.assert_clean();
    // The secrets did travel: each of them was seen by the upstream.
    let sent: String = world
        .upstream
        .seen()
        .iter()
        .map(|ask| format!("{:?} {}", ask.headers, String::from_utf8_lossy(&ask.body)))
        .collect();
    for secret in SECRETS {
        assert!(sent.contains(secret), "{secret} was never sent");
    }
}
