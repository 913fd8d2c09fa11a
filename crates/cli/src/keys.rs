//! `sealwork keys ...`.

use std::path::Path;

use sealwork_job::Timestamp;
use sealwork_platform::{Clock, Environment, SystemClock};
use sealwork_seal::KeyConfig;
use sealwork_verify::Trusted;
use serde_json::json;

use crate::{
    cli::KeysCommand,
    connect,
    exit::{CliError, CliResult, Exit},
    files, render,
    ui::{Style, Ui, harmless_line},
    verdict, watermark,
};

/// Shows or checks a key config.
pub(crate) async fn run(command: &KeysCommand, environment: &Environment, ui: &Ui) -> CliResult {
    match command {
        KeysCommand::Show { worker, attest, out } => {
            let client = connect::client(worker, attest, environment)?;
            let config = client.key_config().await?;
            watermark::keep(&client, environment, ui);
            let evidence = client.recipient().await.ok();
            let evidence = evidence.as_ref().and_then(|recipient| recipient.evidence());
            if let Some(path) = out {
                files::write_public(path, &config.to_json())?;
                ui.remark(format!("key config written to {}", path.display()));
            }
            print(&config, evidence, ui);
        }
        KeysCommand::Verify { file, worker } => {
            let config = load(file)?;
            if let Some(worker) = worker {
                expect_worker(&config, worker)?;
            }
            print(&config, None, ui);
        }
    }
    Ok(Exit::Ok)
}

fn evidence_words(config: &KeyConfig, evidence: Option<&Trusted>) -> String {
    match (evidence, config.evidence_kind()) {
        (Some(trusted), _) => format!("{}, trusted", verdict::trusted_words(trusted)),
        (None, "none") => "none".to_owned(),
        (None, kind) => format!("{kind}, not checked"),
    }
}

/// Reads a key config and checks its signature.
pub(crate) fn load(file: &Path) -> Result<KeyConfig, CliError> {
    let hint = "use the file that `sealwork keys show --out` wrote, unchanged";
    let fault = |e: &dyn std::fmt::Display| {
        CliError::verification(format!("{} is no valid key config: {e}", file.display()), hint)
    };
    let config = KeyConfig::from_json(&files::read(file)?).map_err(|e| fault(&e))?;
    config.verify().map_err(|e| fault(&e))?;
    Ok(config)
}

/// Checks that a key config is of this worker.
pub(crate) fn expect_worker(config: &KeyConfig, worker: &str) -> Result<(), CliError> {
    let expected = connect::worker_id(worker)?;
    if config.worker == expected {
        return Ok(());
    }
    Err(CliError::verification(
        format!("the key config is of worker {}, not of {expected}", config.worker),
        "ask the right worker, or correct the id if it came from a trusted source",
    ))
}

/// `evidence` is what the worker has proven under a policy.
fn print(config: &KeyConfig, evidence: Option<&Trusted>, ui: &Ui) {
    if ui.json {
        let config_json = serde_json::from_slice::<serde_json::Value>(&config.to_json());
        ui.object(&json!({
            "verified": true, "digest": config.digest(),
            "evidence": evidence.map(verdict::trusted_json),
            "key_config": config_json.unwrap_or_default(),
        }));
        return;
    }
    let now = SystemClock::new().now();
    ui.line(format!(
        "{}  (signed by its own receipt key)",
        ui.paint(Style::Good, "key config verified")
    ));
    let rows = [
        ("worker", config.worker.to_string()),
        ("instance", config.instance.to_string()),
        ("digest", config.digest().to_string()),
        ("receipt key", format!("EdDSA {}", config.receipt_key.id())),
        ("isolation", config.isolation.clone()),
        ("evidence", evidence_words(config, evidence)),
        (
            "takes",
            format!(
                "envelopes up to {} bytes, valid for up to {} s",
                config.max_envelope_bytes, config.max_lifetime_secs
            ),
        ),
    ];
    for (name, value) in rows {
        ui.line(format!("  {name:<11} {}", harmless_line(&value)));
    }
    for key in &config.keys {
        let [from, until] = [key.not_before, key.not_after].map(Timestamp::from_secs);
        let state = if now >= until {
            ui.paint(Style::Bad, "ended")
        } else if now < from {
            ui.paint(Style::Warning, "not yet")
        } else {
            ui.paint(Style::Good, "current")
        };
        let (from, until) = (render::instant(from), render::instant(until));
        ui.line(format!("  key         {} {}  {from} to {until}  {state}", key.id, key.suite));
    }
}
