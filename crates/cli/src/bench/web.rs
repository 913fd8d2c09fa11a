use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use sealwork_client::{Client, SealOptions, SealedJob, Suite};
use sealwork_job::JobSpec;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Figures, fault,
    load::{micros_since, on_own_thread},
    warm_worker,
};
use crate::{
    child::Options,
    exit::CliError,
    loopback::{Page, Site},
    ui::Ui,
};

/// How long each page takes.
const SLOW: Duration = Duration::from_secs(1);
/// How often a telemetry job is sent meanwhile.
const BEAT: Duration = Duration::from_millis(100);
/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

/// Many jobs for slow sites at once, while telemetry jobs are timed.
pub(super) async fn run(jobs: u32, origins: u32, ui: &Ui) -> Result<Figures, CliError> {
    let progress = ui.progress("starting sites and a worker");
    let mut sites = Vec::new();
    for n in 0..origins {
        // Each origin has a host of its own, as sites have.
        let [high, low] = [n / 250, n % 250].map(|n| u8::try_from(n).unwrap_or(u8::MAX));
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 1 + high, 1 + low), 0));
        sites.push(Site::serve(address, slow_page).await.map_err(fault)?);
    }
    let worker = warm_worker(&Options::default().with_loopback()).await?;
    let client = Client::builder(&worker.url())?.unattested().build()?;
    client.key_config().await?;

    // Sealed beforehand, so that this process does not compete with the worker for the start.
    let mut sealed = Vec::new();
    for n in 0..jobs {
        let site = &sites[n as usize % sites.len()];
        let arguments = json!({ "url": format!("{}page-{n}", site.url()), "max_pages": 1 });
        sealed.push(seal(&client, "web", arguments).await?);
    }
    progress.say(format!("{jobs} jobs over {origins} origins"));
    let start = Instant::now();
    let mut running = JoinSet::new();
    for job in sealed {
        let client = client.clone();
        running.spawn(async move { one(&client, &job).await });
    }
    let done = CancellationToken::new();
    let (url, until) = (worker.url(), done.clone());
    // A requester of its own: it waits for the worker, and not for the clients of the web jobs.
    let beats = tokio::spawn(on_own_thread(move || async move {
        telemetry(&url, until).await.map_err(|error| error.message)
    }));
    let (mut good, mut bad) = (0u32, 0u32);
    while let Some(job) = running.join_next().await {
        match job.map_err(fault)? {
            Ok(true) => good += 1,
            Ok(false) => bad += 1,
            Err(error) => return Err(error),
        }
    }
    let took = start.elapsed();
    done.cancel();
    let beats = beats.await.map_err(fault)??;
    drop(progress);

    let mut figures = Figures::new(format!(
        "{jobs} web jobs at once, {origins} origins, pages of {} s",
        SLOW.as_secs()
    ));
    figures.add("all done after", took.as_secs_f64(), "s");
    figures.add("succeeded", f64::from(good), "jobs");
    figures.add("failed", f64::from(bad), "jobs");
    figures.add_latencies(["telemetry p50", "telemetry p99", "telemetry max"], beats);
    figures.add_worker(&worker);
    worker.stop().await?;
    Ok(figures)
}

/// Times a telemetry job now and then until `done`.
async fn telemetry(url: &str, done: CancellationToken) -> Result<Vec<u32>, CliError> {
    let client = Client::builder(url)?.unattested().build()?;
    let mut micros = Vec::new();
    let mut beat = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            () = done.cancelled() => return Ok(micros),
            _ = beat.tick() => {
                let sealed = seal(&client, "telemetry", json!({})).await?;
                let start = Instant::now();
                if !one(&client, &sealed).await? {
                    return Err(fault("a telemetry job failed"));
                }
                micros.push(micros_since(start));
            }
        }
    }
}

async fn seal(client: &Client, engine: &str, arguments: Value) -> Result<SealedJob, CliError> {
    let spec = JobSpec::new(engine.parse().map_err(fault)?, arguments);
    let options = SealOptions { suite: Some(Suite::X25519), ..SealOptions::default() };
    Ok(client.seal(&spec, &options).await?)
}

/// Takes one sealed job to its opened result; whether it succeeded.
async fn one(client: &Client, sealed: &SealedJob) -> Result<bool, CliError> {
    let handle = client.submit(sealed).await?;
    client.wait(&handle, PATIENCE, |_| ()).await?;
    Ok(client.result(&handle).await?.is_ok())
}

fn slow_page(path: &str) -> Page {
    if path == "/robots.txt" {
        return Page::not_found();
    }
    let body = format!(
        "<!doctype html><title>{path}</title><article><h1>{path}</h1><p>A page that takes its \
         time before it says anything at all.</p></article>"
    );
    Page { delay: SLOW, ..Page::html(body) }
}
