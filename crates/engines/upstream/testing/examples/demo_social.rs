//! One job of every operation of every way, by a worker that this starts, at the test upstream:
//! prints a table, and fails when a job does. Nothing leaves loopback.
//!
//! `make demo-social`, which is `cargo run -p sealwork-test-upstream --example demo_social BINARY`
#![allow(clippy::print_stdout, reason = "a demonstration shows what it does")]

use std::{error::Error, net::SocketAddr, process::Stdio, time::Duration};

use sealwork_client::{Client, JobResult, RetryPolicy, SealOptions};
use sealwork_job::JobSpec;
use sealwork_platform::{Listener as _, TcpAcceptor};
use sealwork_test_upstream::{TestUpstream, example};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// For all of it.
const PATIENCE: Duration = Duration::from_secs(120);
const ONE_JOB: Duration = Duration::from_secs(20);

type Failed = Box<dyn Error>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let binary = std::env::args().nth(1).ok_or("give the path of the sealwork binary")?;
    timeout(PATIENCE, demonstrate(&binary)).await?
}

async fn demonstrate(binary: &str) -> Result<(), Failed> {
    let upstream = TestUpstream::start().await?;
    let (mut worker, address, _directory) = start(binary, &upstream).await?;
    let eager =
        RetryPolicy { attempts: 500, first: Duration::from_millis(20), ..RetryPolicy::default() };
    let client =
        Client::builder(&format!("http://{address}"))?.unattested().retry(eager).build()?;
    let all = run_all(&client).await;
    // The worker drains when its standard input closes.
    drop(worker.stdin.take());
    worker.wait().await?;
    let failed = all?;
    if failed > 0 {
        return Err(format!("{failed} jobs failed").into());
    }
    Ok(())
}

async fn start(
    binary: &str,
    upstream: &TestUpstream,
) -> Result<(Child, SocketAddr, TempDir), Failed> {
    let directory = tempfile::tempdir()?;
    let free = TcpAcceptor::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?.local_addr()?;
    let worker = Command::new(binary)
        .args(["serve", "--exit-with-stdin"])
        .env_clear()
        .env("DATA_DIR", directory.path())
        .env("LISTEN_ADDRESS", free.to_string())
        .env("STANDALONE", "true")
        .env("LOG_LEVEL", "error")
        .env("ACCESS_LOG", "false")
        .env("PROGRAMS", "false")
        .envs(upstream.settings())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    Ok((worker, free, directory))
}

/// Runs what the worker says that it can do; how many jobs failed.
async fn run_all(client: &Client) -> Result<usize, Failed> {
    let capabilities = client.capabilities().await?;
    let (mut jobs, mut failed) = (0, 0);
    println!("{:<20}{:<22}{:<15}{:>6}  outcome", "job type", "operation", "way", "items");
    for engine in &capabilities.engines {
        for operation in &engine.availability {
            let outcome = match &operation.reason {
                None => run(client, &engine.name, &operation.operation).await,
                Some(reason) => Err(reason.clone()),
            };
            let (way, items, told) = match &outcome {
                Ok((way, items)) => (way.as_str(), items.to_string(), "ok"),
                Err(reason) => (operation.way.as_str(), "-".to_owned(), reason.as_str()),
            };
            println!("{:<20}{:<22}{way:<15}{items:>6}  {told}", engine.name, operation.operation);
            jobs += 1;
            failed += usize::from(outcome.is_err());
        }
    }
    println!("{jobs} jobs, {failed} failed");
    if jobs == 0 {
        return Err("the worker has no social engine".into());
    }
    Ok(failed)
}

/// The way that answered, and how many items it gave; or what went wrong.
async fn run(client: &Client, engine: &str, operation: &str) -> Result<(String, usize), String> {
    let arguments = example(engine, operation).ok_or("there is no example for it")?;
    let engine = engine.parse().map_err(|_| "no engine's name")?;
    let spec = JobSpec::new(engine, arguments);
    let options = SealOptions::default();
    let job = client.run(&spec, &options, ONE_JOB, |_| {}).await;
    let JobResult { outcome, details, .. } = job.map_err(|error| error.to_string())?;
    let output = outcome.map_err(|failure| failure.message)?;
    let details = details.unwrap_or_default();
    if details["complete"] != true {
        return Err(format!("not complete: {}", details["stopped"]));
    }
    let items: Value = serde_json::from_slice(&output.data).map_err(|error| error.to_string())?;
    let count = items.as_array().map_or(1, Vec::len);
    if count == 0 {
        return Err("no items".to_owned());
    }
    Ok((details["way"].as_str().unwrap_or_default().to_owned(), count))
}
