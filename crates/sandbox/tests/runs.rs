//! Programs run to their end, and to nobody else's.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::time::Duration;

use common::{compiled, limits, module, pool, request, run};
use sealwork_sandbox::{End, Landlock, RunError, RunLimits};
use tokio::time::Instant;

/// How late a program may end on a machine that is busy otherwise; `sealwork bench programs` is
/// where time is measured.
const LATE: Duration = Duration::from_secs(5);

/// Hands its input out.
const ECHO: &str = "
    (local $len i32)
    (local.set $len (call $input_read (i32.const 0) (i32.const 1024) (call $input_len)))
    (call $output (i32.const 1024) (local.get $len))
    (i32.const 0)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_reads_its_input_and_hands_out_its_output() {
    let pool = pool().await;
    let echo = compiled(&module(ECHO)).await;
    let ended = run(&pool, &echo, "hello").await.unwrap();
    assert_eq!((&ended.end, &ended.output[..]), (&End::Exit(0), &b"hello"[..]));
    assert!(ended.fuel > 0 && ended.fuel < 1000, "{ended:?}");
    assert_eq!(ended.peak_memory, 65_536);
    let walls = pool.confinement();
    assert!(walls.seccomp && walls.no_new_privileges && walls.no_capabilities, "{walls:?}");
    assert_ne!(walls.landlock, Landlock::Absent, "this kernel has it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_uses_up_its_time_fuel_memory_or_output_ends_with_its_own_code() {
    let pool = pool().await;
    let spin = compiled(&module("(loop (br 0)) (i32.const 0)")).await;
    let wall = Duration::from_millis(200);
    let began = Instant::now();
    let timed = RunLimits { wall, ..limits() };
    let ended = pool.run(common_with(&spin, timed)).await.unwrap();
    assert_eq!(ended.end, End::OutOfTime);
    assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
    assert!(ended.cpu > Duration::ZERO && ended.cpu < LATE, "{:?}", ended.cpu);

    let ended = pool.run(common_with(&spin, RunLimits { fuel: 100_000, ..limits() })).await;
    let ended = ended.unwrap();
    assert_eq!((ended.end, ended.fuel), (End::OutOfFuel, 100_000));

    // Growing beyond the limit fails, and the program sees it.
    let grow = compiled(&module(
        "(drop (memory.grow (i32.const 100)))
         (memory.grow (i32.const 1000))",
    ))
    .await;
    let tight = RunLimits { memory_bytes: 8 << 20, ..limits() };
    let ended = pool.run(common_with(&grow, tight)).await.unwrap();
    assert_eq!((ended.end, ended.peak_memory), (End::Exit(-1), 101 << 16));

    let flood = compiled(&module(
        "(loop (call $output (i32.const 0) (i32.const 60000)) (br 0)) (i32.const 0)",
    ))
    .await;
    let ended = run(&pool, &flood, "").await.unwrap();
    assert_eq!(ended.end, End::OutputTooLarge);

    for (body, why) in [
        ("unreachable", "unreachable"),
        ("(i32.div_s (i32.const 1) (i32.const 0))", "divide by zero"),
        ("(i32.load (i32.const 70000))", "out of bounds memory"),
        ("(call $log (i32.const 65530) (i32.const 100)) (i32.const 0)", "out of bounds memory"),
        ("(call $output (i32.const -1) (i32.const -1)) (i32.const 0)", "out of bounds memory"),
        ("(call $random (i32.const 0) (i32.const -1)) (i32.const 0)", "out of bounds memory"),
    ] {
        let trap = compiled(&module(body)).await;
        let End::Trap(text) = run(&pool, &trap, "").await.unwrap().end else { panic!("{body}") };
        assert!(text.contains(why), "{body}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_recursion_is_a_trap_and_the_process_goes_on() {
    let pool = pool().await;
    let text = module("(call $deep) (i32.const 0)")
        .replace("(global $seen", "(func $deep (call $deep) (call $deep)) (global $seen");
    let deep = compiled(&text).await;
    for _ in 0..3 {
        let End::Trap(text) = run(&pool, &deep, "").await.unwrap().end else { panic!("no trap") };
        assert!(text.contains("stack"), "{text}");
    }
    assert_eq!(pool.load().runs, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_keeps_its_end() {
    let pool = pool().await;
    let logging = compiled(&module(
        "(local $n i32)
         (loop
            (i32.store8 (i32.const 0) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
            (call $log (i32.const 0) (i32.const 1))
            (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 2000))))
         (i32.const 0)",
    ))
    .await;
    let ended = run(&pool, &logging, "").await.unwrap();
    assert_eq!((ended.log.len(), ended.logged), (1000, 4000));
    assert!(ended.log.ends_with(b"7\n8\n9\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_asks_outside_and_gets_its_answers() {
    let pool = pool().await;
    // Two calls at once; whichever is answered first is handed out first.
    let asking = compiled(&module(
        r#"(local $len i32)
         (i32.store (i32.const 0) (i32.const 0x64636261))
         (drop (call $call (i32.const 0) (i32.const 3)))
         (drop (call $call (i32.const 1) (i32.const 3)))
         (drop (call $wait (i32.const 5000)))
         (local.set $len (call $answer_read (i32.const 0) (i32.const 100) (call $answer_len)))
         (call $output (i32.const 100) (local.get $len))
         (drop (call $wait (i32.const 5000)))
         (local.set $len (call $answer_read (i32.const 0) (i32.const 100) (i32.const 50)))
         (call $output (i32.const 100) (local.get $len))
         (call $wait (i32.const 20))"#,
    ))
    .await;
    let ended = run(&pool, &asking, "").await.unwrap();
    assert_eq!(ended.end, End::Exit(-1), "nothing is left to wait for");
    let output = String::from_utf8(ended.output.to_vec()).unwrap();
    assert!(output == "cbadcb" || output == "dcbcba", "{output}");
    // More than its limit are refused.
    let greedy = compiled(&module(
        "(loop (br_if 0 (i32.ge_s (call $call (i32.const 0) (i32.const 1)) (i32.const 3)))
               (global.set $seen (i32.add (global.get $seen) (i32.const 1)))
               (br_if 0 (i32.lt_u (global.get $seen) (i32.const 9))))
         (call $call (i32.const 0) (i32.const 1))",
    ))
    .await;
    assert_eq!(run(&pool, &greedy, "").await.unwrap().end, End::Exit(-1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_program_ends_at_once_also_while_it_waits() {
    let pool = pool().await;
    for body in ["(loop (br 0)) (i32.const 0)", "(call $wait (i32.const 9999))"] {
        let artefact = compiled(&module(body)).await;
        let request = request(&artefact, "");
        let stop = request.stop.clone();
        let (ended, ()) = tokio::join!(pool.run(request), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            stop.cancel();
        });
        assert_eq!(ended.unwrap().end, End::Stopped, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn randomness_and_time_come_from_the_worker() {
    let pool = pool().await;
    let artefact = compiled(&module(
        "(call $random (i32.const 0) (i32.const 32))
         (i64.store (i32.const 32) (call $now_ms))
         (call $output (i32.const 0) (i32.const 40))
         (i32.const 0)",
    ))
    .await;
    let first = run(&pool, &artefact, "").await.unwrap().output;
    let again = run(&pool, &artefact, "").await.unwrap().output;
    assert_eq!(first[..32], again[..32], "one seed, one sequence");
    let mut other = request(&artefact, "");
    other.seed = [8; 32];
    assert_ne!(pool.run(other).await.unwrap().output[..32], first[..32]);
    let now = u64::from_le_bytes(first[32..].try_into().unwrap());
    assert!((1_767_225_600_000..1_767_225_600_050).contains(&now), "{now}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_share_no_process_and_a_killed_one_is_replaced() {
    let pool = pool().await;
    let slow = compiled(&module("(drop (call $wait (i32.const 300))) (i32.const 0)")).await;
    let mut bob = request(&slow, "");
    bob.tenant = "bob";
    let (alice, bobs, ()) = tokio::join!(run(&pool, &slow, ""), pool.run(bob), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(pool.load().processes >= 2, "{:?}", pool.load());
    });
    alice.unwrap();
    bobs.unwrap();
    // A process that dies takes its own runs with it, and no others.
    let (lost, ()) = tokio::join!(run(&pool, &slow, ""), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        pool.close();
    });
    assert!(matches!(lost, Err(RunError::Lost)), "{lost:?}");
    assert_eq!(run(&pool, &slow, "").await.unwrap().end, End::Exit(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_processes_are_busy_the_next_tenant_waits_its_turn() {
    let mut config = common::config();
    (config.processes, config.runs_per_process) = (1, 1);
    let pool = sealwork_sandbox::Pool::start(config).await.unwrap();
    let slow = compiled(&module("(drop (call $wait (i32.const 200))) (i32.const 0)")).await;
    let mut bob = request(&slow, "");
    bob.tenant = "bob";
    let mut hasty = request(&slow, "");
    hasty.limits.wall = Duration::from_millis(20);
    hasty.tenant = "carol";
    let (alice, bobs, hasty) = tokio::join!(run(&pool, &slow, ""), pool.run(bob), pool.run(hasty));
    assert_eq!(alice.unwrap().end, End::Exit(0));
    assert_eq!(bobs.unwrap().end, End::Exit(0));
    assert!(matches!(hasty, Err(RunError::Busy)), "{hasty:?}");
}

fn common_with(
    artefact: &sealwork_sandbox::Artefact,
    limits: RunLimits,
) -> sealwork_sandbox::Request<'_> {
    sealwork_sandbox::Request { limits, ..request(artefact, "") }
}

/// Copies standard input to standard output, says so on standard error, and exits with 3.
const COMMAND: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "done\n")
    (func (export "_start")
        (i32.store (i32.const 0) (i32.const 1000))
        (i32.store (i32.const 4) (i32.const 1000))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i32.store (i32.const 4) (i32.load (i32.const 8)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i32.store (i32.const 0) (i32.const 100))
        (i32.store (i32.const 4) (i32.const 5))
        (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
        (call $exit (i32.const 3))))"#;

fn command(stdin: &'static str) -> sealwork_sandbox::Form {
    sealwork_sandbox::Form::Command {
        args: vec!["program".to_owned()],
        env: Vec::new(),
        stdin: stdin.into(),
        files: Vec::new(),
        directories: vec![("/".to_owned(), String::new())],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wasi_command_has_its_streams_and_its_exit_code() {
    let pool = pool().await;
    let artefact = compiled(COMMAND).await;
    let asked = sealwork_sandbox::Request { form: command("hello"), ..request(&artefact, "") };
    let ended = pool.run(asked).await.unwrap();
    assert_eq!((&ended.end, &ended.output[..]), (&End::Exit(3), &b"hello"[..]));
    assert_eq!((&ended.log[..], ended.logged), (&b"done\n"[..], 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_sleeps_ends_at_its_deadline() {
    let pool = pool().await;
    let sleeping = compiled(
        r#"(module
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start")
                (i32.store (i32.const 16) (i32.const 1))
                (i64.store (i32.const 24) (i64.const 9000000000))
                (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))))"#,
    )
    .await;
    let wall = Duration::from_millis(150);
    let began = Instant::now();
    let asked = sealwork_sandbox::Request {
        form: command(""),
        limits: RunLimits { wall, ..limits() },
        ..request(&sleeping, "")
    };
    assert_eq!(pool.run(asked).await.unwrap().end, End::OutOfTime);
    assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_program_is_refused_by_the_compiler_with_a_reason() {
    let compiler = common::compiler();
    for (wat, why) in [
        ("(module)", "exports neither"),
        (r#"(module (import "env" "f" (func)) (func (export "_start")))"#, "env"),
        (r#"(module (func (export "_start") (unreachable) (i32.add)) )"#, ""),
    ] {
        let module = wat::parse_str(wat).unwrap();
        let refused = compiler.compile("share", module.into()).await.unwrap_err();
        assert!(matches!(&refused, sealwork_sandbox::CompileError::Refused(_)), "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let garbage = compiler.compile("share", "no module at all".into()).await.unwrap_err();
    assert!(matches!(garbage, sealwork_sandbox::CompileError::Refused(_)));
}
