//! Outputs that are put on the disk while they come: sealed at every moment, and never whole in
//! memory.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Machine, PATTERN, job};
use sealwork_job::{Body, Code, Limits, Origin, Outcome, Reply, RequesterId, Rerun, Submission};
use sealwork_platform::{Disk as _, sim::DiskFault};
use sealwork_seal::salted_digest;
use sealwork_worker::{Access, PublicResult};
use serde_json::json;

const LARGE: usize = 1_000_000;

/// Every file of the machine, one after the other.
fn whole_disk(machine: &Machine) -> Vec<u8> {
    let disk = &machine.disk;
    let blobs = disk.list("blobs").unwrap();
    let paths = blobs.iter().map(|name| format!("blobs/{name}"));
    paths.chain(["store.redb".to_owned()]).flat_map(|path| disk.read(&path).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_spooled_output_comes_whole_with_its_digest_and_leaves_one_file() {
    let machine = Machine::new(1);
    let worker = machine.worker().await;
    let sealed = machine.seal(&worker.key_config(), &job(json!({"spool": LARGE, "echo": 1})));
    let id = worker.submit(sealed.submission()).await.unwrap().job;
    let (opened, claims) = sealed.result(&worker, id).await.unwrap();
    let Outcome::Output(output) = opened.outcome else { panic!("{:?}", opened.outcome) };
    let (spooled, rest) = output.data.split_at(LARGE);
    assert!(spooled.iter().eq(PATTERN.iter().cycle().take(LARGE)));
    assert_eq!(rest, br#"{"echo":1}"#);
    let digest = salted_digest(sealed.secrets.salt(), "output", &output.data);
    assert_eq!(claims.output_digest, Some(digest));
    assert_eq!(opened.usage.output_bytes, output.data.len() as u64);
    assert_eq!(machine.disk.list("blobs").unwrap().len(), 1, "the response, and no spool");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_spooled_output_is_readable_on_the_disk_while_the_job_runs() {
    let machine = Machine::new(2);
    let worker = machine.worker().await;
    let arguments = json!({"spool": LARGE, "hang": true});
    let sealed = machine.seal(&worker.key_config(), &job(arguments));
    let id = worker.submit(sealed.submission()).await.unwrap().job;
    while machine.disk.list("blobs").unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let on_disk = whole_disk(&machine);
    assert!(on_disk.len() > LARGE / 2, "{} bytes", on_disk.len());
    assert!(!on_disk.windows(PATTERN.len()).any(|window| window == PATTERN));

    worker.cancel(id, sealed.access()).unwrap();
    let (_, claims) = sealed.result(&worker, id).await.unwrap();
    assert_eq!((claims.code.as_str(), claims.output_digest), ("cancelled", None));
    assert!(machine.disk.list("blobs").unwrap().is_empty(), "the spool is gone");
}

#[tokio::test(start_paused = true)]
async fn the_output_limit_counts_what_was_spooled() {
    let machine = Machine::new(3);
    let worker = machine.worker().await;
    for (limit, code) in [(LARGE + 10, "ok"), (LARGE + 9, "output_too_large")] {
        let mut spec = job(json!({"spool": LARGE, "echo": 1}));
        spec.limits = Limits { output_bytes: Some(limit as u64), ..Limits::default() };
        let sealed = machine.seal(&worker.key_config(), &spec);
        let id = worker.submit(sealed.submission()).await.unwrap().job;
        let (opened, claims) = sealed.result(&worker, id).await.unwrap();
        assert_eq!((opened.outcome.code(), claims.code.as_str()), (code, code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_does_not_take_the_output_fails_that_job_alone() {
    let machine = Machine::new(4);
    let worker = machine.worker().await;
    let arguments = json!({"sleep_ms": 50, "spool": LARGE});
    let sealed = machine.seal(&worker.key_config(), &job(arguments));
    let id = worker.submit(sealed.submission()).await.unwrap().job;
    // The spool's first write is the next one.
    machine.disk.inject(DiskFault::FailOnce(0));
    let (opened, _) = sealed.result(&worker, id).await.unwrap();
    assert_eq!(opened.outcome.code(), Code::StoreUnavailable.as_str());
    assert!(machine.disk.list("blobs").unwrap().is_empty());
    let sealed = machine.seal(&worker.key_config(), &job(json!({"spool": LARGE})));
    let id = worker.submit(sealed.submission()).await.unwrap().job;
    assert_eq!(sealed.result(&worker, id).await.unwrap().1.code, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_is_tried_again_with_the_whole_output() {
    let machine = Machine::new(5);
    let worker = machine.worker().await;
    let arguments = json!({"spool": LARGE, "sleep_ms": 50});
    let sealed = machine.seal(&worker.key_config(), &job(arguments));
    let id = worker.submit(sealed.submission()).await.unwrap().job;
    while machine.disk.list("blobs").unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Some way into the response's file.
    machine.disk.inject(DiskFault::FailOnce(5));
    let (opened, _) = sealed.result(&worker, id).await.unwrap();
    let Outcome::Output(output) = opened.outcome else { panic!("{:?}", opened.outcome) };
    assert!(output.data[..LARGE].iter().eq(PATTERN.iter().cycle().take(LARGE)));
    assert_eq!(machine.disk.list("blobs").unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_loss_of_power_while_spooling_leaves_no_file_and_the_job_runs_again() {
    let machine = Machine::new(6);
    let worker = machine.worker().await;
    let arguments = json!({"spool": LARGE, "sleep_ms": 60_000});
    let sealed = machine.seal(&worker.key_config(), &job(arguments));
    let id = worker.submit(sealed.submission()).await.unwrap().job;
    while machine.disk.list("blobs").unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    machine.disk.lose_power();
    drop(worker);
    let worker = machine.worker().await;
    let (opened, _) = sealed.result(&worker, id).await.unwrap();
    let Outcome::Output(output) = opened.outcome else { panic!("{:?}", opened.outcome) };
    assert!(output.data.starts_with(PATTERN));
    worker.close().await;
    drop(machine.worker().await);
    assert_eq!(machine.disk.list("blobs").unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_public_job_has_no_spool() {
    let machine = Machine::new(7);
    let worker = machine.worker().await;
    let submission = Submission {
        origin: Origin::Http { requester: RequesterId::anonymous() },
        body: Body::Public(Bytes::from(job(json!({"spool": LARGE})).to_json().to_vec())),
        reply: Reply::Public,
        lane: None,
        rerun: Rerun::Idempotent,
    };
    let id = worker.submit(submission).await.unwrap().job;
    worker.wait(id, Access::Public, Duration::from_secs(60)).await.unwrap();
    let result = worker.result(id, Access::Public).unwrap().response.whole().unwrap();
    let result: PublicResult = serde_json::from_slice(&result).unwrap();
    assert_eq!(result.output, hex::encode(r#"{"echo":null}"#));
}

/// Broken by a `commit` that tries the same settlement for ever (src/settle.rs).
#[tokio::test(start_paused = true)]
async fn a_result_for_which_the_disk_has_no_room_is_given_up_and_its_job_settles() {
    for is_cancelled in [false, true] {
        let machine = Machine::new(4);
        let worker = machine.worker().await;
        let arguments = json!({"spool": LARGE, "sleep_ms": 1000});
        let sealed = machine.seal(&worker.key_config(), &job(arguments));
        let id = worker.submit(sealed.submission()).await.unwrap().job;
        tokio::time::sleep(Duration::from_millis(500)).await;
        machine.disk.inject(DiskFault::Room(machine.disk.used_bytes() + 300_000));
        let began = tokio::time::Instant::now();
        tokio::time::sleep(Duration::from_secs(5)).await;
        if is_cancelled {
            worker.cancel(id, sealed.access()).unwrap();
        }
        let (opened, claims) = sealed.result(&worker, id).await.unwrap();
        assert_eq!((opened.outcome.code(), claims.output_digest), ("store_unavailable", None));
        let waited = began.elapsed().as_secs();
        assert!(if is_cancelled { waited < 20 } else { (30..60).contains(&waited) }, "{waited} s");
        assert!(machine.disk.list("blobs").unwrap().is_empty(), "nothing of it is left");
        worker.close().await;
    }
}
