use std::{
    io::{self, Write},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use sealwork_client::{Client, SealOptions, SealedJob, Suite};
use sealwork_engine_twitter::measure;
use sealwork_job::{JobSpec, Limits};
use sealwork_test_upstream::{TestUpstream, XApiService, XWebService, example};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use super::{Figures, fault, mebibytes, warm_worker};
use crate::{
    child::{ChildWorker, Options},
    exit::CliError,
    proc,
    ui::Ui,
};

/// How late each answer of the upstream is.
const LATENCY: Duration = Duration::from_millis(300);
/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(300);
/// Jobs that are named as the slowest ones.
const SHOWN: usize = 3;
/// 1,000 tweets.
const PAGES: u64 = 5;
const TWEETS: u64 = 200;
/// How often they are parsed: the median counts.
const PARSED: usize = 50;

/// Mixed jobs at once, parsing, and a result that is larger than the memory it may take.
pub(super) async fn run(jobs: u32, rounds: u32, items: u32, ui: &Ui) -> Result<Figures, CliError> {
    let progress = ui.progress("starting a test upstream and a worker");
    let upstream = TestUpstream::start().await.map_err(fault)?;
    let title =
        format!("{jobs} mixed social jobs at once, {rounds} times, answers {LATENCY:?} late");
    let mut figures = Figures::new(title);

    progress.say("mixed jobs");
    mixed(&upstream, jobs, rounds, &mut figures, ui).await?;
    upstream.set_latency(Duration::ZERO);

    progress.say("parsing");
    let api = (0..PAGES).map(|page| XApiService::page(page * TWEETS, TWEETS).to_string());
    let web = (0..PAGES).map(|page| XWebService::page(page * TWEETS, TWEETS).to_string());
    figures.add("1,000 tweets parsed, API v2", parsed(api, measure::api_page)?, "ms of CPU");
    figures.add("1,000 tweets parsed, web client", parsed(web, measure::web_page)?, "ms of CPU");

    progress.say("a large result");
    large(&upstream, items, &mut figures).await?;
    drop(progress);
    Ok(figures)
}

async fn start(upstream: &TestUpstream) -> Result<(ChildWorker, Client), CliError> {
    let mut options = Options::default().with("JOB_MAX_OUTPUT_BYTES", "1023MiB");
    for (name, value) in upstream.settings() {
        options = options.with(name, value);
    }
    let worker = warm_worker(&options).await?;
    let client = Client::builder(&worker.url())?.unattested().build()?;
    Ok((worker, client))
}

/// Jobs of every operation of every engine that asks the upstream, all at once.
async fn mixed(
    upstream: &TestUpstream,
    jobs: u32,
    rounds: u32,
    figures: &mut Figures,
    ui: &Ui,
) -> Result<(), CliError> {
    let (worker, client) = start(upstream).await?;
    let specs = specs(&client).await?;
    #[allow(clippy::cast_precision_loss, reason = "a few dozen")]
    figures.add("operations among them", specs.len() as f64, "");
    upstream.set_latency(LATENCY);
    // Accounts log in, step by step, when they are first used, and then keep their sessions.
    let cold = round(&client, &specs, jobs).await?;
    figures.add("all done, accounts logging in first", cold.took.as_secs_f64(), "s");
    let (mut slowest, mut fastest, mut failed) = (Duration::ZERO, PATIENCE, cold.failed);
    let mut times = Vec::new();
    for _ in 0..rounds {
        let warm = round(&client, &specs, jobs).await?;
        (slowest, fastest) = (slowest.max(warm.took), fastest.min(warm.took));
        failed += warm.failed;
        times.extend(warm.times);
    }
    figures.add("all done, slowest time", slowest.as_secs_f64(), "s");
    figures.add("all done, fastest time", fastest.as_secs_f64(), "s");
    figures.add("failed", f64::from(failed), "jobs");
    times.sort();
    for (took, name) in times.iter().rev().take(SHOWN) {
        ui.remark(format!("slowest: {name} after {took:.2?}"));
    }
    worker.stop().await
}

/// What all jobs at once have come to.
struct Round {
    took: Duration,
    failed: u32,
    /// When each was done, and which it was.
    times: Vec<(Duration, String)>,
}

async fn round(client: &Client, specs: &[JobSpec], jobs: u32) -> Result<Round, CliError> {
    // Sealed beforehand, so that this process does not compete with the worker for the start.
    let mut sealed = Vec::new();
    for spec in specs.iter().cycle().take(jobs as usize) {
        let name = format!("{} {}", spec.engine, spec.arguments["type"]);
        sealed.push((name, seal(client, spec.clone()).await?));
    }
    let start = Instant::now();
    let mut running = JoinSet::new();
    for (name, job) in sealed {
        let client = client.clone();
        running.spawn(async move {
            let is_ok = one(&client, &job).await?;
            Ok::<_, CliError>((start.elapsed(), name, is_ok))
        });
    }
    let (mut failed, mut times) = (0, Vec::new());
    while let Some(job) = running.join_next().await {
        let (took, name, is_ok) = job.map_err(fault)??;
        failed += u32::from(!is_ok);
        times.push((took, name));
    }
    Ok(Round { took: start.elapsed(), failed, times })
}

async fn specs(client: &Client) -> Result<Vec<JobSpec>, CliError> {
    let mut specs = Vec::new();
    for engine in client.capabilities().await?.engines {
        for operation in &engine.operations {
            if let Some(arguments) = example(&engine.name, operation) {
                specs.push(spec(&engine.name, Some(arguments))?);
            }
        }
    }
    Ok(specs)
}

fn spec(engine: &str, arguments: Option<Value>) -> Result<JobSpec, CliError> {
    Ok(JobSpec::new(engine.parse().map_err(fault)?, arguments.unwrap_or_default()))
}

async fn seal(client: &Client, spec: JobSpec) -> Result<SealedJob, CliError> {
    let options = SealOptions { suite: Some(Suite::X25519), ..SealOptions::default() };
    Ok(client.seal(&spec, &options).await?)
}

/// Takes one sealed job to its opened result; whether it succeeded.
async fn one(client: &Client, sealed: &SealedJob) -> Result<bool, CliError> {
    let handle = client.submit(sealed).await?;
    client.wait(&handle, PATIENCE, |_| ()).await?;
    Ok(client.result(&handle).await?.is_ok())
}

/// CPU time of this thread for all pages, in milliseconds.
fn parsed(
    pages: impl Iterator<Item = String>,
    read: fn(&[u8]) -> Option<(u64, u64)>,
) -> Result<f64, CliError> {
    let pages: Vec<String> = pages.collect();
    let mut times = Vec::new();
    for _ in 0..PARSED {
        let start = cpu();
        for page in &pages {
            read(page.as_bytes()).ok_or_else(|| fault("a page is not read"))?;
        }
        times.push(cpu() - start);
    }
    times.sort();
    Ok(times[PARSED / 2].as_secs_f64() * 1000.0)
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// Counts what is written.
#[derive(Default)]
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One job with a large result, on a worker of its own.
async fn large(upstream: &TestUpstream, items: u32, figures: &mut Figures) -> Result<(), CliError> {
    let (worker, client) = start(upstream).await?;
    let resident = || worker.pid().and_then(proc::resident_memory).unwrap_or_default();
    let arguments = json!({"type": "searchbyquery", "search": ["moon"], "max_items": items});
    let mut spec = spec("tiktok", Some(arguments))?;
    spec.limits = Limits { output_bytes: Some(1023 << 20), ..Limits::default() };
    let sealed = seal(&client, spec).await?;
    let (before, _) = resident();
    let start = Instant::now();
    let handle = client.submit(&sealed).await?;
    client.wait(&handle, PATIENCE, |_| ()).await?;
    let settled = start.elapsed();
    let mut counted = Counted::default();
    let result = client.result_into(&handle, &mut counted).await?;
    let fetched = start.elapsed() - settled;
    if !result.is_ok() {
        return Err(fault(format!("the large job failed with {}", result.code)));
    }
    let (_, highest) = resident();
    figures.add("items of the large result", f64::from(items), "");
    figures.add("its length", mebibytes(counted.0), "MiB");
    figures.add("until it had settled", settled.as_secs_f64(), "s");
    figures.add("fetched and opened in", fetched.as_secs_f64(), "s");
    figures.add("worker memory before it", mebibytes(before), "MiB");
    figures.add("worker memory, highest", mebibytes(highest), "MiB");
    worker.stop().await
}
