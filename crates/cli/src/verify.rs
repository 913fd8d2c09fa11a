//! `sealwork verify ...`: offline, with nothing but what is given.

use sealwork_client::VerifiedReceipt;
use sealwork_job::Digest;
use sealwork_seal::{Chain, receipt_digest};
use serde_json::json;

use crate::{
    cli::{ReceiptArgs, VerifyCommand},
    exit::{CliError, CliResult, Exit},
    files, keys, render,
    ui::{Style, Ui, harmless},
};

/// Checks what the arguments name.
pub(crate) fn run(command: &VerifyCommand, ui: &Ui) -> CliResult {
    match command {
        VerifyCommand::Receipt(args) => receipts(args, ui),
    }
}

fn receipts(args: &ReceiptArgs, ui: &Ui) -> CliResult {
    let text = files::read_text(&args.file)?;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Err(CliError::usage(
            format!("{} holds no receipt", args.file.display()),
            "give a file with one receipt in a line, as `job run --receipt` writes it",
        ));
    }
    let config = keys::load(&args.key_config)?;
    if let Some(worker) = &args.worker {
        keys::expect_worker(&config, worker)?;
    }
    let mut chain = Chain::new(&config.receipt_key);
    let mut verified = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let claims = chain.push(line).map_err(|e| {
            let which = if lines.len() == 1 { String::new() } else { format!(" {}", index + 1) };
            CliError::verification(
                format!("receipt{which} is not valid: {e}"),
                "do not rely on it: it was changed, it is out of order, or another worker signed it",
            )
        })?;
        let (text, digest) = ((*line).to_owned(), receipt_digest(line));
        verified.push(VerifiedReceipt { text, digest, claims });
    }
    print(&verified, &config.digest(), ui);
    Ok(Exit::Ok)
}

/// `given` is the digest of the key config that the receipts were checked with. A receipt may name
/// another one of the same worker: its keys rotate, its configuration changes.
fn print(receipts: &[VerifiedReceipt], given: &Digest, ui: &Ui) {
    let same = |receipt: &VerifiedReceipt| receipt.claims.key_config == *given;
    if ui.json {
        let with_note = |receipt| {
            let mut object = render::receipt_json(receipt);
            object["same_key_config"] = same(receipt).into();
            object
        };
        let all: Vec<_> = receipts.iter().map(with_note).collect();
        ui.object(&json!({ "verified": true, "receipts": all }));
        return;
    }
    if let [receipt] = receipts {
        let note = if same(receipt) { "the given one" } else { "not the given one" };
        render::receipt(receipt, note, ui);
        return;
    }
    let heading = format!("{} receipts verified, one unbroken chain", receipts.len());
    ui.line(ui.paint(Style::Good, heading));
    for VerifiedReceipt { claims, .. } in receipts {
        let ended = render::instant(claims.ended);
        ui.line(harmless(&format!(
            "  {:>8}  {ended}  {}  {:<10}  {}",
            claims.sequence, claims.job, claims.engine, claims.code
        )));
    }
}
