use sealwork_job::Digest;
use sealwork_verify::{EvidenceKind, simulate};

use crate::{AttestError, Attested, Attester};

/// Evidence that proves nothing and says so. Policies refuse it unless they name it.
#[derive(Debug)]
pub struct SimulatedAttester {
    measurement: [u8; 32],
}

impl SimulatedAttester {
    /// A simulation that claims `measurement`. Loud: it warns where everybody sees it.
    pub fn new(measurement: [u8; 32]) -> Self {
        tracing::warn!(
            "ATTESTATION IS SIMULATED: nothing protects the jobs of this worker, and whoever \
             checks its evidence is told so"
        );
        Self { measurement }
    }
}

impl Attester for SimulatedAttester {
    fn kind(&self) -> EvidenceKind {
        EvidenceKind::Simulated
    }

    fn evidence(&self, statement: &Digest) -> Result<Attested, AttestError> {
        let mut report_data = [0; 64];
        report_data[..32].copy_from_slice(statement.as_bytes());
        Ok(simulate(&self.measurement, &report_data).into())
    }
}
