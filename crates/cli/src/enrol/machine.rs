//! The steps that a TPM takes part in.

#[cfg(feature = "tpm")]
mod with_tpm {
    use std::sync::Arc;

    use sealwork_attest::{
        AttestError,
        tpm::{Tpm, TpmAttester},
    };
    use sealwork_platform::SystemKernelFiles;
    use sealwork_verify::Hex;

    use super::super::{Answer, Challenge, Keys};
    use crate::{
        config::Values,
        serve::{ServeError, tpm_settings},
    };

    /// The TPM that the settings name, as a worker opens it.
    fn open(values: &Values) -> Result<TpmAttester, ServeError> {
        let (settings, files) = (tpm_settings(values)?, Arc::new(SystemKernelFiles));
        let tpm = Tpm::connect(&settings, &*files).map_err(AttestError::from)?;
        Ok(TpmAttester::open(Arc::new(tpm), &settings, files).map_err(AttestError::from)?)
    }

    pub(crate) fn keys(values: &Values) -> Result<Keys, ServeError> {
        let tpm = open(values)?;
        let endorsement = tpm.endorsement().map_err(AttestError::from)?;
        Ok(Keys {
            attestation_key: tpm.attestation_key().into(),
            endorsement_key: Hex(endorsement.public_area),
            endorsement_certificates: endorsement.certificates.into_iter().map(Hex).collect(),
        })
    }

    pub(crate) fn answer(values: &Values, challenge: &Challenge) -> Result<Answer, ServeError> {
        let Challenge { credential_blob, encrypted_secret } = challenge;
        let secret = open(values)?.activate(&credential_blob.0, &encrypted_secret.0);
        Ok(Answer { secret: secret.map_err(AttestError::from)?.as_slice().into() })
    }
}

#[cfg(not(feature = "tpm"))]
mod without_tpm {
    use sealwork_attest::AttestError;
    use sealwork_verify::EvidenceKind;

    use super::super::{Answer, Challenge, Keys};
    use crate::{config::Values, serve::ServeError};

    const NOT_BUILT: ServeError = ServeError::Attester(AttestError::NotBuilt(EvidenceKind::Tpm));

    pub(crate) fn keys(_: &Values) -> Result<Keys, ServeError> {
        Err(NOT_BUILT)
    }

    pub(crate) fn answer(_: &Values, _: &Challenge) -> Result<Answer, ServeError> {
        Err(NOT_BUILT)
    }
}

#[cfg(feature = "tpm")]
pub(super) use with_tpm::{answer, keys};
#[cfg(not(feature = "tpm"))]
pub(super) use without_tpm::{answer, keys};
