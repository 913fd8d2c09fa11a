//! `sealwork verify receipt`: from receipts to key config, to evidence, to a policy.

use std::collections::{BTreeMap, btree_map::Entry};

use sealwork_client::{Client, VerifiedReceipt, time_of_judgement};
use sealwork_job::Digest;
use sealwork_platform::Environment;
use sealwork_seal::{Chain, KeyConfig, receipt_digest};
use sealwork_verify::{Endorsements, EvidenceDocument, Rejected, Trusted};
use serde_json::json;

use super::{
    judge::{Instant, Judge},
    source::{self, asked},
};
use crate::{
    attestation,
    cli::ReceiptArgs,
    connect,
    exit::{CliError, CliResult, Exit},
    files, keys, render,
    ui::{Style, Ui, harmless_line},
    verdict,
};

/// A receipt, and what its evidence proves where that was asked for.
struct Checked {
    receipt: VerifiedReceipt,
    evidence: Option<(Trusted, Instant)>,
    same_key_config: bool,
}

pub(super) async fn run(args: &ReceiptArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let at = super::instant(args.at.as_deref())?;
    let text = files::read_text(&args.file)?;
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Err(CliError::usage(
            format!("{} holds no receipt", args.file.display()),
            "give a file with one receipt in a line, as `job run --receipt` writes it",
        ));
    }
    let mut parts = Parts::gather(args, at, environment).await?;
    let receipts = verify_chain(&lines, &parts.key_config)?;
    let given = parts.key_config.digest();
    let mut checked = Vec::with_capacity(receipts.len());
    for receipt in receipts {
        let evidence = parts.judge(&receipt).await?;
        let same_key_config = receipt.claims.key_config == given;
        checked.push(Checked { receipt, evidence, same_key_config });
    }
    parts.keep(environment, ui);
    print(&checked, ui);
    Ok(Exit::Ok)
}

fn verify_chain(lines: &[&str], config: &KeyConfig) -> Result<Vec<VerifiedReceipt>, CliError> {
    let mut chain = Chain::new(&config.receipt_key);
    let verify = |(index, line): (usize, &&str)| {
        let claims = chain.push(line).map_err(|e| {
            let which = if lines.len() == 1 { String::new() } else { format!(" {}", index + 1) };
            CliError::verification(
                format!("receipt{which} is not valid: {e}"),
                "do not rely on it: it was changed, it is out of order, or another worker signed it",
            )
        })?;
        Ok(VerifiedReceipt { text: (*line).to_owned(), digest: receipt_digest(line), claims })
    };
    lines.iter().enumerate().map(verify).collect()
}

/// What receipts are checked against.
struct Parts {
    /// The worker's receipt key is the same in all its key configs.
    key_config: KeyConfig,
    following: Option<Following>,
}

/// What evidence is judged by, and where it is.
struct Following {
    judge: Judge,
    endorsements: Endorsements,
    archive: Archive,
}

/// Where key configs and archived evidence are.
enum Archive {
    Files(Box<EvidenceDocument>),
    Worker { client: Client, fetched: BTreeMap<Digest, (KeyConfig, EvidenceDocument)> },
}

impl Parts {
    async fn gather(
        args: &ReceiptArgs,
        at: Instant,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        let client = match &args.from {
            Some(url) => Some(connect::client_for(url, &args.access, environment)?),
            None => None,
        };
        let key_config = match (&client, &args.key_config) {
            (Some(client), _) => client.key_config().await.map_err(asked)?.as_ref().clone(),
            (None, Some(file)) => keys::load(file)?,
            (None, None) => return Err(CliError::usage("no key config", "give --key-config")),
        };
        if let Some(worker) = &args.access.worker {
            keys::expect_worker(&key_config, worker)?;
        }
        let archive = match (client, &args.evidence) {
            (Some(client), _) => Some(Archive::Worker { client, fetched: BTreeMap::new() }),
            (None, Some(file)) => Some(Archive::Files(Box::new(source::document(file)?))),
            (None, None) => None,
        };
        let policy = match (&archive, args.policy.policy.is_some()) {
            (Some(Archive::Worker { .. }), _) => attestation::policy(&args.policy, environment)?,
            (Some(Archive::Files(_)), _) => {
                Some(attestation::required_policy(&args.policy, environment)?)
            }
            (None, true) => {
                return Err(CliError::usage(
                    "a policy judges evidence, and there is none",
                    "give the archived evidence with --evidence, or fetch it with --from URL",
                ));
            }
            (None, false) => None,
        };
        let (Some(archive), Some(policy)) = (archive, policy) else {
            if !args.policy.endorsements.is_empty() {
                return Err(CliError::usage(
                    "--endorsements are what evidence is judged by, and none is",
                    "give a policy, and the evidence with --evidence or --from; or leave \
                     --endorsements away",
                ));
            }
            if at.given {
                return Err(CliError::usage(
                    "--at is the time at which evidence is judged, and none is",
                    "give a policy, and the evidence with --evidence or --from; or leave --at away",
                ));
            }
            return Ok(Self { key_config, following: None });
        };
        let endorsements = attestation::endorsements(&args.policy.endorsements, environment)?;
        let judge = Judge::new(policy, endorsements.clone(), at, environment)?;
        Ok(Self { key_config, following: Some(Following { judge, endorsements, archive }) })
    }

    /// What a receipt's evidence proves; nothing where none was asked for.
    async fn judge(
        &mut self,
        receipt: &VerifiedReceipt,
    ) -> Result<Option<(Trusted, Instant)>, CliError> {
        let Some(following) = &mut self.following else { return Ok(None) };
        let (config, document) = match &mut following.archive {
            Archive::Files(document) => (&self.key_config, &**document),
            Archive::Worker { client, fetched } => {
                let cited = receipt.claims.evidence.ok_or_else(uncited)?;
                let (config, document) = match fetched.entry(cited) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        let claims = &receipt.claims;
                        let (digest, instance) = (claims.key_config, claims.instance);
                        let config = client.archived_key_config(digest, instance).await;
                        let config = config.map_err(asked)?;
                        let document = client.archived_evidence(cited).await.map_err(asked)?;
                        place.insert((config, document))
                    }
                };
                (&*config, &*document)
            }
        };
        let then = time_of_judgement(document, &following.endorsements, &receipt.claims);
        following
            .judge
            .receipt(&receipt.text, config, document, then)
            .map(Some)
            .map_err(|rejected| refused(receipt, rejected))
    }

    fn keep(&self, environment: &Environment, ui: &Ui) {
        self.following.iter().for_each(|following| following.judge.keep(environment, ui));
    }
}

fn refused(receipt: &VerifiedReceipt, rejected: Rejected) -> CliError {
    let message = format!(
        "receipt {} does not lead to evidence that satisfies the policy",
        receipt.claims.sequence
    );
    let hint = "do not rely on it; each reason says what to do";
    let error = CliError::new(Exit::Verification, "receipt_rejected", message, hint);
    CliError { reasons: rejected.reasons, ..error }
}

fn uncited() -> CliError {
    CliError::new(
        Exit::Verification,
        "evidence_none",
        "the receipt cites no evidence",
        "its worker had no attester; without --policy its signature alone is checked",
    )
}

fn print(receipts: &[Checked], ui: &Ui) {
    if ui.json {
        let object = |checked: &Checked| {
            let mut object = render::receipt_json(&checked.receipt);
            object["same_key_config"] = checked.same_key_config.into();
            let evidence = checked.evidence.as_ref();
            object["evidence"] = json!(evidence.map(|(trusted, _)| verdict::trusted_json(trusted)));
            if let Some((_, at)) = evidence {
                object["evidence"]["at"] = render::instant(at.time).into();
                object["evidence"]["at_given"] = at.given.into();
            }
            object
        };
        let all: Vec<_> = receipts.iter().map(object).collect();
        ui.object(&json!({ "verified": true, "receipts": all }));
        return;
    }
    if let [Checked { receipt, evidence, same_key_config }] = receipts {
        let note = if *same_key_config { "the given one" } else { "not the given one" };
        let (trusted, at) = evidence.as_ref().map(|(trusted, at)| (trusted, at)).unzip();
        render::receipt(receipt, note, trusted, ui);
        if let Some(at) = at {
            ui.line(format!("  {:<13} {}", "judged", at.words()));
        }
        return;
    }
    let heading = format!("{} receipts verified, one unbroken chain", receipts.len());
    ui.line(ui.paint(Style::Good, heading));
    for Checked { receipt: VerifiedReceipt { claims, .. }, evidence, .. } in receipts {
        let ended = render::instant(claims.ended);
        let proven = evidence.as_ref().map_or_else(String::new, |(trusted, at)| {
            let at = if at.given { format!(", {}", at.words()) } else { String::new() };
            format!("  {}{at}", verdict::trusted_words(trusted))
        });
        ui.line(harmless_line(&format!(
            "  {:>8}  {ended}  {}  {:<10}  {}{proven}",
            claims.sequence, claims.job, claims.engine, claims.code
        )));
    }
}
