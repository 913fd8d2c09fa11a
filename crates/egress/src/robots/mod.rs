//! robots.txt: RFC 9309.

mod cache;
mod matcher;
mod parse;

use std::time::Duration;

pub use cache::{RobotsCache, RobotsConfig, Rules, RulesOrigin};
use url::Url;

use self::matcher::Pattern;

/// How much of a file is read: RFC 9309 section 2.5 asks for at least 500 KiB.
pub const MAX_BYTES: usize = 500 * 1024;

/// How many rules of a crawler's groups are kept. More do not fit into [`MAX_BYTES`] unless they
/// were made to cost time at each URL.
pub const MAX_RULES: usize = 20_000;

/// What a robots.txt says to one crawler.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Robots {
    rules: Vec<Rule>,
    crawl_delay: Option<Duration>,
    sitemaps: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allow: bool,
    pattern: Pattern,
}

impl Robots {
    /// Reads what `bytes` say to the crawler with the product token `agent` (RFC 9309 section
    /// 2.2.1): the groups that name it, or else the groups for `*`. Never fails; lines that are no
    /// rules are skipped, and so is everything behind [`MAX_BYTES`] and [`MAX_RULES`].
    pub fn parse(bytes: &[u8], agent: &str) -> Self {
        parse::parse(bytes, agent)
    }

    /// Whether `path`, with its query and as it goes over the wire, may be fetched. The longest
    /// matching rule decides; among equals, `allow` (RFC 9309 section 2.2.2).
    pub fn allows(&self, path: &[u8]) -> bool {
        // Section 2.2.2: the file itself is always allowed.
        if path == b"/robots.txt" {
            return true;
        }
        let path = matcher::normalised(path);
        self.rules
            .iter()
            .filter(|rule| rule.pattern.matches(&path))
            .max_by_key(|rule| (rule.pattern.len(), rule.allow))
            .is_none_or(|rule| rule.allow)
    }

    /// Whether `url` may be fetched; its origin is not looked at.
    pub fn allows_url(&self, url: &Url) -> bool {
        match url.query() {
            None => self.allows(url.path().as_bytes()),
            Some(query) => self.allows(format!("{}?{query}", url.path()).as_bytes()),
        }
    }

    /// The pause between requests that the file asks for. Not in RFC 9309, but in wide use.
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.crawl_delay
    }

    /// Memory that it takes, in bytes and roughly.
    fn weight(&self) -> usize {
        const RULE: usize = size_of::<Rule>() + 16;
        let rules: usize = self.rules.iter().map(|rule| RULE + rule.pattern.len()).sum();
        let sitemaps: usize = self.sitemaps.iter().map(|map| RULE + map.len()).sum();
        rules + sitemaps
    }

    /// The `Sitemap` lines, as written.
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }
}
