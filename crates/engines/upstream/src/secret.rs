use std::{fmt, sync::Arc};

use memchr::memmem;
use zeroize::Zeroizing;

/// Shorter secrets are not looked for in results: they would be found in ordinary words.
const FINDABLE: usize = 8;

/// A token, cookie or password. Prints nothing, and is overwritten when its last copy goes.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Holds `text`, without the blanks around it.
    pub fn new(text: &str) -> Self {
        Self(Arc::new(Zeroizing::new(text.trim().to_owned())))
    }

    /// The secret itself: for a request's header or body, and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `bytes` contain it as it is. One of fewer than 8 bytes is never found.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.0.len() >= FINDABLE && memmem::find(bytes, self.0.as_bytes()).is_some()
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
        assert!(!secret.is_in(b"before apify_api_abcde"));
        assert!(!Secret::new("a").is_in(b"a"));
    }
}
