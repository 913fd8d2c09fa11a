//! Reference values: how a kind's measurements are called, how long they are, and which of them
//! identify code. A policy that identifies none would trust anybody's.

use std::collections::BTreeMap;

use super::{Policy, PolicyError, ReferenceValues};
use crate::{EvidenceKind, Hex, tpm};

/// How a kind's measurements are called, and how long they are.
struct Measurements {
    known: &'static str,
    len: fn(&str) -> Option<usize>,
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
            len: |name| matches!(name, "mrenclave" | "mrsigner").then_some(32),
        },
        EvidenceKind::Tdx => Measurements {
            known: "mrtd, rtmr0 to rtmr3, mrconfigid, mrowner, mrownerconfig, mrseam",
            len: |name| {
                let fixed = ["mrtd", "mrconfigid", "mrowner", "mrownerconfig", "mrseam"];
                (fixed.contains(&name) || register(name, "rtmr", 4).is_some()).then_some(48)
            },
        },
        EvidenceKind::Snp => Measurements {
            known: "measurement, host_data, id_key_digest, author_key_digest, family_id, image_id",
            len: |name| match name {
                "measurement" | "id_key_digest" | "author_key_digest" => Some(48),
                "host_data" => Some(32),
                "family_id" | "image_id" => Some(16),
                _ => None,
            },
        },
        EvidenceKind::Nitro => Measurements {
            known: "pcr0 to pcr31",
            len: |name| register(name, "pcr", 32).map(|_| 48),
        },
        EvidenceKind::Tpm => Measurements {
            known: "pcr0 to pcr23",
            len: |name| register(name, "pcr", 24).map(|_| 32),
        },
        EvidenceKind::Simulated => {
            Measurements { known: "measurement", len: |name| (name == "measurement").then_some(32) }
        }
    }
}

impl Policy {
    /// Whether each set of a kind has values of the right form, and identifies code.
    pub(super) fn check_references(
        &self,
        kind: EvidenceKind,
        sets: &[ReferenceValues],
    ) -> Result<(), PolicyError> {
        let Measurements { known, len } = measurements(kind);
        for set in sets {
            for (name, value) in &set.values {
                let Some(expected) = len(name) else {
                    return Err(PolicyError::UnknownMeasurement {
                        kind,
                        name: name.clone(),
                        known,
                    });
                };
                let found = value.0.len();
                if found != expected {
                    return Err(PolicyError::Length { kind, name: name.clone(), expected, found });
                }
            }
        }
        let identify = |set: &ReferenceValues| self.identifies(kind, &set.values);
        if sets.is_empty() || !sets.iter().all(identify) {
            return Err(PolicyError::NoReference(kind, wanted(kind)));
        }
        Ok(())
    }

    /// Whether values identify the code that was started, and not just any.
    fn identifies(&self, kind: EvidenceKind, values: &BTreeMap<String, Hex>) -> bool {
        let says = |name: &str| values.get(name).is_some_and(|value| !value.is_zero());
        match kind {
            EvidenceKind::Sgx => says("mrenclave") || says("mrsigner"),
            // The rest of a guest is measured by what `mrtd` measures: without it, by anything.
            EvidenceKind::Tdx => says("mrtd"),
            EvidenceKind::Snp => {
                let owned = says("family_id") || says("image_id");
                says("measurement") || (says("id_key_digest") && owned)
            }
            EvidenceKind::Nitro => {
                // In debug mode it is zero, and that is refused or allowed by its own name.
                let image = values.contains_key("pcr0");
                image || says("pcr8") || (says("pcr1") && says("pcr2"))
            }
            EvidenceKind::Tpm => {
                let booted = self.kinds.tpm.as_ref().is_none_or(|tpm| tpm.measured_boot);
                values.iter().any(|(name, value)| {
                    let is_code = register(name, "pcr", 24).is_some_and(tpm::identifies_code);
                    is_code && !(booted && tpm::is_initial(&value.0))
                })
            }
            // It proves nothing whatever it is.
            EvidenceKind::Simulated => !values.is_empty(),
        }
    }
}

/// What to add where nothing identifies code.
fn wanted(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Sgx => "mrenclave, or mrsigner together with isv_prod_id",
        EvidenceKind::Tdx => "mrtd, and rtmr1 and rtmr2 for what it has started",
        EvidenceKind::Snp => "measurement, or id_key_digest together with family_id or image_id",
        EvidenceKind::Nitro => "pcr0, pcr1 together with pcr2, or pcr8 of a signed image",
        EvidenceKind::Tpm => {
            "pcr4, beside it pcr8, pcr9 or pcr11 for what that has started, as they are after a boot; \
             or one of pcr17 to pcr22"
        }
        EvidenceKind::Simulated => "measurement",
    }
}
