use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aho_corasick::AhoCorasick;

use crate::Secret;

/// An item that quotes a secret of the operator is not given.
const HIDDEN: &[u8] =
    br#"{"withheld":"the upstream put a credential of this worker into this item"}"#;
/// What is looked for first of a long secret: what looks for it is not overwritten, and so does not
/// get the whole of it.
const BEGINNING: usize = 8;

/// All secrets of a worker: whichever of them an upstream says is found in what the worker gives,
/// whatever way the upstream was asked. Its copies are one set.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    by_source: BTreeMap<String, Vec<Secret>>,
    short: Vec<Secret>,
    /// How the long ones begin; `None` without any.
    beginnings: Option<AhoCorasick>,
}

impl Secrets {
    /// Makes `secrets` those of `source`, instead of those that it had before.
    pub fn set(&self, source: &str, secrets: Vec<Secret>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let in_html: Vec<Secret> = secrets.iter().filter_map(Secret::in_html).collect();
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty()).chain(in_html);
        known.by_source.insert(source.to_owned(), secrets.collect());
        known.prepare();
    }

    /// Whether one of them is in `text`, as it is.
    pub fn are_in(&self, text: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.all().any(|secret| secret.is_in(text.as_bytes()))
    }

    /// Replaces an item in whose texts or names one of them stands. The JSON must be as `serde_json`
    /// writes it.
    pub fn withhold(&self, item: &mut Vec<u8>) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.are_in_json(item) {
            item.clear();
            item.extend_from_slice(HIDDEN);
        }
    }
}

impl Known {
    fn all(&self) -> impl Iterator<Item = &Secret> {
        self.by_source.values().flatten()
    }

    /// One pass over the item finds any of the long ones, however many there are.
    fn are_in_json(&self, json: &[u8]) -> bool {
        let may_be_long = self.beginnings.as_ref().is_some_and(|known| known.is_match(json));
        let is_in = |secret: &Secret| secret.is_in_json(json);
        may_be_long && self.all().any(is_in) || self.short.iter().any(is_in)
    }

    fn prepare(&mut self) {
        let long = |secret: &&Secret| secret.is_long();
        self.short = self.all().filter(|secret| !secret.is_long()).cloned().collect();
        let beginnings: Vec<&[u8]> = self
            .all()
            .filter(long)
            .map(|secret| secret.escaped().as_bytes())
            .map(|escaped| escaped.get(..BEGINNING).unwrap_or(escaped))
            .collect();
        // A set that cannot be built is none: each secret is then looked for by itself.
        self.beginnings = match (beginnings.is_empty(), AhoCorasick::new(&beginnings)) {
            (false, Ok(searcher)) => Some(searcher),
            (true, _) => None,
            (false, Err(_)) => {
                self.short = self.all().cloned().collect();
                None
            }
        };
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn withheld(secrets: &Secrets, text: &str) -> bool {
        let json = serde_json::json!({"text": text}).to_string();
        let mut item = json.clone().into_bytes();
        secrets.withhold(&mut item);
        assert!(item == HIDDEN || item == json.as_bytes());
        item == HIDDEN
    }

    #[test]
    fn the_secrets_of_every_source_are_found_and_replaced_ones_are_not() {
        let secrets = Secrets::default();
        assert!(!withheld(&secrets, "a text"));
        secrets.set("a", vec![Secret::new("first-token-1"), Secret::new("pass")]);
        let copy = secrets.clone();
        copy.set("b", vec![Secret::new("quo\"ted-secret"), Secret::new("first-token-2")]);
        for text in ["xfirst-token-1", "first-token-2!", "it is pass.", "a quo\"ted-secret"] {
            assert!(withheld(&secrets, text) && copy.are_in(text), "{text}");
        }
        secrets.set("c", vec![Secret::new("a&b<c>pass")]);
        assert!(withheld(&secrets, "a&b<c>pass") && withheld(&secrets, "a&amp;b&lt;c&gt;pass"));
        for text in ["first-token-", "passes", "quoted-secret", ""] {
            assert!(!withheld(&secrets, text) && !copy.are_in(text), "{text}");
        }
        secrets.set("a", Vec::new());
        assert!(!withheld(&copy, "first-token-1 pass") && withheld(&copy, "first-token-2"));
        assert_eq!(format!("{secrets:?}"), "Secrets");
    }
}
