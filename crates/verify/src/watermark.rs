use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{Hex, revocation::RevocationList};

/// A kept list is no longer than this, in bytes.
const MAX_LIST_LEN: usize = 256 << 10;
/// So many lists are kept.
const MAX_LISTS: usize = 16;

/// What must not go back: the highest numbers that collateral and bundles had, and the newest
/// revocation lists. What is older is an attempt to bring back a time when a weakness was not known.
/// Keep it where the evidence's host cannot change it.
///
/// A lower number is refused. A list that is older than the kept one is not: the kept one counts in its
/// place, so that a worker whose list is a few days old is judged by the newest.
///
/// Collateral of Intel's has numbers, and lists, of its own. AMD's and TPM makers' certificates and
/// revocation lists are not remembered: what keeps those new is the number of the reader's own bundle,
/// which counts while a numbered bundle is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Kept>", into = "BTreeMap<String, Kept>")]
pub struct Watermark {
    marks: BTreeMap<String, u64>,
    /// By the fingerprint of the authority that has signed them; DER.
    lists: BTreeMap<String, Vec<u8>>,
}

/// A number, or a list in base64, as a file has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Number(u64),
    List(String),
}

impl From<Watermark> for BTreeMap<String, Kept> {
    fn from(seen: Watermark) -> Self {
        let lists =
            seen.lists.into_iter().map(|(name, der)| (name, Kept::List(STANDARD.encode(der))));
        seen.marks.into_iter().map(|(name, mark)| (name, Kept::Number(mark))).chain(lists).collect()
    }
}

impl TryFrom<BTreeMap<String, Kept>> for Watermark {
    type Error = base64::DecodeError;

    fn try_from(kept: BTreeMap<String, Kept>) -> Result<Self, Self::Error> {
        let mut seen = Self::default();
        for (name, kept) in kept {
            match kept {
                Kept::Number(mark) => drop(seen.marks.insert(name, mark)),
                Kept::List(text) => drop(seen.lists.insert(name, STANDARD.decode(text)?)),
            }
        }
        Ok(seen)
    }
}

impl Watermark {
    pub(crate) const BUNDLE: &str = "bundle";

    /// The highest number under a name; 0 where none was seen.
    pub(crate) fn mark(&self, name: &str) -> u64 {
        self.marks.get(name).copied().unwrap_or(0)
    }

    /// Takes the higher of the numbers of two that were kept apart, and the newer of the lists.
    pub fn merge(&mut self, other: &Self) {
        self.raise(other.marks.iter().map(|(name, mark)| (name.as_str(), *mark)));
        for (name, der) in &other.lists {
            self.keep(name, der);
        }
    }

    /// Takes numbers that were found good.
    pub(crate) fn raise<'a>(&mut self, marks: impl IntoIterator<Item = (&'a str, u64)>) {
        for (name, mark) in marks.into_iter().filter(|(_, mark)| *mark > 0) {
            let highest = self.marks.entry(name.to_owned()).or_default();
            *highest = mark.max(*highest);
        }
    }

    /// Keeps an authority's list, whose signature was checked; whether it is newer than the one
    /// before.
    pub(crate) fn keep_list(&mut self, authority: &Hex, der: &[u8]) -> bool {
        self.keep(&format!("list/{authority}"), der)
    }

    /// The kept lists, as DER.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &[u8]> {
        self.lists.values().map(Vec::as_slice)
    }

    fn keep(&mut self, name: &str, der: &[u8]) -> bool {
        let is_newer = match self.lists.get(name) {
            Some(known) if known == der => false,
            Some(known) => RevocationList::parse(der).is_some_and(|list| {
                RevocationList::parse(known).is_none_or(|known| list.is_newer_than(&known))
            }),
            None => self.lists.len() < MAX_LISTS,
        };
        let takes = is_newer && der.len() <= MAX_LIST_LEN;
        if takes {
            self.lists.insert(name.to_owned(), der.to_vec());
        }
        takes
    }
}
