use serde_json::Value;

use crate::{
    Class, EvidenceKind, Hex, IntelTcbPolicy, Policy, ReferenceValues, SnpPolicy, tpm::is_tpm_name,
};

pub(super) const VERSION: u32 = 1;
/// No policy is longer than this, in bytes.
pub(super) const MAX_LEN: usize = 1 << 20;
const STATUSES: &str = "UpToDate, SWHardeningNeeded and the others of Intel's, without Revoked";

/// Why a policy is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Longer than 1 MiB.
    #[error("the policy is longer than 1 MiB")]
    TooLarge,
    /// Not the JSON of a policy.
    #[error("not a policy: {0}")]
    Malformed(String),
    /// Another version of the format.
    #[error("version {0} of policies is not supported, only version 1")]
    Version(u32),
    /// No kind at all.
    #[error("the policy names no kind of evidence: add one under `kinds`, with reference values")]
    NoKind,
    /// A kind, or a set of its reference values, without anything that identifies code.
    #[error(
        "`kinds.{0}.references`: every set has to name a value that identifies code, or any code \
         would do; zeros and what every platform has identify none: add {1}"
    )]
    NoReference(EvidenceKind, &'static str),
    /// A measurement that the kind does not have.
    #[error("`{name}` is no measurement of {kind}; it has {known}")]
    UnknownMeasurement {
        /// The kind.
        kind: EvidenceKind,
        /// The name in the policy.
        name: String,
        /// The names that there are.
        known: &'static str,
    },
    /// A value of another length than the measurement's.
    #[error("`kinds.{kind}`: `{name}` has {expected} bytes, the policy gives {found}")]
    Length {
        /// The kind.
        kind: EvidenceKind,
        /// Which value.
        name: String,
        /// Its length.
        expected: usize,
        /// The length in the policy.
        found: usize,
    },
    /// A privilege level that guests do not have.
    #[error("`kinds.snp.max_vmpl` is {0}: guests have the levels 0 to 3")]
    Vmpl(u32),
    /// Anything of a signer would do.
    #[error("`kinds.sgx`: a signer has many enclaves; `mrsigner` alone needs `isv_prod_id`")]
    NoProduct,
    /// Debug or simulation together with a promise.
    #[error("{0} promises nothing: it needs class `unprotected`")]
    NeedsUnprotected(&'static str),
    /// A class that the kind never reaches.
    #[error("a TPM promises `measured` at most: set class to `measured`")]
    TpmClass,
    /// A list of what is accepted, and nothing is.
    #[error("{0} is empty, so that nothing would ever pass: name at least one of {1}")]
    Empty(&'static str, &'static str),
    /// A pinned value of another length than SHA-256.
    #[error("`kinds.{0}`: {1} has to be a SHA-256 digest, 64 hex digits")]
    Digest(EvidenceKind, &'static str),
    /// Neither a digest nor a name.
    #[error(
        "`kinds.tpm.attestation_keys`: each has to be a TPM's name for the key (68 hex digits that \
         begin with 000b, where it is of SHA-256), or the SHA-256 digest of a \
         SubjectPublicKeyInfo (64 hex digits)"
    )]
    AttestationKey,
    /// No name.
    #[error(
        "`kinds.tpm.activated`: `name` has to be a TPM's name for the key: 68 hex digits that \
         begin with 000b, where it is of SHA-256"
    )]
    TpmName,
}

impl Policy {
    /// Whether it says what it has to say.
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        if self.version != VERSION {
            return Err(PolicyError::Version(self.version));
        }
        self.check_lists()?;
        let mut any = false;
        for kind in EvidenceKind::ALL {
            let Some(references) = self.kinds.references(kind) else { continue };
            any = true;
            self.check_references(kind, references)?;
            if self.kinds.roots(kind).iter().any(|root| root.sha256.0.len() != 32) {
                return Err(PolicyError::Digest(kind, "`sha256` of a root"));
            }
        }
        if !any {
            return Err(PolicyError::NoKind);
        }
        self.check_class()?;
        self.check_kinds()
    }

    fn check_lists(&self) -> Result<(), PolicyError> {
        let kinds = &self.kinds;
        let statuses = |tcb: &IntelTcbPolicy| tcb.statuses.is_empty();
        let signers = |snp: &SnpPolicy| snp.signers.is_empty();
        let lists = [
            (self.isolation.is_empty(), "`isolation`", "vm, process, wasm, none"),
            (
                kinds.sgx.as_ref().is_some_and(|sgx| statuses(&sgx.tcb)),
                "`kinds.sgx.tcb.statuses`",
                STATUSES,
            ),
            (
                kinds.tdx.as_ref().is_some_and(|tdx| statuses(&tdx.tcb)),
                "`kinds.tdx.tcb.statuses`",
                STATUSES,
            ),
            (kinds.snp.as_ref().is_some_and(signers), "`kinds.snp.signers`", "vcek, vlek"),
        ];
        match lists.into_iter().find(|(is_empty, ..)| *is_empty) {
            Some((_, list, known)) => Err(PolicyError::Empty(list, known)),
            None => Ok(()),
        }
    }

    fn check_class(&self) -> Result<(), PolicyError> {
        if self.class > Class::Unprotected {
            if self.allow_debug {
                return Err(PolicyError::NeedsUnprotected("`allow_debug`"));
            }
            if self.kinds.simulated.is_some() {
                return Err(PolicyError::NeedsUnprotected("`kinds.simulated`"));
            }
        }
        if self.class > Class::Measured && self.kinds.tpm.is_some() {
            return Err(PolicyError::TpmClass);
        }
        Ok(())
    }

    fn check_kinds(&self) -> Result<(), PolicyError> {
        if let Some(sgx) = &self.kinds.sgx {
            let by_signer = |set: &ReferenceValues| {
                set.values.get("mrenclave").is_none_or(|value| value.is_zero())
            };
            if sgx.isv_prod_id.is_none() && sgx.references.iter().any(by_signer) {
                return Err(PolicyError::NoProduct);
            }
        }
        if let Some(level) = self.kinds.snp.as_ref().map(|snp| snp.max_vmpl).filter(|max| *max > 3)
        {
            return Err(PolicyError::Vmpl(level));
        }
        if let Some(tpm) = &self.kinds.tpm {
            let kind = EvidenceKind::Tpm;
            let identifies = |key: &Hex| key.0.len() == 32 || is_tpm_name(&key.0);
            if !tpm.attestation_keys.iter().all(identifies) {
                return Err(PolicyError::AttestationKey);
            }
            if !tpm.activated.iter().all(|key| is_tpm_name(&key.name.0)) {
                return Err(PolicyError::TpmName);
            }
            if tpm.activated.iter().any(|key| key.endorsement_key.0.len() != 32) {
                return Err(PolicyError::Digest(kind, "`endorsement_key` of an activated key"));
            }
        }
        Ok(())
    }
}

/// Refuses lists in the place of objects, which a derived reader takes as fields in order: what is
/// reviewed has names.
pub(super) fn check_form(given: &Value, read: &Value) -> Result<(), PolicyError> {
    match (given, read) {
        (Value::Array(_), Value::Object(_)) => {
            Err(PolicyError::Malformed("a list where an object belongs".to_owned()))
        }
        (Value::Object(given), Value::Object(read)) => given
            .iter()
            .filter_map(|(name, value)| Some((value, read.get(name)?)))
            .try_for_each(|(given, read)| check_form(given, read)),
        (Value::Array(given), Value::Array(read)) => {
            given.iter().zip(read).try_for_each(|(given, read)| check_form(given, read))
        }
        _ => Ok(()),
    }
}
