//! `sealwork verify evidence`.

use sealwork_platform::Environment;
use sealwork_seal::{KeyConfig, Purpose};
use sealwork_verify::{Age, Evidence, EvidenceDocument, Expectation, Question, Verdict};

use super::{hex_digits, judge::Judge, source::Source};
use crate::{
    attestation,
    cli::EvidenceArgs,
    exit::{CliError, CliResult, Exit},
    keys,
    ui::Ui,
    verdict,
};

/// Report data are no longer, in bytes.
const REPORT_DATA: usize = 64;

pub(super) async fn run(args: &EvidenceArgs, environment: &Environment, ui: &Ui) -> CliResult {
    let at = super::instant(args.at.as_deref())?;
    let policy = attestation::required_policy(&args.policy, environment)?;
    let given = attestation::endorsements(&args.policy.endorsements, environment)?;
    let about = About::read(args)?;
    let config = about.key_config.as_ref();
    let source = Source::of(&args.source, &args.raw, &args.access, config, environment).await?;
    let mut judge = Judge::new(policy, given, at, environment)?;
    let verdict = match &source {
        Source::Worker(evidence) => {
            about.is_left_to_the_worker()?;
            judge.worker(evidence)
        }
        Source::Document(document) => about.judge_document(document, &mut judge)?,
        Source::Platform(evidence) => about.judge_platform(evidence, &mut judge)?,
    };
    judge.keep(environment, ui);
    let unbound = match &source {
        Source::Document(document) if about.key_config.is_none() => {
            Some(document.statement.key_config)
        }
        _ => None,
    };
    let answer = verdict::Answer { verdict: &verdict, at: judge.at(), unbound };
    if ui.json {
        ui.object(&answer.json());
    } else {
        answer.print(args.explain, ui);
    }
    Ok(match verdict {
        Verdict::Trusted(_) => Exit::Ok,
        Verdict::Rejected(_) => Exit::Verification,
    })
}

/// What evidence has to be about, as far as the arguments say.
struct About {
    nonce: Option<Vec<u8>>,
    key_config: Option<KeyConfig>,
    report_data: Option<[u8; REPORT_DATA]>,
}

impl About {
    fn read(args: &EvidenceArgs) -> Result<Self, CliError> {
        let nonce = args.nonce.as_ref().map(|nonce| hex_digits("--nonce", nonce.as_bytes()));
        Ok(Self {
            nonce: nonce.transpose()?,
            key_config: args.key_config.as_deref().map(keys::load).transpose()?,
            report_data: args.report_data.as_deref().map(report_data).transpose()?,
        })
    }

    fn is_left_to_the_worker(&self) -> Result<(), CliError> {
        if self.nonce.is_none() && self.key_config.is_none() {
            return Ok(());
        }
        Err(CliError::usage(
            "a worker is asked for its key config, and with a nonce of this session",
            "leave --nonce and --key-config away, or name a file",
        ))
    }

    fn judge_document(
        &self,
        document: &EvidenceDocument,
        judge: &mut Judge,
    ) -> Result<Verdict, CliError> {
        if self.nonce.is_some() && document.statement.purpose == Purpose::Epoch {
            return Err(CliError::usage(
                "the document is the evidence of a worker's epoch, which answers no nonce",
                "leave --nonce away: `freshness.epoch_evidence` of the policy says whether such \
                 evidence will do",
            ));
        }
        let answers_a_nonce = document.statement.purpose == Purpose::Session;
        if answers_a_nonce && self.nonce.is_none() && self.key_config.is_some() {
            return Err(CliError::usage(
                "the document answers a nonce, and nothing says which one was sent",
                "give with --nonce the one that you have sent; if you sent none, this is evidence \
                 for somebody else",
            ));
        }
        let question = Question::session(self.nonce.clone().unwrap_or_default());
        match (&self.key_config, &self.nonce) {
            (Some(key_config), _) => Ok(judge.keys(key_config, document, &question)),
            (None, None) => Ok(judge.document(document)),
            (None, Some(_)) => Err(CliError::usage(
                "a nonce shows that evidence is new, and without the key config nothing shows \
                 whose keys it is about",
                "give with --key-config what the worker answered at /v1/keys, or leave --nonce \
                 away to look at the document alone",
            )),
        }
    }

    fn judge_platform(&self, evidence: &Evidence, judge: &mut Judge) -> Result<Verdict, CliError> {
        let Some(report_data) = self.report_data else {
            return Err(CliError::usage(
                "nothing says what the evidence has to be about",
                "give with --report-data what the platform was made to sign; '' for nothing",
            ));
        };
        let nonce = self.nonce.clone();
        let expectation = Expectation { report_data, nonce, age: Age::Challenged };
        Ok(judge.platform(evidence, &expectation))
    }
}

/// What a platform was made to sign, with the zeros that follow.
fn report_data(text: &str) -> Result<[u8; REPORT_DATA], CliError> {
    let bytes = hex_digits("--report-data", text.as_bytes())?;
    let mut padded = [0; REPORT_DATA];
    let Some(place) = padded.get_mut(..bytes.len()) else {
        return Err(CliError::usage(
            format!("--report-data has {} bytes", bytes.len()),
            "report data have 64 bytes at most",
        ));
    };
    place.copy_from_slice(&bytes);
    Ok(padded)
}
