//! Many jobs, and what is left of them in the worker and its sandbox processes: nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]
#![allow(clippy::print_stdout, reason = "what was measured is part of the result")]
#![allow(clippy::disallowed_methods, reason = "reads the kernel's books about this process")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{fs, time::Instant};

use bytes::Bytes;
use common::{compiled, request};
use sealwork_sandbox::{Artefact, End, Form, Pool, PoolConfig, Request};
use serde_json::{Value, json};

const JOBS: usize = 10_000;
/// Of every so many jobs one is JavaScript, and one traps.
const SCRIPT: usize = 20;
const TRAP: usize = 50;
/// What may be left of all jobs together: allocators keep some of what they had.
const TOLERANCE: u64 = 8 << 20;

/// Grows its memory by 2 MiB, writes to each page of it, and hands a page out; or traps.
const WORK: &str = r#"(module
    (import "sealwork" "input_len" (func $input_len (result i32)))
    (import "sealwork" "output" (func $output (param i32 i32)))
    (import "sealwork" "log" (func $log (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32) (local $at i32)
        (drop (memory.grow (i32.const 32)))
        (loop
            (i32.store (local.get $at) (i32.const 0x5a5a5a5a))
            (local.set $at (i32.add (local.get $at) (i32.const 4096)))
            (br_if 0 (i32.lt_u (local.get $at) (i32.const 2162688))))
        (call $output (i32.const 0) (i32.const 4096))
        (call $log (i32.const 0) (i32.const 100))
        (if (call $input_len) (then (unreachable)))
        (i32.const 0)))"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_back_where_it_was_after_ten_thousand_jobs() {
    let config = PoolConfig { spare: 1, processes: 2, runs_per_process: 4, ..common::config() };
    let pool = Pool::start(config).await.unwrap();
    let (work, engine) = (compiled(WORK).await, engine().await);
    // Everything that is made once is made: processes, modules, slots, the allocators' first pages.
    run(&pool, &work, &engine, JOBS / 20).await;
    let (before, files) = (resident(), open_files());
    let began = Instant::now();
    run(&pool, &work, &engine, JOBS).await;
    let took = began.elapsed();
    let after = resident();
    println!(
        "{JOBS} jobs in {:.1} s; resident before {} KiB, after {} KiB",
        took.as_secs_f64(),
        before >> 10,
        after >> 10
    );
    assert!(after <= before + TOLERANCE, "{} KiB are left", (after - before) >> 10);
    assert_eq!(open_files(), files, "files are left open");
    assert_eq!(pool.load().runs, 0);
}

/// So many jobs, four at a time.
async fn run(pool: &Pool, work: &Artefact, engine: &Artefact, jobs: usize) {
    let some = async |first: usize| {
        for job in (first..jobs).step_by(4) {
            if job % SCRIPT == 0 {
                let form = script(
                    "export default { fetch() { return new Response('x'.repeat(4096)); } };",
                );
                let ended = pool.run(Request { form, ..request(engine, "") }).await.unwrap();
                assert_eq!(ended.end, End::Exit(0));
                continue;
            }
            let input = if job % TRAP == 1 { "trap" } else { "" };
            let ended = pool.run(request(work, input)).await.unwrap();
            assert_eq!(matches!(ended.end, End::Trap(_)), !input.is_empty(), "{:?}", ended.end);
            assert_eq!(ended.output.len(), 4096);
        }
    };
    tokio::join!(some(0), some(1), some(2), some(3));
}

async fn engine() -> Artefact {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/js/js.wasm");
    common::compiler().compile("share", fs::read(path).unwrap().into()).await.unwrap()
}

fn script(source: &str) -> Form {
    let head = json!({
        "source_len": source.len(), "secret_len": Value::Null, "body_len": Value::Null,
        "memory_bytes": 32 << 20,
        "request": { "method": "GET", "url": "http://localhost/", "headers": [] },
        "env": { "id": "job", "requester": "requester", "deadline_ms": 1_800_000_000_000_u64 },
    });
    let head = head.to_string();
    let mut bytes = u32::try_from(head.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(source.as_bytes());
    Form::Reactor { input: Bytes::from(bytes) }
}

/// Resident bytes of this process and of all that it started.
fn resident() -> u64 {
    let own = std::process::id();
    let mut of_interest = children();
    of_interest.push(own);
    of_interest.into_iter().map(resident_of).sum()
}

fn resident_of(process: u32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

fn children() -> Vec<u32> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let lists =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let pids: Vec<String> = lists.collect();
    pids.iter().flat_map(|list| list.split(' ')).filter_map(|pid| pid.parse().ok()).collect()
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
