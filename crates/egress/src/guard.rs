use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::{
    address::{Range, Verdict, classify, embedded_v4},
    config::AllowList,
    error::Refusal,
    ports::PortPolicy,
};

/// Decides which URLs and which addresses may be fetched. The host it sees is the one that the
/// URL parser returned: every notation of an address has been normalised by then.
#[derive(Debug, Clone)]
pub struct Guard {
    allow: AllowList,
    ports: PortPolicy,
    url_bytes: usize,
}

/// Where a checked URL leads, before resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// The host exactly as the URL has it.
    pub host: Host<String>,
    /// The port, written or implied.
    pub port: u16,
}

impl Target {
    /// The name to look up, without the root's dot; `None` for an address.
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Domain(name) => Some(name.strip_suffix('.').unwrap_or(name)),
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        }
    }

    /// The address, if the host is one.
    pub fn literal(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    fn refusal(&self, range: Range) -> Refusal {
        let resolved = self.literal().is_none();
        Refusal::Address { host: shown(&self.host.to_string()), range, resolved }
    }
}

impl Guard {
    /// A guard that refuses every special range but those of `allow`.
    pub fn new(allow: AllowList, ports: PortPolicy, url_bytes: usize) -> Self {
        Self { allow, ports, url_bytes }
    }

    /// Parses and checks a URL given as text.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check_text(&self, text: &str) -> Result<(Url, Target), Refusal> {
        if text.len() > self.url_bytes {
            return Err(Refusal::UrlLength(self.url_bytes));
        }
        let url = Url::parse(text).map_err(|error| Refusal::Url(error.to_string()))?;
        let target = self.check_url(&url)?;
        Ok((url, target))
    }

    /// Checks all of a URL that can be checked without resolving its host.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check_url(&self, url: &Url) -> Result<Target, Refusal> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            other => return Err(Refusal::Scheme(shown(other))),
        };
        if url.as_str().len() > self.url_bytes {
            return Err(Refusal::UrlLength(self.url_bytes));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let host = url.host().ok_or(Refusal::Host)?.to_owned();
        let port = url.port_or_known_default().ok_or(Refusal::Host)?;
        if !self.ports.allows(port) {
            return Err(Refusal::Port(port));
        }
        let target = Target { tls, host, port };
        if let Some(address) = target.literal() {
            self.check_address(&target, address)?;
        }
        if target.name().is_some_and(|name| !is_resolvable(name)) {
            return Err(Refusal::Host);
        }
        Ok(target)
    }

    /// Checks the addresses that a name resolved to. One that is refused spoils them all: a name
    /// that mixes public and special addresses is an attack or a mistake.
    ///
    /// # Errors
    /// [`Refusal::Address`] with the first refused kind; [`Refusal::Host`] without any address.
    pub fn check_resolved(&self, target: &Target, addresses: &[IpAddr]) -> Result<(), Refusal> {
        if addresses.is_empty() {
            return Err(Refusal::Host);
        }
        addresses.iter().try_for_each(|address| self.check_address(target, *address))
    }

    /// Checks, before a connection is made, that none of `addresses` is the machine's own: what
    /// listens there is reached from inside the operator's firewall, whatever the address. Ranges
    /// of the allow list are left alone.
    ///
    /// # Errors
    /// [`Refusal::Address`].
    pub(crate) fn check_elsewhere(
        &self,
        target: &Target,
        addresses: &[IpAddr],
        is_own: impl Fn(IpAddr) -> bool,
    ) -> Result<(), Refusal> {
        let refused = |address: &&IpAddr| !self.allow.contains(**address) && is_own(**address);
        match addresses.iter().find(refused) {
            None => Ok(()),
            Some(_) => Err(target.refusal(Range::Own)),
        }
    }

    /// The addresses of `localhost` and the names under it, which RFC 6761 (6.3) keeps out of the
    /// DNS; `None` for other names. Only those that the operator allows, unless that is none.
    pub(crate) fn localhost(&self, name: &str) -> Option<Vec<IpAddr>> {
        if name != "localhost" && !name.ends_with(".localhost") {
            return None;
        }
        let all = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let allowed: Vec<_> = all.into_iter().filter(|a| self.refused(*a).is_none()).collect();
        Some(if allowed.is_empty() { all.to_vec() } else { allowed })
    }

    fn check_address(&self, target: &Target, address: IpAddr) -> Result<(), Refusal> {
        self.refused(address).map_or(Ok(()), |range| Err(target.refusal(range)))
    }

    fn refused(&self, address: IpAddr) -> Option<Range> {
        let Verdict::Special(range) = classify(address) else { return None };
        let allowed = match range {
            // A broad range must not open the cloud's credentials by accident.
            Range::Metadata => self.allow.names(address),
            _ => self.allow.contains(address),
        };
        if !allowed {
            return Some(range);
        }
        // An allowed translator still leads only where its inner address may lead.
        match address {
            IpAddr::V6(outer) => embedded_v4(outer).and_then(|inner| self.refused(inner.into())),
            IpAddr::V4(_) => None,
        }
    }
}

/// Names that must not reach a resolver, or that no resolver takes: RFC 1035 lengths, RFC 7686.
fn is_resolvable(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| (1..=63).contains(&label.len()))
        && !name.ends_with(".onion")
}

/// At most 100 characters of an outside text, for messages.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allow: &str) -> Guard {
        Guard::new(allow.parse().unwrap(), PortPolicy::Web, 2048)
    }

    #[test]
    fn a_broad_allowed_range_does_not_open_metadata_services() {
        let url = Url::parse("http://169.254.169.254/latest").unwrap();
        assert!(guard("169.254.0.0/16").check_url(&url).is_err());
        assert!(guard("0.0.0.0/0").check_url(&url).is_err());
        assert!(guard("169.254.169.254").check_url(&url).is_ok());
    }

    #[test]
    fn an_allowed_translator_still_refuses_private_addresses_behind_it() {
        let guard = guard("64:ff9b::/96");
        let public = Url::parse("http://[64:ff9b::8.8.8.8]/").unwrap();
        let private = Url::parse("http://[64:ff9b::10.0.0.1]/").unwrap();
        assert!(guard.check_url(&public).is_ok());
        assert!(guard.check_url(&private).is_err());
    }

    #[test]
    fn one_special_address_spoils_a_public_name() {
        let guard = guard("");
        let target = guard.check_url(&Url::parse("http://mixed.example/").unwrap()).unwrap();
        let public = "93.184.216.34".parse().unwrap();
        assert!(guard.check_resolved(&target, &[public]).is_ok());
        assert!(guard.check_resolved(&target, &[public, "10.0.0.1".parse().unwrap()]).is_err());
        assert_eq!(guard.check_resolved(&target, &[]), Err(Refusal::Host));
    }

    #[test]
    fn localhost_offers_only_the_families_that_are_allowed() {
        assert_eq!(guard("127.0.0.0/8").localhost("a.localhost").unwrap().len(), 1);
        assert_eq!(guard("").localhost("localhost").unwrap().len(), 2);
        assert_eq!(guard("").localhost("localhost.example"), None);
    }
}
