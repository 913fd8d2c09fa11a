//! A compiler and a pool, with the processes of `src/bin/child.rs`.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_sandbox::{
    Artefact, ChildCommand, Compiler, CompilerConfig, Ended, Form, Pool, PoolConfig, Request,
    RunError, RunLimits, Services,
};
use tokio_util::sync::CancellationToken;

pub fn command() -> ChildCommand {
    ChildCommand {
        program: env!("CARGO_BIN_EXE_sealwork-sandbox-child").into(),
        arguments: Vec::new(),
        cgroup: None,
    }
}

pub fn compiler() -> Arc<Compiler> {
    Compiler::new(CompilerConfig {
        command: command(),
        time: Duration::from_secs(20),
        memory_bytes: 2 << 30,
        program_memory_bytes: 256 << 20,
        at_once: 2,
    })
}

pub async fn compiled(wat: &str) -> Artefact {
    let module = wat::parse_str(wat).expect("valid text");
    compiler().compile("share", module.into()).await.expect("the module compiles")
}

pub fn config() -> PoolConfig {
    PoolConfig {
        command: command(),
        spare: 1,
        processes: 4,
        runs_per_process: 8,
        usual: limits(),
        most: RunLimits { memory_bytes: 256 << 20, ..limits() },
        outputs_bytes: 256 << 20,
        shared: false,
    }
}

pub async fn pool() -> Pool {
    Pool::start(config()).await.expect("the pool starts")
}

pub fn limits() -> RunLimits {
    RunLimits {
        wall: Duration::from_secs(10),
        fuel: 1 << 40,
        memory_bytes: 64 << 20,
        output_bytes: 1 << 20,
        log_bytes: 1000,
        calls: 4,
        answer_bytes: 4 << 20,
    }
}

/// Answers every call with its request, backwards.
pub struct Backwards;

#[async_trait]
impl Services for Backwards {
    async fn call(&self, request: Bytes) -> Bytes {
        request.iter().rev().copied().collect()
    }
}

pub fn request<'a>(artefact: &'a Artefact, input: &'static str) -> Request<'a> {
    Request {
        tenant: "alice",
        share: "alice",
        artefact,
        form: Form::Reactor { input: Bytes::from_static(input.as_bytes()) },
        limits: limits(),
        seed: [7; 32],
        now_ms: 1_767_225_600_000,
        services: Arc::new(Backwards),
        stop: CancellationToken::new(),
    }
}

pub async fn run(pool: &Pool, artefact: &Artefact, input: &'static str) -> Result<Ended, RunError> {
    pool.run(request(artefact, input)).await
}

/// A module around the body of `run`, with all of the interface imported.
pub fn module(body: &str) -> String {
    format!(
        r#"(module
            (import "sealwork" "now_ms" (func $now_ms (result i64)))
            (import "sealwork" "input_len" (func $input_len (result i32)))
            (import "sealwork" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
            (import "sealwork" "output" (func $output (param i32 i32)))
            (import "sealwork" "log" (func $log (param i32 i32)))
            (import "sealwork" "random" (func $random (param i32 i32)))
            (import "sealwork" "call" (func $call (param i32 i32) (result i32)))
            (import "sealwork" "wait" (func $wait (param i32) (result i32)))
            (import "sealwork" "answer_len" (func $answer_len (result i32)))
            (import "sealwork" "answer_read" (func $answer_read (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (global $seen (mut i32) (i32.const 0))
            (func (export "run") (result i32) {body}))"#
    )
}

/// A WASI command with this standard input and these files; a path that ends in `/` is a directory.
pub fn command_form(stdin: &'static [u8], files: &[(&str, &'static [u8])]) -> Form {
    let file =
        |(path, content): &(&str, &'static [u8])| ((*path).to_owned(), Bytes::from_static(content));
    Form::Command {
        args: vec!["program".to_owned()],
        env: Vec::new(),
        stdin: Bytes::from_static(stdin),
        files: files.iter().map(file).collect(),
        directories: vec![("/".to_owned(), String::new())],
    }
}
