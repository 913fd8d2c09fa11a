//! The whole path once, on this machine: site, worker, sealed job, result, receipt.

mod site;
mod trust;

use std::time::Duration;

use sealwork_client::{Client, JobResult, SealOptions};
use sealwork_job::{Code, JobSpec};
use sealwork_platform::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    child::{ChildWorker, Options},
    cli::DemoArgs,
    exit::{CliError, CliResult, Exit},
    loopback::Site,
    render,
    ui::{Progress, Style, Ui},
};

/// Without the feature the demo's worker has no evidence to show.
const SIMULATION: bool = cfg!(feature = "sim");
const PATIENCE: Duration = Duration::from_secs(300);
/// A requester's own code.
const PROGRAM: &str = r#"export default {
  async fetch(request) {
    const { text } = await request.json();
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0"));
    return Response.json({ words: text.split(" ").length, sha256: hex.join("") });
  },
};
"#;

/// Runs the demo; an interrupt stops the worker and removes its data as well.
pub(crate) async fn run(args: &DemoArgs, ui: &Ui) -> CliResult {
    tokio::select! {
        // The signals are caught before there is anything to remove.
        biased;
        () = interrupted() => Err(CliError::local(
            "interrupted; the worker was stopped and its data removed",
            "run it again",
        )),
        done = show(args, ui) => done,
    }
}

/// Returns at Ctrl-C, when the terminal is closed, or when the process is asked to end.
async fn interrupted() {
    let next = async |kind| match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        // It cannot be caught: then it ends the process as it always does.
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = next(SignalKind::interrupt()) => {}
        () = next(SignalKind::terminate()) => {}
        () = next(SignalKind::hangup()) => {}
    }
}

async fn show(args: &DemoArgs, ui: &Ui) -> CliResult {
    let (own_site, url) = match &args.url {
        Some(url) => (None, url.clone()),
        None => {
            let site = Site::serve(([127, 0, 0, 1], 0).into(), site::page).await.map_err(|e| {
                CliError::local(format!("cannot serve the demo's site: {e}"), "try again")
            })?;
            let url = site.url();
            (Some(site), url)
        }
    };
    // Loopback is allowed for the demo's own site alone: a worker refuses it otherwise.
    let options = match (&own_site, &args.allow) {
        (Some(_), _) => Options::default().with_loopback(),
        (None, Some(ranges)) => Options::default().with("EGRESS_ALLOW", ranges),
        (None, None) => Options::default(),
    };
    let options = if SIMULATION { options.with("ATTESTER", "simulated") } else { options };
    let progress = ui.progress("starting a worker");
    let worker = ChildWorker::start(&options).await?;
    let done = both(args, &url, &worker, &progress, ui).await;
    progress.say("stopping the worker");
    let stopped = worker.stop().await;
    drop(progress);
    let exit = done?;
    stopped?;
    ui.remark(ui.paint_remark(Style::Faint, "the worker has stopped and its data is gone"));
    Ok(exit)
}

/// A crawl, and then a program of the requester's own.
async fn both(
    args: &DemoArgs,
    url: &str,
    worker: &ChildWorker,
    progress: &Progress,
    ui: &Ui,
) -> CliResult {
    let client = trust::client(&worker.url(), ui).await?;
    let crawl = json!({ "url": url, "max_depth": args.depth, "max_pages": args.max_pages });
    let crawled = job(&client, "web", crawl, progress, ui).await?;
    if !crawled.is_ok() {
        if ui.json {
            ui.object(&json!({ "web": render::result_json(&crawled), "warning": trust::WARNING }));
        } else if crawled.code == Code::EgressDenied.as_str() && args.allow.is_none() {
            ui.remark(own_network(url));
        }
        return Ok(Exit::JobFailed);
    }
    let program = json!({
        "program": { "javascript": PROGRAM },
        "input": { "text": "sealed on the client, run in a sandbox, sealed back" },
    });
    let ran = job(&client, "program", program, progress, ui).await?;
    if ui.json {
        let both = [&crawled, &ran].map(render::result_json);
        ui.object(&json!({ "web": both[0], "program": both[1], "warning": trust::WARNING }));
    }
    ui.remark(ui.paint_remark(Style::Warning, trust::WARNING));
    Ok(if ran.is_ok() { Exit::Ok } else { Exit::JobFailed })
}

/// Seals a job, follows it, opens its result and shows it.
async fn job(
    client: &Client,
    engine: &str,
    arguments: Value,
    progress: &Progress,
    ui: &Ui,
) -> Result<JobResult, CliError> {
    let note = |text: String| ui.remark(ui.paint_remark(Style::Faint, text));
    let name = engine.parse().map_err(|_| CliError::local("no such engine", "report this"))?;
    let spec = JobSpec::new(name, arguments);
    progress.say("sealing the job");
    let sealed = client.seal(&spec, &SealOptions::default()).await?;
    note(format!(
        "sealed a {engine} job: {} bytes, suite {}, that only this worker can open",
        sealed.envelope().len(),
        sealed.suite()
    ));
    let clock = SystemClock::new();
    let handle = client.submit(&sealed).await?;
    note(format!("accepted as job {}", handle.job()));
    client
        .wait(&handle, PATIENCE, |status| progress.say(format!("the job is {}", status.state)))
        .await?;
    let result = client.result(&handle).await?;
    let took = clock.monotonic();

    if !ui.json {
        show_result(&result, took, ui);
    }
    Ok(result)
}

fn show_result(result: &JobResult, took: Duration, ui: &Ui) {
    ui.line("");
    match &result.outcome {
        Ok(output) => render::output(result, output, ui),
        Err(failure) => ui.failure(failure),
    }
    ui.line(format!("opened {} after submission\n", render::duration(took)));
    render::receipt(&result.receipt, render::sealed_to(result), result.evidence.as_ref(), ui);
}

/// What a person can do about an address that the demo's worker does not reach.
fn own_network(url: &str) -> String {
    format!(
        "the demo's worker reaches public addresses alone, as every worker does whose operator \
         allows no more. To show it a site on this machine:\n  make demo URL={url} \
         ALLOW=127.0.0.0/8\n  sealwork demo --url {url} --allow 127.0.0.0/8"
    )
}
