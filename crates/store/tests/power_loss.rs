//! A disk that forgets at a loss of power what was not synced, cut off at every sync and at random
//! writes: what the store acknowledged is there afterwards, whole, and nothing is half there.
//!
//! `SEALWORK_SEEDS` sets the number of seeds. A failure names its seed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/model.rs"]
mod model;
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use model::Met;
use sealwork_platform::{Environment, sim::DiskFault};

fn seeds() -> u64 {
    let environment = Environment::of_process();
    environment.var("SEALWORK_SEEDS").and_then(|n| n.parse().ok()).unwrap_or(2000)
}

/// Runs all seeds on two threads; those that broke a promise, with the text of the first.
fn run_all(count: u64, faults: &[DiskFault], with_io_errors: bool) -> (Met, Vec<(u64, String)>) {
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|half| {
                scope.spawn(move || {
                    let seeds = (0..count).filter(move |seed| seed % 2 == half);
                    seeds.map(|seed| (seed, attempt(seed, faults, with_io_errors))).collect()
                })
            })
            .collect();
        threads.into_iter().flat_map(|t| -> Vec<_> { t.join().unwrap() }).collect::<Vec<_>>()
    });
    let (mut total, mut broken) = (Met::default(), Vec::new());
    for (seed, result) in results {
        match result {
            Ok(met) => {
                total.cuts += met.cuts;
                total.io_errors += met.io_errors;
                total.settled += met.settled;
                total.evicted += met.evicted;
            }
            Err(text) => broken.push((seed, text)),
        }
    }
    (total, broken)
}

fn attempt(seed: u64, faults: &[DiskFault], with_io_errors: bool) -> Result<Met, String> {
    catch_unwind(AssertUnwindSafe(|| model::run(seed, faults, with_io_errors)))
        .unwrap_or_else(|_| Err("panicked".to_owned()))
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let count = seeds();
    let (met, broken) = run_all(count, &[], false);
    assert!(broken.is_empty(), "{} of {count} seeds, the first: {:?}", broken.len(), broken[0]);
    // The harness is only worth its name if it gets to what it is for.
    assert!(met.cuts as u64 > count, "{met:?}");
    assert!(met.settled as u64 > count && met.evicted as u64 > count / 10, "{met:?}");
}

#[test]
fn io_errors_on_the_way_change_nothing_about_that() {
    let count = seeds();
    let (met, broken) = run_all(count, &[], true);
    assert!(broken.is_empty(), "{} of {count} seeds, the first: {:?}", broken.len(), broken[0]);
    assert!(met.io_errors as u64 > count, "{met:?}");
}

#[test]
fn the_harness_notices_when_the_syncs_of_the_main_file_do_nothing() {
    let (_, broken) = run_all(100, &[DiskFault::IgnoreSyncs("store.redb".to_owned())], false);
    assert!(broken.len() > 50, "only {} of 100 seeds notice", broken.len());
}

#[test]
fn the_harness_notices_when_the_syncs_of_blobs_do_nothing() {
    let (_, broken) = run_all(100, &[DiskFault::IgnoreSyncs("blobs".to_owned())], false);
    assert!(broken.len() > 20, "only {} of 100 seeds notice", broken.len());
}
