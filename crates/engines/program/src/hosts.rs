use url::{Host, Url};

/// Hosts by name: `api.example.com`, `*.example.com` for all names below, `*` for all hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPatterns(Vec<String>);

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host: write `api.example.com`, `*.example.com` or `*`")]
pub struct HostPatternError(String);

impl HostPatterns {
    /// Reads patterns, in the form in which URLs have hosts: lower case, punycode.
    ///
    /// # Errors
    /// The first that is none.
    pub fn parse<'a>(
        patterns: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, HostPatternError> {
        patterns.into_iter().map(normal).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a host is meant by one of them.
    pub fn allow(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        self.0.iter().any(|pattern| matches(pattern, host.trim_end_matches('.')))
    }

    /// Whether everything that `other` means is meant by these too.
    pub fn cover(&self, other: &Self) -> bool {
        other.0.iter().all(|wanted| {
            self.0.iter().any(|pattern| {
                pattern == wanted
                    || match wanted.strip_prefix("*.") {
                        Some(domain) => below(pattern, domain),
                        None => matches(pattern, wanted),
                    }
            })
        })
    }
}

fn matches(pattern: &str, host: &str) -> bool {
    pattern == "*" || pattern == host || below(pattern, host)
}

/// Whether the pattern means all names below a domain that `host` is below or, being a domain of a
/// pattern itself, within.
fn below(pattern: &str, host: &str) -> bool {
    let domain = match pattern.strip_prefix('*') {
        Some("") => return true,
        Some(domain) => domain,
        None => return false,
    };
    host.strip_suffix(domain).is_some_and(|label| !label.is_empty())
}

fn normal(pattern: &str) -> Result<String, HostPatternError> {
    let refused = || HostPatternError(pattern.to_owned());
    if pattern == "*" {
        return Ok("*".to_owned());
    }
    let (star, name) = match pattern.strip_prefix("*.") {
        Some(name) => ("*.", name),
        None => ("", pattern),
    };
    // The dot of the root means the same host, also in a URL.
    let name = name.strip_suffix('.').unwrap_or(name);
    match Host::parse(name).map_err(|_| refused())? {
        Host::Domain(domain) if !domain.contains('*') => Ok(format!("{star}{domain}")),
        address if star.is_empty() && !matches!(address, Host::Domain(_)) => {
            Ok(address.to_string())
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(list: &[&str]) -> HostPatterns {
        HostPatterns::parse(list.iter().copied()).unwrap()
    }

    #[test]
    fn a_pattern_means_its_host_or_the_names_below_and_no_others() {
        let allow = |list: &[&str], url: &str| patterns(list).allow(&Url::parse(url).unwrap());
        assert!(allow(&["API.example.com"], "https://api.example.com:8443/x"));
        assert!(allow(&["api.example.com"], "https://api.example.com./"));
        assert!(allow(&["api.example.com."], "https://api.example.com/"));
        assert!(allow(&["*.example.com."], "https://api.example.com./"));
        assert!(!allow(&["api.example.com"], "https://xapi.example.com/"));
        assert!(!allow(&["example.com"], "https://api.example.com/"));
        assert!(allow(&["*.example.com"], "https://a.b.example.com/"));
        assert!(!allow(&["*.example.com"], "https://example.com/"));
        assert!(!allow(&["*.example.com"], "https://badexample.com/"));
        assert!(allow(&["*"], "http://1.2.3.4/"));
        assert!(allow(&["1.2.3.4"], "http://0x01020304/"));
        assert!(!allow(&[], "http://a.test/"));
        for bad in ["", ".", "*.", "*..", "a*b.test", "http://a", "a b", "*.1.2.3.4", "**"] {
            assert!(HostPatterns::parse([bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_job_may_ask_for_what_the_operator_allows_and_for_nothing_wider() {
        let covers = |mine: &[&str], theirs: &[&str]| patterns(mine).cover(&patterns(theirs));
        assert!(covers(&["*"], &["*", "a.test", "*.b.test"]));
        assert!(covers(&["*.a.test"], &["x.a.test", "*.a.test", "*.x.a.test"]));
        assert!(!covers(&["*.a.test"], &["a.test"]));
        assert!(!covers(&["a.test"], &["*.a.test"]));
        assert!(!covers(&[], &["a.test"]));
        assert!(covers(&[], &[]));
    }
}
