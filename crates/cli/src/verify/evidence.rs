//! `sealwork verify evidence`.

use sealwork_job::Timestamp;
use sealwork_platform::{Clock, Environment, SystemClock};
use sealwork_seal::Purpose;
use sealwork_verify::{
    Age, Endorsements, Evidence, EvidenceDocument, Expectation, Policy, Question, Verdict,
    Verifier, verify, verify_document, verify_worker,
};

use super::source::Source;
use crate::{
    attestation,
    cli::EvidenceArgs,
    exit::{CliError, CliResult, Exit},
    keys,
    ui::Ui,
    verdict, watermark,
};

/// Report data are no longer, in bytes.
const REPORT_DATA: usize = 64;

pub(super) async fn run(args: &EvidenceArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let policy = attestation::required_policy(&args.policy, environment)?;
    let given = attestation::endorsements(&args.policy.endorsements, environment)?;
    let at = args.at.as_deref().map(super::time).transpose()?;
    let source = Source::of(&args.source, &args.raw, &args.access, environment).await?;
    let at = at.unwrap_or_else(|| SystemClock::new().now());
    let judge = Judge { policy: &policy, given: &given, at };
    let verdict = match source {
        Source::Worker(evidence) => {
            if args.nonce.is_some() || args.key_config.is_some() {
                return Err(CliError::usage(
                    "a worker is asked for its key config, and with a nonce of this session",
                    "leave --nonce and --key-config away, or name a file",
                ));
            }
            let mut verifier = Verifier::new(given.clone(), watermark::load(environment)?, 1);
            let (config, document) = (&evidence.key_config, &evidence.document);
            let verdict = verifier.verify_worker(config, document, &evidence.question, &policy, at);
            watermark::keep_seen(verifier.watermark(), environment, ui);
            verdict
        }
        Source::Document(document) => judge.document(&document, args)?,
        Source::Platform(evidence) => judge.platform(&evidence, args)?,
    };
    if ui.json {
        ui.object(&verdict::json(&verdict, at));
    } else {
        verdict::print(&verdict, at, args.explain, ui);
    }
    Ok(match verdict {
        Verdict::Trusted(_) => Exit::Ok,
        Verdict::Rejected(_) => Exit::Verification,
    })
}

/// What files are judged by.
struct Judge<'a> {
    policy: &'a Policy,
    given: &'a Endorsements,
    at: Timestamp,
}

impl Judge<'_> {
    /// A document, about the key config that was given, else about what it says itself.
    fn document(
        &self,
        document: &EvidenceDocument,
        args: &EvidenceArgs,
    ) -> Result<Verdict, CliError> {
        let nonce = args.nonce.as_deref().map(|nonce| bytes("--nonce", nonce)).transpose()?;
        let Self { policy, given, at } = *self;
        let Some(file) = &args.key_config else {
            return Ok(verify_document(document, nonce.as_deref(), given, policy, at));
        };
        let question = match nonce {
            Some(nonce) => Question::session(nonce),
            None if document.statement.purpose == Purpose::Epoch => Question::epoch(),
            None => Question::session([]),
        };
        Ok(verify_worker(&keys::load(file)?, document, &question, given, policy, at))
    }

    fn platform(&self, evidence: &Evidence, args: &EvidenceArgs) -> Result<Verdict, CliError> {
        let Some(text) = &args.report_data else {
            return Err(CliError::usage(
                "nothing says what the evidence has to be about",
                "give with --report-data what the platform was made to sign; '' for nothing",
            ));
        };
        let mut report_data = bytes("--report-data", text)?;
        if report_data.len() > REPORT_DATA {
            return Err(CliError::usage(
                format!("--report-data has {} bytes", report_data.len()),
                "report data have 64 bytes at most",
            ));
        }
        report_data.resize(REPORT_DATA, 0);
        let nonce = args.nonce.as_deref().map(|nonce| bytes("--nonce", nonce)).transpose()?;
        let expectation = Expectation {
            report_data: report_data.try_into().unwrap_or([0; REPORT_DATA]),
            nonce,
            age: Age::Challenged,
        };
        Ok(verify(evidence, &expectation, self.given, self.policy, self.at))
    }
}

fn bytes(flag: &str, text: &str) -> Result<Vec<u8>, CliError> {
    hex::decode(text).map_err(|_| {
        CliError::usage(format!("{flag} {text:?} is not hex digits"), "give two digits for a byte")
    })
}
