use std::time::Duration;

use sealwork_egress::{PolitenessConfig, RobotsConfig};

use crate::blacklist::Blacklist;

/// What the operator decides about crawls.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// Addresses that no job may fetch (`WEBSCRAPER_BLACKLIST`).
    pub blacklist: Blacklist,
    /// How gently hosts are treated.
    pub politeness: PolitenessConfig,
    /// How robots.txt files are fetched and kept.
    pub robots: RobotsConfig,
    /// Whether a job may ask for robots.txt to be ignored.
    pub allow_ignoring_robots: bool,
    /// The bounds of a crawl.
    pub maxima: WebMaxima,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            blacklist: Blacklist::default(),
            politeness: PolitenessConfig::default(),
            robots: RobotsConfig::default(),
            allow_ignoring_robots: true,
            maxima: WebMaxima::default(),
        }
    }
}

/// The bounds of a crawl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebMaxima {
    /// Largest `depth` that a job may ask for.
    pub depth: u32,
    /// `max_pages` of a job that does not say.
    pub default_pages: u32,
    /// Largest `max_pages` that a job may ask for.
    pub pages: u32,
    /// Bytes of a page after decompression; a longer one is cut there and marked.
    pub page_bytes: u64,
    /// Time for one page, redirects included.
    pub page_time: Duration,
    /// CPU time that the parsing of one page may take before it is cut and marked.
    pub page_cpu: Duration,
    /// Redirects followed for one page.
    pub redirects: u32,
    /// How often a page is asked for again after a 429 or 503.
    pub retries: u32,
    /// Bytes of output of a job whose limits do not say.
    pub output_bytes: u64,
    /// Pages of one job in flight at a time.
    pub in_flight: usize,
    /// Pages of one requester parsed at a time; one more is for others. Each may take some tens of
    /// MiB.
    pub parsers: usize,
    /// Bytes in memory that all jobs together hold: a third for bodies of pages that are being read,
    /// the rest for results in the making.
    pub memory: u64,
}

impl Default for WebMaxima {
    fn default() -> Self {
        Self {
            depth: 100,
            default_pages: 100,
            pages: 10_000,
            page_bytes: 5 << 20,
            page_time: Duration::from_secs(60),
            page_cpu: Duration::from_secs(2),
            redirects: 10,
            retries: 3,
            output_bytes: 64 << 20,
            in_flight: 16,
            parsers: std::thread::available_parallelism().map_or(2, usize::from),
            memory: 768 << 20,
        }
    }
}
