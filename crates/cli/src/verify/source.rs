//! Where evidence comes from: a worker, a document, a platform's own bytes.

use std::path::{Path, PathBuf};

use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};
use sealwork_client::{ClientError, WorkerEvidence};
use sealwork_platform::Environment;
use sealwork_seal::KeyConfig;
use sealwork_verify::{AttestationKey, Evidence, EvidenceDocument, EvidenceKind, TpmEvidence};

use crate::{
    cli::{AccessArgs, RawArgs, TpmArgs},
    connect,
    exit::CliError,
    files, keys,
};

/// Evidence that nobody has judged yet.
pub(crate) enum Source {
    /// A running worker's, for a nonce of this session.
    Worker(Box<WorkerEvidence>),
    /// A file in Sealwork's format.
    Document(Box<EvidenceDocument>),
    /// A platform's own.
    Platform(Evidence),
}

impl Source {
    /// Asks a worker where `place` is an address; else reads a file, which says whose evidence it is
    /// together with a key config only.
    pub(crate) async fn of(
        place: &str,
        raw: &RawArgs,
        access: &AccessArgs,
        key_config: Option<&KeyConfig>,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        if is_address(place) {
            if raw.kind.is_some() {
                return Err(CliError::usage(
                    "--kind is for files: a worker says itself what its evidence is",
                    "leave --kind away, or name a file",
                ));
            }
            let client = connect::client_for(place, access, environment)?;
            return Ok(Self::Worker(Box::new(client.evidence().await.map_err(asked)?)));
        }
        if let Some(worker) = &access.worker {
            let Some(config) = key_config else {
                return Err(CliError::usage(
                    "--worker names the worker of a key config, and a file of evidence has none",
                    "give the key config with --key-config, or leave --worker away",
                ));
            };
            keys::expect_worker(config, worker)?;
        }
        let path = Path::new(place);
        match raw.kind {
            Some(kind) => Ok(Self::Platform(platform(kind, path, raw)?)),
            None => Ok(Self::Document(Box::new(document(path)?))),
        }
    }
}

/// Reads an evidence document.
pub(crate) fn document(path: &Path) -> Result<EvidenceDocument, CliError> {
    EvidenceDocument::from_json(&files::read(path)?).map_err(|e| {
        CliError::verification(
            format!("{}: {e}", path.display()),
            "give what a worker answers at /v1/evidence; for a platform's own evidence say which \
             with --kind",
        )
    })
}

/// What a worker that an argument names did not answer: no flag gave its address, and nothing is
/// sealed to it.
pub(crate) fn asked(error: ClientError) -> CliError {
    let hint = error.hint();
    CliError { hint, ..CliError::from(error) }
}

/// Whether it is an address and no file: a scheme and what begins a host.
fn is_address(place: &str) -> bool {
    let scheme = place.split_once("://").map_or("", |(scheme, _)| scheme);
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

fn platform(kind: EvidenceKind, path: &Path, raw: &RawArgs) -> Result<Evidence, CliError> {
    if kind != EvidenceKind::Tpm && raw.tpm.is_any_given() {
        return Err(CliError::usage(
            format!("--tpm-... are parts of a TPM's quote, not of evidence of kind {kind}"),
            "give --kind tpm, or leave them away",
        ));
    }
    let mut bytes = files::read(path)?;
    let text = bytes.trim_ascii();
    let is_hex = !text.is_empty() && text.iter().all(u8::is_ascii_hexdigit);
    if raw.hex {
        bytes = super::hex_digits(&path.display().to_string(), bytes.trim_ascii())?;
    } else if is_hex {
        return Err(CliError::usage(
            format!("{} holds hex digits, and evidence is bytes", path.display()),
            "say so with --hex",
        ));
    }
    if kind == EvidenceKind::Tpm {
        bytes = quote(bytes, &raw.tpm)?.encode();
    }
    Ok(Evidence::new(kind, bytes))
}

/// A TPM's quote from its parts.
fn quote(attest: Vec<u8>, parts: &TpmArgs) -> Result<TpmEvidence, CliError> {
    let read = |path: &Option<PathBuf>| path.as_deref().map(files::read).transpose();
    let [signature, key, pcrs] = [&parts.tpm_signature, &parts.tpm_key, &parts.tpm_pcrs];
    let (Some(signature), Some(key), Some(pcrs)) = (read(signature)?, read(key)?, read(pcrs)?)
    else {
        return Err(CliError::usage(
            "a TPM's quote is more than its message",
            "give --tpm-signature, --tpm-key and --tpm-pcrs too",
        ));
    };
    Ok(TpmEvidence {
        attest,
        signature,
        key: attestation_key(key),
        pcrs,
        event_log: read(&parts.tpm_event_log)?,
        key_certificates: Vec::new(),
        endorsement_certificates: Vec::new(),
        endorsement_public_area: None,
    })
}

/// A public area begins with its algorithm, whose first byte is zero, or with its own length; DER
/// with a SEQUENCE's tag.
fn attestation_key(bytes: Vec<u8>) -> AttestationKey {
    const SEQUENCE: u8 = 0x30;
    if let Ok(key) = SubjectPublicKeyInfoDer::from_pem_slice(&bytes) {
        return AttestationKey::Spki(key.to_vec());
    }
    if bytes.first() == Some(&SEQUENCE) {
        return AttestationKey::Spki(bytes);
    }
    match bytes.split_first_chunk() {
        Some((len, area)) if usize::from(u16::from_be_bytes(*len)) == area.len() => {
            AttestationKey::PublicArea(area.to_vec())
        }
        _ => AttestationKey::PublicArea(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tpms_key_is_taken_in_each_form_that_tpm2_readpublic_writes() {
        let tpmt = [&[0x00, 0x23][..], &[7; 86]].concat();
        let tpm2b = [&[0, 88][..], &tpmt].concat();
        let spki = vec![0x30, 0x59, 1, 2];
        let pem = "-----BEGIN PUBLIC KEY-----\nMFkBAg==\n-----END PUBLIC KEY-----\n";
        assert_eq!(attestation_key(tpmt.clone()), AttestationKey::PublicArea(tpmt.clone()));
        assert_eq!(attestation_key(tpm2b), AttestationKey::PublicArea(tpmt));
        assert_eq!(attestation_key(spki.clone()), AttestationKey::Spki(spki.clone()));
        assert_eq!(attestation_key(pem.into()), AttestationKey::Spki(spki));
    }
}
