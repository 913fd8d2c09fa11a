//! `sealwork policy ...`: a policy from a worker, for review; what a policy accepts.

mod review;

use std::path::Path;

use sealwork_client::WorkerEvidence;
use sealwork_platform::Environment;
use sealwork_seal::Purpose;
use sealwork_verify::{
    Age, Claims, Draft, Endorsements, Evidence, Expectation, Isolation, Policy, Verdict, draft,
};
use serde_json::{Value, json};

use crate::{
    attestation,
    cli::{PolicyCommand, PolicyInitArgs},
    exit::{CliError, CliResult, Exit},
    files::PublicFile,
    ui::{Style, Ui, harmless_line},
    verdict,
    verify::{
        judge::{Instant, Judge},
        source::Source,
    },
};

/// Writes or checks a policy.
pub(crate) async fn run(command: &PolicyCommand, environment: &Environment, ui: &Ui) -> CliResult {
    match command {
        PolicyCommand::Init(args) => init(args, environment, ui).await,
        PolicyCommand::Check { file } => check(file, ui),
    }
}

async fn init(args: &PolicyInitArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let out = args.out.as_deref().map(PublicFile::prepare_new).transpose()?;
    let given = attestation::endorsements(&args.endorsements, environment)?;
    let source = Source::of(&args.from, &args.raw, &args.access, None, environment).await?;
    let (draft, verdict) = judged(&source, &given, environment, ui)?;
    let text = format!("{}\n", draft.policy.to_json());
    let review = review::of(&draft);
    match out {
        Some(file) => {
            file.write(text.as_bytes())?;
            if ui.json {
                let reasons = match &verdict {
                    Verdict::Trusted(_) => Vec::new(),
                    Verdict::Rejected(rejected) => rejected.reasons.clone(),
                };
                let trusted = reasons.is_empty();
                ui.object(&json!({ "review": review, "trusted": trusted, "reasons": reasons }));
            }
        }
        None => ui.bytes(text.as_bytes()),
    }
    ui.remark(ui.paint_remark(Style::Strong, "review it before you use it:"));
    for line in &review {
        ui.remark(format!("  - {}", harmless_line(line)));
    }
    let whose = if matches!(source, Source::Worker(_)) { "worker" } else { "evidence" };
    match &verdict {
        Verdict::Trusted(_) => ui.remark(format!("under it this {whose} is trusted now")),
        Verdict::Rejected(rejected) => {
            let heading =
                format!("under it this {whose} is rejected still, until you decide otherwise:");
            ui.remark(ui.paint_remark(Style::Warning, heading));
            verdict::short(&rejected.reasons)
                .iter()
                .for_each(|line| ui.remark(format!("  - {line}")));
        }
    }
    Ok(Exit::Ok)
}

/// A policy that was made from evidence, and what it makes of that evidence now.
fn judged(
    source: &Source,
    given: &Endorsements,
    environment: &Environment,
    ui: &Ui,
) -> Result<(Draft, Verdict), CliError> {
    let (evidence, along) = match source {
        Source::Worker(worker) => (&worker.document.evidence, worker.document.endorsements.clone()),
        Source::Document(document) => (&document.evidence, document.endorsements.clone()),
        Source::Platform(evidence) => (evidence, Endorsements::default()),
    };
    let all = given.with(&along);
    let now = Instant::given_or_now(None);
    let mut draft = draft(evidence, &all, now.time).ok_or_else(|| unreadable(evidence))?;
    if let Source::Worker(worker) = source {
        adopt(&mut draft.policy, worker);
    }
    let own = if matches!(source, Source::Worker(_)) { given.clone() } else { all };
    let mut judge = Judge::new(draft.policy.clone(), own, now, environment)?;
    // A file answers no question: the policy is for what it says, however old that is.
    let verdict = match source {
        Source::Worker(worker) => judge.worker(worker),
        Source::Document(document) => {
            judge.platform(evidence, &Expectation::archived(&document.statement))
        }
        Source::Platform(_) => judge.platform(evidence, &as_it_says(&draft.claims)),
    };
    judge.keep(environment, ui);
    Ok((draft, verdict))
}

/// What a worker says beside its evidence.
fn adopt(policy: &mut Policy, worker: &WorkerEvidence) {
    let config = &worker.key_config;
    policy.name = Some(format!("worker {}", config.worker));
    let is_its = |isolation: &Isolation| isolation.as_str() == config.isolation;
    if policy.isolation.iter().any(is_its) {
        policy.isolation.retain(is_its);
    }
    policy.freshness.epoch_evidence = worker.document.statement.purpose == Purpose::Epoch;
}

fn as_it_says(claims: &Claims) -> Expectation {
    let mut report_data = [0; 64];
    report_data.iter_mut().zip(&claims.report_data.0).for_each(|(to, from)| *to = *from);
    Expectation { report_data, nonce: None, age: Age::Archived }
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
