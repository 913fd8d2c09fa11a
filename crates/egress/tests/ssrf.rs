//! What must never be fetched, in every notation that is known to have fooled somebody. No case
//! may cause a connection to a special address; those decided by the URL alone may not even cause
//! a lookup.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared by several tests")]
#[path = "common/net.rs"]
mod net;

use net::{Net, PUBLIC, get, nobody, redirect};
use sealwork_egress::{EgressConfig, EgressError, Range, Refusal, Request, Verdict, classify};
use sealwork_job::Code;
use url::Url;

/// URLs by the range that they lie in.
const LITERALS: &[(Range, &[&str])] = &[
    (
        Range::Loopback,
        &[
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "HTTP://127.0.0.1/",
            "http://127.0.0.1:8080/",
            "http://127.0.0.1:80/",
            "http://127.0.0.1./",
            "http://127.1/",
            "http://127.0.1/",
            "http://127.1.1/",
            "http://127.65535/",
            "http://2130706433/",
            "http://2130706433./",
            "http://0x7f000001/",
            "http://0X7F000001/",
            "http://0x7f.1/",
            "http://0x7f.0.0.1/",
            "http://0x7f.0x0.0x0.0x1/",
            "http://0x0000007f.1/",
            "http://127.0x1/",
            "http://127.0.0x1/",
            "http://0177.0.0.1/",
            "http://0177.1/",
            "http://0177.0x0.0.01/",
            "http://00000177.0.0.1/",
            "http://017700000001/",
            "http://127.0.0.2/",
            "http://127.127.127.127/",
            "http://127.255.255.255/",
            "http://\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}/",
            "http://127\u{3002}0\u{3002}0\u{3002}1/",
            "http://127\u{ff0e}0\u{ff0e}0\u{ff0e}1/",
            "http://127\u{ff61}0\u{ff61}0\u{ff61}1/",
            "http://\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}/",
            "http://\u{ad}127.0.0.1/",
            "http://127.0.0.1\u{200b}/",
            "http://\u{1d7cf}\u{1d7d0}\u{1d7d5}.0.0.1/",
            "http://%31%32%37.0.0.1/",
            "http://127%2e0%2E0%2e1/",
            "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/",
            "http:127.0.0.1/",
            "http:/127.0.0.1/",
            "http:///127.0.0.1/",
            "http:////127.0.0.1/",
            "http:\\\\127.0.0.1\\",
            "http:/\\127.0.0.1/",
            "ht\ntp://127.0.0.1/",
            "http://12\t7.0.0.1/",
            "http://127.0\r\n.0.1/",
            " http://127.0.0.1/ ",
            "\u{1}http://127.0.0.1/",
            "http://127.0.0.1#@public.example/",
            "http://127.0.0.1?@public.example/",
            "http://127.0.0.1/@public.example/",
            "http://127.0.0.1\\@public.example/",
            "http://127.0.0.1:80\\@public.example/",
            "http://127.0.0.1/%2e%2e/",
            "http://[::1]/",
            "http://[::1]:8080/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
            "http://[::0:1]/",
            "http://[::0.0.0.1]/",
        ],
    ),
    (
        Range::Unspecified,
        &[
            "http://0.0.0.0/",
            "http://0/",
            "http://0.0/",
            "http://0x0/",
            "http://00/",
            "http://0x/",
            "http://0.1.2.3/",
            "http://\u{ff10}/",
            "http://[::]/",
            "http://[0:0:0:0:0:0:0:0]/",
            "http://[::0.0.0.0]/",
        ],
    ),
    (
        Range::Private,
        &[
            "http://10.0.0.1/",
            "http://10.255.255.255/",
            "http://10.1/",
            "http://012.1/",
            "http://0xa.0.0.1/",
            "http://0x0a000001/",
            "http://167772161/",
            "http://172.16.0.1/",
            "http://172.31.255.255/",
            "http://172.1048577/",
            "http://0xac.0x10.0x0.0x1/",
            "http://2886729729/",
            "http://192.168.0.1/",
            "http://192.168.1/",
            "http://192.168.65535/",
            "http://0300.0250.0.1/",
            "http://0xc0a80001/",
            "http://3232235521/",
            "http://192.11010049/",
            "http://\u{ff11}\u{ff19}\u{ff12}.168.0.1/",
        ],
    ),
    (
        Range::SharedCarrier,
        &["http://100.64.0.1/", "http://100.127.255.254/", "http://1681915905/"],
    ),
    (
        Range::LinkLocal,
        &[
            "http://169.254.0.1/",
            "http://169.254.255.255/",
            "http://0xa9fe0001/",
            "http://[fe80::1]/",
            "http://[febf:ffff::1]/",
        ],
    ),
    (
        Range::Metadata,
        &[
            "http://169.254.169.254/latest/meta-data/",
            "http://169.254.43518/",
            "http://169.16689662/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0xA9.0xFE.0xA9.0xFE/",
            "http://0251.0376.0251.0376/",
            "http://025177524776/",
            "http://0251.254.0xa9.254/",
            "http://169.254.169.254./",
            "http://169\u{3002}254\u{3002}169\u{3002}254/",
            "http://\u{2460}\u{2465}\u{2468}.254.169.254/",
            "http://169.254.170.2/v2/credentials",
            "http://169.254.170.23/",
            "http://169.254.0.23/",
            "http://100.100.100.200/",
            "http://0x646464c8/",
            "http://192.0.0.192/",
            "http://168.63.129.16/",
            "http://[fd00:ec2::254]/",
            "http://[fd00:0ec2:0:0:0:0:0:0254]/",
            "http://[fd00:ec2::23]/",
            "http://[fd20:ce::254]/",
            "http://[fe80::a9fe:a9fe]/",
        ],
    ),
    (
        Range::UniqueLocal,
        &["http://[fc00::1]/", "http://[fd00::1]/", "http://[fdff:ffff:ffff:ffff::1]/"],
    ),
    (Range::SiteLocal, &["http://[fec0::1]/", "http://[feff::1]/"]),
    (
        Range::Multicast,
        &[
            "http://224.0.0.1/",
            "http://239.255.255.255/",
            "http://0xe0000001/",
            "http://[ff02::1]/",
            "http://[ff0e::1]/",
        ],
    ),
    (
        Range::Broadcast,
        &[
            "http://255.255.255.255/",
            "http://4294967295/",
            "http://0xffffffff/",
            "http://037777777777/",
        ],
    ),
    (
        Range::Reserved,
        &["http://240.0.0.1/", "http://254.1.2.3/", "http://[4000::1]/", "http://[1::1]/"],
    ),
    (
        Range::Documentation,
        &[
            "http://192.0.2.1/",
            "http://198.51.100.1/",
            "http://203.0.113.255/",
            "http://[2001:db8::1]/",
            "http://[3fff::1]/",
        ],
    ),
    (Range::Benchmarking, &["http://198.18.0.1/", "http://198.19.255.255/", "http://[2001:2::1]/"]),
    (
        Range::Mapped,
        &[
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::FFFF:7F00:0001]/",
            "http://[0:0:0:0:0:ffff:127.0.0.1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[::ffff:8.8.8.8]/",
            "http://[::127.0.0.1]/",
            "http://[::7f00:1]/",
            "http://[::10.0.0.1]/",
            "http://[::169.254.169.254]/",
            "http://[::8.8.8.8]/",
            "http://[::ffff:0:127.0.0.1]/",
            "http://[::ffff:0:7f00:1]/",
        ],
    ),
    (
        Range::Nat64,
        &[
            "http://[64:ff9b::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[64:ff9b::8.8.8.8]/",
            "http://[0064:ff9b:0:0:0:0:a9fe:a9fe]/",
            "http://[64:ff9b:1::127.0.0.1]/",
            "http://[64:ff9b:1:ffff::10.0.0.1]/",
            "http://[64:ff9b:1:a00:0:100::]/",
        ],
    ),
    (
        Range::SixToFour,
        &[
            "http://[2002:7f00:1::]/",
            "http://[2002:7f00:0001::1]/",
            "http://[2002:a00:1::1]/",
            "http://[2002:a9fe:a9fe::1]/",
            "http://[2002:808:808::1]/",
            "http://192.88.99.1/",
        ],
    ),
    (
        Range::Teredo,
        &[
            "http://[2001::1]/",
            "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
            "http://[2001:0:a00:1::]/",
        ],
    ),
    (
        Range::Isatap,
        &[
            "http://[2a00:1450:4001:1:0:5efe:127.0.0.1]/",
            "http://[2a00:1450:4001:1:0:5efe:7f00:1]/",
            "http://[2606:4700::200:5efe:10.0.0.1]/",
            "http://[2606:4700::200:5efe:8.8.8.8]/",
        ],
    ),
    (
        Range::Protocol,
        &[
            "http://192.0.0.1/",
            "http://192.0.0.170/",
            "http://192.31.196.1/",
            "http://192.52.193.1/",
            "http://192.175.48.1/",
            "http://[2001:1::1]/",
            "http://[2001:20::1]/",
            "http://[2620:4f:8000::1]/",
        ],
    ),
];

/// Texts that are no URL with a host.
const NO_URLS: &[&str] = &[
    "",
    "http://",
    "http://?x",
    "//127.0.0.1/",
    "127.0.0.1",
    "http://256.0.0.1/",
    "http://127.0.0.0.1/",
    "http://1.2.3.4.5/",
    "http://127.0.0.256/",
    "http://0x100000000/",
    "http://4294967296/",
    "http://040000000000/",
    "http://127..0.1/",
    "http://.127.0.0.1/",
    "http://1.2.3.08/",
    "http://foo.0x7f/",
    "http://foo.127/",
    "http://[127.0.0.1]/",
    "http://[::1/",
    "http://::1/",
    "http://[::1%25eth0]/",
    "http://[::1%eth0]/",
    "http://[fe80::1%25lo]/",
    "http://[fe80::1%1]/",
    "http://[::ffff:127.0.0.1.1]/",
    "http://[::ffff:0177.0.0.1]/",
    "http://[::ffff:0x7f.0.0.1]/",
    "http://[:::1]/",
    "http://[v1.fe80]/",
    "http://%00/",
    "http://127.0.0.1%00.public.example/",
    "http://public.example%2f@x%2f/",
    "http://pub lic.example/",
    "http://public.example:99999/",
    "http://public.example:-1/",
    "http://public.example:80x/",
    "http://public<example/",
    "http://public^example/",
    "http://xn--/",
];

/// URLs of other schemes.
const SCHEMES: &[&str] = &[
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "FILE:///etc/passwd",
    "fi\nle:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "data:text/html,x",
    "ftp://ftp.example/",
    "ws://public.example/",
    "wss://public.example/",
    "javascript:alert(1)",
    "blob:http://public.example/1",
    "about:blank",
    "mailto:a@example",
    "dict://127.0.0.1:11211/stat",
    "ldap://127.0.0.1/",
    "tftp://127.0.0.1/x",
    "jar:http://public.example!/",
    "netdoc:///etc/passwd",
    "view-source:http://public.example/",
    "sftp://127.0.0.1/",
    "smb://127.0.0.1/share",
    "unix:/var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "php://filter/resource=x",
    "httpx://public.example/",
    "redis://127.0.0.1/",
    "chrome://settings",
];

/// URLs with a user, a password, or both.
const CREDENTIALS: &[&str] = &[
    "http://user:pass@public.example/",
    "http://user@public.example/",
    "http://:pass@public.example/",
    "https://user:@public.example/",
    "http://public.example@127.0.0.1/",
    "http://127.0.0.1@public.example/",
    "http://public.example:80@127.0.0.1/",
    "http://public.example%40@127.0.0.1/",
    "http://a:b@c@127.0.0.1/",
    "http://public.example;@127.0.0.1/",
    "http:user@public.example/",
    "http://%20@public.example/",
];

/// Names that lead to this machine by convention.
const LOCALHOSTS: &[&str] = &[
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://localhost:8080/",
    "http://a.localhost/",
    "http://a.b.localhost./",
    "http://loc%61lhost/",
    "http://\u{ff4c}ocalhost/",
    "http://lo\u{ad}calhost/",
    "http://\u{24db}\u{24de}\u{24d2}\u{24d0}\u{24db}\u{24d7}\u{24de}\u{24e2}\u{24e3}/",
];

/// Names that no resolver may see.
const UNRESOLVABLE: &[&str] = &[
    "http://hiddenservice.onion/",
    "http://a..example/",
    "http://example../",
    "http://./",
    "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example/",
];

const PORTS: &[u16] = &[
    0, 1, 7, 21, 22, 23, 25, 53, 69, 110, 111, 135, 139, 143, 389, 445, 465, 587, 993, 995, 1433,
    2049, 3306, 5060, 5432, 6000, 6379, 6667, 10080, 11211, 27017,
];

/// Addresses that a hostile or mistaken DNS answer may hold.
const ANSWERS: &[&str] = &[
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.1.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:93.184.216.34",
    "::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2a00::5efe:10.0.0.1",
];

/// Where a public server may try to send a crawler.
const LOCATIONS: &[&str] = &[
    "http://127.0.0.1/",
    "https://127.0.0.1/",
    "//127.0.0.1/",
    "\\\\127.0.0.1\\",
    "/\\127.0.0.1/",
    "https:127.0.0.1/x",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://169.254.169.254/latest/meta-data/iam/",
    "http://[fd00:ec2::254]/",
    "http://10.0.0.1:8080/",
    "http://192.168.0.1/admin",
    "http://100.100.100.200/",
    "http://localhost/",
    "http://a.localhost:3000/",
    "http://private.example/",
    "http://mixed.example/",
    "http://user:pass@public.example/",
    "http://public.example@127.0.0.1/",
    "http://public.example:25/",
    "http://public.example:6379/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "data:text/html,x",
    "ftp://public.example/",
    "ws://public.example/",
    "javascript:1",
];

fn net() -> Net {
    let net = Net::default();
    net.name("public.example", &[&[PUBLIC]]);
    net.name("private.example", &[&["10.1.2.3"]]);
    net.name("mixed.example", &[&[PUBLIC, "10.1.2.3"]]);
    net
}

/// Fetches a text as a crawler would: parsed and checked by the guard, then fetched.
async fn fetch(net: &Net, text: &str) -> EgressError {
    let egress = net.egress(EgressConfig::default());
    let url = match egress.guard().check_text(text) {
        Ok((url, _)) => url,
        Err(refusal) => {
            // The fetch itself must refuse what the guard refuses.
            if let Ok(url) = Url::parse(text) {
                let fetched = egress.fetch(Request::get(url), &nobody()).await;
                assert_eq!(fetched.unwrap_err(), EgressError::from(refusal.clone()), "{text:?}");
            }
            return refusal.into();
        }
    };
    match egress.fetch(Request::get(url), &nobody()).await {
        Ok(response) => panic!("{text:?} was fetched: {response:?}"),
        Err(error) => error,
    }
}

fn assert_no_special_dials(net: &Net, case: &str) {
    for address in net.dials() {
        assert_eq!(classify(address.ip()), Verdict::Public, "{case:?} dialled {address}");
    }
}

#[tokio::test]
async fn special_addresses_are_refused_in_every_notation_without_a_lookup() {
    for (range, urls) in LITERALS {
        for url in *urls {
            let net = net();
            match fetch(&net, url).await {
                EgressError::Refused(Refusal::Address { range: found, resolved, .. }) => {
                    assert_eq!((found, resolved), (*range, false), "{url:?}");
                }
                other => panic!("{url:?}: {other:?}"),
            }
            assert_eq!((net.lookups().len(), net.dials().len()), (0, 0), "{url:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_url_other_schemes_credentials_and_odd_names_are_refused_without_a_lookup() {
    type Check = fn(&Refusal) -> bool;
    let tables: &[(&[&str], Check)] = &[
        (NO_URLS, |refusal| matches!(refusal, Refusal::Url(_))),
        (SCHEMES, |refusal| matches!(refusal, Refusal::Scheme(_))),
        (CREDENTIALS, |refusal| *refusal == Refusal::Credentials),
        (UNRESOLVABLE, |refusal| *refusal == Refusal::Host),
        (LOCALHOSTS, |refusal| {
            matches!(refusal, Refusal::Address { range: Range::Loopback, resolved: true, .. })
        }),
    ];
    for (urls, is_expected) in tables {
        for url in *urls {
            let net = net();
            match fetch(&net, url).await {
                EgressError::Refused(refusal) => {
                    assert!(is_expected(&refusal), "{url:?}: {refusal:?}")
                }
                other => panic!("{url:?}: {other:?}"),
            }
            assert_eq!((net.lookups().len(), net.dials().len()), (0, 0), "{url:?}");
        }
    }
}

#[tokio::test]
async fn ports_of_other_services_are_refused_without_a_lookup() {
    for port in PORTS {
        let net = net();
        let error = fetch(&net, &format!("http://public.example:{port}/")).await;
        assert_eq!(error, EgressError::Refused(Refusal::Port(*port)));
        assert_eq!((net.lookups().len(), net.dials().len()), (0, 0), "{port}");
    }
}

#[tokio::test]
async fn names_that_resolve_to_special_addresses_are_refused_without_a_connection() {
    for answer in ANSWERS {
        // Alone, before, and behind a public address, as a chain of CNAMEs may deliver it.
        for answers in
            [&[*answer][..], &[answer, PUBLIC], &[PUBLIC, answer], &[PUBLIC, PUBLIC, answer]]
        {
            let net = net();
            net.name("evil.example", &[answers]);
            let error = fetch(&net, "http://evil.example/").await;
            let is_expected =
                matches!(error, EgressError::Refused(Refusal::Address { resolved: true, .. }));
            assert!(is_expected, "{answers:?}: {error:?}");
            assert!(!error.to_string().contains(answer), "{error} tells the address");
            assert_eq!(net.dials(), [], "{answers:?}");
        }
    }
}

#[tokio::test]
async fn redirects_to_what_is_not_fetched_are_refused_at_every_status() {
    for location in LOCATIONS {
        for status in [301, 302, 303, 307, 308] {
            let net = net();
            net.answer(&format!("{PUBLIC}:80"), redirect(status, location));
            let error = fetch(&net, "http://public.example/").await;
            assert_eq!(error.code(), Code::EgressDenied, "{status} {location}: {error:?}");
            assert_eq!(net.dials().len(), 1, "{location}");
            assert_no_special_dials(&net, location);
        }
    }
}

#[tokio::test]
async fn a_name_is_resolved_once_and_the_connection_goes_to_the_checked_address() {
    let net = net();
    net.name("rebind.example", &[&[PUBLIC], &["127.0.0.1"]]);
    net.answer(&format!("{PUBLIC}:80"), net::answer("200 OK", "", b"public"));
    let egress = net.egress(EgressConfig::default());
    let response = egress.fetch(get("http://rebind.example/"), &nobody()).await.unwrap();
    assert_eq!(response.address.to_string(), format!("{PUBLIC}:80"));
    assert_eq!(response.collect().await.unwrap().bytes, "public");
    assert_eq!(net.lookups(), ["rebind.example"]);

    // The connection is still open, but the name has moved: it is not used for the new address.
    let error = egress.fetch(get("http://rebind.example/"), &nobody()).await.unwrap_err();
    assert_eq!(error.code(), Code::EgressDenied);
    assert_eq!(net.dials().len(), 1);
}

#[tokio::test]
async fn a_redirect_to_the_same_name_is_resolved_and_checked_again() {
    let net = net();
    net.name("rebind.example", &[&[PUBLIC], &["169.254.169.254"]]);
    net.answer(&format!("{PUBLIC}:80"), redirect(302, "/latest/meta-data/"));
    let error = fetch(&net, "http://rebind.example/").await;
    assert_eq!(error.code(), Code::EgressDenied);
    assert_eq!(net.lookups().len(), 2);
    assert_no_special_dials(&net, "rebind.example");
}

#[tokio::test]
async fn a_backslash_before_an_at_sign_does_not_move_the_host() {
    let net = net();
    net.answer(&format!("{PUBLIC}:80"), net::answer("200 OK", "", b""));
    let egress = net.egress(EgressConfig::default());
    let request = get("http://public.example\\@127.0.0.1/");
    let response = egress.fetch(request, &nobody()).await.unwrap();
    assert_eq!(response.final_url.as_str(), "http://public.example/@127.0.0.1/");
    assert_no_special_dials(&net, "backslash");
}

#[test]
fn the_tables_hold_at_least_250_cases() {
    let literals: usize = LITERALS.iter().map(|(_, urls)| urls.len()).sum();
    let texts = [NO_URLS, SCHEMES, CREDENTIALS, LOCALHOSTS, UNRESOLVABLE, LOCATIONS];
    let texts: usize = texts.iter().map(|table| table.len()).sum();
    let cases = literals + texts + PORTS.len() + ANSWERS.len();
    println!("{cases} cases");
    assert!(cases >= 250, "{cases}");
}
