//! Programs that do their worst. Each must end within its limit, with the code that says why, and
//! nobody else may notice: another tenant's jobs run beside all the time.
//!
//! Samples are in `javascript/` and `webassembly/`, some generated here. Each has a name and the
//! ends that it may come to; more than one where the machine's speed decides which limit is first.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]
#![allow(clippy::print_stdout, reason = "how much was tried is part of the result")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
#[path = "../common/mod.rs"]
mod common;

mod arena;
mod javascript;
mod lateness;
mod samples;
mod upstream;
mod webassembly;

use arena::Arena;

/// Fewer would be a sample that got lost.
const LEAST: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hostile_programs_end_within_their_limits_and_nobody_else_notices() {
    let arena = Arena::start().await;
    let mut trials = javascript::trials().await;
    trials.extend(webassembly::trials().await);
    let count = trials.len();
    assert!(count >= LEAST, "{count} samples");
    let report = arena.perform(trials).await;
    println!("{count} samples; {report}");
    assert!(report.wrong.is_empty(), "{}", report.wrong.join("\n"));
}
