//! The test upstream by hand: prints the settings that lead a worker to it, and serves until it is
//! ended.
//!
//! `cargo run -p sealwork-test-upstream --example test_upstream [ADDRESS [LATENCY_MS]]`
#![allow(clippy::print_stdout, reason = "it tells who starts it where it listens")]

use std::{error::Error, net::SocketAddr, time::Duration};

use sealwork_test_upstream::TestUpstream;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().as_deref().unwrap_or("127.0.0.1:0").parse()?;
    let latency: u64 = arguments.next().as_deref().unwrap_or("0").parse()?;
    let upstream = TestUpstream::start_at(address).await?;
    upstream.set_latency(Duration::from_millis(latency));
    for (name, value) in upstream.settings() {
        println!("{name}={value}");
    }
    std::future::pending().await
}
