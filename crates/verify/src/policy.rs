use serde::{Deserialize, Serialize};

use crate::{Class, EvidenceKind, Root};

mod draft;
mod init;
mod kinds;
mod reference;
mod validate;

pub use draft::{Doubt, Draft, draft};
pub use kinds::{
    ActivatedKey, AllowedAdvisory, IntelTcbPolicy, NitroPolicy, ReferenceValues, SgxPolicy,
    SimulatedPolicy, SnpPolicy, SnpSigner, TcbStatus, TdxPolicy, TpmPolicy,
};
pub use validate::PolicyError;

/// The JSON schema of policies (draft 2020-12).
pub const POLICY_SCHEMA: &str = include_str!("../policy.schema.json");

/// What a relying party demands of evidence: one JSON file.
///
/// What is not written is not allowed: kinds that are not named, TCB statuses, advisories, debug
/// access, roots of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Version of the format: 1.
    #[cfg_attr(test, schemars(range(min = 1, max = 1)))]
    pub version: u32,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The least that a platform has to promise.
    #[serde(default = "confidential")]
    pub class: Class,
    /// Whether platforms are accepted whose host may read the memory. Needs class `unprotected`.
    #[serde(default)]
    pub allow_debug: bool,
    /// How jobs may be isolated from each other.
    #[serde(default = "Isolation::all")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub isolation: Vec<Isolation>,
    /// How new evidence has to be.
    #[serde(default)]
    pub freshness: Freshness,
    /// The kinds of evidence that are accepted, each with its reference values.
    pub kinds: Kinds,
}

/// How a worker keeps jobs apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Each requester's programs in a virtual machine.
    Vm,
    /// Each requester's programs in a confined process.
    Process,
    /// Programs in one process, apart by WebAssembly alone.
    Wasm,
    /// The worker runs no programs of requesters.
    None,
}

impl Isolation {
    fn all() -> Vec<Self> {
        vec![Self::Vm, Self::Process, Self::Wasm, Self::None]
    }

    /// Its name in key configs and receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Process => "process",
            Self::Wasm => "wasm",
            Self::None => "none",
        }
    }
}

/// How new evidence has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// The greatest age of evidence that is dated (Nitro), in seconds.
    #[serde(default = "Freshness::max_age")]
    pub max_age_seconds: u64,
    /// Whether the evidence of the worker's epoch answers a nonce, as workers on slow platforms
    /// give it. It is as old as the worker's keys may be: the key config's validity bounds it.
    #[serde(default)]
    pub epoch_evidence: bool,
}

impl Freshness {
    fn max_age() -> u64 {
        300
    }
}

impl Default for Freshness {
    fn default() -> Self {
        Self { max_age_seconds: Self::max_age(), epoch_evidence: false }
    }
}

/// The kinds of evidence that a policy accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(extend("minProperties" = 1)))]
#[serde(deny_unknown_fields)]
pub struct Kinds {
    /// Intel SGX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sgx: Option<SgxPolicy>,
    /// Intel TDX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tdx: Option<TdxPolicy>,
    /// AMD SEV-SNP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snp: Option<SnpPolicy>,
    /// AWS Nitro Enclaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nitro: Option<NitroPolicy>,
    /// TPM 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm: Option<TpmPolicy>,
    /// Simulated evidence. Needs class `unprotected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<SimulatedPolicy>,
}

fn confidential() -> Class {
    Class::Confidential
}

impl Kinds {
    /// The reference values of a kind; none where the policy does not name it.
    pub fn references(&self, kind: EvidenceKind) -> Option<&[ReferenceValues]> {
        match kind {
            EvidenceKind::Sgx => self.sgx.as_ref().map(|kind| kind.references.as_slice()),
            EvidenceKind::Tdx => self.tdx.as_ref().map(|kind| kind.references.as_slice()),
            EvidenceKind::Snp => self.snp.as_ref().map(|kind| kind.references.as_slice()),
            EvidenceKind::Nitro => self.nitro.as_ref().map(|kind| kind.references.as_slice()),
            EvidenceKind::Tpm => self.tpm.as_ref().map(|kind| kind.references.as_slice()),
            EvidenceKind::Simulated => {
                self.simulated.as_ref().map(|kind| kind.references.as_slice())
            }
        }
    }

    /// The roots that the policy names for a kind; empty for the pinned ones.
    pub(crate) fn roots(&self, kind: EvidenceKind) -> &[Root] {
        match kind {
            EvidenceKind::Sgx => self.sgx.as_ref().map_or(&[], |kind| &kind.roots),
            EvidenceKind::Tdx => self.tdx.as_ref().map_or(&[], |kind| &kind.roots),
            EvidenceKind::Snp => self.snp.as_ref().map_or(&[], |kind| &kind.roots),
            EvidenceKind::Nitro => self.nitro.as_ref().map_or(&[], |kind| &kind.roots),
            EvidenceKind::Tpm => self.tpm.as_ref().map_or(&[], |kind| &kind.roots),
            EvidenceKind::Simulated => &[],
        }
    }
}

impl Policy {
    /// Reads and checks a policy.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn from_json(json: &[u8]) -> Result<Self, PolicyError> {
        if json.len() > validate::MAX_LEN {
            return Err(PolicyError::TooLarge);
        }
        let malformed = |error: serde_json::Error| PolicyError::Malformed(error.to_string());
        let policy: Self = serde_json::from_slice(json).map_err(malformed)?;
        let given = serde_json::from_slice(json).map_err(malformed)?;
        validate::check_form(&given, &serde_json::to_value(&policy).map_err(malformed)?)?;
        policy.check()?;
        Ok(policy)
    }

    /// The policy as JSON for people to read and change.
    pub fn to_json(&self) -> String {
        // Texts, numbers and lists only, which serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SEALWORK_BLESS=1` writes it anew.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test compares a committed file")]
    fn the_committed_schema_is_the_one_of_the_types() {
        let schema = schemars::schema_for!(Policy);
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("SEALWORK_BLESS").is_some() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/policy.schema.json");
            return std::fs::write(file, text).unwrap();
        }
        assert_eq!(POLICY_SCHEMA, text, "run this test with SEALWORK_BLESS=1, and look at it");
    }
}
