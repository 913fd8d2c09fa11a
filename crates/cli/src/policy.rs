//! `sealwork policy ...`: a policy from a worker, for review; what a policy accepts.

mod review;

use std::path::Path;

use sealwork_job::Timestamp;
use sealwork_platform::{Clock, Environment, SystemClock};
use sealwork_seal::Purpose;
use sealwork_verify::{
    Claims, Endorsements, Evidence, Isolation, Policy, Verdict, inspect, verify_worker,
};
use serde_json::{Value, json};

use crate::{
    attestation,
    cli::{PolicyCommand, PolicyInitArgs},
    exit::{CliError, CliResult, Exit},
    files::PublicFile,
    ui::{Style, Ui},
    verify::source::Source,
};

/// Writes or checks a policy.
pub(crate) async fn run(command: &PolicyCommand, environment: &Environment, ui: &Ui) -> CliResult {
    match command {
        PolicyCommand::Init(args) => init(args, environment, ui).await,
        PolicyCommand::Check { file } => check(file, ui),
    }
}

async fn init(args: &PolicyInitArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let out = args.out.as_deref().map(PublicFile::prepare).transpose()?;
    let given = attestation::endorsements(&args.endorsements, environment)?;
    let source = Source::of(&args.from, &args.raw, &args.access, environment).await?;
    let now = SystemClock::new().now();
    let draft = Draft::of(&source, &given, now)?;
    let text = format!("{}\n", draft.policy.to_json());
    match out {
        Some(file) => file.write(text.as_bytes())?,
        None => ui.bytes(text.as_bytes()),
    }
    ui.remark(ui.paint_remark(Style::Strong, "review it before you use it:"));
    for line in review::of(&draft.policy, &draft.claims) {
        ui.remark(format!("  - {line}"));
    }
    match &draft.verdict {
        None => {}
        Some(Verdict::Trusted(_)) => ui.remark("under it this worker is trusted now"),
        Some(Verdict::Rejected(rejected)) => {
            let heading = "under it this worker is rejected still, until you decide otherwise:";
            ui.remark(ui.paint_remark(Style::Warning, heading));
            rejected.reasons.iter().for_each(|reason| ui.remark(format!("  - {reason}")));
        }
    }
    Ok(Exit::Ok)
}

/// A policy that was made from evidence.
struct Draft {
    policy: Policy,
    claims: Claims,
    /// What it makes of the worker it was made from.
    verdict: Option<Verdict>,
}

impl Draft {
    fn of(source: &Source, given: &Endorsements, now: Timestamp) -> Result<Self, CliError> {
        let none = Endorsements::default();
        let (evidence, along) = match source {
            Source::Worker(worker) => (&worker.document.evidence, &worker.document.endorsements),
            Source::Document(document) => (&document.evidence, &document.endorsements),
            Source::Platform(evidence) => (evidence, &none),
        };
        let all = attestation::together(given, along);
        let claims = inspect(evidence, &all, now).ok_or_else(|| unreadable(evidence))?;
        let mut policy = Policy::from_claims(&claims);
        let mut verdict = None;
        if let Source::Worker(worker) = source {
            let config = &worker.key_config;
            policy.name = Some(format!("worker {}", config.worker));
            let is_its = |isolation: &Isolation| isolation.as_str() == config.isolation;
            if policy.isolation.iter().any(is_its) {
                policy.isolation.retain(is_its);
            }
            let epoch = worker.document.statement.purpose == Purpose::Epoch;
            policy.freshness.epoch_evidence = epoch;
            let (document, question) = (&worker.document, &worker.question);
            verdict = Some(verify_worker(config, document, question, given, &policy, now));
        }
        Ok(Self { policy, claims, verdict })
    }
}

fn unreadable(evidence: &Evidence) -> CliError {
    CliError::verification(
        format!("this is no evidence of kind {}, or it cannot be read", evidence.kind),
        "`sealwork verify evidence --explain` says more",
    )
}

fn check(file: &Path, ui: &Ui) -> CliResult {
    let policy = attestation::read_policy(file)?;
    if ui.json {
        let policy: Value = serde_json::from_str(&policy.to_json()).unwrap_or_default();
        ui.object(&json!({ "valid": true, "policy": policy }));
        return Ok(Exit::Ok);
    }
    ui.line(ui.paint(Style::Good, "the policy is valid"));
    for (name, value) in review::accepts(&policy) {
        ui.line(format!("  {name:<11} {value}"));
    }
    Ok(Exit::Ok)
}
