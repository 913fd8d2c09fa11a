//! The real binary, killed at random moments under load: every acknowledged job is settled exactly
//! once, with one receipt in one chain, and its result opens.
//!
//! `KILL_RUNS=N` kills N times (`make torture`: 500), `SEALWORK_SEED=S` repeats a run's moments.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing helper fails its test")]
#![allow(clippy::disallowed_methods, reason = "drives the binary from outside")]

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sealwork_client::{Client, ClientError, JobHandle, RetryPolicy, SealOptions, VerifiedReceipt};
use sealwork_job::{Code, Digest, JobId, JobSpec};
use sealwork_seal::Suite;
use serde_json::json;

const DEFAULT_KILLS: u64 = 50;
const SUBMITTERS: usize = 4;

/// One job whose submission was acknowledged.
struct Job {
    handle: JobHandle,
    sealed: sealwork_client::SealedJob,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_at_any_moment_loses_no_acknowledged_job_and_settles_none_twice() {
    let kills = number("KILL_RUNS").unwrap_or(DEFAULT_KILLS);
    let seed = number("SEALWORK_SEED").unwrap_or(0x5ea1_0000 + kills);
    println!("killing {kills} times, SEALWORK_SEED={seed}");
    let mut random = seed | 1;
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let site = slow_site().await;
    let mut jobs: Vec<Job> = Vec::new();

    for round in 0..kills {
        let mut child = serve(directory.path(), port);
        let client = client(port);
        client.key_config().await.expect("the worker comes back");
        let before = jobs.len();
        // Without retries: a submitter whose worker is dead is to stop.
        let load = Load::start(&client_with(port, 1), &site);
        tokio::time::sleep(Duration::from_millis(next(&mut random) % 120)).await;
        kill(&mut child);
        jobs.extend(load.stop().await);
        // Every tenth round an old envelope is sent again: it must be known, before and after.
        if round % 10 == 9 && before > 0 {
            let mut child = serve(directory.path(), port);
            let index = usize::try_from(next(&mut random)).unwrap_or(0) % jobs.len();
            let again = client.submit(&jobs[index].sealed).await.expect("the worker knows it");
            assert_eq!(again.job(), jobs[index].handle.job(), "one envelope became two jobs");
            kill(&mut child);
        }
    }
    assert!(jobs.len() as u64 >= kills, "the load was too small to show anything");

    let mut child = serve(directory.path(), port);
    let client = client(port);
    let mut places: BTreeMap<u64, (Digest, Digest)> = BTreeMap::new();
    for job in &jobs {
        let id = job.handle.job();
        client
            .wait(&job.handle, Duration::from_secs(60), |_| {})
            .await
            .unwrap_or_else(|error| panic!("job {id} is lost: {error}"));
        let result = client.result(&job.handle).await.expect("the result opens and verifies");
        assert!(
            matches!(result.code.as_str(), "ok" | "connect_failed"),
            "job {id} came to {}",
            result.code
        );
        let claims = &result.receipt.claims;
        let place = (claims.previous, result.receipt.digest);
        assert!(places.insert(claims.sequence, place).is_none(), "two receipts in one place");
    }
    let chain = chain(&client).await;
    for (sequence, (_, digest)) in &places {
        let at = usize::try_from(*sequence).unwrap();
        assert_eq!(chain[at].digest, *digest, "receipt {sequence} is another one in the chain");
    }
    let mut receipts: BTreeMap<JobId, u32> = BTreeMap::new();
    for receipt in &chain {
        *receipts.entry(receipt.claims.job).or_default() += 1;
    }
    assert!(receipts.values().all(|count| *count == 1), "a job has two receipts");
    for job in &jobs {
        let id = job.handle.job();
        assert!(receipts.contains_key(&id), "acknowledged job {id} has no receipt");
    }
    println!("{} acknowledged jobs, {} receipts in one chain", jobs.len(), chain.len());
    kill(&mut child);
}

/// All receipts of the worker from number 0 on, as one unbroken chain.
async fn chain(client: &Client) -> Vec<VerifiedReceipt> {
    let mut chain: Vec<VerifiedReceipt> = Vec::new();
    loop {
        let page = client.receipts(chain.len() as u64, 1000).await.expect("a chain of receipts");
        if page.is_empty() {
            return chain;
        }
        for receipt in page {
            let before = chain.last().map_or(Digest([0; 32]), |last| last.digest);
            assert_eq!(receipt.claims.sequence, chain.len() as u64, "a receipt is missing");
            assert_eq!(receipt.claims.previous, before, "the chain breaks at {}", chain.len());
            chain.push(receipt);
        }
    }
}

/// Submitters that go on until they are stopped, and what was acknowledged to them.
struct Load {
    stop: Arc<AtomicBool>,
    jobs: Arc<Mutex<Vec<Job>>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(client: &Client, site: &str) -> Self {
        let (stop, jobs) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let tasks = (0..SUBMITTERS)
            .map(|index| {
                let (client, site) = (client.clone(), site.to_owned());
                let (stop, jobs) = (Arc::clone(&stop), Arc::clone(&jobs));
                tokio::spawn(async move { submit(&client, &site, index, &stop, &jobs).await })
            })
            .collect();
        Self { stop, jobs, tasks }
    }

    async fn stop(self) -> Vec<Job> {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.expect("a submitter does not panic");
        }
        std::mem::take(&mut *self.jobs.lock().unwrap())
    }
}

async fn submit(
    client: &Client,
    site: &str,
    index: usize,
    stop: &AtomicBool,
    jobs: &Mutex<Vec<Job>>,
) {
    let options = SealOptions { suite: Some(Suite::X25519), ..SealOptions::default() };
    let spec = if index == 0 {
        let arguments = json!({ "url": site, "respect_robots": false });
        JobSpec::new("web".parse().unwrap(), arguments)
    } else {
        JobSpec::new("telemetry".parse().unwrap(), json!({}))
    };
    while !stop.load(Ordering::SeqCst) {
        let Ok(sealed) = client.seal(&spec, &options).await else { return };
        match client.submit(&sealed).await {
            Ok(handle) => jobs.lock().unwrap().push(Job { handle, sealed }),
            Err(ClientError::Refused(refusal)) => {
                assert!(
                    refusal.is(Code::QuotaExceeded) || refusal.is(Code::QueueFull),
                    "{refusal}"
                );
            }
            // The worker has been killed: what was on its way is not acknowledged.
            Err(_) => return,
        }
    }
}

fn serve(directory: &Path, port: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_sealwork"))
        .args(["serve", "--exit-with-stdin"])
        .env_clear()
        .env("DATA_DIR", directory)
        .env("LISTEN_ADDRESS", format!("127.0.0.1:{port}"))
        .env("STANDALONE", "true")
        .env("ATTESTER", "none")
        .env("TIKTOK_TRANSCRIPTION_BASE_URL", "off")
        .env("OE_SIMULATION", "1")
        .env("LOG_LEVEL", "error")
        .env("EGRESS_ALLOW", "127.0.0.0/8")
        .env("RESULT_CACHE_MAX_SIZE", "1000000")
        .env("RESULT_CACHE_MAX_AGE_SECONDS", "86400")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts")
}

fn kill(child: &mut Child) {
    child.kill().expect("a running child");
    child.wait().expect("a killed child");
}

/// Waits for a worker that is starting.
fn client(port: u16) -> Client {
    client_with(port, 400)
}

fn client_with(port: u16, attempts: u32) -> Client {
    let eager = RetryPolicy {
        attempts,
        first: Duration::from_millis(5),
        longest: Duration::from_millis(25),
        ..RetryPolicy::default()
    };
    Client::builder(&format!("http://127.0.0.1:{port}/"))
        .unwrap()
        .unattested()
        .retry(eager)
        .build()
        .unwrap()
}

/// A site of one page that takes its time, so that jobs are running when the worker dies.
async fn slow_site() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut request = [0; 2048];
                let _ = stream.read(&mut request).await;
                tokio::time::sleep(Duration::from_millis(30)).await;
                let page = "<html><title>slow</title><h1>Slow</h1><p>page</p></html>";
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n{page}",
                    page.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    url
}

/// A free port below those that the system gives to outgoing connections: a client that tries one of
/// those while nobody listens can be connected to itself, and then holds the worker's port.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let mut ports = first..32_000;
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// xorshift64*.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
}
