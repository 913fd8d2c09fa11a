//! The contract of the one path, on a simulated machine.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

mod clock;
#[allow(unreachable_pub, reason = "shared between test binaries")]
#[path = "../common/mod.rs"]
mod common;
mod lanes;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use common::{AWAITED, Machine, START, job};
use lanes::in_lane;
use sealwork_job::{
    Body, Code, Digest, JobState, Limits, Outcome, RequesterId, Submission, WaitReason, WorkerId,
};
use sealwork_platform::Disk as _;
use sealwork_seal::{RequesterKey, Suite, verify_chain};
use sealwork_worker::{Access, PublicResult, Quota, WorkerConfig};
use serde_json::json;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_sealed_job_runs_and_only_its_requester_opens_the_result() {
    let machine = Machine::new(1);
    let worker = machine.worker().await;
    for suite in [Suite::X25519, Suite::XWing] {
        let config = worker.key_config();
        let sealed =
            machine.seal_with(&config, &job(json!({"echo": "hello"})), suite, None, |_| {});
        let accepted = worker.submit(sealed.submission()).await.unwrap();
        let (opened, claims) = sealed.result(&worker, accepted.job).await.unwrap();
        let Outcome::Output(output) = opened.outcome else { panic!("{:?}", opened.outcome) };
        assert_eq!(&output.data[..], br#"{"echo":"hello"}"#);
        assert_eq!((claims.code.as_str(), claims.engine.as_str()), ("ok", "told"));

        let other = machine.seal(&config, &job(json!({})));
        let refused = worker.result(accepted.job, other.access()).unwrap_err();
        assert_eq!(refused.code, Code::TokenInvalid);
        let refused =
            worker.result(accepted.job, Access::Masa(&RequesterId::anonymous())).unwrap_err();
        assert_eq!(refused.code, Code::JobUnknown, "a Masa route sees Masa jobs only");
    }
}

#[tokio::test(start_paused = true)]
async fn every_settled_job_has_a_receipt_and_the_receipts_form_a_chain() {
    let machine = Machine::new(2);
    let worker = machine.worker().await;
    let mut receipts = Vec::new();
    for arguments in [json!({}), json!({"fail": true}), json!({"panic": true}), json!({"echo": 1})]
    {
        let sealed = machine.seal(&worker.key_config(), &job(arguments));
        let accepted = worker.submit(sealed.submission()).await.unwrap();
        let (_, claims) = sealed.result(&worker, accepted.job).await.unwrap();
        receipts.push((claims.code, worker.receipt(accepted.job).unwrap()));
    }
    let codes: Vec<_> = receipts.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["ok", "upstream_status", "engine_panicked", "ok"]);
    let key = worker.key_config().receipt_key.clone();
    let chain = verify_chain(receipts.iter().map(|(_, receipt)| receipt.as_str()), &key).unwrap();
    assert_eq!(chain.len(), 4);
    receipts.remove(1);
    assert!(verify_chain(receipts.iter().map(|(_, r)| r.as_str()), &key).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_job_arrives_once_even_across_a_restart_with_the_clock_set_back() {
    let machine = Machine::new(3);
    let worker = machine.worker().await;
    let sealed = machine.seal(&worker.key_config(), &job(json!({})));
    let accepted = worker.submit(sealed.submission()).await.unwrap();
    let refused = worker.submit(sealed.submission()).await.unwrap_err();
    assert_eq!((refused.code, refused.job), (Code::JobReplayed, Some(accepted.job)));
    sealed.result(&worker, accepted.job).await.unwrap();
    worker.drain(Duration::from_secs(1)).await;
    worker.close().await;
    drop(worker);

    let worker = machine.worker().await;
    assert_eq!(worker.submit(sealed.submission()).await.unwrap_err().code, Code::JobReplayed);
    machine.clock.jump(700_000);
    assert_eq!(worker.submit(sealed.submission()).await.unwrap_err().code, Code::JobExpired);
    // A commit persists the later time; setting the clock back does not undo it.
    let later = machine.seal(&worker.key_config(), &job(json!({})));
    let accepted = worker.submit(later.submission()).await.unwrap();
    later.result(&worker, accepted.job).await.unwrap();
    machine.clock.jump(-700_000);
    assert_eq!(worker.submit(sealed.submission()).await.unwrap_err().code, Code::JobExpired);
    assert_eq!(machine.runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn each_defect_of_an_envelope_has_its_own_code() {
    let machine = Machine::new(4);
    let worker = machine.worker().await;
    let config = worker.key_config();
    let good = machine.seal(&config, &job(json!({})));
    let submit = |bytes: Vec<u8>| {
        let submission = Submission { body: Body::Sealed(Bytes::from(bytes)), ..good.submission() };
        let worker = Arc::clone(&worker);
        async move { worker.submit(submission).await.unwrap_err().code }
    };
    let bytes = good.envelope.to_vec();
    let with = |at: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[at] ^= value;
        changed
    };
    assert_eq!(submit(Vec::new()).await, Code::EnvelopeMalformed);
    assert_eq!(submit(with(0, 1)).await, Code::EnvelopeMalformed);
    assert_eq!(submit(with(4, 3)).await, Code::EnvelopeVersion);
    assert_eq!(submit(with(5, 64)).await, Code::EnvelopeSuite);
    assert_eq!(submit(with(8, 1)).await, Code::KeyUnknown);
    assert_eq!(submit(with(16, 1)).await, Code::EnvelopeTampered, "the nonce is authenticated");
    assert_eq!(submit(with(47, 1)).await, Code::EnvelopeTampered, "so is the expiry");
    assert_eq!(submit(with(44, 2)).await, Code::JobLifetime, "an expiry in half a year");
    assert_eq!(submit(with(60, 1)).await, Code::WrongWorker);
    assert_eq!(submit(with(bytes.len() - 1, 1)).await, Code::EnvelopeTampered);
    assert_eq!(submit(bytes[..bytes.len() - 1].to_vec()).await, Code::EnvelopeTruncated);
    assert_eq!(submit(bytes[..90].to_vec()).await, Code::EnvelopeTruncated);
    assert_eq!(submit(vec![0; (16 << 20) + 1]).await, Code::EnvelopeTooLarge);

    let sealed = |change: fn(&mut sealwork_seal::SealOptions<'_>)| {
        machine.seal_with(&config, &job(json!({})), Suite::X25519, None, change).envelope.to_vec()
    };
    assert_eq!(
        submit(sealed(|o| (o.not_before, o.expiry) = (START - 10, START))).await,
        Code::JobExpired
    );
    let early = sealed(|o| (o.not_before, o.expiry) = (START + 300, START + 600));
    assert_eq!(submit(early).await, Code::JobNotYetValid);
    assert_eq!(submit(sealed(|o| o.target = WorkerId([1; 32]))).await, Code::WrongWorker);
    assert_eq!(worker.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_run_is_refused_before_it_is_journalled() {
    let machine = Machine::new(5);
    let worker = machine.worker().await;
    let config = worker.key_config();
    let refusal = |spec: sealwork_job::JobSpec| {
        let sealed = machine.seal(&config, &spec);
        let worker = Arc::clone(&worker);
        async move { worker.submit(sealed.submission()).await.unwrap_err() }
    };
    let mut unknown = job(json!({}));
    unknown.engine = "no-such".parse().unwrap();
    assert_eq!(refusal(unknown).await.code, Code::EngineUnknown);
    let refused = refusal(job(json!({"refuse": true}))).await;
    assert_eq!(refused.code, Code::ArgumentsInvalid);
    assert!(refused.message.contains("`refuse`"));
    let mut greedy = job(json!({}));
    greedy.limits = Limits { wall_ms: Some(u64::MAX), ..Limits::default() };
    assert_eq!(refusal(greedy).await.code, Code::LimitsInvalid);
    let mut late = job(json!({}));
    late.deadline = Some(START - 1);
    assert_eq!(refusal(late).await.code, Code::JobExpired);
    assert_eq!(machine.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_signature_makes_the_requester_accountable() {
    let machine = Machine::new(6);
    let default_quota = Quota { max_pending: 9, per_minute: Some(1) };
    let config = WorkerConfig { default_quota, ..WorkerConfig::default() };
    let worker = machine.boot(config).await.unwrap();
    let signer = RequesterKey::ed25519(&[3; 32]);
    let spec = job(json!({}));
    let config = worker.key_config();
    let sealed_by = |signer| machine.seal_with(&config, &spec, Suite::X25519, Some(signer), |_| {});
    let sealed = sealed_by(&signer);
    let accepted = worker.submit(sealed.from(RequesterId::new("api-key", "alice"))).await.unwrap();
    sealed.result(&worker, accepted.job).await.unwrap();
    // Whatever key it comes with next.
    let bob = RequesterId::new("api-key", "bob");
    let refused = worker.submit(sealed_by(&signer).from(bob.clone())).await.unwrap_err();
    assert_eq!(refused.code, Code::QuotaExceeded);
    let other = RequesterKey::ed25519(&[4; 32]);
    assert!(worker.submit(sealed_by(&other).from(bob)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_and_cancelling_really_stop_a_job() {
    let machine = Machine::new(7);
    let worker = machine.worker().await;
    let mut hanging = job(json!({"hang": true}));
    hanging.limits.wall_ms = Some(50);
    let sealed = machine.seal(&worker.key_config(), &hanging);
    let accepted = worker.submit(sealed.submission()).await.unwrap();
    let (_, claims) = sealed.result(&worker, accepted.job).await.unwrap();
    assert_eq!(claims.code, "deadline_exceeded");

    let sealed = machine.seal(&worker.key_config(), &job(json!({"hang": true})));
    let accepted = worker.submit(sealed.submission()).await.unwrap();
    worker.cancel(accepted.job, sealed.access()).unwrap();
    let (_, claims) = sealed.result(&worker, accepted.job).await.unwrap();
    assert_eq!(claims.code, "cancelled");
    let refused = worker.cancel(accepted.job, sealed.access()).unwrap_err();
    assert_eq!(refused.code, Code::AlreadySettled);
}

#[tokio::test(start_paused = true)]
async fn a_queued_job_can_be_cancelled_and_never_runs() {
    let machine = Machine::new(8);
    let config = WorkerConfig { default_concurrency: 1, ..WorkerConfig::default() };
    let worker = machine.boot(config).await.unwrap();
    let first = machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 1000})));
    let first_id = worker.submit(first.submission()).await.unwrap().job;
    let second = machine.seal(&worker.key_config(), &job(json!({})));
    let second_id = worker.submit(second.submission()).await.unwrap().job;
    worker.cancel(second_id, second.access()).unwrap();
    let (_, claims) = second.result(&worker, second_id).await.unwrap();
    assert_eq!(claims.code, "cancelled");
    let (_, claims) = first.result(&worker, first_id).await.unwrap();
    assert_eq!(claims.code, "ok");
    assert_eq!(machine.runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn quotas_bound_a_requester_and_leave_room_for_the_others() {
    let machine = Machine::new(9);
    let alice = RequesterId::new("api-key", "alice");
    let quotas = BTreeMap::from([(alice.clone(), Quota { max_pending: 1, per_minute: None })]);
    let worker = machine.boot(WorkerConfig { quotas, ..WorkerConfig::default() }).await.unwrap();
    let slow = || machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 1000})));
    let first = slow();
    let id = worker.submit(first.from(alice.clone())).await.unwrap().job;
    let refused = worker.submit(slow().from(alice.clone())).await.unwrap_err();
    assert_eq!(refused.code, Code::QuotaExceeded);
    assert!(refused.retry_after.is_some());
    worker.submit(slow().from(RequesterId::new("api-key", "bob"))).await.unwrap();
    first.result(&worker, id).await.unwrap();
    worker.submit(slow().from(alice)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_comes_again_is_known_by_its_id_also_where_there_is_no_room_for_another() {
    let machine = Machine::new(16);
    let default_quota = Quota { max_pending: 1, per_minute: None };
    let worker =
        machine.boot(WorkerConfig { default_quota, ..WorkerConfig::default() }).await.unwrap();
    let slow = || machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 1000})));
    let first = slow();
    let id = worker.submit(first.submission()).await.unwrap().job;
    assert_eq!(worker.submit(slow().submission()).await.unwrap_err().code, Code::QuotaExceeded);
    let again = worker.submit(first.submission()).await.unwrap_err();
    assert_eq!((again.code, again.job), (Code::JobReplayed, Some(id)));
    let draining = tokio::spawn({
        let worker = Arc::clone(&worker);
        async move { worker.drain(Duration::from_secs(60)).await }
    });
    while !worker.is_draining() {
        tokio::task::yield_now().await;
    }
    assert_eq!(worker.submit(slow().submission()).await.unwrap_err().code, Code::Draining);
    let again = worker.submit(first.submission()).await.unwrap_err();
    assert_eq!((again.code, again.job), (Code::JobReplayed, Some(id)));
    first.result(&worker, id).await.unwrap();
    draining.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_stops_lets_those_who_wait_have_their_results_for_a_few_seconds() {
    const HOUR: Duration = Duration::from_secs(3600);
    for (seconds, in_time) in [(3, true), (60, false)] {
        let machine = Machine::new(17);
        let worker = machine.worker().await;
        let sealed = machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 1000})));
        let id = worker.submit(sealed.submission()).await.unwrap().job;
        let fetched = async {
            worker.wait(id, sealed.access(), HOUR).await.unwrap();
            let settled = Instant::now();
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            worker.result(id, sealed.access()).unwrap();
            (settled, Instant::now())
        };
        let drained = async {
            worker.drain(2 * HOUR).await;
            Instant::now()
        };
        let ((settled, fetched), drained) = tokio::join!(fetched, drained);
        assert_eq!(drained > fetched, in_time);
        assert!(drained - settled < Duration::from_secs(10), "{:?}", drained - settled);
        worker.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_api_key_gets_one_turn_however_many_signing_keys_it_brings() {
    let machine = Machine::new(15);
    let worker = machine
        .boot(WorkerConfig { default_concurrency: 1, ..WorkerConfig::default() })
        .await
        .unwrap();
    let config = worker.key_config();
    let mut jobs = Vec::new();
    for n in 0..6u8 {
        let signer = RequesterKey::ed25519(&[n; 32]);
        let spec = job(json!({"sleep_ms": 100}));
        let sealed = machine.seal_with(&config, &spec, Suite::X25519, Some(&signer), |_| {});
        let name = if n == 5 { "bob" } else { "alice" };
        let id = worker.submit(sealed.from(RequesterId::new("api-key", name))).await.unwrap().job;
        jobs.push((sealed, id));
    }
    let mut sequences = Vec::new();
    for (sealed, id) in &jobs {
        sequences.push(sealed.result(&worker, *id).await.unwrap().1.sequence);
    }
    assert!(sequences[5] <= 2, "bob waits for one running job and one turn: {sequences:?}");
}

/// One life of a worker: what `live` leaves unfinished ends with it, as when the process is killed.
fn one_life<T>(live: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(live)
}

#[test]
fn a_job_during_which_the_process_ends_again_and_again_is_not_begun_for_ever() {
    let machine = Machine::new(27);
    let (sealed, id) = one_life(async {
        let worker = machine.worker().await;
        let sealed = machine.seal(&worker.key_config(), &job(json!({"hang": true})));
        let id = worker.submit(sealed.submission()).await.unwrap().job;
        tokio::time::sleep(Duration::from_millis(100)).await;
        (sealed, id)
    });
    // An orderly stop is not counted.
    for life in 0..25 {
        one_life(async {
            let worker = machine.worker().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            if life < 12 {
                worker.close().await;
            }
        });
    }
    assert_eq!(machine.runs.load(Ordering::SeqCst), 26, "all of it within two minutes");
    machine.clock.advance(Duration::from_secs(120));
    one_life(async {
        let worker = machine.worker().await;
        let (_, claims) = sealed.result(&worker, id).await.unwrap();
        assert_eq!(claims.code, "interrupted");
    });
    assert_eq!(machine.runs.load(Ordering::SeqCst), 26);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_job_runs_again_unless_it_must_run_once() {
    let machine = Machine::new(10);
    let worker = machine.worker().await;
    let again = machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 500, "echo": 1})));
    let once = machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 500, "once": true})));
    let again_id = worker.submit(again.submission()).await.unwrap().job;
    let once_id = worker.submit(once.submission()).await.unwrap().job;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(machine.runs.load(Ordering::SeqCst), 2);
    worker.close().await;
    drop(worker);

    let worker = machine.worker().await;
    let (_, claims) = again.result(&worker, again_id).await.unwrap();
    assert_eq!(claims.code, "ok");
    let (_, claims) = once.result(&worker, once_id).await.unwrap();
    assert_eq!(claims.code, "interrupted");
    assert_eq!(machine.runs.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_damaged_on_disk_stops_neither_the_start_nor_the_others() {
    let machine = Machine::new(40);
    let worker = machine.worker().await;
    let slow = |echo: String| {
        machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 60_000, "echo": echo})))
    };
    // The larger body is kept in a file of its own.
    let (large, small) = (slow("x".repeat(300_000)), slow(String::new()));
    let large_id = worker.submit(large.submission()).await.unwrap().job;
    let small_id = worker.submit(small.submission()).await.unwrap().job;
    worker.close().await;
    drop(worker);
    let files = machine.disk.list("blobs").unwrap();
    assert_eq!(files.len(), 1);
    machine.disk.remove(&format!("blobs/{}", files[0])).unwrap();

    for boot in 0..2 {
        let worker = machine.worker().await;
        if boot == 0 {
            assert_eq!(small.result(&worker, small_id).await.unwrap().1.code, "ok");
        }
        let refused = worker.status(large_id, large.access()).unwrap_err();
        assert_eq!(refused.code, Code::StoreUnavailable, "it is known, and known to be damaged");
        assert_eq!(worker.submit(large.submission()).await.unwrap_err().code, Code::JobReplayed);
        assert_eq!(worker.pending(), 0);
        worker.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn results_are_evicted_in_the_order_in_which_they_settled() {
    let machine = Machine::new(11);
    let config = WorkerConfig {
        results_kept: 2,
        results_max_age: Duration::from_secs(60),
        ..WorkerConfig::default()
    };
    let worker = machine.boot(config).await.unwrap();
    let mut jobs = Vec::new();
    for n in 0..3 {
        let sealed = machine.seal(&worker.key_config(), &job(json!({"echo": n})));
        let id = worker.submit(sealed.submission()).await.unwrap().job;
        sealed.result(&worker, id).await.unwrap();
        jobs.push((sealed, id));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let known = |(sealed, id): &(common::Sealed, _)| worker.status(*id, sealed.access()).is_ok();
    assert_eq!(jobs.iter().map(known).collect::<Vec<_>>(), [false, true, true]);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(jobs.iter().map(known).collect::<Vec<_>>(), [false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_door_finds_the_results_of_its_jobs_in_its_outbox_until_it_has_delivered_them() {
    let machine = Machine::new(32);
    let worker = machine.worker().await;
    let job = worker.submit(in_lane(1, json!({"echo": 1}))).await.unwrap().job;
    worker.wait(job, Access::Public, Duration::from_secs(60)).await.unwrap();
    worker.close().await;
    drop(worker);

    let worker = machine.worker().await;
    assert!(worker.outbox("another").list(None, 10).unwrap().is_empty());
    let outbox = worker.outbox("31337");
    let items = outbox.list(None, 10).unwrap();
    assert_eq!(items.len(), 1);
    let result: PublicResult = serde_json::from_slice(&items[0].payload).unwrap();
    assert_eq!((items[0].job, result.output), (job, hex::encode(r#"{"echo":1}"#)));
    outbox.ack(items[0].sequence).await.unwrap();
    assert!(outbox.list(None, 10).unwrap().is_empty());
    assert_eq!(worker.status(job, Access::Public).unwrap().state.name(), "delivered");
}

#[tokio::test(start_paused = true)]
async fn a_job_waits_without_a_slot_until_what_it_needs_is_provided() {
    let machine = Machine::new(33);
    let config = WorkerConfig { default_concurrency: 1, ..WorkerConfig::default() };
    let worker = machine.boot(config.clone()).await.unwrap();
    let waits = machine.seal(&worker.key_config(), &job(json!({"wait": true, "echo": 1})));
    let id = worker.submit(waits.submission()).await.unwrap().job;
    let waiting = JobState::Waiting { reason: WaitReason::Fetch };
    assert_eq!(worker.status(id, waits.access()).unwrap().state, waiting);
    // Its slot is free for others.
    let other = machine.seal(&worker.key_config(), &job(json!({})));
    let other_id = worker.submit(other.submission()).await.unwrap().job;
    other.result(&worker, other_id).await.unwrap();
    worker.close().await;
    drop(worker);

    // It still waits after a restart, and runs when the worker is told.
    let worker = machine.boot(config).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(worker.status(id, waits.access()).unwrap().state, waiting);
    machine.provided.store(true, Ordering::SeqCst);
    worker.provide(Digest([6; 32]));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(worker.status(id, waits.access()).unwrap().state, waiting);
    worker.provide(AWAITED);
    assert_eq!(waits.result(&worker, id).await.unwrap().1.code, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_job_can_be_cancelled_and_does_not_wait_for_ever() {
    let machine = Machine::new(34);
    let config =
        WorkerConfig { max_queue_wait: Duration::from_secs(100), ..WorkerConfig::default() };
    let worker = machine.boot(config).await.unwrap();
    let waits = || machine.seal(&worker.key_config(), &job(json!({"wait": true})));
    let (cancelled, patient) = (waits(), waits());
    let cancelled_id = worker.submit(cancelled.submission()).await.unwrap().job;
    let patient_id = worker.submit(patient.submission()).await.unwrap().job;
    worker.cancel(cancelled_id, cancelled.access()).unwrap();
    assert_eq!(cancelled.result(&worker, cancelled_id).await.unwrap().1.code, "cancelled");
    let (_, claims) = patient.result(&worker, patient_id).await.unwrap();
    assert_eq!(claims.code, "expired_in_queue");
    assert!(claims.ended.as_secs() - START <= 102, "judged when its time is over, not later");
    assert_eq!(machine.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_queued_job_expires_when_its_deadline_passes_and_not_when_its_turn_comes() {
    let machine = Machine::new(35);
    let config = WorkerConfig { default_concurrency: 1, ..WorkerConfig::default() };
    let worker = machine.boot(config).await.unwrap();
    let long = machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 100_000})));
    worker.submit(long.submission()).await.unwrap();
    let mut spec = job(json!({}));
    spec.deadline = Some(START + 10);
    let short = machine.seal(&worker.key_config(), &spec);
    let id = worker.submit(short.submission()).await.unwrap().job;
    let (_, claims) = short.result(&worker, id).await.unwrap();
    assert_eq!(claims.code, "expired_in_queue");
    assert!(claims.ended.as_secs() - START <= 12);
}

#[tokio::test(start_paused = true)]
async fn one_requester_leaves_a_slot_to_whoever_comes_next() {
    let machine = Machine::new(36);
    let config = WorkerConfig { default_concurrency: 8, ..WorkerConfig::default() };
    let worker = machine.boot(config).await.unwrap();
    let slow = || machine.seal(&worker.key_config(), &job(json!({"sleep_ms": 100_000})));
    for _ in 0..20 {
        worker.submit(slow().from(RequesterId::new("api-key", "alice"))).await.unwrap();
    }
    let quick = machine.seal(&worker.key_config(), &job(json!({})));
    let bob = RequesterId::new("api-key", "bob");
    let id = worker.submit(quick.from(bob)).await.unwrap().job;
    let (_, claims) = quick.result(&worker, id).await.unwrap();
    assert!(claims.ended.as_secs() - START <= 1);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_outlives_its_result() {
    let machine = Machine::new(37);
    let config = WorkerConfig { results_kept: 1, ..WorkerConfig::default() };
    let worker = machine.boot(config).await.unwrap();
    let mut jobs = Vec::new();
    for n in 0..3 {
        let sealed = machine.seal(&worker.key_config(), &job(json!({"echo": n})));
        let id = worker.submit(sealed.submission()).await.unwrap().job;
        sealed.result(&worker, id).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        jobs.push((sealed, id));
    }
    let (sealed, id) = &jobs[0];
    assert_eq!(worker.result(*id, sealed.access()).unwrap_err().code, Code::JobUnknown);
    let receipt = worker.receipt(*id).unwrap();
    let chain = worker.receipts(0, 10).unwrap();
    assert_eq!(chain.len(), 3);
    assert_eq!(chain[0], (0, receipt));
    assert_eq!(worker.receipts(2, 10).unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn changed_configurations_bring_keys_of_their_own_and_the_old_ones_still_open() {
    let machine = Machine::new(38);
    let configured =
        |n: u8| WorkerConfig { config_digest: Digest([n; 32]), ..WorkerConfig::default() };
    let mut sealed = Vec::new();
    for n in 0..20 {
        let worker = machine.boot(configured(n)).await.unwrap();
        sealed.push(machine.seal(&worker.key_config(), &job(json!({"echo": n}))));
        worker.close().await;
    }
    let worker = machine.boot(configured(3)).await.unwrap();
    let digest = worker.key_config().digest();
    for job in &sealed {
        let id = worker.submit(job.submission()).await.expect("an older key config's job").job;
        job.result(&worker, id).await.unwrap();
    }
    worker.close().await;
    drop(worker);
    let worker = machine.boot(configured(3)).await.unwrap();
    assert_eq!(worker.key_config().digest(), digest, "the same configuration, the same keys");
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_envelope_with_the_same_nonce_keeps_no_job_out() {
    let machine = Machine::new(39);
    let worker = machine.worker().await;
    let victim = machine.seal(&worker.key_config(), &job(json!({})));
    let nonce = victim.envelope[16..32].try_into().unwrap();
    let attack = machine.seal_with_nonce(&worker.key_config(), &job(json!({"echo": 2})), nonce);
    assert_eq!(attack.envelope[16..32], victim.envelope[16..32]);
    worker.submit(attack.submission()).await.unwrap();
    worker.submit(victim.submission()).await.expect("its nonce was used by another envelope");
}

#[tokio::test(start_paused = true)]
async fn an_epoch_key_rotates_opens_what_was_sealed_to_it_and_is_erased_in_the_end() {
    let machine = Machine::new(13);
    let config = WorkerConfig {
        key_epoch: Duration::from_secs(3600),
        max_lifetime: Duration::from_secs(600),
        ..WorkerConfig::default()
    };
    let worker = machine.boot(config.clone()).await.unwrap();
    let old = worker.key_config();
    let held = machine.seal(&old, &job(json!({})));
    tokio::time::sleep(Duration::from_secs(3601)).await;
    let new = worker.key_config();
    assert_ne!(old.digest(), new.digest());
    let late = machine.seal(&old, &job(json!({})));
    worker.submit(late.submission()).await.expect("the old key overlaps");
    assert_eq!(worker.submit(held.submission()).await.unwrap_err().code, Code::JobExpired);
    tokio::time::sleep(Duration::from_secs(700)).await;
    let gone = machine.seal(&old, &job(json!({})));
    assert_eq!(worker.submit(gone.submission()).await.unwrap_err().code, Code::KeyUnknown);
    worker.drain(Duration::from_secs(1)).await;
    worker.close().await;
    drop(worker);

    // A reboot keeps the keys, and the key config but for its instance.
    let worker = machine.boot(config).await.unwrap();
    assert_ne!(worker.key_config().instance, new.instance);
    assert_eq!(worker.key_config().digest(), new.digest());
    let sealed = machine.seal(&new, &job(json!({})));
    worker.submit(sealed.submission()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_draining_worker_refuses_and_says_when_to_come_back() {
    let machine = Machine::new(14);
    let worker = machine.worker().await;
    let sealed = machine.seal(&worker.key_config(), &job(json!({})));
    worker.drain(Duration::from_secs(1)).await;
    let refused = worker.submit(sealed.submission()).await.unwrap_err();
    assert_eq!(refused.code, Code::Draining);
    assert!(refused.retry_after.is_some());
}
