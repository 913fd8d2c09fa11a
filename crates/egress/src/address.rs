use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{Ipv4Net, Ipv6Net};

/// Kinds of addresses that are no public hosts. Sources: the IANA special-purpose registries
/// (RFC 6890 and its updates) and the cloud providers' documents on metadata services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Range {
    /// `0.0.0.0/8`, `::`.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// An address of the machine that the worker runs on, whatever it is otherwise.
    Own,
    /// RFC 1918.
    Private,
    /// `100.64.0.0/10`, RFC 6598.
    SharedCarrier,
    /// `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// A cloud's metadata or credential service, wherever it lies.
    Metadata,
    /// `fc00::/7`, RFC 4193.
    UniqueLocal,
    /// `fec0::/10`, RFC 3879.
    SiteLocal,
    /// `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// `255.255.255.255`.
    Broadcast,
    /// RFC 5737, RFC 3849, RFC 9637.
    Documentation,
    /// RFC 2544, RFC 5180.
    Benchmarking,
    /// `::ffff:0:0/96`, `::ffff:0:0:0/96` and the deprecated `::/96`: IPv4 in IPv6 clothes.
    Mapped,
    /// `64:ff9b::/96` and `64:ff9b:1::/48`, RFC 6052 and RFC 8215.
    Nat64,
    /// `2002::/16` and its relays `192.88.99.0/24`, RFC 3056 and RFC 7526.
    SixToFour,
    /// `2001::/32`, RFC 4380.
    Teredo,
    /// Interface identifiers `::0:5efe:a.b.c.d` and `::200:5efe:a.b.c.d`, RFC 5214.
    Isatap,
    /// Set aside for protocols: `192.0.0.0/24`, `2001::/23`, AS112, AMT and the like.
    Protocol,
    /// Not assigned to anybody: `240.0.0.0/4`, everything outside `2000::/3`.
    Reserved,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "the unspecified address",
            Self::Loopback => "a loopback address",
            Self::Own => "an address of the worker's own machine",
            Self::Private => "a private address",
            Self::SharedCarrier => "a carrier's shared address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud metadata address",
            Self::UniqueLocal => "a unique local address",
            Self::SiteLocal => "a site-local address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Documentation => "a documentation address",
            Self::Benchmarking => "a benchmarking address",
            Self::Mapped => "an IPv4 address inside an IPv6 one",
            Self::Nat64 => "a NAT64 address",
            Self::SixToFour => "a 6to4 address",
            Self::Teredo => "a Teredo address",
            Self::Isatap => "an ISATAP address",
            Self::Protocol => "an address set aside for protocols",
            Self::Reserved => "a reserved address",
        })
    }
}

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A host on the public Internet.
    Public,
    /// Anything else.
    Special(Range),
}

/// Classifies one address; the operator's allow list is not consulted.
pub fn classify(address: IpAddr) -> Verdict {
    let range = match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    };
    range.map_or(Verdict::Public, Verdict::Special)
}

/// The IPv4 address that a translating or tunnelling IPv6 address leads to, if it holds one.
pub(crate) fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let tail = || Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]);
    match special_v6(address)? {
        Range::Mapped | Range::Nat64 | Range::Isatap => Some(tail()),
        Range::SixToFour => Some(Ipv4Addr::new(octets[2], octets[3], octets[4], octets[5])),
        // RFC 4380 section 4: the client's address, each bit inverted.
        Range::Teredo => Some(Ipv4Addr::from(!u32::from(tail()))),
        _ => None,
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), prefix)
}

/// First match counts.
const SPECIAL_V4: &[(Ipv4Net, Range)] = &[
    // AWS, GCP, Azure, OpenStack and most others; ECS tasks; EKS pods; Tencent.
    (v4(169, 254, 169, 254, 32), Range::Metadata),
    (v4(169, 254, 170, 2, 32), Range::Metadata),
    (v4(169, 254, 170, 23, 32), Range::Metadata),
    (v4(169, 254, 0, 23, 32), Range::Metadata),
    // Alibaba; Oracle; Azure's wire server, which has a public address.
    (v4(100, 100, 100, 200, 32), Range::Metadata),
    (v4(192, 0, 0, 192, 32), Range::Metadata),
    (v4(168, 63, 129, 16, 32), Range::Metadata),
    (v4(0, 0, 0, 0, 8), Range::Unspecified),
    (v4(10, 0, 0, 0, 8), Range::Private),
    (v4(100, 64, 0, 0, 10), Range::SharedCarrier),
    (v4(127, 0, 0, 0, 8), Range::Loopback),
    (v4(169, 254, 0, 0, 16), Range::LinkLocal),
    (v4(172, 16, 0, 0, 12), Range::Private),
    (v4(192, 0, 0, 0, 24), Range::Protocol),
    (v4(192, 0, 2, 0, 24), Range::Documentation),
    (v4(192, 31, 196, 0, 24), Range::Protocol),
    (v4(192, 52, 193, 0, 24), Range::Protocol),
    (v4(192, 88, 99, 0, 24), Range::SixToFour),
    (v4(192, 168, 0, 0, 16), Range::Private),
    (v4(192, 175, 48, 0, 24), Range::Protocol),
    (v4(198, 18, 0, 0, 15), Range::Benchmarking),
    (v4(198, 51, 100, 0, 24), Range::Documentation),
    (v4(203, 0, 113, 0, 24), Range::Documentation),
    (v4(224, 0, 0, 0, 4), Range::Multicast),
    (v4(255, 255, 255, 255, 32), Range::Broadcast),
    (v4(240, 0, 0, 0, 4), Range::Reserved),
];

/// First match counts; what matches nothing and lies in `2000::/3` is public.
const SPECIAL_V6: &[(Ipv6Net, Range)] = &[
    // AWS, EKS pods, GCP, OpenStack.
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128), Range::Metadata),
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128), Range::Metadata),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Range::Metadata),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128), Range::Metadata),
    (v6([0; 8], 128), Range::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Range::Loopback),
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), Range::Mapped),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Range::Mapped),
    (v6([0; 8], 96), Range::Mapped),
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), Range::Nat64),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Range::Nat64),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Range::UniqueLocal),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Range::LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Range::SiteLocal),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Range::Multicast),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), Range::Teredo),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), Range::Benchmarking),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Range::Protocol),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Range::Documentation),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Range::Documentation),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Range::SixToFour),
    (v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), Range::Protocol),
];

const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

fn special_v4(address: Ipv4Addr) -> Option<Range> {
    SPECIAL_V4.iter().find(|(net, _)| net.contains(&address)).map(|(_, range)| *range)
}

fn special_v6(address: Ipv6Addr) -> Option<Range> {
    let listed = SPECIAL_V6.iter().find(|(net, _)| net.contains(&address)).map(|(_, range)| *range);
    if listed.is_some() {
        return listed;
    }
    let segments = address.segments();
    // The universal/local bit (0x0200) is set for globally unique IPv4 addresses.
    if segments[4] & !0x0200 == 0 && segments[5] == 0x5efe {
        return Some(Range::Isatap);
    }
    (!GLOBAL_UNICAST.contains(&address)).then_some(Range::Reserved)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(text: &str) -> Verdict {
        classify(text.parse().unwrap())
    }

    #[test]
    fn both_ends_of_each_ipv4_range_are_special_and_the_neighbours_are_what_they_are() {
        for (inside, outside) in [
            ("0.255.255.255", "1.0.0.0"),
            ("10.255.255.255", "11.0.0.0"),
            ("100.127.255.255", "100.128.0.0"),
            ("127.255.255.255", "128.0.0.0"),
            ("169.254.255.255", "169.255.0.0"),
            ("172.31.255.255", "172.32.0.0"),
            ("192.168.255.255", "192.169.0.0"),
            ("198.19.255.255", "198.20.0.0"),
            ("224.0.0.0", "223.255.255.255"),
        ] {
            assert_ne!(range(inside), Verdict::Public, "{inside}");
            assert_eq!(range(outside), Verdict::Public, "{outside}");
        }
    }

    #[test]
    fn well_known_public_hosts_are_public() {
        for public in ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"] {
            assert_eq!(range(public), Verdict::Public, "{public}");
        }
    }

    #[test]
    fn an_embedded_ipv4_address_is_found_in_each_translation_format() {
        for (outer, inner) in [
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::10.0.0.1", "10.0.0.1"),
            ("64:ff9b::10.0.0.1", "10.0.0.1"),
            ("2002:0a00:0001::1", "10.0.0.1"),
            ("2001:0:4136:e378:8000:63bf:f5ff:fffe", "10.0.0.1"),
            ("2a00::200:5efe:10.0.0.1", "10.0.0.1"),
        ] {
            let outer: Ipv6Addr = outer.parse().unwrap();
            assert_eq!(embedded_v4(outer), Some(inner.parse().unwrap()), "{outer}");
        }
    }

    proptest! {
        #[test]
        fn every_ipv4_address_dressed_as_ipv6_is_special(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let nat64 = Ipv6Addr::from(0x0064_ff9b_u128 << 96 | u128::from(bits));
            let six_to_four = Ipv6Addr::from(0x2002_u128 << 112 | u128::from(bits) << 80 | 1);
            for dressed in [v4.to_ipv6_mapped(), v4.to_ipv6_compatible(), nat64, six_to_four] {
                prop_assert_ne!(classify(dressed.into()), Verdict::Public);
            }
        }

        #[test]
        fn nothing_that_the_standard_library_calls_local_is_public(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let local = v4.is_private() || v4.is_loopback() || v4.is_link_local()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_multicast()
                || v4.is_unspecified();
            prop_assert!(!local || classify(v4.into()) != Verdict::Public);
        }
    }
}
