use std::{fmt, sync::Arc};

use memchr::memmem;
use serde_json::Value;
use zeroize::Zeroizing;

/// A shorter secret may be an ordinary word or a part of one: it is found only where neither a letter
/// nor a digit is beside it.
const LONG: usize = 8;

/// A token, cookie or password. Prints nothing, and is overwritten when its last copy goes.
#[derive(Clone)]
pub struct Secret(Arc<Held>);

struct Held {
    text: Zeroizing<String>,
    /// As it stands within a JSON text.
    escaped: Zeroizing<String>,
}

impl Secret {
    /// Holds `text`, without the blanks around it.
    pub fn new(text: &str) -> Self {
        let text = Zeroizing::new(text.trim().to_owned());
        let json = Zeroizing::new(serde_json::to_string(&*text).unwrap_or_default());
        let inner = json.strip_prefix('"').and_then(|json| json.strip_suffix('"'));
        let escaped = Zeroizing::new(inner.unwrap_or_default().to_owned());
        Self(Arc::new(Held { text, escaped }))
    }

    /// The secret itself: for a request's header or body, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0.text
    }

    /// As it stands within a JSON text.
    pub(crate) fn escaped(&self) -> &str {
        &self.0.escaped
    }

    /// As X and others write it in a text, where that differs.
    pub(crate) fn in_html(&self) -> Option<Self> {
        let text = self.expose();
        let escaped = || text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.contains(['&', '<', '>']).then(|| Self::new(&Zeroizing::new(escaped())))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.text.is_empty()
    }

    /// Whether it has 8 bytes at least, so that it is found wherever it stands.
    pub fn is_long(&self) -> bool {
        self.expose().len() >= LONG
    }

    /// Whether it is in `text`, as it is; one of fewer than 8 bytes only where it stands as a word
    /// of its own.
    pub fn is_in(&self, text: &[u8]) -> bool {
        let secret = self.expose().as_bytes();
        !secret.is_empty()
            && memmem::find_iter(text, secret).any(|at| {
                let (before, rest) = text.split_at(at);
                let after = rest.get(secret.len()..).unwrap_or_default();
                let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
                self.is_long() || !(is_word(before.last()) || is_word(after.first()))
            })
    }

    /// Whether it is in a text of `json`, names of fields among them. The JSON must be as
    /// `serde_json` writes it: only then is a text escaped in one way.
    pub fn is_in_json(&self, json: &[u8]) -> bool {
        if self.is_empty() || memmem::find(json, self.0.escaped.as_bytes()).is_none() {
            return false;
        }
        // What is beside it shows in the text alone: a line's end is written as `\n`.
        self.is_long()
            || serde_json::from_slice(json).map_or(true, |value| self.is_in_value(&value))
    }

    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is_in(text.as_bytes()),
            Value::Number(number) => self.is_in(number.to_string().as_bytes()),
            Value::Array(items) => items.iter().any(|item| self.is_in_value(item)),
            Value::Object(members) => members
                .iter()
                .any(|(name, value)| self.is_in(name.as_bytes()) || self.is_in_value(value)),
            Value::Null | Value::Bool(_) => false,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_nothing_and_finds_itself() {
        let secret = Secret::new(" apify_api_abcdef ");
        assert_eq!(format!("{secret:?}"), "Secret");
        assert!(secret.is_in(b"before apify_api_abcdef after"));
        assert!(secret.is_in(b"xapify_api_abcdefx"));
        assert!(!secret.is_in(b"before apify_api_abcde"));
        assert!(!Secret::new("").is_in(b"a"));
    }

    #[test]
    fn a_short_secret_is_found_as_a_word_of_its_own_alone() {
        let secret = Secret::new("short7!");
        for text in ["short7!", "it is short7!.", "(short7!)", "x\nshort7!", "äshort7!"] {
            assert!(secret.is_in(text.as_bytes()), "{text}");
            let json = serde_json::json!({"a": [{"b": text}], "c": 1}).to_string();
            assert!(secret.is_in_json(json.as_bytes()), "{json}");
        }
        for text in ["short7", "xshort7!", "short7!x", "7short7!"] {
            assert!(!secret.is_in(text.as_bytes()), "{text}");
            assert!(!secret.is_in_json(serde_json::json!([text]).to_string().as_bytes()), "{text}");
        }
        assert!(secret.is_in_json(br#"{"short7!":1}"#), "as a field's name");
        assert!(
            Secret::new("123").is_in_json(b"[123]") && !Secret::new("123").is_in_json(b"[1234]")
        );
    }

    #[test]
    fn a_secret_with_characters_that_json_escapes_is_found_in_json() {
        for secret in ["corr\"ect\\horse99", "tab\there-and-there", "\"quoted-all\"", "\\\"short"] {
            let json = serde_json::json!({"text": format!("it is {secret}")}).to_string();
            assert!(Secret::new(secret).is_in_json(json.as_bytes()), "{json}");
            assert!(!Secret::new(secret).is_in_json(br#"{"text":"it is another"}"#));
        }
    }
}
