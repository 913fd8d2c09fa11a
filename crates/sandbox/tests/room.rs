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

/// Fails when `lease` (src/pool.rs) does not tell those that wait that a process was started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_wait_take_the_room_in_a_process_that_another_run_has_started() {
    let body = "(drop (call $call (i32.const 0) (i32.const 1))) (drop (call $wait (i32.const 9000))) (i32.const 0)";
    let module = common::compiled(&common::module(body)).await;
    // Half of the runs fit into the first process; one of the others starts the second and last.
    let half = u32::try_from(AT_ONCE / 2).unwrap();
    let config = PoolConfig { spare: 0, processes: 2, runs_per_process: half, ..common::config() };
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
