//! Runs that hold a lot, each within its limits: none is in the way of another one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use common::{compiled, limits, module, request};
use sealwork_sandbox::{Artefact, End, Form, Pool, PoolConfig, RunError, RunLimits, Services};
use tokio::{task::JoinSet, time::timeout};

const PATIENCE: Duration = Duration::from_secs(30);
const MIB: u64 = 1 << 20;

/// Writes so many pages of 64 KiB, then waits so many milliseconds.
fn writer(pages: u32, wait_ms: u32) -> String {
    module(&format!(
        "(local $left i32) (local.set $left (i32.const {pages}))
         (loop
            (call $output (i32.const 0) (i32.const 65536))
            (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         (drop (call $wait (i32.const {wait_ms})))
         (i32.const 0)"
    ))
}

fn wide(output_bytes: u64) -> RunLimits {
    RunLimits { memory_bytes: 2 * MIB, output_bytes, wall: Duration::from_secs(20), ..limits() }
}

fn command() -> Form {
    common::command_form(b"", &[])
}

async fn pool(runs_per_process: u32, usual: RunLimits) -> Pool {
    let most = RunLimits { output_bytes: 512 * MIB, ..usual };
    let config = PoolConfig { runs_per_process, usual, most, ..common::config() };
    Pool::start(config).await.unwrap()
}

async fn run(
    pool: &Pool,
    artefact: &Artefact,
    limits: RunLimits,
) -> Result<(End, usize), RunError> {
    let asked = sealwork_sandbox::Request { form: command(), limits, ..request(artefact, "") };
    pool.run(asked).await.map(|ended| (ended.end, ended.output.len()))
}

/// Fails when the watchdog allows less than the runs may hold (src/holdings.rs, `bytes`, without
/// the output), or counts the whole as before: 512 MiB beside the memories; and when outputs leave
/// their process in one piece (src/child/serve.rs, `tell_end`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_use_up_their_output_limits_do_not_end_each_other() {
    let usual = wide(64 * MIB);
    let pool = pool(16, usual).await;
    let writes = compiled(&writer(60 * 16, 1400)).await;
    let waits = compiled(&writer(1, 1500)).await;
    // What it says is short, and does not stand behind the outputs of the others.
    let soon = RunLimits { wall: Duration::from_millis(2000), ..usual };
    let mut runs = JoinSet::new();
    for number in 0..13 {
        let pool = pool.clone();
        let (module, limits) = if number == 0 { (&waits, soon) } else { (&writes, usual) };
        let module = module.clone();
        runs.spawn(async move { (number, run(&pool, &module, limits).await) });
    }
    for (number, ended) in timeout(PATIENCE, runs.join_all()).await.expect("in time") {
        let (end, len) = ended.expect("its process lives");
        let expected = if number == 0 { 64 << 10 } else { 60 << 20 };
        assert_eq!((end, len), (End::Exit(0), expected), "run {number}");
    }
    assert_eq!(pool.load().runs, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_far_above_the_usual_limits_arrives() {
    let pool = pool(2, wide(MIB)).await;
    let writes = compiled(&writer(250 * 16, 300)).await;
    let ended = run(&pool, &writes, wide(512 * MIB)).await;
    assert_eq!(ended.unwrap(), (End::Exit(0), 250 << 20));
}

/// Fails when `place` (src/pool/processes.rs) does not look at what the runs of a process hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_with_larger_limits_than_a_process_has_room_for_gets_one_of_its_own() {
    let pool = pool(4, wide(MIB)).await;
    let waits = compiled(&writer(1, 800)).await;
    let mut runs = JoinSet::new();
    for large in [true, true, false] {
        let (pool, module) = (pool.clone(), waits.clone());
        let limits = wide(if large { 512 * MIB } else { MIB });
        runs.spawn(async move { run(&pool, &module, limits).await });
    }
    let three = async {
        while pool.load().runs < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        pool.load().processes
    };
    // One for each, and perhaps a spare one.
    assert!(timeout(PATIENCE, three).await.expect("all run") >= 3);
    for ended in timeout(PATIENCE, runs.join_all()).await.expect("in time") {
        assert_eq!(ended.unwrap().0, End::Exit(0));
    }
}

/// Fails when a run that waits for room takes its process with it (src/pool.rs, `attend`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_for_whose_output_there_is_no_room_ends_alone() {
    let config = PoolConfig { outputs_bytes: MIB / 2, ..common::config() };
    let pool = Pool::start(config).await.unwrap();
    let writes = compiled(&writer(8, 0)).await;
    let waits = compiled(&writer(1, 1500)).await;
    let beside = {
        let (pool, waits) = (pool.clone(), waits.clone());
        tokio::spawn(async move { run(&pool, &waits, limits()).await })
    };
    let asked = sealwork_sandbox::Request { form: command(), ..request(&writes, "") };
    let first = pool.run(asked).await.unwrap();
    let late = RunLimits { wall: Duration::from_millis(200), ..limits() };
    let refused = run(&pool, &writes, late).await.unwrap_err();
    assert!(matches!(refused, RunError::NoRoom), "{refused}");
    drop(first);
    assert_eq!(beside.await.unwrap().expect("its process lives").0, End::Exit(0));
}

/// Never answers.
struct Silent;

#[async_trait]
impl Services for Silent {
    async fn call(&self, request: Bytes) -> Bytes {
        std::future::pending::<()>().await;
        request
    }
}

/// Fails when requests and outputs share their room (src/process.rs, `read`), and when a request may
/// be no longer than an output (src/holdings.rs, `longest_frame`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_stay_open_take_no_room_from_the_outputs_of_others() {
    let config = PoolConfig { outputs_bytes: 2 * MIB, ..common::config() };
    let pool = Pool::start(config).await.unwrap();
    let asks = module(
        "(drop (memory.grow (i32.const 100)))
         (drop (call $call (i32.const 0) (i32.const 4000000)))
         (drop (call $call (i32.const 0) (i32.const 4000000)))
         (drop (call $wait (i32.const 20000)))
         (i32.const 0)",
    );
    let asks = compiled(&asks).await;
    let mut hog = {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut asked = request(&asks, "");
            (asked.tenant, asked.share, asked.services) = ("hog", "hog", Arc::new(Silent));
            pool.run(asked).await
        })
    };
    let under_way = async {
        while pool.load().runs == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = under_way => {}
        ended = &mut hog => panic!("it has ended: {ended:?}"),
    }
    let writes = compiled(&writer(8, 200)).await;
    let ended = timeout(PATIENCE, run(&pool, &writes, limits())).await.expect("in time");
    assert_eq!(ended.unwrap(), (End::Exit(0), 8 << 16));
    assert!(!hog.is_finished(), "its requests are longer than any output may be");
    hog.abort();
}

/// Fails when a process may open fewer files than it has modules (src/confine/mod.rs, `OPEN_FILES`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requester_may_bring_one_module_after_the_other() {
    let pool = Pool::start(common::config()).await.unwrap();
    let compiler = common::compiler();
    for number in 0..70 {
        let text = format!(
            r#"(module (memory (export "memory") 1) (data (i32.const 8) "module {number}")
                (func (export "run") (result i32) (i32.const 0)))"#
        );
        let module = wat::parse_str(text).unwrap();
        let module = compiler.compile("alice", module.into()).await.unwrap();
        let ended = run(&pool, &module, limits()).await.unwrap();
        assert_eq!(ended.0, End::Exit(0), "module {number}");
    }
}
