use std::sync::{Arc, Mutex, PoisonError};

use sealwork_job::Digest;
use sealwork_platform::KernelFiles;
use sealwork_verify::{AttestationKey, Evidence, EvidenceKind, TpmEvidence};
use tss_esapi::{
    handles::KeyHandle, interface_types::resource_handles::Hierarchy, traits::Marshall,
};
use zeroize::Zeroizing;

use super::{
    Endorsement, Pcrs, Tpm, TpmError, TpmSettings, TpmTask,
    connection::make_primary,
    endorsement, keys,
    quote::{self, Quote},
};
use crate::{AttestError, Attested, Attester};

/// Between reading PCRs and quoting them they may be extended: so often both are done again.
const ATTEMPTS: u32 = 5;
/// Left of the evidence's longest for everything but the event log.
const REST_LEN: usize = 64 << 10;

/// A machine with a TPM.
#[derive(Debug)]
pub struct TpmAttester {
    tpm: Arc<Tpm>,
    files: Arc<dyn KernelFiles>,
    event_log: String,
    pcrs: Pcrs,
    key: KeyHandle,
    key_area: Vec<u8>,
    endorsement_kind: endorsement::Kind,
    endorsement_certificates: Vec<Vec<u8>>,
    endorsement_area: Option<Vec<u8>>,
    measured: Mutex<Measured>,
}

/// What was measured when it was last looked at. Quotes say whether it is still so.
#[derive(Debug, Default)]
struct Measured {
    pcrs: Vec<u8>,
    event_log: Option<Vec<u8>>,
}

impl TpmAttester {
    /// Makes the attestation key, and looks for what vouches for it.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn open(
        tpm: Arc<Tpm>,
        settings: &TpmSettings,
        files: Arc<dyn KernelFiles>,
    ) -> Result<Self, TpmError> {
        let task = TpmTask::MakeIdentity;
        let mut context = tpm.context();
        // First, so that a TPM without the bank says so.
        let pcrs = quote::read_pcrs(&mut context, settings.pcrs)?;
        let template = keys::attestation_key().map_err(TpmError::of(task))?;
        let (key, public) = make_primary(&mut context, Hierarchy::Endorsement, template, task)?;
        let key_area = public.marshall().map_err(TpmError::of(task))?;
        let (endorsement_kind, endorsement_certificates) = endorsement::certificates(&mut context)?;
        let endorsement_area = if endorsement_certificates.is_empty() {
            Some(endorsement::public_area(&mut context, endorsement_kind)?)
        } else {
            None
        };
        drop(context);
        let event_log = read_event_log(&*files, &settings.event_log);
        Ok(Self {
            tpm,
            files,
            event_log: settings.event_log.clone(),
            pcrs: settings.pcrs,
            key,
            key_area,
            endorsement_kind,
            endorsement_certificates,
            endorsement_area,
            measured: Mutex::new(Measured { pcrs, event_log }),
        })
    }

    /// The connection, of which there may be only one: for root secret and counter.
    pub fn tpm(&self) -> &Arc<Tpm> {
        &self.tpm
    }

    /// The attestation key's `TPMT_PUBLIC`, for an enrolment.
    pub fn attestation_key(&self) -> &[u8] {
        &self.key_area
    }

    /// The endorsement key, for an enrolment. Takes the TPM up to some seconds.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn endorsement(&self) -> Result<Endorsement, TpmError> {
        let public_area = match &self.endorsement_area {
            Some(area) => area.clone(),
            None => endorsement::public_area(&mut self.tpm.context(), self.endorsement_kind)?,
        };
        Ok(Endorsement { public_area, certificates: self.endorsement_certificates.clone() })
    }

    /// Opens a credential that an enrolling party has made for both keys: that it can be opened
    /// proves that they live in one TPM. `TPM2B_ID_OBJECT` and `TPM2B_ENCRYPTED_SECRET`.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn activate(
        &self,
        credential_blob: &[u8],
        encrypted_secret: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        endorsement::activate(
            &mut self.tpm.context(),
            self.endorsement_kind,
            self.key,
            credential_blob,
            encrypted_secret,
        )
    }

    fn quote(&self, statement: &Digest) -> Result<TpmEvidence, TpmError> {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let quote = agreed(
            &mut measured,
            || quote::quote(&mut self.tpm.context(), self.key, self.pcrs, statement),
            || {
                Ok(Measured {
                    pcrs: quote::read_pcrs(&mut self.tpm.context(), self.pcrs)?,
                    event_log: read_event_log(&*self.files, &self.event_log),
                })
            },
        )?;
        Ok(TpmEvidence {
            attest: quote.attest,
            signature: quote.signature,
            key: AttestationKey::PublicArea(self.key_area.clone()),
            pcrs: measured.pcrs.clone(),
            event_log: measured.event_log.clone(),
            key_certificates: Vec::new(),
            endorsement_certificates: self.endorsement_certificates.clone(),
            endorsement_public_area: self.endorsement_area.clone(),
        })
    }
}

/// A quote that is about what was measured; looks again where it is not.
fn agreed(
    measured: &mut Measured,
    mut quote: impl FnMut() -> Result<Quote, TpmError>,
    mut look: impl FnMut() -> Result<Measured, TpmError>,
) -> Result<Quote, TpmError> {
    for _ in 0..ATTEMPTS {
        let quote = quote()?;
        if quote.is_about(&measured.pcrs) {
            return Ok(quote);
        }
        *measured = look()?;
    }
    Err(TpmError::Unsteady)
}

impl Attester for TpmAttester {
    fn kind(&self) -> EvidenceKind {
        EvidenceKind::Tpm
    }

    fn evidence(&self, statement: &Digest) -> Result<Attested, AttestError> {
        let evidence = self.quote(statement)?;
        Ok(Evidence::new(EvidenceKind::Tpm, evidence.encode()).into())
    }
}

/// The firmware's log; nothing where there is none, or none that fits.
fn read_event_log(files: &dyn KernelFiles, path: &str) -> Option<Vec<u8>> {
    if !files.exists(path) {
        tracing::info!(path, "no event log: evidence has PCR values alone");
        return None;
    }
    let max = EvidenceKind::Tpm.max_len() - REST_LEN;
    files
        .read(path, max)
        .inspect_err(|error| {
            tracing::warn!(path, %error, "the event log cannot be read: evidence goes without");
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TPM whose PCR is extended after each of the first `changes` quotes.
    fn quotes_with(changes: u32) -> (Result<Quote, TpmError>, Measured, u32) {
        let (now, looks) = (std::cell::Cell::new(1_u8), std::cell::Cell::new(0));
        let mut left = changes;
        let mut measured = Measured { pcrs: vec![1; 32], event_log: None };
        let quote = agreed(
            &mut measured,
            || {
                if left > 0 {
                    left -= 1;
                    now.set(now.get() + 1);
                }
                Ok(Quote::over(&[now.get(); 32]))
            },
            || {
                looks.set(looks.get() + 1);
                Ok(Measured { pcrs: vec![now.get(); 32], event_log: Some(vec![now.get()]) })
            },
        );
        (quote, measured, looks.get())
    }

    #[test]
    fn pcrs_and_log_are_looked_at_again_when_a_quote_shows_that_they_changed() {
        for changes in 0..ATTEMPTS {
            let (quote, measured, looks) = quotes_with(changes);
            assert!(quote.unwrap().is_about(&measured.pcrs));
            assert_eq!(looks, changes);
            let log = (changes > 0).then(|| vec![1 + changes as u8]);
            assert_eq!(measured.event_log, log);
        }
    }

    #[test]
    fn pcrs_that_never_rest_are_an_error() {
        let error = quotes_with(u32::from(u8::MAX) - 1).0.map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "tpm_pcrs_unsteady");
        assert!(error.is_transient());
    }
}
