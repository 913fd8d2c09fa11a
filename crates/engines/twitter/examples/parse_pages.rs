//! CPU time of reading 1,000 tweets in 5 pages, as a job does: from the answer's bytes to the
//! result's JSON. The median of 50 rounds.
//!
//! `cargo run --release -p sealwork-engine-twitter --example parse_pages`
#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::{error::Error, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use sealwork_engine_twitter::measure;
use sealwork_test_upstream::{XApiService, XWebService};

const PAGES: u64 = 5;
const TWEETS: u64 = 200;
const ROUNDS: usize = 50;

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

fn measured(
    name: &str,
    pages: &[Vec<u8>],
    read: fn(&[u8]) -> Option<(u64, u64)>,
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    let (mut tweets, mut output) = (0, 0);
    for _ in 0..ROUNDS {
        (tweets, output) = (0, 0);
        let start = cpu();
        for page in pages {
            let (count, bytes) = read(page).ok_or("a page is not read")?;
            tweets += count;
            output += bytes;
        }
        times.push(cpu() - start);
    }
    times.sort();
    let input: usize = pages.iter().map(Vec::len).sum();
    let (median, worst) = (times[ROUNDS / 2], times[ROUNDS - 1]);
    println!(
        "{name}: {tweets} tweets in {} pages, {input} bytes to {output}: {median:?} of CPU, at worst {worst:?}",
        pages.len()
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let api: Vec<Vec<u8>> = (0..PAGES)
        .map(|page| XApiService::page(page * TWEETS, TWEETS).to_string().into())
        .collect();
    measured("API v2", &api, measure::api_page)?;
    let web: Vec<Vec<u8>> = (0..PAGES)
        .map(|page| XWebService::page(page * TWEETS, TWEETS).to_string().into())
        .collect();
    measured("web client", &web, measure::web_page)
}
