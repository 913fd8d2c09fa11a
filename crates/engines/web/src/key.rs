use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

/// The identity of a page for deduplication: two URLs with the same key are fetched once.
///
/// On top of what the URL standard does on parsing (scheme, host, port, dot segments), the fragment
/// goes, escapes take one form (RFC 3986 sections 6.2.2.1 and 6.2.2.2), a name's trailing dot goes,
/// and so do empty query parts and parameters that only track visitors; query parts are sorted.
/// The key is never fetched: the page is fetched by the URL that was found first.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageKey(String);

impl PageKey {
    /// The key of an http or https URL.
    pub fn new(url: &Url) -> Self {
        let mut key = String::with_capacity(url.as_str().len());
        key.push_str(url.scheme());
        key.push_str("://");
        let host = url.host_str().unwrap_or_default();
        let name = host.trim_end_matches('.');
        // A host of nothing but dots stays: without one, the path would be taken for it.
        key.push_str(if name.is_empty() { host } else { name });
        if let Some(port) = url.port() {
            key.push(':');
            key.push_str(&port.to_string());
        }
        push_escaped(&mut key, url.path());
        push_query(&mut key, url.query().unwrap_or_default());
        Self(key)
    }

    /// The text, itself a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageKey({})", self.0)
    }
}

fn push_query(key: &mut String, query: &str) {
    let mut parts: Vec<&str> =
        query.split('&').filter(|part| !part.is_empty() && !is_tracking(part)).collect();
    if parts.is_empty() {
        return;
    }
    let mut escaped: Vec<String> = parts
        .drain(..)
        .map(|part| {
            let mut text = String::with_capacity(part.len());
            push_escaped(&mut text, part);
            text
        })
        .collect();
    escaped.sort_unstable();
    key.push('?');
    key.push_str(&escaped.join("&"));
}

/// Parameters that tell where a visitor came from and never what the page is.
fn is_tracking(part: &str) -> bool {
    const NAMES: [&str; 9] =
        ["dclid", "fbclid", "gclid", "igshid", "mc_cid", "mc_eid", "msclkid", "twclid", "yclid"];
    let name = part.split('=').next().unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8_lossy();
    name.starts_with("utm_") || NAMES.contains(&name.as_ref())
}

/// Writes escapes with capital digits, and decodes those of unreserved characters. A `%` that
/// begins no escape becomes one, or it would begin another with what is decoded behind it.
fn push_escaped(key: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        key.push_str(before);
        let digits = from.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(byte) = digits.filter(|_| from.as_bytes()[1..3].iter().all(u8::is_ascii_hexdigit))
        else {
            key.push_str("%25");
            rest = &from[1..];
            continue;
        };
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            key.push(char::from(byte));
        } else {
            key.push('%');
            key.push_str(&from[1..3].to_ascii_uppercase());
        }
        rest = &from[3..];
    }
    key.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(url: &str) -> String {
        PageKey::new(&Url::parse(url).unwrap()).0
    }

    #[test]
    fn a_host_of_dots_is_not_replaced_by_the_path() {
        assert_eq!(key("http://./a.test"), "http://./a.test");
    }

    #[test]
    fn spellings_of_one_page_have_one_key() {
        for (one, other) in [
            ("http://a.test", "HTTP://A.test:80/#top"),
            ("http://a.test/b", "http://a.test/x/../b"),
            ("http://a.test/?b=1&a=2", "http://a.test/?a=2&b=1"),
            ("http://a.test/", "http://a.test/?"),
            ("http://a.test/", "http://a.test/?utm_source=x&fbclid=y"),
            ("http://a.test/?a=1", "http://a.test/?&a=1&"),
            ("http://a.test/%7Euser", "http://a.test/~user"),
            ("http://a.test/%c3%a9", "http://a.test/é"),
            ("http://a.test./x", "http://a.test/x"),
            ("http://a.test/?100%", "http://a.test/?100%25"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
    }

    #[test]
    fn different_pages_have_different_keys() {
        for (one, other) in [
            ("http://a.test/", "https://a.test/"),
            ("http://a.test/b", "http://a.test/b/"),
            ("http://a.test/b", "http://a.test/B"),
            ("http://a.test/?a=1", "http://a.test/?a=2"),
            ("http://a.test/?a=1&a=2", "http://a.test/?a=1"),
            ("http://a.test/a%2Fb", "http://a.test/a/b"),
            ("http://a.test:81/", "http://a.test/"),
        ] {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(path in "(/[a-zA-Z0-9%~._é -]{0,8}){0,4}", query in "[a-z0-9&=%+é]{0,30}") {
            if let Ok(url) = Url::parse(&format!("http://a.test{path}?{query}")) {
                let once = PageKey::new(&url);
                let twice = PageKey::new(&Url::parse(once.as_str()).unwrap());
                prop_assert_eq!(once, twice);
            }
        }

        #[test]
        fn any_url_has_a_key_that_is_its_own(text in "https?://[^\\s]{1,60}") {
            if let Ok(url) = Url::parse(&text) {
                let once = PageKey::new(&url);
                if let Ok(again) = Url::parse(once.as_str()) {
                    prop_assert_eq!(PageKey::new(&again), once);
                }
            }
        }
    }
}
