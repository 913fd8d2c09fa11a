use serde_json::Value;

use crate::{Class, EvidenceKind, Hex, Policy, ReferenceValues, tpm::is_tpm_name};

pub(super) const VERSION: u32 = 1;
/// No policy is longer than this, in bytes.
pub(super) const MAX_LEN: usize = 1 << 20;

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
    /// A kind without anything to compare with.
    #[error(
        "`kinds.{0}.references` names no value that identifies code, so that any code would do: \
         name one of {1}"
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
    /// Anything of a signer would do.
    #[error("`kinds.sgx`: a signer has many enclaves; `mrsigner` alone needs `isv_prod_id`")]
    NoProduct,
    /// Debug or simulation together with a promise.
    #[error("{0} promises nothing: it needs class `unprotected`")]
    NeedsUnprotected(&'static str),
    /// A class that the kind never reaches.
    #[error("a TPM promises `measured` at most: set class to `measured`")]
    TpmClass,
    /// No isolation would do.
    #[error("`isolation` is empty: name at least one of vm, process, wasm, none")]
    NoIsolation,
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

/// How a kind's measurements are called, how long they are, and which of them identify code.
struct Measurements {
    known: &'static str,
    identify: &'static str,
    len: fn(&str) -> Option<usize>,
    identifies: fn(&str) -> bool,
}

/// The number of a register: `pcr7` is 7.
fn register(name: &str, prefix: &str, below: u8) -> Option<u8> {
    let digits = name.strip_prefix(prefix)?;
    let number: u8 = digits.parse().ok()?;
    (number < below && number.to_string() == digits).then_some(number)
}

fn measurements(kind: EvidenceKind) -> Measurements {
    match kind {
        EvidenceKind::Sgx => Measurements {
            known: "mrenclave, mrsigner",
            identify: "mrenclave, mrsigner",
            len: |name| matches!(name, "mrenclave" | "mrsigner").then_some(32),
            identifies: |_| true,
        },
        EvidenceKind::Tdx => Measurements {
            known: "mrtd, rtmr0 to rtmr3, mrconfigid, mrowner, mrownerconfig, mrseam",
            identify: "mrtd, rtmr0 to rtmr3",
            len: |name| {
                let fixed = ["mrtd", "mrconfigid", "mrowner", "mrownerconfig", "mrseam"];
                (fixed.contains(&name) || register(name, "rtmr", 4).is_some()).then_some(48)
            },
            identifies: |name| name == "mrtd" || name.starts_with("rtmr"),
        },
        EvidenceKind::Snp => Measurements {
            known: "measurement, host_data, id_key_digest, author_key_digest, family_id, image_id",
            identify: "measurement, id_key_digest",
            len: |name| match name {
                "measurement" | "id_key_digest" | "author_key_digest" => Some(48),
                "host_data" => Some(32),
                "family_id" | "image_id" => Some(16),
                _ => None,
            },
            identifies: |name| matches!(name, "measurement" | "id_key_digest"),
        },
        EvidenceKind::Nitro => Measurements {
            known: "pcr0 to pcr31",
            identify: "pcr0, pcr8",
            len: |name| register(name, "pcr", 32).map(|_| 48),
            identifies: |name| matches!(name, "pcr0" | "pcr8"),
        },
        EvidenceKind::Tpm => Measurements {
            known: "pcr0 to pcr23",
            identify: "pcr0 to pcr23",
            len: |name| register(name, "pcr", 24).map(|_| 32),
            identifies: |_| true,
        },
        EvidenceKind::Simulated => Measurements {
            known: "measurement",
            identify: "measurement",
            len: |name| (name == "measurement").then_some(32),
            identifies: |_| true,
        },
    }
}

impl Policy {
    /// Whether it says what it has to say.
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        if self.version != VERSION {
            return Err(PolicyError::Version(self.version));
        }
        if self.isolation.is_empty() {
            return Err(PolicyError::NoIsolation);
        }
        let mut any = false;
        for kind in EvidenceKind::ALL {
            let Some(references) = self.kinds.references(kind) else { continue };
            any = true;
            check_references(kind, references)?;
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
            let by_signer = |set: &ReferenceValues| !set.values.contains_key("mrenclave");
            if sgx.isv_prod_id.is_none() && sgx.references.iter().any(by_signer) {
                return Err(PolicyError::NoProduct);
            }
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

fn check_references(kind: EvidenceKind, sets: &[ReferenceValues]) -> Result<(), PolicyError> {
    let Measurements { known, identify, len, identifies } = measurements(kind);
    for set in sets {
        for (name, value) in &set.values {
            let Some(expected) = len(name) else {
                return Err(PolicyError::UnknownMeasurement { kind, name: name.clone(), known });
            };
            let found = value.0.len();
            if found != expected {
                return Err(PolicyError::Length { kind, name: name.clone(), expected, found });
            }
        }
        if !set.values.keys().any(|name| identifies(name)) {
            return Err(PolicyError::NoReference(kind, identify));
        }
    }
    if sets.is_empty() {
        return Err(PolicyError::NoReference(kind, identify));
    }
    Ok(())
}
