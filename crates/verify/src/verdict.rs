use serde::{Deserialize, Serialize};

use crate::{Claims, Reason};

/// What a platform promises about memory that a worker computes in.
///
/// Ordered: a policy accepts its class and those above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing: the evidence is simulated, or the host may debug. For tests and demonstrations.
    Unprotected,
    /// What was booted is known; the host's owner may read memory (TPM).
    Measured,
    /// What was booted is known and the host cannot read memory (SGX, TDX, SEV-SNP, Nitro).
    Confidential,
}

impl Class {
    /// Its name in policies and verdicts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unprotected => "unprotected",
            Self::Measured => "measured",
            Self::Confidential => "confidential",
        }
    }
}

/// The answer about evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[must_use]
pub enum Verdict {
    /// As the policy demands.
    Trusted(Trusted),
    /// Not, for these reasons.
    Rejected(Rejected),
}

/// Evidence that satisfies a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trusted {
    /// What the platform promises.
    pub class: Class,
    /// Security advisories that apply and that the policy allows at the time of the check.
    pub advisories: Vec<String>,
    /// What the evidence says.
    pub claims: Box<Claims>,
}

/// Evidence that does not satisfy a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rejected {
    /// Everything that is wrong with it, at least one.
    pub reasons: Vec<Reason>,
    /// What the evidence says about itself, where it could be read. Do not rely on it.
    pub claims: Option<Box<Claims>>,
}

impl Verdict {
    /// What the evidence proves, or all reasons why it proves nothing.
    ///
    /// # Errors
    /// [`Rejected`].
    pub fn into_result(self) -> Result<Trusted, Rejected> {
        match self {
            Self::Trusted(trusted) => Ok(trusted),
            Self::Rejected(rejected) => Err(rejected),
        }
    }

    /// The reasons; none where it is trusted.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Trusted(_) => &[],
            Self::Rejected(rejected) => &rejected.reasons,
        }
    }
}
