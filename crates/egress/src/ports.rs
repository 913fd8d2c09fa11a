use std::{ops::RangeInclusive, str::FromStr};

use crate::config::ConfigError;

/// Which ports may be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PortPolicy {
    /// All but those of well-known services that are not HTTP.
    #[default]
    Web,
    /// All.
    Any,
    /// These alone.
    Only(Vec<RangeInclusive<u16>>),
}

impl PortPolicy {
    /// Whether `port` may be fetched.
    pub fn allows(&self, port: u16) -> bool {
        match self {
            Self::Web => port != 0 && REFUSED.binary_search(&port).is_err(),
            Self::Any => port != 0,
            Self::Only(ranges) => port != 0 && ranges.iter().any(|range| range.contains(&port)),
        }
    }
}

impl FromStr for PortPolicy {
    type Err = ConfigError;

    /// Reads `web`, `any`, or a list such as `80,443,8000-8999`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "web" => return Ok(Self::Web),
            "any" => return Ok(Self::Any),
            _ => {}
        }
        let ranges = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let ranges: Vec<_> = ranges.map(port_range).collect::<Result<_, _>>()?;
        if ranges.is_empty() {
            return Err(ConfigError::Ports(text.to_owned()));
        }
        Ok(Self::Only(ranges))
    }
}

fn port_range(item: &str) -> Result<RangeInclusive<u16>, ConfigError> {
    let wrong = || ConfigError::Ports(item.to_owned());
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    let first: u16 = first.trim().parse().map_err(|_| wrong())?;
    let last: u16 = last.trim().parse().map_err(|_| wrong())?;
    if first == 0 || first > last { Err(wrong()) } else { Ok(first..=last) }
}

/// The bad ports of the WHATWG Fetch standard, and a few services that do not speak HTTP but
/// can be talked into something by it. Sorted.
const REFUSED: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 138, 139, 143, 161, 179, 389,
    427, 445, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
    989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 3306, 3389, 3659, 4045, 4190, 5060,
    5061, 5432, 5900, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 11211,
    27017,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_refuses_mail_shells_and_databases_and_takes_web_ports() {
        assert!(REFUSED.is_sorted());
        for port in [22, 25, 53, 110, 143, 587, 3306, 5432, 6379, 6667, 11211] {
            assert!(!PortPolicy::Web.allows(port), "{port}");
        }
        for port in [80, 443, 3000, 8000, 8080, 8443, 9000] {
            assert!(PortPolicy::Web.allows(port), "{port}");
        }
    }

    #[test]
    fn a_list_of_ports_and_ranges_is_read() {
        let policy: PortPolicy = "80, 443,8000-8999".parse().unwrap();
        assert!(policy.allows(8500) && policy.allows(80) && !policy.allows(81));
    }

    #[test]
    fn a_malformed_list_is_refused_by_naming_the_item() {
        for text in ["", "http", "80-", "9-1", "70000", "0", "80,,x"] {
            let refused = text.parse::<PortPolicy>();
            assert!(matches!(refused, Err(ConfigError::Ports(_))), "{text}: {refused:?}");
        }
    }
}
