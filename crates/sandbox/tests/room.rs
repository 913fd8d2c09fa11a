//! Who gets a place in which process.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_sandbox::{End, Pool, PoolConfig, Services};
use tokio::{sync::Barrier, task::JoinSet, time::timeout};

const AT_ONCE: usize = 8;
/// The wall limit of the runs is longer.
const PATIENCE: Duration = Duration::from_secs(8);

/// Answers when all runs have asked.
struct Together(Barrier);

#[async_trait]
impl Services for Together {
    async fn call(&self, request: Bytes) -> Bytes {
        self.0.wait().await;
        request
    }
}

/// Fails when `started` (src/pool/processes.rs) does not tell those that wait that a process was started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_wait_take_the_room_in_a_process_that_another_run_has_started() {
    let body = "(drop (call $call (i32.const 0) (i32.const 1))) (drop (call $wait (i32.const 9000))) (i32.const 0)";
    let module = common::compiled(&common::module(body)).await;
    // Half of the runs fit into the first process; one of the others starts the second, and the third
    // is not for them.
    let half = u32::try_from(AT_ONCE / 2).unwrap();
    let config = PoolConfig { spare: 0, processes: 3, runs_per_process: half, ..common::config() };
    let pool = Pool::start(config).await.unwrap();
    let services: Arc<dyn Services> = Arc::new(Together(Barrier::new(AT_ONCE)));
    let mut runs = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (pool, module, services) = (pool.clone(), module.clone(), Arc::clone(&services));
        runs.spawn(async move {
            let mut request = common::request(&module, "");
            request.services = services;
            pool.run(request).await
        });
    }
    let ended = timeout(PATIENCE, runs.join_all()).await.expect("all runs have a place at once");
    for run in ended {
        assert_eq!(run.expect("its process lives").end, End::Exit(0));
    }
}

/// Its children, of this test process.
#[allow(clippy::disallowed_methods, reason = "the kernel's books about a test's own children")]
fn children() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .map(|task| {
            std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default()
        })
        .map(|children| children.split_whitespace().count())
        .sum()
}

/// Fails when a start belongs to who asked for it (src/pool/processes.rs, `start_more`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_whose_asker_has_given_up_leaves_no_process_behind() {
    let module = common::compiled(&common::module("(loop (br 0)) (i32.const 0)")).await;
    let config = PoolConfig { spare: 1, processes: 4, runs_per_process: 1, ..common::config() };
    let pool = Pool::start(config).await.unwrap();
    // Something to be loaded while a process starts.
    pool.preload(module.clone()).await;
    let mut runs = JoinSet::new();
    for number in 0..40u64 {
        let (pool, module) = (pool.clone(), module.clone());
        runs.spawn(async move {
            let tenant = number.to_string();
            let mut request = common::request(&module, "");
            request.limits.wall = Duration::from_millis(5 + 3 * number);
            request.tenant = &tenant;
            let _ = pool.run(request).await;
        });
    }
    let most = async {
        let mut most = 0;
        loop {
            most = most.max(pool.load().processes);
            if runs.try_join_next().is_none() && runs.is_empty() {
                break most;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, most).await.expect("all runs end") <= 4);
    let gone = async {
        while children() > 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(PATIENCE, gone).await.is_ok(), "{} processes are left", children());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_share_leaves_processes_to_others_however_many_tenants_it_has() {
    let slow =
        common::compiled(&common::module("(drop (call $wait (i32.const 60000))) (i32.const 0)"))
            .await;
    let quick = common::compiled(&common::module("(i32.const 0)")).await;
    for (processes, of_one) in [(8, 7), (4, 3)] {
        let config = PoolConfig { spare: 1, processes, runs_per_process: 1, ..common::config() };
        let pool = Pool::start(config).await.unwrap();
        let mut sleepers = JoinSet::new();
        for number in 0..12 {
            let (pool, slow) = (pool.clone(), slow.clone());
            sleepers.spawn(async move {
                let tenant = format!("nobody-{number}");
                let mut request = common::request(&slow, "");
                request.limits.wall = Duration::from_secs(60);
                (request.tenant, request.share) = (&tenant, "nobody");
                let _ = pool.run(request).await;
            });
        }
        let used_up = async {
            while pool.load().runs < of_one {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, used_up).await.expect("the share is used up");
        let ended = timeout(PATIENCE, common::run(&pool, &quick, "")).await.expect("one is left");
        assert_eq!((ended.unwrap().end, pool.load().runs), (End::Exit(0), of_one));
        sleepers.abort_all();
    }
}
