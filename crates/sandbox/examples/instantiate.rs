//! How long the instance of a program takes to be there, and to be gone, under the one configuration
//! of the sandbox: `cargo run --release -p sealwork-sandbox --example instantiate`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, read by a person")]

#[allow(dead_code, reason = "the sandbox's own file; the fingerprint is its own matter")]
#[path = "../src/engine.rs"]
mod engine;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use engine::Room;
use tokio::time::Instant;
use wasmtime::{InstancePre, Linker, Module, Store};

const ROUNDS: usize = 20_000;
const PROGRAM: &str = r#"(module (memory (export "memory") 2) (table 16 funcref)
    (data (i32.const 1024) "a program has some data of its own")
    (func (export "run") (result i32) i32.const 0))"#;

fn main() -> wasmtime::Result<()> {
    let engine = engine::running(Room { runs: 16, memory_bytes: 64 << 20 })?;
    let module = Module::new(&engine, wat::parse_str(PROGRAM).unwrap())?;
    let ready = Linker::new(&engine).instantiate_pre(&module)?;
    for _ in 0..ROUNDS / 10 {
        once(&ready)?;
    }
    let mut took: Vec<_> = (0..ROUNDS).map(|_| once(&ready)).collect::<Result<_, _>>()?;
    took.sort_unstable();
    for (name, at) in [("p50", ROUNDS / 2), ("p99", ROUNDS * 99 / 100)] {
        println!("store and instance, made and dropped, {name}: {:?}", took[at]);
    }
    Ok(())
}

fn once(ready: &InstancePre<()>) -> wasmtime::Result<Duration> {
    let begun = Instant::now();
    let mut store = Store::new(ready.module().engine(), ());
    store.set_fuel(1_000_000)?;
    {
        let mut instance = pin!(ready.instantiate_async(&mut store));
        match instance.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(instance) => drop(instance?),
            Poll::Pending => {
                wasmtime::bail!("an instance without a start function waits for nothing")
            }
        }
    }
    drop(store);
    Ok(begun.elapsed())
}
