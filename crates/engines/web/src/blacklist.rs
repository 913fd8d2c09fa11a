use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// Addresses that no job may fetch (`WEBSCRAPER_BLACKLIST`).
///
/// Masa's workers refused every URL that contained an entry as a substring. Here
///
/// - an entry that is a domain or an IP address (`example.com`) matches wherever it stands as a
///   whole in the URL: the host itself, its subdomains, and URLs that carry it in path or query
///   (`https://proxy.example/?u=https://example.com/`), but not `myexample.com`;
/// - any other entry (`casino`, `2024`, `example.com/private`) matches as a substring, as in
///   Masa's; one that begins with a scheme or ends in a port, as they are written in a URL.
///
/// A dot at the end of a name, in an entry or in a URL's host, does not matter, nor does case, and the
/// URL is compared in its normalised form, so that percent escapes, capitals, IDNA spellings and other
/// notations of an address hide nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blacklist(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Whole(String),
    Substring(String),
}

impl Blacklist {
    /// Reads a comma-separated list; the empty text is the empty list.
    pub fn parse(text: &str) -> Self {
        text.split(',').collect()
    }

    /// Whether `url` may not be fetched.
    pub fn matches(&self, url: &Url) -> bool {
        self.matches_text(url.as_str())
    }

    /// The same for a text that may be no URL.
    pub fn matches_text(&self, text: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let plain = without_root_dot(text).to_lowercase();
        let decoded = percent_decode_str(&plain).decode_utf8_lossy().to_lowercase();
        self.0.iter().any(|entry| entry.is_in(&plain) || entry.is_in(&decoded))
    }

    /// Whether nothing is refused.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<&'a str> for Blacklist {
    fn from_iter<I: IntoIterator<Item = &'a str>>(entries: I) -> Self {
        Self(entries.into_iter().filter_map(Entry::new).collect())
    }
}

impl Entry {
    fn new(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return None;
        }
        let name = text.trim_start_matches("*.").trim_matches('.');
        match Host::parse(name) {
            Ok(Host::Domain(domain)) if domain.contains('.') => Some(Self::Whole(domain)),
            // As the URL parser writes it, whatever the notation of the entry. A number alone is an
            // address to that parser, and to who writes it here a word.
            Ok(Host::Ipv4(address)) if name.contains('.') => Some(Self::Whole(address.to_string())),
            Ok(address @ Host::Ipv6(_)) => Some(Self::Substring(address.to_string())),
            _ if name.is_empty() => None,
            _ => Some(Self::Substring(entry_without_root_dot(&text))),
        }
    }

    fn is_in(&self, url: &str) -> bool {
        match self {
            Self::Substring(text) => url.contains(text.as_str()),
            Self::Whole(name) => url.match_indices(name.as_str()).any(|(start, _)| {
                let before = url[..start].chars().next_back();
                let after = url[start + name.len()..].chars().next();
                !before.is_some_and(is_name_char) && !after.is_some_and(is_name_char)
            }),
        }
    }
}

/// An entry that is matched as it is written, without the dot behind the host that it begins with. The
/// beginning of an address (`10.`) keeps it.
fn entry_without_root_dot(text: &str) -> String {
    let (scheme, after) = text.split_at(text.find("://").map_or(0, |at| at + 3));
    let (host, rest) = after.split_at(after.find([':', '/']).unwrap_or(after.len()));
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return text.to_owned();
    }
    format!("{scheme}{}{rest}", host.trim_end_matches('.'))
}

/// A URL without the dot behind its host, which names the same host as without.
fn without_root_dot(text: &str) -> String {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(mut url) = url else { return text.to_owned() };
    if let Some(bare) = url.host_str().and_then(|host| host.strip_suffix('.')).map(str::to_owned) {
        // An error: there is no such host, and the URL stays as it is.
        let _ = url.set_host(Some(&bare));
    }
    url.into()
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(list: &str, url: &str) -> bool {
        Blacklist::parse(list).matches(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_domain_matches_itself_its_subdomains_and_urls_that_carry_it() {
        for url in [
            "https://example.com/",
            "https://EXAMPLE.com:8443/x",
            "https://a.b.example.com/",
            "https://example.com./",
            "https://user@example.com/",
            "https://ex%61mple.com/",
            "https://proxy.test/?u=https%3A%2F%2Fexample.com%2F",
            "https://archive.test/web/https://example.com/",
        ] {
            assert!(refuses("example.com", url), "{url}");
            assert!(refuses(" other.test , *.Example.com", url), "{url}");
        }
        for url in
            ["https://myexample.com/", "https://example.community/", "https://my-example.com/"]
        {
            assert!(!refuses("example.com", url), "{url}");
        }
    }

    #[test]
    fn other_entries_match_as_substrings_as_in_the_reference() {
        assert!(refuses("google", "https://www.googleapis.test/"));
        assert!(refuses("example.com/private", "https://example.com/private/x"));
        assert!(!refuses("example.com/private", "https://example.com/public"));
        assert!(refuses("casino", "https://a.test/CASINO"));
    }

    #[test]
    fn notations_of_names_and_addresses_do_not_hide_them() {
        assert!(refuses("bücher.example", "https://xn--bcher-kva.example/"));
        assert!(refuses("xn--bcher-kva.example", "https://Bücher.example/"));
        assert!(refuses("127.0.0.1", "http://0x7f.1/"));
        assert!(refuses("0x7f.1", "http://127.0.0.1/"));
        assert!(!refuses("10.0.0.1", "http://10.0.0.12/"));
    }

    #[test]
    fn numbers_are_words_and_dots_at_the_end_of_names_hide_nothing() {
        assert!(refuses("2024", "https://a.test/news/2024/x"));
        assert!(refuses("22801", "http://a.test:22801/"));
        for entry in ["localhost.", "localhost", "localhost:22801", "http://localhost:22801/"] {
            for url in ["http://localhost:22801/x", "http://localhost.:22801/x"] {
                assert!(refuses(entry, url), "{entry} and {url}");
            }
        }
        assert!(refuses("example.com.", "https://www.example.com/"));
        assert!(refuses("example.com/private", "https://example.com./private/x"));
        assert!(!refuses(".", "https://example.com/"));
        // What begins with a scheme is no more than what is written.
        assert!(refuses("https://example.com", "https://example.com:8443/x"));
        assert!(refuses("https://example.com", "https://proxy.test/?u=https://example.com"));
        assert!(refuses("http://192.168.", "http://192.168.7.7/"));
        assert!(refuses("10.", "http://10.0.0.1/") && !refuses("10.", "http://a.test/10/"));
    }

    #[test]
    fn an_empty_list_refuses_nothing() {
        assert!(!refuses("", "https://example.com/"));
        assert!(!refuses(" , ,", "https://example.com/"));
    }
}
