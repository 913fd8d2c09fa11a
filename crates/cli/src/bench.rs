//! Measurements of a worker on this machine, over loopback, with bounded load.
//!
//! The worker is a child process of this same binary with an empty data directory; the load comes
//! from this process, on the same processors. The figures of docs/SPECIFICATION.md are made here.

mod crawl;
mod idle;
#[cfg(feature = "sim")]
mod jobs;
mod load;
mod masa;
mod programs;
#[cfg(feature = "sim")]
mod social;
mod web;

use std::time::Duration;

use sealwork_client::{Client, SealOptions};
use sealwork_job::JobSpec;
use serde_json::{Map, Value, json};

use crate::{
    child::{ChildWorker, Options},
    cli::{BenchArgs, BenchCommand},
    exit::{CliError, CliResult, Exit},
    proc,
    ui::{Style, Ui},
};

/// Runs one measurement and prints its figures.
pub(crate) async fn run(args: &BenchArgs, ui: &Ui) -> CliResult {
    let figures = match &args.what {
        #[cfg(feature = "sim")]
        BenchCommand::Jobs { seconds, connections, prepared } => {
            jobs::run(*seconds, *connections, *prepared, ui).await?
        }
        BenchCommand::Masa { seconds, connections } => {
            masa::run(*seconds, *connections, ui).await?
        }
        BenchCommand::Web { jobs, origins } => web::run(*jobs, *origins, ui).await?,
        BenchCommand::Crawl { pages } => crawl::run(*pages, ui).await?,
        BenchCommand::Programs { runs, peers } => {
            programs::run(*runs, peers.as_deref(), ui).await?
        }
        #[cfg(feature = "sim")]
        BenchCommand::Social { jobs, rounds, items } => {
            social::run(*jobs, *rounds, *items, ui).await?
        }
        BenchCommand::Idle => idle::run(ui).await?,
    };
    if cfg!(debug_assertions) {
        ui.remark("this is a debug build: its figures mean little");
    }
    figures.print(ui);
    Ok(Exit::Ok)
}

/// How long the first script of a worker may take, the compiling of its engine included.
const FIRST_SCRIPT: Duration = Duration::from_secs(120);

/// A worker in which a script has run. Its JavaScript engine is compiled once for each data
/// directory, beside whatever else it does then; what is measured here comes later.
async fn warm_worker(options: &Options) -> Result<ChildWorker, CliError> {
    let worker = ChildWorker::start(options).await?;
    let client = Client::builder(&worker.url())?.unattested().build()?;
    let script = "export default { fetch: () => new Response(\"warm\") }";
    let arguments = json!({ "program": { "javascript": script } });
    let spec = JobSpec::new("program".parse().map_err(fault)?, arguments);
    let result = client.run(&spec, &SealOptions::default(), FIRST_SCRIPT, |_| ()).await?;
    match &result.outcome {
        Ok(_) => Ok(worker),
        Err(failure) => Err(fault(format!("a script: {}: {}", failure.code, failure.message))),
    }
}

/// Figures in the order in which they are shown.
struct Figures {
    title: String,
    rows: Vec<(&'static str, f64, &'static str)>,
    /// What could not be measured, and why.
    missing: Vec<String>,
}

impl Figures {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new(), missing: Vec::new() }
    }

    /// One figure with its unit.
    fn add(&mut self, name: &'static str, value: f64, unit: &'static str) {
        self.rows.push((name, value, unit));
    }

    /// Says that something could not be measured, and what would help.
    fn miss(&mut self, what: impl Into<String>) {
        self.missing.push(what.into());
    }

    /// Median, 99th percentile and maximum.
    fn add_latencies(&mut self, names: [&'static str; 3], mut micros: Vec<u32>) {
        micros.sort_unstable();
        for (name, at) in names.into_iter().zip([0.5, 0.99, 1.0]) {
            self.add(name, f64::from(quantile(&micros, at)) / 1000.0, "ms");
        }
    }

    /// What the worker's process has used.
    fn add_worker(&mut self, worker: &ChildWorker) {
        let Some(pid) = worker.pid() else { return };
        if let Some((now, highest)) = proc::resident_memory(pid) {
            self.add("worker memory", mebibytes(now), "MiB");
            self.add("worker memory, highest", mebibytes(highest), "MiB");
        }
    }

    fn print(&self, ui: &Ui) {
        if ui.json {
            let figures: Map<String, Value> = self
                .rows
                .iter()
                .map(|(name, value, unit)| {
                    ((*name).to_owned(), json!({ "value": value, "unit": unit }))
                })
                .collect();
            let processors = std::thread::available_parallelism().map_or(0, usize::from);
            ui.object(&json!({
                "measured": self.title, "processors": processors,
                "debug_build": cfg!(debug_assertions), "figures": figures,
                "missing": self.missing,
            }));
            return;
        }
        ui.line(ui.paint(Style::Strong, &self.title));
        let width = self.rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        for (name, value, unit) in &self.rows {
            let digits = if value.fract() == 0.0 || *value >= 1000.0 { 0 } else { 2 };
            ui.line(format!("  {name:<width$}  {value:>12.digits$} {unit}"));
        }
        for what in &self.missing {
            ui.line(ui.paint(Style::Strong, format!("  NOT MEASURED: {what}")));
        }
    }
}

/// The value below which the share `at` of the sorted values lies; 0 without any.
fn quantile(sorted: &[u32], at: f64) -> u32 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= at <= 1")]
    let index = ((sorted.len() as f64 * at).ceil() as usize).saturating_sub(1);
    sorted.get(index).copied().unwrap_or(0)
}

#[allow(clippy::cast_precision_loss, reason = "figures are shown to two digits")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1u64 << 20) as f64
}

fn fault(what: impl std::fmt::Display) -> CliError {
    CliError::local(
        format!("the measurement failed: {what}"),
        "look whether the machine is busy otherwise, and run it again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_values_are_among_them() {
        assert_eq!(quantile(&[], 0.5), 0);
        assert_eq!(quantile(&[7], 0.99), 7);
        let hundred: Vec<u32> = (1..=100).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|at| quantile(&hundred, at)), [50, 99, 100]);
    }
}
