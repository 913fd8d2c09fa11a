//! Masa's jobs on the one path: taken even when they cannot run, answered in its own words.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use common::Machine;
use sealwork_compat_masa::{MasaJob, ResultBody, Ring};
use sealwork_job::{Body, Code, JobId, Origin, Refusal, Reply, RequesterId, Rerun, Submission};
use sealwork_seal::derive::{Purpose, derive_key};
use sealwork_worker::{Access, MasaConfig, MasaResult, Worker, WorkerConfig};
use serde_json::{Map, Value, json};

fn standalone() -> WorkerConfig {
    let masa = MasaConfig { standalone: true, ..MasaConfig::default() };
    WorkerConfig { masa, ..WorkerConfig::default() }
}

fn masa_job(job_type: &str, arguments: Value) -> MasaJob {
    let arguments: Map<String, Value> = serde_json::from_value(arguments).expect("an object");
    MasaJob { job_type: job_type.to_owned(), arguments: Some(arguments), ..MasaJob::default() }
}

async fn add(worker: &Arc<Worker>, blob: &str) -> Result<JobId, Refusal> {
    let submission = Submission {
        origin: Origin::Http { requester: RequesterId::anonymous() },
        body: Body::Masa(Bytes::from(blob.to_owned())),
        reply: Reply::MasaRing,
        lane: None,
        rerun: Rerun::Idempotent,
    };
    worker.submit(submission).await.map(|accepted| accepted.job)
}

async fn result(worker: &Arc<Worker>, job: JobId) -> (String, MasaResult) {
    worker.wait(job, Access::Masa, Duration::from_secs(600)).await.unwrap();
    let (code, result, _) = worker.masa_result(job).unwrap();
    (code, result)
}

#[tokio::test(start_paused = true)]
async fn an_unknown_type_is_taken_and_fails_in_masas_words() {
    let worker = Machine::new(20).boot(standalone()).await.unwrap();
    for job_type in ["no-such-thing", "reddit", "Web Scraper!", ""] {
        let blob = worker.masa().generate(masa_job(job_type, json!({}))).unwrap();
        let job = add(&worker, &blob).await.unwrap();
        let (code, result) = result(&worker, job).await;
        assert_eq!(code, "engine_unknown");
        assert_eq!(result.error.unwrap(), format!("unknown job type: {job_type}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sealed_blob_runs_once_and_a_changed_one_never() {
    let worker = Machine::new(21).boot(standalone()).await.unwrap();
    let blob = worker.masa().generate(masa_job("telemetry", json!({}))).unwrap();
    let first = add(&worker, &blob).await.unwrap();
    let refused = add(&worker, &blob).await.unwrap_err();
    assert_eq!((refused.code, refused.job), (Code::JobReplayed, Some(first)));
    let mut changed = blob.into_bytes();
    changed[20] ^= 1;
    let changed = String::from_utf8(changed).unwrap();
    let refused = add(&worker, &changed).await.unwrap_err();
    assert!(matches!(refused.code, Code::EnvelopeTampered), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn targets_and_the_list_of_generators_are_kept_to() {
    let machine = Machine::new(22);
    let mut config = standalone();
    // In standalone mode any list means: this worker alone.
    config.masa.allowed_generators = vec!["somebody-else".to_owned()];
    let worker = machine.boot(config).await.unwrap();
    let key = derive_key(&[7; 32], Purpose::MasaRing, b"");
    let mut foreign = masa_job("web", json!({"url": "http://a.test"}));
    foreign.stamp("somebody-else", [1; 32], None);
    let blob = Ring::from_keys([&*key]).seal_job([2; 12], &foreign).unwrap();
    let refused = add(&worker, &blob).await.unwrap_err();
    assert_eq!(refused.code, Code::RequesterNotAllowed);
    assert_eq!(refused.message, "this job is not from a whitelisted miner");
    let mut elsewhere = masa_job("telemetry", json!({}));
    elsewhere.target_worker = "another-worker".to_owned();
    let refused = add(&worker, &worker.masa().generate(elsewhere).unwrap()).await.unwrap_err();
    assert_eq!(refused.code, Code::WrongWorker);
    assert_eq!(refused.message, "this job is not for this worker");
    let telemetry = worker.masa().generate(masa_job("telemetry", json!({}))).unwrap();
    assert!(add(&worker, &telemetry).await.is_ok(), "telemetry is exempt");
}

#[tokio::test(start_paused = true)]
async fn without_a_ring_key_nothing_is_sealed_or_opened() {
    let worker = Machine::new(23).boot(WorkerConfig::default()).await.unwrap();
    let error = worker.masa().generate(masa_job("telemetry", json!({}))).unwrap_err();
    assert_eq!(error.to_string(), "no keys available in key ring");
    let refused = add(&worker, "AAAA").await.unwrap_err();
    assert_eq!(refused.code, Code::NotConfigured);
    let body =
        ResultBody { encrypted_result: "AAAA".to_owned(), encrypted_request: "AAAA".to_owned() };
    assert!(worker.masa().open_result(&body).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_peers_job_may_not_expire_later_than_its_nonce_is_remembered() {
    let machine = Machine::new(24);
    let worker = machine.boot(standalone()).await.unwrap();
    let ring = Ring::from_keys([&*derive_key(&[7; 32], Purpose::MasaRing, b"")]);
    let sealed = |nonce: u8, after: u64| {
        let mut job = masa_job("telemetry", json!({}));
        job.stamp("a-peer", [nonce; 32], Some(machine.now() + after));
        ring.seal_job([nonce; 12], &job).unwrap()
    };
    let day = 24 * 3600;
    assert_eq!(add(&worker, &sealed(1, 2 * day)).await.unwrap_err().code, Code::JobLifetime);
    assert_eq!(add(&worker, &sealed(2, 0)).await.unwrap_err().code, Code::JobExpired);
    assert!(add(&worker, &sealed(3, day)).await.is_ok());
}
