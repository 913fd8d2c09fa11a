//! What a run used is known in whatever way it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use common::{compiled, limits, module, pool, request};
use sealwork_sandbox::{
    Artefact, CompileError, End, Form, Pool, Request, RunError, RunLimits, Services, Used,
};
use tokio_util::sync::CancellationToken;

/// Fuel between two looks at the clock (src/child/slices.rs): what a trap may lose.
const SLICE: u64 = 500_000;
/// A loop of a million instructions or so, without a call, in front of `end`.
const LOOP: &str = "(local $n i32)
    (loop (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1)))
                             (i32.const 200000))))";

fn after_a_loop(end: &str) -> String {
    module(&format!("{LOOP} {end}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fuel_is_exact_when_a_program_returns_exits_or_gives_up() {
    let pool = pool().await;
    let fuel = async |end: &str| {
        let text = after_a_loop(end).replace(
            "(memory (export",
            r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
               (memory (export"#,
        );
        let artefact = compiled(&text).await;
        let ended = pool.run(request(&artefact, "")).await.unwrap();
        (ended.end, ended.fuel)
    };
    let (end, returned) = fuel("(i32.const 0)").await;
    assert_eq!(end, End::Exit(0));
    assert!(returned > 1_000_000, "{returned}");
    let (end, exited) = fuel("(call $exit (i32.const 3)) (i32.const 0)").await;
    assert_eq!((end, exited.abs_diff(returned) < 10), (End::Exit(3), true), "{exited} {returned}");
    let (end, gave_up) = fuel("unreachable").await;
    assert!(matches!(end, End::Trap(_)) && gave_up.abs_diff(returned) < 10, "{gave_up}");
    // A trap in the middle of things loses at most what was burnt since the last slice.
    let (end, trapped) = fuel("(i32.load (i32.const 70000))").await;
    assert!(matches!(end, End::Trap(_)), "{end:?}");
    assert!((returned - SLICE..=returned).contains(&trapped), "{trapped} of {returned}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_stopped_has_used_what_it_burnt() {
    let pool = pool().await;
    let spin = compiled(&module("(loop (br 0)) (i32.const 0)")).await;
    let timed = RunLimits { wall: Duration::from_millis(100), ..limits() };
    let late = pool.run(Request { limits: timed, ..request(&spin, "") }).await.unwrap();
    assert_eq!(late.end, End::OutOfTime);
    assert!(late.fuel > 20 * SLICE && late.fuel.is_multiple_of(SLICE), "{}", late.fuel);
    assert!(late.cpu > Duration::from_millis(1) && late.peak_memory > 0, "{late:?}");

    let logging = compiled(&module(
        "(i32.store8 (i32.const 0) (i32.const 65)) (call $log (i32.const 0) (i32.const 1))
         (loop (br 0)) (i32.const 0)",
    ))
    .await;
    let asked = request(&logging, "");
    let stop = asked.stop.clone();
    let (stopped, ()) = tokio::join!(pool.run(asked), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.cancel();
    });
    let stopped = stopped.unwrap();
    assert_eq!((&stopped.end, &stopped.log[..]), (&End::Stopped, &b"A\n"[..]));
    assert!(stopped.fuel >= SLICE, "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_only_calls_the_host_stops_by_itself() {
    let pool = pool().await;
    for body in [
        "(loop (drop (call $now_ms)) (br 0)) (i32.const 0)",
        "(loop (drop (call $input_len)) (br 0)) (i32.const 0)",
        "(loop (drop (call $answer_len)) (br 0)) (i32.const 0)",
        "(loop (call $random (i32.const 0) (i32.const 65536)) (br 0)) (i32.const 0)",
        "(loop (call $log (i32.const 0) (i32.const 9)) (br 0)) (i32.const 0)",
    ] {
        let artefact = compiled(&module(body)).await;
        let timed = RunLimits { wall: Duration::from_millis(100), ..limits() };
        let late = pool.run(Request { limits: timed, ..request(&artefact, "") }).await.unwrap();
        assert_eq!(late.end, End::OutOfTime, "{body}");
    }
}

/// Keeps what a run is said to have used.
#[derive(Default)]
struct Bill(Mutex<Used>);

#[async_trait]
impl Services for Bill {
    async fn call(&self, request: Bytes) -> Bytes {
        request
    }

    fn used(&self, so_far: Used) {
        *self.0.lock().unwrap() = so_far;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_used_is_known_from_while_it_ran() {
    let pool = pool().await;
    let spin = compiled(&module("(loop (br 0)) (i32.const 0)")).await;
    let bill = Arc::new(Bill::default());
    let asked = Request { services: Arc::clone(&bill) as _, ..request(&spin, "") };
    let (lost, ()) = tokio::join!(pool.run(asked), async {
        while bill.0.lock().unwrap().fuel == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        pool.close();
    });
    assert!(matches!(lost, Err(RunError::Lost)), "{lost:?}");
    let used = *bill.0.lock().unwrap();
    assert!(used.fuel > SLICE && !used.cpu.is_zero() && used.peak_memory == 65_536, "{used:?}");
}

/// Writes what it may, and goes on with writes that fail: a loop of calls that burns hardly any fuel.
const FLOOD: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 160)
    (func (export "_start")
        (i32.store (i32.const 4) (i32.const 10000000))
        (loop
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
            (br 0))))"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_output_ends_by_itself_with_its_bill_and_the_beginning_of_its_output() {
    let pool = pool().await;
    let artefact = compiled(FLOOD).await;
    let form = Form::Command {
        args: Vec::new(),
        env: Vec::new(),
        stdin: Bytes::new(),
        files: Vec::new(),
        directories: Vec::new(),
    };
    let limits = RunLimits { wall: Duration::from_millis(400), ..limits() };
    let bill = Arc::new(Bill::default());
    let asked =
        Request { form, limits, services: Arc::clone(&bill) as _, ..request(&artefact, "") };
    let (ended, before) = tokio::join!(pool.run(asked), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        *bill.0.lock().unwrap()
    });
    let ended = ended.unwrap();
    assert_eq!((&ended.end, ended.output.len()), (&End::OutputTooLarge, 64 << 10));
    assert!(ended.cpu >= before.cpu && !before.cpu.is_zero(), "{before:?} {:?}", ended.cpu);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ended_is_billed_exactly() {
    let pool = pool().await;
    let artefact = compiled(&after_a_loop("(i32.const 0)")).await;
    let bill = Arc::new(Bill::default());
    let asked = Request { services: Arc::clone(&bill) as _, ..request(&artefact, "") };
    let ended = pool.run(asked).await.unwrap();
    assert_eq!(*bill.0.lock().unwrap(), ended.used());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_stopped_while_it_waits_for_a_process_leaves_its_place_to_others() {
    let config = sealwork_sandbox::PoolConfig { spare: 0, processes: 1, ..common::config() };
    let pool = Pool::start(config).await.unwrap();
    let quick = compiled(&module("(i32.const 0)")).await;
    // The first process goes to alice; bob waits for its end, and gives up while his is started.
    for tenant in ["alice", "bob", "carol"] {
        let stop = CancellationToken::new();
        let asked = Request { tenant, stop: stop.clone(), ..request(&quick, "") };
        let (ended, ()) = tokio::join!(pool.run(asked), async {
            tokio::task::yield_now().await;
            if tenant == "bob" {
                stop.cancel();
            }
        });
        match tenant {
            "bob" => assert!(matches!(ended, Err(RunError::Stopped)), "{ended:?}"),
            _ => assert_eq!(ended.unwrap().end, End::Exit(0)),
        }
    }
}

async fn tried(pool: &Pool, artefact: &Artefact) -> Result<End, RunError> {
    let limits = RunLimits { wall: Duration::from_millis(200), ..limits() };
    let asked = Request { form: Form::Trial, limits, ..request(artefact, "") };
    pool.run(asked).await.map(|ended| ended.end)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_finds_what_a_run_would_end_with_before_its_entry_is_called() {
    let pool = pool().await;
    let fit = compiled(&module("unreachable")).await;
    assert_eq!(tried(&pool, &fit).await.unwrap(), End::Exit(0), "the entry is not called");
    let entry = r#"(func (export "_start"))"#;
    for (body, why) in [
        ("(memory 1) (data (i32.const 65536) \"x\")", "out of bounds"),
        ("(table 1 funcref) (elem (i32.const 1) func $f) (func $f)", "out of bounds"),
        ("(func $f unreachable) (start $f)", "unreachable"),
    ] {
        let artefact = compiled(&format!("(module {body} {entry})")).await;
        let Ok(End::Unfit(text)) = tried(&pool, &artefact).await else { panic!("{body}") };
        assert!(text.contains(why), "{body}: {text}");
    }
    let greedy = compiled(&format!("(module (memory 2000) {entry})")).await;
    assert_eq!(tried(&pool, &greedy).await.unwrap(), End::OutOfMemory(2000 << 16));
    let endless = compiled(&format!("(module (func $f (loop (br 0))) (start $f) {entry})")).await;
    assert_eq!(tried(&pool, &endless).await.unwrap(), End::OutOfTime);
    let wide = compiled(&format!("(module (table 200000 funcref) {entry})")).await;
    let refused = tried(&pool, &wide).await;
    assert!(matches!(refused, Err(RunError::Unloadable(_))), "{refused:?}");
    let huge = wat::parse_str(format!("(module (memory 20000) {entry})")).unwrap();
    let refused = common::compiler().compile("share", huge.into()).await.unwrap_err();
    assert!(refused.to_string().contains("programs get 268435456 here at most"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_another_shape_is_refused_when_it_is_compiled() {
    for (entry, why) in [
        (r#"(func (export "_start") (param i32))"#, "`_start`"),
        (r#"(func (export "_start") (result i32) (i32.const 0))"#, "`_start`"),
        (r#"(func (export "run"))"#, "`run`"),
        (r#"(func (export "run") (result i64) (i64.const 0))"#, "`run`"),
        (r#"(global (export "_start") i32 (i32.const 0))"#, "exports neither"),
    ] {
        let module = wat::parse_str(format!("(module {entry})")).unwrap();
        let refused = common::compiler().compile("share", module.into()).await.unwrap_err();
        assert!(matches!(&refused, CompileError::Refused(_)), "{refused}");
        assert!(refused.to_string().contains(why), "{entry}: {refused}");
    }
}
