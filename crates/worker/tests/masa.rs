//! Masa's jobs on the one path: taken even when they cannot run, answered in its own words.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use common::{Machine, open_store};
use sealwork_compat_masa::{MasaJob, ResultBody, Ring};
use sealwork_job::{
    Body, Code, Intake, JobId, Limits, Origin, Refusal, Reply, RequesterId, Rerun, Submission,
    Timestamp,
};
use sealwork_seal::derive::{Purpose, derive_key};
use sealwork_store::{CommitterKind, JournalEntry, StoreOptions};
use sealwork_worker::{Access, MasaConfig, MasaResult, Quota, Worker, WorkerConfig};
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
    add_from(RequesterId::anonymous(), worker, blob).await
}

async fn add_from(
    requester: RequesterId,
    worker: &Arc<Worker>,
    blob: &str,
) -> Result<JobId, Refusal> {
    let submission = Submission {
        origin: Origin::Http { requester },
        body: Body::Masa(Bytes::from(blob.to_owned())),
        reply: Reply::MasaRing,
        lane: None,
        rerun: Rerun::Idempotent,
    };
    worker.submit(submission).await.map(|accepted| accepted.job)
}

async fn result(worker: &Arc<Worker>, job: JobId) -> (String, MasaResult) {
    let nobody = RequesterId::anonymous();
    worker.wait(job, Access::Masa(&nobody), Duration::from_secs(600)).await.unwrap();
    let (code, result, _) = worker.masa_result(job, &nobody).unwrap();
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

/// Broken by showing any Masa job to any caller: the ids of all jobs stand in the list of receipts.
#[tokio::test(start_paused = true)]
async fn a_job_that_came_with_an_api_key_is_unknown_to_everybody_else() {
    let machine = Machine::new(27);
    let worker = machine.boot(standalone()).await.unwrap();
    let [alice, bob] = ["alice", "bob"].map(|name| RequesterId::new("api-key", name));
    let submit = async |requester: &RequesterId| {
        let blob = worker.masa().generate(masa_job("no-such-thing", json!({}))).unwrap();
        add_from(requester.clone(), &worker, &blob).await.unwrap()
    };
    let job = submit(&alice).await;
    let patience = Duration::from_secs(600);
    for other in [&bob, &RequesterId::anonymous()] {
        let refused = worker.wait(job, Access::Masa(other), patience).await.unwrap_err();
        assert_eq!(refused.code, Code::JobUnknown);
    }
    assert!(worker.wait(job, Access::Masa(&alice), patience).await.unwrap().state.is_settled());
    for other in [&bob, &RequesterId::anonymous()] {
        assert_eq!(worker.status(job, Access::Masa(other)).unwrap_err().code, Code::JobUnknown);
        assert_eq!(worker.masa_result(job, other).unwrap_err().code, Code::JobUnknown);
    }
    assert!(worker.masa_result(job, &alice).is_ok());
    // Without a key nobody can be told from anybody.
    let job = submit(&RequesterId::anonymous()).await;
    assert!(worker.wait(job, Access::Masa(&bob), patience).await.unwrap().state.is_settled());
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
    let elsewhere = worker.masa().generate(elsewhere).unwrap();
    let refused = add(&worker, &elsewhere).await.unwrap_err();
    assert_eq!(refused.code, Code::WrongWorker);
    assert_eq!(refused.message, "this job is not for this worker");
    let again = add(&worker, &elsewhere).await.unwrap_err();
    assert_eq!(again.code, Code::JobReplayed, "its nonce is used up all the same");
    let telemetry = worker.masa().generate(masa_job("telemetry", json!({}))).unwrap();
    assert!(add(&worker, &telemetry).await.is_ok(), "telemetry is exempt");
}

#[tokio::test(start_paused = true)]
async fn who_seals_at_this_worker_is_counted_by_the_api_key_and_not_all_as_one() {
    let default_quota = Quota { max_pending: 9, per_minute: Some(1) };
    let config = WorkerConfig { default_quota, ..standalone() };
    let worker = Machine::new(25).boot(config).await.unwrap();
    let add = async |name| {
        let blob = worker.masa().generate(masa_job("telemetry", json!({}))).unwrap();
        add_from(RequesterId::new("api-key", name), &worker, &blob).await
    };
    add("alice").await.unwrap();
    assert_eq!(add("alice").await.unwrap_err().code, Code::QuotaExceeded);
    add("bob").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_ring_key_has_gone_fails_in_words_that_its_requester_reads() {
    let machine = Machine::new(26);
    let mut job = masa_job("telemetry", json!({}));
    job.stamp("a-peer", [1; 32], None);
    let blob = Ring::from_keys([&[9; 32]]).seal_job([2; 12], &job).unwrap();
    let entry = JournalEntry {
        id: JobId::from_random([5; 16]),
        origin: Origin::Http { requester: RequesterId::anonymous() },
        requester: RequesterId::new("masa", "a-peer"),
        engine: "telemetry".to_owned(),
        intake: Intake::Assisted,
        reply: Reply::MasaRing,
        lane: None,
        rerun: Rerun::Idempotent,
        accepted_at: Timestamp::from_secs(machine.now()),
        deadline: None,
        limits: Limits::default(),
        token_hash: None,
        body: Bytes::from(blob),
    };
    let id = entry.id;
    let options = StoreOptions { committer: CommitterKind::Task, ..StoreOptions::default() };
    let store = open_store(&machine.platform(), options).unwrap();
    store.accept(entry, None).await.unwrap();
    store.close().await;
    drop(store);
    let worker = machine.boot(standalone()).await.unwrap();
    let (code, result) = result(&worker, id).await;
    assert_eq!(code, "envelope_tampered");
    assert!(result.error.is_some_and(|error| !error.is_empty()));
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
