//! How long it takes to know a worker: the first time in a session, and before each further job.
//! `cargo bench -p sealwork-client --bench attested`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool that prints")]
#![allow(dead_code, reason = "the tests' worker does more than is measured")]

#[path = "../tests/client/attester.rs"]
mod attester;
#[path = "../tests/client/enclave.rs"]
mod enclave;
#[path = "../tests/client/support.rs"]
mod support;

use std::time::Duration;

use sealwork_platform::{Clock, SystemClock};

use crate::{enclave::Enclave, support::FakeWorker};

const SESSIONS: usize = 100;
const JOBS: usize = 100_000;

#[tokio::main]
async fn main() {
    let clock = SystemClock::new();
    let worker = FakeWorker::start().await;
    let enclave = Enclave::new();
    worker.state.attest_with(enclave.attester());
    let mut first = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        let client = worker.builder_under(&enclave.policy()).build().unwrap();
        let start = clock.monotonic();
        client.recipient().await.unwrap();
        first.push(clock.monotonic() - start);
    }
    let client = worker.builder_under(&enclave.policy()).build().unwrap();
    client.recipient().await.unwrap();
    let mut cached = Vec::with_capacity(JOBS);
    for _ in 0..JOBS {
        let start = clock.monotonic();
        client.recipient().await.unwrap();
        cached.push(clock.monotonic() - start);
    }
    println!("a session's first question, over loopback, Nitro: {}", figures(first));
    println!("a key config that was verified before: {}", figures(cached));
}

fn figures(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    format!("p50 {:?}, p99 {:?}", at(50), at(99))
}
