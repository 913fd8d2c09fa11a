use std::fmt;

use sealwork_job::Digest;
use sealwork_seal::Statement;
use serde::{Deserialize, Serialize};

use crate::crypto::sha256;

/// A kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// Intel SGX: a DCAP quote of version 3.
    Sgx,
    /// Intel TDX: a DCAP quote of version 4 or 5.
    Tdx,
    /// AMD SEV-SNP: an attestation report, signed by VCEK or VLEK.
    Snp,
    /// AWS Nitro Enclaves: an attestation document.
    Nitro,
    /// TPM 2.0: a quote, with PCR values and what shows whose key signed it.
    Tpm,
    /// Made by a simulation; proves nothing.
    Simulated,
}

impl EvidenceKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Sgx, Self::Tdx, Self::Snp, Self::Nitro, Self::Tpm, Self::Simulated];

    /// Its name in key configs, statements and policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sgx => "sgx",
            Self::Tdx => "tdx",
            Self::Snp => "snp",
            Self::Nitro => "nitro",
            Self::Tpm => "tpm",
            Self::Simulated => "simulated",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The longest evidence of the kind, in bytes. A TPM's event log makes it long.
    pub fn max_len(self) -> usize {
        match self {
            Self::Sgx | Self::Tdx | Self::Nitro => 32 << 10,
            Self::Snp => 1184,
            Self::Tpm => 1 << 20,
            Self::Simulated => 1 << 10,
        }
    }
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an attester hands over: bytes of the platform's own format, nothing about them checked.
///
/// SGX, TDX: the quote. SEV-SNP: the 1184 bytes of the report. Nitro: the COSE document. TPM:
/// [`TpmEvidence::encode`](crate::TpmEvidence::encode).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it is said to be.
    pub kind: EvidenceKind,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Evidence {
    /// Evidence of a kind.
    pub fn new(kind: EvidenceKind, bytes: impl Into<Vec<u8>>) -> Self {
        Self { kind, bytes: bytes.into() }
    }

    /// The digest by which receipts cite evidence and its statement (docs/formats.md, "Evidence").
    pub fn digest(&self, statement: &Statement) -> Digest {
        let statement = statement.encode();
        let parts: [&[u8]; 4] =
            [b"sealwork/v1 evidence", self.kind.as_str().as_bytes(), &statement, &self.bytes];
        let mut whole = Vec::with_capacity(self.bytes.len() + statement.len() + 64);
        for part in parts {
            whole.extend_from_slice(&(part.len() as u64).to_be_bytes());
            whole.extend_from_slice(part);
        }
        Digest(sha256(&whole))
    }
}
