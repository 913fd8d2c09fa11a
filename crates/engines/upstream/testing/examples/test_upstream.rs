//! The test upstream by hand: prints where it listens, and serves until it is ended.
//!
//! `cargo run -p sealwork-test-upstream --example test_upstream [ADDRESS [LATENCY_MS]]`
#![allow(clippy::print_stdout, reason = "it tells who starts it where it listens")]

use std::{error::Error, net::SocketAddr, time::Duration};

use sealwork_test_upstream::{BASE_KEY, ELEVATED_KEY, TOKEN, TestUpstream, X_PASSWORD};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().as_deref().unwrap_or("127.0.0.1:0").parse()?;
    let latency: u64 = arguments.next().as_deref().unwrap_or("0").parse()?;
    let upstream = TestUpstream::start_at(address).await?;
    upstream.set_latency(Duration::from_millis(latency));
    println!("APIFY_BASE_URL={}", upstream.base("/apify/v2"));
    println!("APIFY_API_KEY={TOKEN}");
    println!("TIKTOK_TRANSCRIPTION_BASE_URL={}", upstream.base("/tiktok"));
    println!("TWITTER_API_BASE_URL={}", upstream.base("/x/2"));
    println!("TWITTER_API_KEYS={ELEVATED_KEY},{BASE_KEY}");
    println!("TWITTER_WEB_BASE_URL={}", upstream.base("/x-web"));
    println!("TWITTER_ACCOUNTS=alice:{X_PASSWORD},bob:{X_PASSWORD}");
    std::future::pending().await
}
