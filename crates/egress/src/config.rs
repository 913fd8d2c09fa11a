use std::{net::IpAddr, str::FromStr, time::Duration};

use ipnet::IpNet;
use rustls_pki_types::CertificateDer;
use thiserror::Error;

use crate::ports::PortPolicy;

/// How the worker goes out. The defaults suit a crawler on the public web.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    /// Special ranges that the operator opens (`EGRESS_ALLOW`).
    pub allow: AllowList,
    /// Ports that may be fetched.
    pub ports: PortPolicy,
    /// `User-Agent` of every request that does not set its own.
    pub user_agent: String,
    /// Certificate authorities in addition to Mozilla's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Sizes, times and counts.
    pub limits: EgressLimits,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            allow: AllowList::default(),
            ports: PortPolicy::default(),
            user_agent: concat!("Sealwork/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_roots: Vec::new(),
            limits: EgressLimits::default(),
        }
    }
}

/// Sizes, times and counts that bound each request and all of them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressLimits {
    /// Time for TCP and TLS together, all addresses of a host included; also for resolving its
    /// name.
    pub connect: Duration,
    /// Time from sending a request to the head of its answer.
    pub first_byte: Duration,
    /// Time for a whole request, redirects and body included, unless the request says otherwise.
    pub total: Duration,
    /// Body bytes after decompression, unless the request says otherwise.
    pub body_bytes: u64,
    /// A body may decompress to this many times its size; the first MiB is free.
    pub decompression_ratio: u64,
    /// Bytes of an answer's headers.
    pub header_bytes: usize,
    /// Number of an answer's headers.
    pub header_count: usize,
    /// Length of a URL.
    pub url_bytes: usize,
    /// Names looked up at a time.
    pub lookups: usize,
    /// Open connections, idle ones included.
    pub connections: usize,
    /// Exchanges with one host at a time.
    pub connections_per_host: usize,
    /// Exchanges of one job at a time.
    pub connections_per_job: usize,
    /// Idle connections kept per origin and address.
    pub idle_per_origin: usize,
    /// How long an idle connection is kept.
    pub idle_for: Duration,
    /// A body must bring this many bytes per second, averaged over [`Self::rate_window`].
    pub min_bytes_per_second: u64,
    /// The time over which the rate is averaged.
    pub rate_window: Duration,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(30),
            total: Duration::from_secs(120),
            body_bytes: 10 << 20,
            decompression_ratio: 250,
            header_bytes: 64 << 10,
            header_count: 128,
            url_bytes: 8 << 10,
            lookups: 64,
            connections: 512,
            connections_per_host: 8,
            connections_per_job: 32,
            idle_per_origin: 4,
            idle_for: Duration::from_secs(20),
            min_bytes_per_second: 64,
            rate_window: Duration::from_secs(10),
        }
    }
}

/// The operator's list of special ranges that may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowList(Vec<IpNet>);

impl AllowList {
    /// A list of ranges.
    pub fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        Self(nets.into_iter().collect())
    }

    /// Whether a range of the list holds `address`.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Whether the list names `address` alone, as opposed to a range around it.
    pub fn names(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.prefix_len() == net.max_prefix_len() && net.addr() == address)
    }

    /// The ranges.
    pub fn nets(&self) -> &[IpNet] {
        &self.0
    }
}

impl FromStr for AllowList {
    type Err = ConfigError;

    /// Reads comma-separated CIDRs or single addresses; the empty text is the empty list. A range
    /// with bits set behind its prefix is refused: it is a slip of the pen more often than not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(allowed_net).collect::<Result<_, _>>().map(Self)
    }
}

fn allowed_net(item: &str) -> Result<IpNet, ConfigError> {
    if let Ok(address) = item.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let net: IpNet = item.parse().map_err(|_| ConfigError::Allow(item.to_owned()))?;
    if net.addr() == net.network() {
        Ok(net)
    } else {
        Err(ConfigError::AllowHostBits { given: item.to_owned(), meant: net.trunc() })
    }
}

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An item of the allow list is no range.
    #[error("`{0}` is no address range; write for example 10.0.0.0/8 or fd00::/8")]
    Allow(String),
    /// A range with bits behind its prefix.
    #[error("`{given}` has bits set behind its prefix; did you mean {meant}?")]
    AllowHostBits {
        /// The item.
        given: String,
        /// The range it lies in.
        meant: IpNet,
    },
    /// An item of the port list is no port.
    #[error("`{0}` is no port list; write `web`, `any`, or for example 80,443,8000-8999")]
    Ports(String),
    /// A certificate that cannot be a root.
    #[error("an extra root certificate cannot be used: {0}")]
    Root(String),
    /// The user agent cannot be a header.
    #[error("the user agent `{0}` cannot be sent as a header")]
    UserAgent(String),
    /// A limit that leaves nothing.
    #[error("the limit {0} must be greater than zero")]
    Limit(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_single_addresses_are_read() {
        let list: AllowList = " 127.0.0.0/8, ::1 ,10.1.2.3,".parse().unwrap();
        assert_eq!(list.nets().len(), 3);
        assert!(list.contains("127.9.9.9".parse().unwrap()));
        assert!(list.names("10.1.2.3".parse().unwrap()));
        assert!(!list.names("127.0.0.0".parse().unwrap()));
        assert_eq!("".parse(), Ok(AllowList::default()));
    }

    #[test]
    fn what_is_no_range_is_refused_by_naming_it() {
        for item in ["localhost", "10.0.0.0/33", "10.0.0/8", "::1/129", "0x7f.1", "10.0.0.0/-1"] {
            let refused = format!("127.0.0.1, {item}").parse::<AllowList>();
            assert_eq!(refused, Err(ConfigError::Allow(item.to_owned())), "{item}");
        }
    }

    #[test]
    fn a_range_with_host_bits_is_refused_with_the_range_that_was_meant() {
        let refused = "10.1.2.3/8".parse::<AllowList>().unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`10.1.2.3/8` has bits set behind its prefix; did you mean 10.0.0.0/8?"
        );
    }
}
