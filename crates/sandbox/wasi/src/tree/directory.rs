//! A directory: names in order of their making.

use super::inode::InodeNumber;
use std::collections::BTreeMap;

/// Cookies 1 and 2 stand behind `.` and `..`.
const FIRST_COOKIE: u64 = 3;

/// Names and what they name. Each entry keeps the cookie that it got when it was made, so that a
/// listing in steps sees each name once, whatever comes and goes between the steps.
#[derive(Clone)]
pub(crate) struct Directory {
    pub(crate) parent: InodeNumber,
    entries: BTreeMap<String, (u64, InodeNumber)>,
    order: BTreeMap<u64, String>,
    next_cookie: u64,
}

impl Directory {
    pub(crate) fn new(parent: InodeNumber) -> Self {
        Self { parent, entries: BTreeMap::new(), order: BTreeMap::new(), next_cookie: FIRST_COOKIE }
    }

    pub(crate) fn get(&self, name: &str) -> Option<InodeNumber> {
        self.entries.get(name).map(|(_, inode)| *inode)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a name. What it named before, if anything, is given back, and the name keeps its place.
    pub(crate) fn insert(&mut self, name: &str, inode: InodeNumber) -> Option<InodeNumber> {
        if let Some((_, present)) = self.entries.get_mut(name) {
            return Some(std::mem::replace(present, inode));
        }
        self.order.insert(self.next_cookie, name.to_owned());
        self.entries.insert(name.to_owned(), (self.next_cookie, inode));
        self.next_cookie += 1;
        None
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<InodeNumber> {
        let (cookie, inode) = self.entries.remove(name)?;
        self.order.remove(&cookie);
        Some(inode)
    }

    /// What it names, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, InodeNumber)> {
        self.entries.iter().map(|(name, (_, inode))| (name.as_str(), *inode))
    }

    /// What it names after `cookie`, in order of making, each with its own cookie.
    pub(crate) fn after(&self, cookie: u64) -> impl Iterator<Item = (u64, &str, InodeNumber)> {
        let from = cookie.saturating_add(1);
        self.order
            .range(from..)
            .filter_map(|(cookie, name)| Some((*cookie, name.as_str(), self.get(name)?)))
    }
}
