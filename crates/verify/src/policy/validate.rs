use crate::{Class, EvidenceKind, Policy, ReferenceValues};

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
            if tpm.attestation_keys.iter().any(|key| key.0.len() != 32) {
                return Err(PolicyError::Digest(kind, "each of `attestation_keys`"));
            }
            if tpm.activated.iter().any(|key| key.endorsement_key.0.len() != 32) {
                return Err(PolicyError::Digest(kind, "`endorsement_key` of an activated key"));
            }
        }
        Ok(())
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
