//! URL parsing by the web-platform-tests, and the guard's view of what was parsed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/conformance.rs"]
mod conformance;

use sealwork_egress::{AllowList, Guard, PortPolicy, join};
use serde_json::Value;
use url::Url;

/// What passes with crate `url` 2.5.8; with a later version more may.
const KNOWN_PASSES: usize = 824;

fn parse(case: &Value) -> Option<Url> {
    let input = case["input"].as_str().unwrap();
    match case["base"].as_str() {
        None => Url::parse(input).ok(),
        Some(base) => join(&Url::parse(base).ok()?, input).ok(),
    }
}

/// The ten parts as a browser's getters give them.
fn parts(url: &Url) -> [(&'static str, String); 10] {
    use url::quirks;
    [
        ("href", quirks::href(url).to_owned()),
        ("protocol", quirks::protocol(url).to_owned()),
        ("username", quirks::username(url).to_owned()),
        ("password", quirks::password(url).to_owned()),
        ("host", quirks::host(url).to_owned()),
        ("hostname", quirks::hostname(url).to_owned()),
        ("port", quirks::port(url).to_owned()),
        ("pathname", quirks::pathname(url).to_owned()),
        ("search", quirks::search(url).to_owned()),
        ("hash", quirks::hash(url).to_owned()),
    ]
}

#[allow(clippy::disallowed_methods, reason = "tests read files beside the repository")]
fn cases() -> Vec<Value> {
    let Some(folder) = conformance::folder("url", 869) else { return Vec::new() };
    let text = std::fs::read(folder.join("urltestdata.json")).unwrap();
    let all: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let cases: Vec<_> = all.into_iter().filter(Value::is_object).collect();
    assert_eq!(cases.len(), 869, "the number of cases changed");
    cases
}

#[test]
fn the_url_parser_passes_as_many_cases_as_before() {
    let cases = cases();
    if cases.is_empty() {
        return;
    }
    let passes = cases.iter().filter(|case| {
        let must_fail = case["failure"].as_bool().unwrap_or_default();
        match parse(case) {
            None => must_fail,
            Some(_) if must_fail => false,
            Some(url) => parts(&url).iter().all(|(part, is)| case[*part].as_str() == Some(is)),
        }
    });
    let passes = passes.count();
    println!("{passes} of {} cases pass", cases.len());
    assert!(passes >= KNOWN_PASSES, "{passes}");
}

#[test]
fn the_guard_sees_exactly_the_host_that_the_parser_returned() {
    // Everything is open, so that the guard's target can be looked at for every host.
    let everywhere: AllowList = "0.0.0.0/0,::/0".parse().unwrap();
    let guard = Guard::new(everywhere, PortPolicy::Any, 1 << 16);
    let (mut fetched, mut refused) = (0, 0);
    for case in cases() {
        let Some(url) = parse(&case) else { continue };
        match guard.check_url(&url) {
            Ok(target) => {
                fetched += 1;
                assert_eq!(Some(target.host.to_string().as_str()), url.host_str(), "{url}");
                assert_eq!(Some(target.port), url.port_or_known_default(), "{url}");
                assert_eq!(target.tls, url.scheme() == "https", "{url}");
                // What goes out and what was checked are read from the same parse.
                let again = Url::parse(url.as_str()).unwrap();
                assert_eq!(again.host_str(), url.host_str(), "{url}");
            }
            Err(_) => {
                refused += 1;
                let is_web = matches!(url.scheme(), "http" | "https");
                let is_plain = url.username().is_empty() && url.password().is_none();
                let is_named = url.host_str().is_some_and(|host| {
                    host.strip_suffix('.')
                        .unwrap_or(host)
                        .split('.')
                        .all(|l| !l.is_empty() && l.len() < 64)
                        && host.len() <= 254
                });
                let has_port = url.port() != Some(0);
                assert!(!(is_web && is_plain && is_named && has_port), "{url} is refused");
            }
        }
    }
    println!("{fetched} URLs would be fetched, {refused} refused");
}
