//! TPM 2.0: a quote over PCRs, what the PCRs hold, the log that explains them, and what shows that
//! the key that signed it lives in a TPM.

mod attest;
mod credential;
mod endorsement;
mod event_log;
mod evidence;
mod initial;
mod public;
mod reader;

use std::collections::BTreeMap;

use self::{attest::Quote, event_log::EventLog, public::KeyInfo};
pub use self::{
    credential::{CredentialChallenge, CredentialError, EndorsementKey},
    evidence::{AttestationKey, TpmEvidence},
};
pub(crate) use self::{
    endorsement::Vouchers,
    initial::{identifies_code, is_initial},
    public::is_tpm_name,
};
use crate::{
    Claims, Class, Details, EvidenceKind, Hex, Provenance, ReasonCode, TpmClaims,
    authenticate::{Authenticated, Request},
};

pub(crate) fn authenticate(request: &Request<'_>) -> Authenticated {
    match read(request.bytes) {
        Ok((evidence, quote, key)) => check(&evidence, &quote, &key, request),
        Err(found) => Authenticated::malformed(EvidenceKind::Tpm, found),
    }
}

fn read(bytes: &[u8]) -> Result<(TpmEvidence, Quote, KeyInfo), &'static str> {
    let evidence = TpmEvidence::decode(bytes)?;
    let quote = Quote::parse(&evidence.attest)?;
    let key = match &evidence.key {
        AttestationKey::PublicArea(area) => KeyInfo::from_public_area(area)?,
        AttestationKey::Spki(der) => KeyInfo::from_spki(der)?,
    };
    Ok((evidence, quote, key))
}

fn check(
    evidence: &TpmEvidence,
    quote: &Quote,
    key: &KeyInfo,
    request: &Request<'_>,
) -> Authenticated {
    let mut this = Authenticated::new();
    let hash = attest::verify(&evidence.attest, &evidence.signature, &key.key);
    if hash.is_none() {
        this.reasons
            .add(ReasonCode::SignatureInvalid, "signature of the quote")
            .expected("by the attestation key")
            .found("another algorithm, or a signature that does not verify")
            .source("the attestation key")
            .mend("do not use this evidence: it was changed, or another key signed it");
    }
    if let Some(attributes) = key.attributes {
        attributes.check(&mut this.reasons);
    }
    let values = pcr_values(evidence, quote, hash, &mut this);
    let log = read_log(evidence, &values, &mut this);
    this.vouchers = endorsement::vouchers(evidence, key, request, &mut this.window);
    this.claims = Some(claims(quote, key, values, log.as_ref()));
    this
}

/// The quoted PCRs with their values, which have to add up to the quoted digest.
fn pcr_values(
    evidence: &TpmEvidence,
    quote: &Quote,
    hash: Option<crate::crypto::Hash>,
    this: &mut Authenticated,
) -> BTreeMap<u8, [u8; 32]> {
    if quote.bank != attest::SHA256 {
        this.reasons
            .add(ReasonCode::BankNotPresent, "PCR bank of the quote")
            .expected("sha256")
            .found(attest::bank_name(quote.bank))
            .source("docs/attestation.md")
            .mend("quote PCRs of the SHA-256 bank; switch the bank on in the firmware if need be");
        return BTreeMap::new();
    }
    let (chunks, rest) = evidence.pcrs.as_chunks::<32>();
    let adds_up = hash.is_some_and(|hash| hash.digest(&evidence.pcrs) == quote.pcr_digest);
    if !adds_up || !rest.is_empty() || chunks.len() != quote.pcrs.len() {
        this.reasons
            .add(ReasonCode::PcrMismatch, "digest of the quoted PCRs")
            .expected(Hex(quote.pcr_digest.clone()))
            .found(format!("{} values with another digest", chunks.len()))
            .source("the quote")
            .mend("send the values that were quoted, ascending; retry if a PCR was extended meanwhile");
        return BTreeMap::new();
    }
    quote.pcrs.iter().copied().zip(chunks.iter().copied()).collect()
}

/// Replays the log, where there is one, and compares.
fn read_log(
    evidence: &TpmEvidence,
    values: &BTreeMap<u8, [u8; 32]>,
    this: &mut Authenticated,
) -> Option<EventLog> {
    let bytes = evidence.event_log.as_deref()?;
    let log = match EventLog::parse(bytes) {
        Ok(log) => log,
        Err(found) => {
            this.reasons
                .add(ReasonCode::EventLogMalformed, "event log")
                .expected("a TCG PC client log")
                .found(found)
                .source("TCG PC Client Platform Firmware Profile")
                .mend("send the firmware's log unchanged");
            return None;
        }
    };
    let Some(replayed) = log.replay_sha256() else {
        this.reasons
            .add(ReasonCode::BankNotPresent, "PCR bank of the event log")
            .expected("sha256")
            .found("sha1 only")
            .source("docs/attestation.md")
            .mend("switch the SHA-256 bank on in the firmware");
        return Some(log);
    };
    for (pcr, value) in values.iter().filter(|(pcr, _)| event_log::explains(**pcr)) {
        // A PCR that the log does not mention has its initial value.
        let replayed = replayed.get(pcr).copied().unwrap_or_default();
        if replayed != *value {
            this.reasons
                .add(ReasonCode::EventLogMismatch, format!("pcr{pcr}"))
                .expected(Hex::from(*value))
                .found(format!("{} by the event log", Hex::from(replayed)))
                .source("the quote")
                .mend("send the log of this boot, unchanged and whole");
        }
    }
    Some(log)
}

fn claims(
    quote: &Quote,
    key: &KeyInfo,
    values: BTreeMap<u8, [u8; 32]>,
    log: Option<&EventLog>,
) -> Claims {
    // A log says something about what is quoted only.
    let is_quoted = values.contains_key(&7);
    Claims {
        kind: EvidenceKind::Tpm,
        class: Class::Measured,
        measurements: values
            .into_iter()
            .map(|(pcr, value)| (format!("pcr{pcr}"), value.into()))
            .collect(),
        report_data: Hex(quote.extra_data.clone()),
        nonce: None,
        debug: false,
        issued: None,
        root: None,
        details: Details::Tpm(TpmClaims {
            attestation_key: key.digest.into(),
            attestation_key_name: key.name.clone().map(Hex),
            provenance: Provenance::None,
            bank: attest::bank_name(quote.bank),
            pcrs: quote.pcrs.clone(),
            clock: quote.clock,
            resets: quote.resets,
            restarts: quote.restarts,
            firmware: quote.firmware,
            secure_boot: log.map(|log| is_quoted && log.secure_boot()),
        }),
    }
}
