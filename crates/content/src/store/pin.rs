use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Cid, ContentError};

const NAME_MAX: usize = 64;

/// A name that holds content in the store: up to 64 of a-z, A-Z, 0-9, `.`, `_` and `-`, the first a
/// letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PinName(String);

impl PinName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PinName {
    type Err = ContentError;

    fn from_str(text: &str) -> Result<Self, ContentError> {
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if plain && text.len() <= NAME_MAX && text.starts_with(|c: char| c.is_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ContentError::Name(text.chars().take(NAME_MAX + 1).collect()))
        }
    }
}

impl fmt::Display for PinName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The name.
    pub name: PinName,
    /// The content.
    pub root: Cid,
    /// Its size in bytes.
    pub size: u64,
}

/// What is on disk for a name. With the blocks in it, a collection reads no block, and a damaged
/// one stops none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) root: Cid,
    pub(super) size: u64,
    pub(super) blocks: BTreeSet<Cid>,
}

impl Record {
    pub(super) fn pin(&self, name: PinName) -> Pin {
        Pin { name, root: self.root, size: self.size }
    }

    /// Whether it can be what was written.
    pub(super) fn is_whole(&self) -> bool {
        self.blocks.contains(&self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_short() {
        for name in ["a", "A.b_c-9", "0", &"n".repeat(64)] {
            assert_eq!(name.parse::<PinName>().unwrap().as_str(), name);
        }
        for name in
            ["", ".", "..", ".hidden", "-x", "_x", "a/b", "a b", "ä", "a\0", &"n".repeat(65)]
        {
            assert!(matches!(name.parse::<PinName>(), Err(ContentError::Name(_))), "{name:?}");
        }
    }
}
