//! Is this machine fit to run a worker? Each check says so, and what to do if not.

mod attester;
mod disk;
mod machine;
mod network;
mod sandbox;

use sealwork_platform::Environment;
use serde::Serialize;
use serde_json::json;

use crate::{
    cli::ConfigArgs,
    config::{self, Config, registry},
    exit::{CliResult, Exit},
    ui::{Style, Ui},
};

const CONFIGURATION: &str = "configuration";

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One check's outcome.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { check, verdict: Verdict::Warn, found: found.into(), advice }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(check, found, advice) }
    }
}

/// Runs all checks and prints them, for the worker that this configuration describes.
pub(crate) async fn run(args: &ConfigArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let progress = ui.progress("reading the configuration");
    let mut findings = Vec::new();
    match config::load(environment, &args.into()) {
        Ok(config) => {
            findings.push(configuration(&config));
            progress.say("looking at the disk");
            findings.extend(disk::check(&config.data_dir));
            let listen = config.values.text(&registry::LISTEN_ADDRESS).unwrap_or_default();
            findings.push(network::port(listen).await);
            findings.push(sandbox::check(&config.values).await);
            findings.push(attester::check(&config.values));
        }
        Err(error) => {
            findings.push(Finding::fail(CONFIGURATION, error.to_string(), error.hint()));
        }
    }
    progress.say("looking at the machine");
    findings.extend(machine::check());
    drop(progress);

    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let (warned, failed) = (count(Verdict::Warn), count(Verdict::Fail));
    if ui.json {
        ui.object(&json!({ "checks": findings, "warnings": warned, "failures": failed }));
    } else {
        for finding in &findings {
            print(finding, ui);
        }
        ui.line(format!("{} checks, {warned} warnings, {failed} failures", findings.len()));
    }
    Ok(if failed == 0 { Exit::Ok } else { Exit::CheckFailed })
}

fn configuration(config: &Config) -> Finding {
    match config.warnings.as_slice() {
        [] => Finding::ok(CONFIGURATION, "valid"),
        warnings => Finding::warn(CONFIGURATION, warnings.join("; "), "see: sealwork config check"),
    }
}

fn print(finding: &Finding, ui: &Ui) {
    let verdict = match finding.verdict {
        Verdict::Ok => ui.paint(Style::Good, "ok  "),
        Verdict::Warn => ui.paint(Style::Warning, "warn"),
        Verdict::Fail => ui.paint(Style::Bad, "fail"),
    };
    ui.line(format!("{verdict}  {:<14} {}", finding.check, finding.found));
    if let Some(advice) = &finding.advice {
        ui.line(format!("      {:<14} {}", "", ui.paint(Style::Faint, advice)));
    }
}
