use sealwork_job::Digest;
use sha2::{Digest as _, Sha256};
use tss_esapi::{
    Context,
    handles::KeyHandle,
    interface_types::session_handles::AuthSession,
    structures::{AttestInfo, Data, SignatureScheme},
    traits::Marshall,
};

use super::{Pcrs, TpmError, TpmTask, pcrs::select};

/// A quote, as the TPM gives it.
pub(super) struct Quote {
    /// `TPMS_ATTEST`.
    pub(super) attest: Vec<u8>,
    /// `TPMT_SIGNATURE`.
    pub(super) signature: Vec<u8>,
    /// What it says of the PCRs.
    pcr_digest: Vec<u8>,
}

impl Quote {
    #[cfg(test)]
    pub(super) fn over(values: &[u8]) -> Self {
        let pcr_digest = Sha256::digest(values).to_vec();
        Self { attest: Vec::new(), signature: Vec::new(), pcr_digest }
    }

    /// Whether it is about these values, one after the other.
    pub(super) fn is_about(&self, values: &[u8]) -> bool {
        Sha256::digest(values).as_slice() == self.pcr_digest
    }
}

/// Quotes PCRs over data.
pub(super) fn quote(
    context: &mut Context,
    key: KeyHandle,
    pcrs: Pcrs,
    data: &Digest,
) -> Result<Quote, TpmError> {
    let failed = TpmError::of(TpmTask::Quote);
    let selection = pcrs.selection()?;
    let data = Data::try_from(data.as_bytes().as_slice()).map_err(failed)?;
    // The key's authorisation is empty, and what comes back is signed: no session is needed.
    let (attest, signature) = context
        .execute_with_session(Some(AuthSession::Password), |context| {
            context.quote(key, data, SignatureScheme::Null, selection)
        })
        .map_err(failed)?;
    let AttestInfo::Quote { info } = attest.attested() else {
        return Err(TpmError::BankMissing);
    };
    let pcr_digest = info.pcr_digest().value().to_vec();
    Ok(Quote {
        attest: attest.marshall().map_err(failed)?,
        signature: signature.marshall().map_err(failed)?,
        pcr_digest,
    })
}

/// The values of PCRs, ascending, one after the other.
pub(super) fn read_pcrs(context: &mut Context, pcrs: Pcrs) -> Result<Vec<u8>, TpmError> {
    let mut values = Vec::new();
    for numbers in pcrs.numbers().chunks(Pcrs::PER_READ) {
        let selection = select(numbers)?;
        let (_, _, digests) = context
            .execute_without_session(|context| context.pcr_read(selection))
            .map_err(TpmError::of(TpmTask::ReadPcrs))?;
        // A bank that is not active is left out of the answer.
        if digests.len() != numbers.len() {
            return Err(TpmError::BankMissing);
        }
        digests.value().iter().for_each(|digest| values.extend_from_slice(digest.value()));
    }
    Ok(values)
}
