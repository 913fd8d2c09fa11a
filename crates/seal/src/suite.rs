use std::fmt;

use serde::{Deserialize, Serialize};

/// A set of algorithms for request envelopes; the KDF is HKDF-SHA256 and the AEAD AES-256-GCM in
/// each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Suite {
    /// DHKEM(X25519, HKDF-SHA256), RFC 9180 section 4.1.
    X25519,
    /// X-Wing: X25519 and ML-KEM-768 together, for secrecy against later quantum computers.
    XWing,
}

impl Suite {
    /// All suites, the preferred one first.
    pub const ALL: [Self; 2] = [Self::XWing, Self::X25519];

    /// The number that stands for it in headers and key configs.
    pub const fn id(self) -> SuiteId {
        match self {
            Self::X25519 => SuiteId(1),
            Self::XWing => SuiteId(2),
        }
    }

    /// Length of a public key, in bytes.
    pub const fn public_len(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::XWing => 1216,
        }
    }

    /// Length of an encapsulated key, in bytes.
    pub const fn encapsulated_len(self) -> usize {
        match self {
            Self::X25519 => 32,
            Self::XWing => 1120,
        }
    }

    /// Its name: `x25519` or `x-wing`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X25519 => "x25519",
            Self::XWing => "x-wing",
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Suite {
    type Err = sealwork_job::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name() == text)
            .ok_or(sealwork_job::IdError::Malformed("suite (x25519 or x-wing)"))
    }
}

/// The number of a suite, which this version may or may not know: a key config may offer keys of
/// suites that come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SuiteId(pub u8);

impl SuiteId {
    /// The suite, if this version knows it.
    pub fn known(self) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.id() == self)
    }
}

impl From<Suite> for SuiteId {
    fn from(suite: Suite) -> Self {
        suite.id()
    }
}

impl PartialEq<Suite> for SuiteId {
    fn eq(&self, suite: &Suite) -> bool {
        *self == suite.id()
    }
}

impl fmt::Display for SuiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(suite) => suite.fmt(f),
            None => write!(f, "suite {}", self.0),
        }
    }
}
