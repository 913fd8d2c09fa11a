//! The routes of evidence, and Marlin's.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use common::{open, open_with, with_key};
use sealwork_door_http::{
    DoorConfig,
    marlin::{self, MarlinPort, MarlinQuestion},
};
use sealwork_job::{Code, Refusal};

#[tokio::test]
async fn evidence_says_whether_it_was_made_for_the_nonce_and_is_not_cached() {
    let door = open(with_key()).await;
    for (query, freshness, document) in [
        ("", "epoch", ""),
        ("?nonce=00aB", "fresh", "00ab"),
        ("?x=1&nonce=ff&nonce=", "fresh", "ff"),
    ] {
        let answer = door.send(&format!("GET /v1/evidence{query}"), "").await;
        assert_eq!((answer.status, answer.text()), (200, document), "{query}");
        assert_eq!(answer.header("sealwork-evidence"), freshness);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    for bad in ["abc", "zz", "0x00"] {
        let answer = door.send(&format!("GET /v1/evidence?nonce={bad}"), "").await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &"evidence_nonce".into()));
    }
    let down = door.send("GET /v1/evidence?nonce=0000", "").await;
    assert_eq!((down.status, &down.json()["code"]), (503, &"attester_failed".into()));
    assert_eq!(down.header("retry-after"), "5");
}

#[tokio::test]
async fn what_receipts_cite_is_found_by_digest_and_never_changes() {
    let door = open(with_key()).await;
    let (known, other) = ("ab".repeat(32), "01".repeat(32));
    let instance = "cd".repeat(16);
    let immutable = "public, max-age=31536000, immutable";
    for (path, caching) in [
        (format!("/v1/evidence/{known}"), immutable),
        (format!("/v1/key-configs/{known}?instance={instance}"), immutable),
        // The newest of several boots today is another one tomorrow.
        (format!("/v1/key-configs/{known}"), "no-store"),
    ] {
        let answer = door.send(&format!("GET {path}"), "").await;
        assert_eq!((answer.status, answer.text()), (200, "{\"version\":1}"), "{path}");
        assert_eq!(answer.header("cache-control"), caching, "{path}");
    }
    for (path, status, code) in [
        (format!("/v1/evidence/{other}"), 404, "evidence_unknown"),
        (format!("/v1/key-configs/{other}"), 404, "key_config_unknown"),
        (format!("/v1/key-configs/{known}?instance={}", "0".repeat(32)), 404, "key_config_unknown"),
        (format!("/v1/key-configs/{known}?instance=7"), 400, "request_malformed"),
        ("/v1/evidence/7".to_owned(), 400, "request_malformed"),
    ] {
        let answer = door.send(&format!("GET {path}"), "").await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{path}");
    }
}

/// Answers with the question.
struct Echo;

#[async_trait]
impl MarlinPort for Echo {
    async fn document(&self, question: MarlinQuestion) -> Result<Bytes, Refusal> {
        match question.nonce {
            Some(nonce) if nonce.is_empty() => {
                Err(Refusal::new(Code::EvidenceNone, "no Nitro enclave here"))
            }
            nonce => Ok([question.public_key, question.user_data, nonce]
                .into_iter()
                .flat_map(|field| field.unwrap_or_else(|| b"-".to_vec()))
                .collect()),
        }
    }
}

#[tokio::test]
async fn marlins_paths_need_no_key_and_are_there_when_they_are_wanted() {
    let wanted = |parts: &mut sealwork_door_http::DoorParts| {
        parts.masa = std::mem::take(&mut parts.masa).merge(marlin::routes(Arc::new(Echo)));
    };
    let door = open_with(with_key(), wanted).await;
    let raw = door.send("GET /attestation/raw?user_data=61&public_key=62&nonce=63", "").await;
    assert_eq!((raw.status, raw.text()), (200, "bac"));
    assert_eq!(raw.header("content-type"), "application/octet-stream");
    let hex = door.send("GET /attestation/hex", "").await;
    assert_eq!((hex.status, hex.text()), (200, "2d2d2d"));
    let elsewhere = door.send("GET /attestation/hex?nonce=", "").await;
    assert_eq!((elsewhere.status, &elsewhere.json()["code"]), (404, &"evidence_none".into()));
    let no_hex = door.send("GET /attestation/raw?nonce=xy", "").await;
    assert_eq!((no_hex.status, &no_hex.json()["code"]), (400, &"request_malformed".into()));
    let without = open(DoorConfig::default()).await;
    assert_eq!(without.send("GET /attestation/raw", "").await.status, 404);
}
