//! What evidence is judged by: a policy, and what makers say about their platforms.

use std::path::{Path, PathBuf};

use sealwork_client::{Attestation, ClientBuilder};
use sealwork_platform::Environment;
use sealwork_verify::{DcapCollateral, Endorsements, EndorsementsError, Policy};

use crate::{
    cli::{AttestArgs, PolicyArgs},
    exit::{CliError, Exit},
    files, watermark,
};

/// Has a client demand what the arguments, else the environment, say.
pub(crate) fn demand(
    builder: ClientBuilder,
    args: &AttestArgs,
    environment: &Environment,
) -> Result<ClientBuilder, CliError> {
    if args.unattested {
        return Ok(builder.unattested());
    }
    let Some(policy) = policy(&args.policy, environment)? else { return Ok(builder) };
    let attestation = Attestation::new(policy)
        .endorsements(endorsements(&args.policy.endorsements, environment)?)
        .watermark(watermark::load(environment)?);
    Ok(builder.attestation(attestation))
}

/// The policy that the arguments, else the environment, name.
pub(crate) fn policy(
    args: &PolicyArgs,
    environment: &Environment,
) -> Result<Option<Policy>, CliError> {
    let named = args.policy.clone().or_else(|| environment_path(environment, "SEALWORK_POLICY"));
    named.as_deref().map(read_policy).transpose()
}

/// The policy that a command cannot do without.
pub(crate) fn required_policy(
    args: &PolicyArgs,
    environment: &Environment,
) -> Result<Policy, CliError> {
    policy(args, environment)?.ok_or_else(|| {
        CliError::new(
            Exit::Usage,
            "no_policy",
            "there is no policy that says which evidence to trust",
            "give --policy FILE, or set SEALWORK_POLICY; `sealwork policy init` writes one for \
             review",
        )
    })
}

/// Reads and checks a policy.
pub(crate) fn read_policy(path: &Path) -> Result<Policy, CliError> {
    Policy::from_json(&files::read(path)?).map_err(|e| {
        CliError::new(
            Exit::Usage,
            "policy",
            format!("{}: {e}", path.display()),
            "correct the policy; docs/attestation.md describes it, `sealwork policy init` writes \
             one from a worker",
        )
    })
}

/// What the named files, else that of the environment, hold.
pub(crate) fn endorsements(
    paths: &[PathBuf],
    environment: &Environment,
) -> Result<Endorsements, CliError> {
    let default = environment_path(environment, "SEALWORK_ENDORSEMENTS");
    let paths = if paths.is_empty() { default.as_slice() } else { paths };
    let mut all = Endorsements::default();
    let mut has_bundle = false;
    for path in paths {
        let bytes = files::read(path)?;
        let unusable = |e: EndorsementsError| unusable(path, &e);
        match Form::of(&bytes) {
            Form::Bundle if has_bundle => {
                return Err(CliError::usage(
                    format!("{} is a second bundle of endorsements", path.display()),
                    "give one bundle: its number shows whether it is older than the last one",
                ));
            }
            Form::Bundle => {
                has_bundle = true;
                let mut bundle = Endorsements::from_json(&bytes).map_err(unusable)?;
                bundle.add_all(&all).map_err(unusable)?;
                all = bundle;
            }
            Form::Collateral => {
                let collateral = DcapCollateral::from_json(&bytes)
                    .map_err(|error| no_collateral(path, &error))?;
                all.add_collateral(collateral).map_err(unusable)?;
            }
            Form::Pem => all.add_pem(&bytes).map_err(unusable)?,
            Form::Der => all.add_certificate(&bytes).map_err(unusable)?,
        }
    }
    Ok(all)
}

/// Those of a bundle, none of which Intel's collateral has.
const BUNDLE_FIELDS: [&str; 5] =
    ["version", "sequence", "dcap", "certificates", "revocation_lists"];

/// What a file of endorsements is.
enum Form {
    Bundle,
    Collateral,
    Pem,
    Der,
}

impl Form {
    fn of(bytes: &[u8]) -> Self {
        let text = bytes.trim_ascii_start();
        if text.starts_with(b"{") {
            let object = serde_json::from_slice::<serde_json::Value>(text).unwrap_or_default();
            let is_bundle = BUNDLE_FIELDS.iter().any(|field| object.get(field).is_some());
            return if is_bundle { Self::Bundle } else { Self::Collateral };
        }
        if text.starts_with(b"-----BEGIN") { Self::Pem } else { Self::Der }
    }
}

/// What is wrong with it is said of a bundle, which is the same JSON further in.
fn no_collateral(path: &Path, error: &EndorsementsError) -> CliError {
    let EndorsementsError::Malformed(what) = error else { return unusable(path, error) };
    CliError::new(
        Exit::Usage,
        "endorsements",
        format!("{} is neither Intel's collateral nor a bundle: {what}", path.display()),
        "docs/attestation.md, \"Endorsements\", lists the fields of both",
    )
}

fn unusable(path: &Path, error: &EndorsementsError) -> CliError {
    CliError::new(
        Exit::Usage,
        "endorsements",
        format!("{}: {error}", path.display()),
        "give a bundle, Intel's collateral as JSON, or certificates as PEM or DER",
    )
}

fn environment_path(environment: &Environment, name: &str) -> Option<PathBuf> {
    environment.var(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}
