use std::{fmt::Debug, time::Duration};

use sealwork_job::Digest;
use sealwork_verify::{Class, Endorsements, Evidence, EvidenceKind};

use crate::AttestError;

/// A platform that signs what this machine is, over data of the worker's choice.
pub trait Attester: Debug + Send + Sync {
    /// The kind of its evidence.
    fn kind(&self) -> EvidenceKind;

    /// What the platform promises at best; the verifier judges by the evidence.
    fn class(&self) -> Class {
        match self.kind() {
            EvidenceKind::Sgx | EvidenceKind::Tdx | EvidenceKind::Snp | EvidenceKind::Nitro => {
                Class::Confidential
            }
            EvidenceKind::Tpm => Class::Measured,
            EvidenceKind::Simulated => Class::Unprotected,
        }
    }

    /// Evidence whose report data is a statement's digest, padded with zeros to the platform's
    /// size; platforms that take data of any length sign the 32 bytes.
    ///
    /// Blocks: some milliseconds to seconds. One call at a time goes to the platform.
    ///
    /// # Errors
    /// [`AttestError`].
    fn evidence(&self, statement: &Digest) -> Result<Attested, AttestError>;
}

/// Evidence, with what the machine holds for checking it.
#[derive(Debug, Clone)]
pub struct Attested {
    /// The evidence.
    pub evidence: Evidence,
    /// Certificates that came with it from the host; empty where the platform gives none.
    pub endorsements: Endorsements,
}

impl From<Evidence> for Attested {
    fn from(evidence: Evidence) -> Self {
        Self { evidence, endorsements: Endorsements::default() }
    }
}

/// Whether a platform can answer every asker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Fresh evidence for each nonce.
    PerNonce,
    /// Too slow for that: evidence of the epoch is kept and handed out, and said to be.
    PerEpoch,
}

impl Pace {
    /// What can be asked of a platform that takes `duration` for a piece of evidence.
    pub fn of(duration: Duration) -> Self {
        // Twenty answers a second, with the platform busy all the time.
        if duration <= Duration::from_millis(50) { Self::PerNonce } else { Self::PerEpoch }
    }
}
