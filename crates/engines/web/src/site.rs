use url::Url;

/// What "the same site" means to a crawl: one host and port. A move between http and https on
/// their default ports stays within it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    host: String,
    port: Option<u16>,
}

impl Site {
    /// The site of an http or https URL.
    pub fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
        Self { host, port: url.port() }
    }

    /// Whether `url` lies within the site.
    pub fn contains(&self, url: &Url) -> bool {
        url.port() == self.port
            && url.host_str().is_some_and(|host| host.trim_end_matches('.') == self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_one_host_and_port_whatever_the_scheme_on_default_ports() {
        let site = Site::of(&Url::parse("https://a.test/x").unwrap());
        for (url, inside) in [
            ("http://a.test/", true),
            ("https://A.test.:443/y", true),
            ("https://a.test:8443/", false),
            ("https://b.a.test/", false),
            ("https://a.test.evil.test/", false),
        ] {
            assert_eq!(site.contains(&Url::parse(url).unwrap()), inside, "{url}");
        }
    }
}
