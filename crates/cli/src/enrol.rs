//! `sealwork enrol ...`: that an attestation key lives in a certain TPM, shown by credential
//! activation. Two steps run where the TPM is, two where somebody wants to know.

mod machine;

use std::path::Path;

use sealwork_platform::{Clock, EntropyRng, Environment, OsEntropy, SystemClock};
use sealwork_verify::{
    ActivatedKey, CredentialChallenge, CredentialError, Day, EndorsementKey, Hex,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    cli::{ChallengeArgs, ConfirmArgs, EnrolCommand},
    config,
    exit::{CliError, CliResult, Exit},
    files::{self, PrivateFile},
    render,
    ui::{Style, Ui},
};

/// The keys of a TPM.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// `TPMT_PUBLIC`.
    attestation_key: Hex,
    /// `TPMT_PUBLIC`.
    endorsement_key: Hex,
    /// DER, the endorsement key's own first; none where the maker gave none.
    endorsement_certificates: Vec<Hex>,
}

/// What the TPM is asked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Challenge {
    /// `TPM2B_ID_OBJECT`.
    credential_blob: Hex,
    /// `TPM2B_ENCRYPTED_SECRET`.
    encrypted_secret: Hex,
}

/// What it found inside.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    secret: Hex,
}

/// Takes one of the four steps.
pub(crate) fn run(command: &EnrolCommand, environment: &Environment, ui: &Ui) -> CliResult {
    match command {
        EnrolCommand::Keys { config } => {
            let config = config::load(environment, &config.into())?;
            ui.object(&machine::keys(&config.values)?);
        }
        EnrolCommand::Challenge(args) => challenge(args, ui)?,
        EnrolCommand::Answer { challenge, config } => {
            let challenge: Challenge = read(challenge, "`enrol challenge`")?;
            let config = config::load(environment, &config.into())?;
            ui.object(&machine::answer(&config.values, &challenge)?);
        }
        EnrolCommand::Confirm(args) => confirm(args, ui)?,
    }
    Ok(Exit::Ok)
}

fn challenge(args: &ChallengeArgs, ui: &Ui) -> Result<(), CliError> {
    let kept = PrivateFile::prepare(&args.keep)?;
    let keys: Keys = read(&args.keys, "`enrol keys`")?;
    let certificate = keys.endorsement_certificates.first();
    let endorsement_key = EndorsementKey {
        public_area: &keys.endorsement_key.0,
        certificate: certificate.map(|certificate| certificate.0.as_slice()),
    };
    let mut random = EntropyRng(&OsEntropy);
    let made = CredentialChallenge::new(&endorsement_key, &keys.attestation_key.0, &mut random)
        .map_err(|error| refused(&error))?;
    kept.write(made.to_json().as_bytes())?;
    ui.object(&Challenge {
        credential_blob: Hex(made.credential_blob.clone()),
        encrypted_secret: Hex(made.encrypted_secret.clone()),
    });
    if certificate.is_none() {
        let warning = "the endorsement key has no certificate: that it is a TPM's, and whose, you \
                       know only from where these keys came";
        ui.remark(ui.paint_remark(Style::Warning, warning));
    }
    ui.remark(format!(
        "next, on the worker's machine: sealwork enrol answer CHALLENGE; then here: sealwork enrol \
         confirm ANSWER --kept {} --until DAY",
        args.keep.display()
    ));
    Ok(())
}

fn confirm(args: &ConfirmArgs, ui: &Ui) -> Result<(), CliError> {
    let until: Day = serde_json::from_value(args.until.as_str().into()).map_err(|_| {
        CliError::usage(
            format!("--until {:?} is no day", args.until),
            "give for example 2027-06-30",
        )
    })?;
    let today = render::instant(SystemClock::new().now());
    if !today.starts_with("(") && until.to_string().as_str() < today.get(..10).unwrap_or_default() {
        return Err(CliError::usage(
            format!("--until {until} has passed: no policy would take the entry"),
            "give a day to come, on which the enrolment is to be done again",
        ));
    }
    let kept = files::read_secret_bytes(&args.kept)?;
    let kept = CredentialChallenge::from_json(&kept).map_err(|error| {
        CliError::usage(error.to_string(), "give with --kept what `enrol challenge` kept")
    })?;
    let answer: Answer = read(&args.answer, "`enrol answer`")?;
    let entry: ActivatedKey =
        kept.confirm(&answer.secret.0, until).map_err(|error| refused(&error))?;
    ui.object(&entry);
    ui.remark(
        "add this entry to `kinds.tpm.activated` of a policy; where the endorsement key has a \
         certificate, `kinds.tpm.roots` has to name the root that it ends at",
    );
    Ok(())
}

fn refused(error: &CredentialError) -> CliError {
    CliError::verification(error.to_string(), "do not list this key: begin again with `enrol keys`")
}

/// Reads what a step before has printed.
fn read<T: DeserializeOwned>(path: &Path, step: &str) -> Result<T, CliError> {
    serde_json::from_slice(&files::read(path)?).map_err(|error| {
        CliError::usage(
            format!("{} is not what {step} prints: {error}", path.display()),
            "give its output, unchanged",
        )
    })
}
