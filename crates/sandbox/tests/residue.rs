//! What one job leaves for the next: nothing. The pool here has one process, one place in it, and
//! lets tenants follow each other there, which the product does only where an operator says so: the
//! next program gets the very memories and tables that the last one had.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use common::{compiled, limits, request};
use sealwork_sandbox::{
    Artefact, End, Ended, Form, Pool, PoolConfig, Request, RunLimits, Services,
};
use serde_json::{Value, json};

const CANARY: &str = "canary-7f3a";

/// One process with one place, for everybody.
async fn one_place() -> Pool {
    let config = PoolConfig {
        spare: 0,
        processes: 1,
        runs_per_process: 1,
        most: RunLimits { memory_bytes: 64 << 20, ..limits() },
        outputs_bytes: 256 << 20,
        shared: true,
        ..common::config()
    };
    Pool::start(config).await.unwrap()
}

fn roomy() -> RunLimits {
    RunLimits { memory_bytes: 128 << 20, log_bytes: 1 << 20, ..limits() }
}

async fn run(pool: &Pool, tenant: &str, artefact: &Artefact, form: Form) -> Ended {
    let asked = Request { form, tenant, limits: roomy(), ..request(artefact, "") };
    pool.run(Request { services: Arc::new(Canary), ..asked }).await.unwrap()
}

/// Answers every call with the canary.
struct Canary;

#[async_trait]
impl Services for Canary {
    async fn call(&self, _request: Bytes) -> Bytes {
        CANARY.repeat(10_000).into()
    }
}

fn input(text: &str) -> Form {
    Form::Reactor { input: Bytes::from(text.to_owned()) }
}

/// Has both memories and both tables that there are, as large as they get, and looks at every byte
/// and every place. What is not as a new instance must find it is counted; with any input at all it
/// first puts something there, to show that it sees it.
const SCANNER: &str = r#"(module
    (import "sealwork" "input_len" (func $input_len (result i32)))
    (import "sealwork" "answer_len" (func $answer_len (result i32)))
    (memory $a (export "memory") 1) (memory $b 1)
    (table $s 8 funcref) (table $t 8 funcref)
    (global $g (mut i64) (i64.const 0))
    (func $null)
    (elem declare func $null)
    (func $memories (result i32) (local $at i32) (local $end i32) (local $found i32)
        (loop (br_if 0 (i32.ne (memory.grow $a (i32.const 16)) (i32.const -1))))
        (loop (br_if 0 (i32.ne (memory.grow $b (i32.const 16)) (i32.const -1))))
        (local.set $end (i32.mul (memory.size $a) (i32.const 65536)))
        (loop
            (local.set $found (i32.add (local.get $found)
                (v128.any_true (v128.load $a (local.get $at)))))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if 0 (i32.lt_u (local.get $at) (local.get $end))))
        (local.set $at (i32.const 0))
        (local.set $end (i32.mul (memory.size $b) (i32.const 65536)))
        (loop
            (local.set $found (i32.add (local.get $found)
                (v128.any_true (v128.load $b (local.get $at)))))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if 0 (i32.lt_u (local.get $at) (local.get $end))))
        (local.get $found))
    (func $tables (result i32) (local $at i32) (local $found i32)
        (drop (table.grow $s (ref.null func) (i32.const 90000)))
        (drop (table.grow $t (ref.null func) (i32.const 90000)))
        (loop
            (local.set $found (i32.add (local.get $found) (i32.eqz (i32.and
                (ref.is_null (table.get $s (local.get $at)))
                (ref.is_null (table.get $t (local.get $at)))))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get $at) (i32.const 90000))))
        (local.get $found))
    (func (export "run") (result i32)
        (if (call $input_len) (then
            (i32.store8 $a (i32.const 65535) (i32.const 1))
            (i32.store8 $b (i32.const 4097) (i32.const 1))
            (table.set $t (i32.const 7) (ref.func $null))))
        (i32.add (call $answer_len) (i32.add (call $memories) (call $tables)))))"#;

/// Fills every memory to its end, every table, its stack and its globals with the canary.
const FILLER: &str = r#"(module
    (import "sealwork" "input_len" (func $input_len (result i32)))
    (import "sealwork" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
    (import "sealwork" "output" (func $output (param i32 i32)))
    (import "sealwork" "log" (func $log (param i32 i32)))
    (import "sealwork" "call" (func $call (param i32 i32) (result i32)))
    (import "sealwork" "wait" (func $wait (param i32) (result i32)))
    (memory $a (export "memory") 1) (memory $b 1)
    (data $d (i32.const 128) "canary-7f3a")
    (table $s 8 funcref) (table $t 8 funcref)
    (global $g (mut i64) (i64.const 0x616e6163))
    (func $full)
    (elem declare func $full)
    (func $deep (param i64 i64 i32) (result i64)
        (if (result i64) (local.get 2)
            (then (i64.add (local.get 0) (call $deep (local.get 1) (local.get 0) (i32.sub (local.get 2) (i32.const 1)))))
            (else (local.get 1))))
    (func (export "run") (result i32) (local $len i32)
        (global.set $g (i64.const 0x2d7972616e6163))
        (drop (call $deep (global.get $g) (global.get $g) (i32.const 10000)))
        (local.set $len (call $input_read (i32.const 0) (i32.const 0) (call $input_len)))
        (loop (br_if 0 (i32.ne (memory.grow $a (i32.const 16)) (i32.const -1))))
        (loop (br_if 0 (i32.ne (memory.grow $b (i32.const 16)) (i32.const -1))))
        (memory.copy $a $a (local.get $len) (i32.const 0)
            (i32.sub (i32.mul (memory.size $a) (i32.const 65536)) (local.get $len)))
        (call $spread)
        (drop (table.grow $s (ref.func $full) (i32.const 90000)))
        (drop (table.grow $t (ref.func $full) (i32.const 90000)))
        (call $output (i32.const 0) (i32.const 1000))
        (call $log (i32.const 0) (i32.const 1000))
        (drop (call $call (i32.const 0) (i32.const 1000)))
        (drop (call $wait (i32.const 1000)))
        (i32.const 0))
    (func $spread (local $at i32) (local $end i32)
        (local.set $end (i32.mul (memory.size $a) (i32.const 65536)))
        (loop
            (i64.store $a (local.get $at) (global.get $g))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if 0 (i32.lt_u (local.get $at) (local.get $end))))
        (local.set $at (i32.const 0))
        (local.set $end (i32.mul (memory.size $b) (i32.const 65536)))
        (loop
            (i64.store $b (local.get $at) (global.get $g))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if 0 (i32.lt_u (local.get $at) (local.get $end))))))"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_and_no_table_place_of_one_program_is_there_for_the_next() {
    let pool = one_place().await;
    let (filler, scanner) = (compiled(FILLER).await, compiled(SCANNER).await);
    let secret = CANARY.repeat(5000);
    for round in 0..3 {
        let filled = run(&pool, "alice", &filler, input(&secret)).await;
        assert_eq!(filled.end, End::Exit(0), "{filled:?}");
        assert!(filled.peak_memory >= 100 << 20, "it filled {}", filled.peak_memory);
        for tenant in ["bob", "alice"] {
            let found = run(&pool, tenant, &scanner, input("")).await;
            assert_eq!(found.end, End::Exit(0), "{tenant} found something in round {round}");
            assert!(found.peak_memory >= 100 << 20, "it saw only {}", found.peak_memory);
            assert!(found.log.is_empty() && found.output.is_empty());
        }
    }
    let seen = run(&pool, "bob", &scanner, input("x")).await;
    assert_eq!(seen.end, End::Exit(3), "the scanner sees what is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_initial_content_that_one_program_changed_is_changed_for_the_next() {
    let pool = one_place().await;
    // Both have an image of their memory, which is mapped again for each instance.
    let changing = compiled(
        r#"(module (memory (export "memory") 40)
            (data (i32.const 70000) "as it was compiled")
            (global $g (mut i32) (i32.const 5))
            (func (export "run") (result i32)
                (local $found i32)
                (local.set $found (i32.or (i32.ne (global.get $g) (i32.const 5))
                    (i32.ne (i32.load (i32.const 70000)) (i32.const 0x69207361))))
                (global.set $g (i32.const 6))
                (memory.fill (i32.const 0) (i32.const 0x55) (i32.const 2621440))
                (local.get $found)))"#,
    )
    .await;
    for tenant in ["alice", "alice", "bob", "alice", "carol"] {
        assert_eq!(run(&pool, tenant, &changing, input("")).await.end, End::Exit(0), "{tenant}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_variable_or_input_of_one_command_is_there_for_the_next() {
    let pool = one_place().await;
    // Makes a file and writes into it; exits with what opening it without making it says.
    let command = compiled(
        r#"(module
            (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 100) "canary-7f3a")
            (func (export "_start") (local $found i32)
                (drop (call $args (i32.const 0) (i32.const 4)))
                (drop (call $environ (i32.const 8) (i32.const 12)))
                (i32.store (i32.const 16) (i32.const 1000))
                (i32.store (i32.const 20) (i32.const 1000))
                (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))
                (local.set $found (call $open (i32.const 3) (i32.const 1) (i32.const 100) (i32.const 11) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 28)))
                (drop (call $open (i32.const 3) (i32.const 1) (i32.const 100) (i32.const 11) (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 28)))
                (i32.store (i32.const 16) (i32.const 100))
                (i32.store (i32.const 20) (i32.const 11))
                (drop (call $write (i32.load (i32.const 28)) (i32.const 16) (i32.const 1) (i32.const 24)))
                (drop (call $write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 24)))
                ;; Arguments, variables and bytes of input, beside what the file said.
                (i32.store (i32.const 16) (i32.const 0))
                (i32.store (i32.const 20) (i32.const 28))
                (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 32)))
                (call $exit (local.get $found))))"#,
    )
    .await;
    const NOENT: i32 = 44;
    let rich = |mut form: Form| {
        if let Form::Command { args, env, .. } = &mut form {
            args.push(CANARY.to_owned());
            env.push(("SECRET".to_owned(), CANARY.to_owned()));
        }
        form
    };
    let plain = || common::command_form(b"", &[]);
    let with_secrets = rich(common::command_form(CANARY.as_bytes(), &[]));
    let first = run(&pool, "alice", &command, with_secrets).await;
    assert_eq!((first.end, &first.log[..]), (End::Exit(NOENT), CANARY.as_bytes()));
    assert!(first.output[8] > 0, "it has a variable");
    for tenant in ["bob", "alice"] {
        let next = run(&pool, tenant, &command, plain()).await;
        assert_eq!(next.end, End::Exit(NOENT), "{tenant} finds the file");
        let count = |at: usize| u32::from_le_bytes(next.output[at..at + 4].try_into().unwrap());
        assert_eq!((count(0), count(8)), (1, 0), "{tenant}: arguments, variables");
        assert_eq!(count(12), 0, "{tenant}: bytes of variables");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_script_left_is_there_for_the_next() {
    let pool = one_place().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/js/js.wasm");
    #[allow(clippy::disallowed_methods, reason = "the repository's own module")]
    let engine = std::fs::read(path).unwrap();
    let engine = common::compiler().compile("share", engine.into()).await.unwrap();
    let leaving = format!(
        "globalThis.kept = []; for (let i = 0; i < 20000; i++) kept.push('{CANARY}' + i); \
         Object.prototype.polluted = '{CANARY}'; Array.prototype.push = null; JSON.parse = () => '{CANARY}'; \
         globalThis[Symbol.for('{CANARY}')] = kept; \
         export default {{ async fetch(r, env) {{ \
            const s = new Uint8Array(env.secret); console.log('{CANARY}'); \
            new Uint8Array(1 << 20).fill(s[0]); return new Response('{CANARY}'); }} }};"
    );
    // Whatever memory a script can get at must be zeros: buffers, and what grows.
    let looking = "let dirty = [typeof kept, typeof ({}).polluted, typeof Array.prototype.push, \
            typeof JSON.parse('1'), Object.getOwnPropertySymbols(globalThis).length === 1]; \
         let found = 0; const held = []; \
         for (let i = 0; i < 12; i++) { const b = new Uint8Array(1 << 20); held.push(b); \
            for (let n = 0; n < b.length; n += 61) found += b[n]; } \
         const g = new ArrayBuffer(1, { maxByteLength: 1 << 20 }); g.resize(1 << 20); \
         for (const n of new Uint8Array(g)) found += n; \
         export default { async fetch(r, env) { \
            return new Response(JSON.stringify([found, dirty[0], dirty[1], dirty[2], dirty[3], env.secret === undefined])); } };";
    let scanner = compiled(SCANNER).await;
    let expected = json!([0, "undefined", "undefined", "function", "number", true]);
    for tenant in ["bob", "alice"] {
        let left = run(&pool, "alice", &engine, script(&leaving, Some(CANARY))).await;
        assert_eq!(left.end, End::Exit(0), "{}", String::from_utf8_lossy(&left.output));
        let found = run(&pool, tenant, &engine, script(looking, None)).await;
        assert_eq!(body(&found), expected, "{tenant}");
        // The engine's memory, seen from outside of it.
        let left = run(&pool, "alice", &engine, script(&leaving, Some(CANARY))).await;
        assert_eq!(left.end, End::Exit(0));
        assert_eq!(run(&pool, tenant, &scanner, input("")).await.end, End::Exit(0), "{tenant}");
    }
}

fn script(source: &str, secret: Option<&str>) -> Form {
    let head = json!({
        "source_len": source.len(), "secret_len": secret.map(str::len), "body_len": Value::Null,
        "memory_bytes": 32 << 20,
        "request": { "method": "POST", "url": "http://localhost/", "headers": [] },
        "env": { "id": "job", "requester": "requester", "deadline_ms": 1_800_000_000_000_u64 },
    });
    let head = head.to_string();
    let mut bytes = u32::try_from(head.len()).unwrap().to_le_bytes().to_vec();
    for part in [&head, source, secret.unwrap_or_default()] {
        bytes.extend_from_slice(part.as_bytes());
    }
    Form::Reactor { input: bytes.into() }
}

fn body(ended: &Ended) -> Value {
    let (len, rest) = ended.output.split_first_chunk::<4>().expect("an outcome");
    let body = &rest[u32::from_le_bytes(*len) as usize..];
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(rest).into())
}
