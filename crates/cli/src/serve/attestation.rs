//! The platform that vouches for this worker, and the root secret that it may keep.

use std::sync::Arc;

use sealwork_attest::{AttestError, Choice, Machine, Opened, Options};
use sealwork_platform::{
    Disk, MonotonicCounter, Platform, RootSecret, SystemKernelFiles, load_or_create_root_secret,
};
#[cfg(feature = "tpm")]
use sealwork_seal::derive::{Purpose, derive_key};
use sealwork_verify::{Class, EvidenceKind};
use sealwork_worker::Attestation;

use super::{ServeError, first_start};
#[cfg(feature = "tpm")]
use crate::config::Setting;
use crate::config::{ConfigError, Values, insecure, registry as r};

/// Opens the attester that the settings name, or that this machine shows, and makes evidence once.
/// Where it promises something, the settings have to keep it.
pub(super) async fn open(
    values: &Values,
    platform: &Platform,
) -> Result<Option<Opened>, ServeError> {
    let name = values.text(&r::ATTESTER).unwrap_or("none");
    let choice: Choice = name.parse().map_err(|error| setting(r::ATTESTER.name, error))?;
    let options = options(values)?;
    let machine = Machine {
        files: Arc::new(SystemKernelFiles),
        entropy: Arc::clone(&platform.entropy),
        clock: Arc::clone(&platform.clock),
    };
    let opening =
        tokio::task::spawn_blocking(move || sealwork_attest::open(choice, &machine, &options));
    let opened = opening.await.unwrap_or(Err(AttestError::Answer("the attester panicked")))?;
    if let Some(opened) = &opened
        && opened.attester.class() != Class::Unprotected
    {
        let problems = insecure(values, opened.attester.kind().as_str());
        if !problems.is_empty() {
            return Err(ConfigError::Settings(problems).into());
        }
    }
    Ok(opened)
}

/// What the worker asks for evidence.
pub(super) fn attestation(opened: &Opened) -> Attestation {
    let (attester, pace) = (Arc::clone(&opened.attester), opened.pace());
    let trial_ms = u64::try_from(opened.trial.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(kind = %attester.kind(), ?pace, trial_ms, "evidence comes from this platform");
    Attestation { attester, pace }
}

/// The root secret: kept by the TPM where that is the attester, else in a file.
pub(super) fn root_secret(
    opened: Option<&Opened>,
    values: &Values,
    platform: &Platform,
) -> Result<RootSecret, ServeError> {
    let in_tpm = opened.is_some_and(|opened| opened.attester.kind() == EvidenceKind::Tpm);
    let (mut kept, mut other) = (first_start::ROOT_SECRET, first_start::ROOT_IN_TPM);
    if in_tpm {
        std::mem::swap(&mut kept, &mut other);
    }
    let (disk, entropy) = (&*platform.disk, &*platform.entropy);
    if has(disk, other)? && !has(disk, kept)? {
        return Err(ServeError::OtherRootSecret { found: other, wanted: kept });
    }
    #[cfg(feature = "tpm")]
    if let Some(attester) = opened.and_then(|opened| opened.tpm.as_ref()) {
        use sealwork_attest::tpm::TpmRootKeeper;
        let sealed_to = pcrs(values, &r::TPM_SEALED_TO)?;
        let keeper = TpmRootKeeper::new(Arc::clone(attester.tpm()), sealed_to);
        let sealed = &first_start::SEALED;
        return Ok(sealwork_platform::load_or_create_kept_root_secret(
            &keeper, disk, entropy, sealed,
        )?);
    }
    #[cfg(not(feature = "tpm"))]
    let _ = values;
    Ok(load_or_create_root_secret(disk, entropy, &first_start::SEALED)?)
}

/// The counter against older copies of the store, where the settings name one. Only this worker
/// moves it: what authorises that comes from the root secret.
pub(super) fn counter(
    opened: Option<&Opened>,
    values: &Values,
    root: &RootSecret,
) -> Result<Option<Arc<dyn MonotonicCounter>>, ServeError> {
    let name = r::TPM_COUNTER_INDEX.name;
    let Some(index) = values.text(&r::TPM_COUNTER_INDEX) else { return Ok(None) };
    #[cfg(feature = "tpm")]
    if let Some(attester) = opened.and_then(|opened| opened.tpm.as_ref()) {
        use sealwork_attest::tpm::{TpmAuth, TpmCounter};
        let digits = index.trim_start_matches("0x");
        let index = u32::from_str_radix(digits, 16).map_err(|error| setting(name, error))?;
        let secret = derive_key(root.expose(), Purpose::TpmCounter, b"");
        let counter = TpmCounter::open(Arc::clone(attester.tpm()), index, &TpmAuth::new(*secret));
        return Ok(Some(Arc::new(counter.map_err(AttestError::from)?)));
    }
    let _ = (opened, root, index);
    Err(setting(name, "the counter is a TPM's, and no TPM vouches for this worker"))
}

fn has(disk: &dyn Disk, name: &str) -> Result<bool, ServeError> {
    let files = disk.list("").map_err(|source| sealwork_platform::RootSecretError::Io {
        path: first_start::ROOT_SECRET,
        source,
    })?;
    Ok(files.iter().any(|file| file == name))
}

#[cfg(not(feature = "tpm"))]
#[allow(clippy::unnecessary_wraps, reason = "with a TPM they can be wrong")]
fn options(_: &Values) -> Result<Options, ServeError> {
    Ok(Options::default())
}

#[cfg(feature = "tpm")]
#[allow(clippy::needless_update, reason = "a simulation has options of its own")]
fn options(values: &Values) -> Result<Options, ServeError> {
    Ok(Options { tpm: tpm_settings(values)?, ..Options::default() })
}

/// Which TPM, and what of it.
#[cfg(feature = "tpm")]
pub(crate) fn tpm_settings(
    values: &Values,
) -> Result<sealwork_attest::tpm::TpmSettings, ServeError> {
    use sealwork_attest::tpm::{TpmAuth, TpmSettings};
    let auth = |setting| TpmAuth::new(values.text(setting).unwrap_or_default());
    let defaults = TpmSettings::default();
    Ok(TpmSettings {
        address: values.text(&r::TPM_ADDRESS).map_or(defaults.address, str::to_owned),
        pcrs: pcrs(values, &r::TPM_PCRS)?,
        sealed_to: pcrs(values, &r::TPM_SEALED_TO)?,
        owner: auth(&r::TPM_OWNER_AUTH),
        endorsement: auth(&r::TPM_ENDORSEMENT_AUTH),
        event_log: defaults.event_log,
    })
}

#[cfg(feature = "tpm")]
fn pcrs(values: &Values, of: &'static Setting) -> Result<sealwork_attest::tpm::Pcrs, ServeError> {
    values.list(of).join(",").parse().map_err(|error| setting(of.name, error))
}

fn setting(name: &'static str, error: impl std::fmt::Display) -> ServeError {
    ServeError::Setting { name, reason: error.to_string() }
}
