use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use hyper::StatusCode;
use sealwork_client::{Client, Recipient, SealOptions, SealedJob, Suite, seal_job};
use sealwork_job::{JobId, JobSpec, Timestamp};
use sealwork_platform::{Clock, OsEntropy, SystemClock};
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use super::{
    Figures, fault,
    load::{Connection, micros_since, on_own_thread, per_second},
    warm_worker,
};
use crate::{child::Options, exit::CliError, proc, ui::Ui};

/// Fills the plaintext to the bucket of 1 KiB.
const FILLING: usize = 800;
/// One result in so many is opened and its receipt digest looked at, after the run.
const SAMPLE: usize = 1000;

/// What one connection has seen.
#[derive(Default)]
struct Seen {
    /// Submission to acknowledgement.
    accepted: Vec<u32>,
    /// Submission to result in hand.
    done: Vec<u32>,
    samples: BTreeMap<usize, (JobId, Bytes)>,
}

/// Submits pre-sealed jobs and fetches each result, as fast as the connections allow.
pub(super) async fn run(
    seconds: u64,
    connections: u32,
    prepared: u32,
    ui: &Ui,
) -> Result<Figures, CliError> {
    let progress = ui.progress("starting a worker");
    let options = Options { arguments: vec!["--bench-engine"], ..Options::default() };
    let worker = warm_worker(&options).await?;
    let client = Client::builder(&worker.url())?.unattested().build()?;
    let recipient = client.recipient().await?;

    let count = usize::try_from(seconds * u64::from(prepared)).map_err(fault)?;
    progress.say(format!("sealing {count} jobs"));
    let start = Instant::now();
    let jobs = {
        let recipient = recipient.clone();
        tokio::task::spawn_blocking(move || seal_all(&recipient, count)).await.map_err(fault)??
    };
    let sealing = start.elapsed();
    let jobs = Arc::new(jobs);

    progress.say(format!("submitting for {seconds} s"));
    let pid = worker.pid().ok_or_else(|| fault("the worker has ended"))?;
    let cpu_before = proc::cpu_ms(pid).unwrap_or(0);
    let (address, time) = (worker.address(), Duration::from_secs(seconds));
    let shared = Arc::clone(&jobs);
    let (seen, took) = on_own_thread(move || hammer(address, shared, connections, time)).await?;
    let cpu = proc::cpu_ms(pid).unwrap_or(0).saturating_sub(cpu_before);

    progress.say("opening samples");
    for (index, (job, sealed)) in &seen.samples {
        let handle = jobs[*index].handle(client.base_url(), *job);
        let opened = handle.open(sealed).map_err(fault)?;
        if opened.code() != "ok" {
            return Err(fault(format!("job {job} ended with {}", opened.code())));
        }
    }

    let mut figures = Figures::new(format!(
        "sealed jobs: X25519, 1 KiB, engine noop, {connections} connections, {seconds} s"
    ));
    let total = seen.done.len();
    figures.add("rate", per_second(total, took), "jobs/s");
    #[allow(clippy::cast_precision_loss, reason = "figures to be read")]
    {
        figures.add("jobs", total as f64, "jobs");
        figures.add("opened as samples", seen.samples.len() as f64, "jobs");
        figures.add("worker CPU", cpu as f64 * 1000.0 / (total as f64).max(1.0), "us/job");
    }
    figures.add("sealed beforehand", per_second(count, sealing), "jobs/s");
    figures.add_latencies(["accepted p50", "accepted p99", "accepted max"], seen.accepted);
    figures.add_latencies(["result p50", "result p99", "result max"], seen.done);
    figures.add_worker(&worker);
    drop(progress);
    if total == count {
        ui.remark("all prepared jobs were used up: raise --prepared for the full time");
    }
    worker.stop().await?;
    Ok(figures)
}

fn seal_all(recipient: &Recipient, count: usize) -> Result<Vec<SealedJob>, CliError> {
    let now = SystemClock::new().now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(threads);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|n| share.min(count.saturating_sub(n * share)))
            .map(|part| scope.spawn(move || seal_some(recipient, part, now)))
            .collect();
        let mut all = Vec::with_capacity(count);
        for worker in workers {
            all.extend(worker.join().map_err(|_| fault("a sealing thread ended early"))??);
        }
        Ok(all)
    })
}

fn seal_some(
    recipient: &Recipient,
    count: usize,
    now: Timestamp,
) -> Result<Vec<SealedJob>, CliError> {
    let arguments = json!({ "filling": "x".repeat(FILLING) });
    let spec = JobSpec::new("noop".parse().map_err(fault)?, arguments);
    let options = SealOptions {
        suite: Some(Suite::X25519),
        lifetime: Duration::from_secs(1800),
        ..SealOptions::default()
    };
    (0..count)
        .map(|_| seal_job(&OsEntropy, recipient, &spec, &options, now).map_err(CliError::from))
        .collect()
}

async fn hammer(
    address: SocketAddr,
    jobs: Arc<Vec<SealedJob>>,
    connections: u32,
    time: Duration,
) -> Result<(Seen, Duration), String> {
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (jobs, next) = (Arc::clone(&jobs), Arc::clone(&next));
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await.map_err(|e| e.to_string())?;
            let mut seen = Seen::default();
            while start.elapsed() < time {
                let index = next.fetch_add(1, Relaxed);
                let Some(job) = jobs.get(index) else { break };
                one(&mut connection, index, job, &mut seen).await?;
            }
            Ok::<_, String>(seen)
        });
    }
    let mut all = Seen::default();
    while let Some(done) = tasks.join_next().await {
        let seen = done.map_err(|e| e.to_string())??;
        all.accepted.extend(seen.accepted);
        all.done.extend(seen.done);
        all.samples.extend(seen.samples);
    }
    Ok((all, start.elapsed()))
}

async fn one(
    connection: &mut Connection,
    index: usize,
    job: &SealedJob,
    seen: &mut Seen,
) -> Result<(), String> {
    #[derive(serde::Deserialize)]
    struct Accepted {
        job_id: JobId,
    }
    let sent = Instant::now();
    let envelope = job.envelope().clone();
    let (status, body) = connection.post("/v1/jobs", "application/octet-stream", envelope).await?;
    if status != StatusCode::ACCEPTED {
        return Err(format!("a submission got {status}: {}", String::from_utf8_lossy(&body)));
    }
    seen.accepted.push(micros_since(sent));
    let id = serde_json::from_slice::<Accepted>(&body).map_err(|e| e.to_string())?.job_id;

    let path = format!("/v1/jobs/{id}/result?wait=30");
    let (status, body) = connection.get(&path, &job.token_hex()).await?;
    if status != StatusCode::OK {
        return Err(format!("a result got {status}: {}", String::from_utf8_lossy(&body)));
    }
    seen.done.push(micros_since(sent));
    if index.is_multiple_of(SAMPLE) {
        seen.samples.insert(index, (id, body));
    }
    Ok(())
}
