use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The highest numbers that collateral and bundles had: what is older than these is an attempt to
/// bring back a time when a weakness was not known. Keep it where the evidence's host cannot
/// change it.
///
/// Collateral of Intel's has numbers of its own. AMD's and TPM makers' certificates and revocation
/// lists have none that are compared: what keeps those new is the number of the reader's own bundle,
/// which counts while a numbered bundle is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Watermark {
    marks: BTreeMap<String, u64>,
}

impl Watermark {
    pub(crate) const BUNDLE: &str = "bundle";

    /// The highest number under a name; 0 where none was seen.
    pub(crate) fn mark(&self, name: &str) -> u64 {
        self.marks.get(name).copied().unwrap_or(0)
    }

    /// Takes the higher of the numbers of two that were kept apart.
    pub fn merge(&mut self, other: &Self) {
        self.raise(other.marks.iter().map(|(name, mark)| (name.as_str(), *mark)));
    }

    /// Takes numbers that were found good.
    pub(crate) fn raise<'a>(&mut self, marks: impl IntoIterator<Item = (&'a str, u64)>) {
        for (name, mark) in marks.into_iter().filter(|(_, mark)| *mark > 0) {
            let highest = self.marks.entry(name.to_owned()).or_default();
            *highest = mark.max(*highest);
        }
    }
}
