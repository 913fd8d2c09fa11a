//! RFC 9309 by the outside expectations of `shared/conformance/robots`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/conformance.rs"]
mod conformance;
#[path = "common/textproto.rs"]
mod textproto;

use sealwork_egress::Robots;

/// Expectations marked as one search engine's own that are deliberately not met: none.
const DELIBERATE_DIFFERENCES: &[(&str, &str)] = &[];

#[test]
#[allow(clippy::disallowed_methods, reason = "tests read files beside the repository")]
fn every_expectation_of_the_robots_specification_is_met() {
    let Some(folder) = conformance::folder("robots", 146) else { return };
    let (mut standard, mut specific, mut wrong) = (0, 0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "textproto") {
            continue;
        }
        let file = textproto::read(&std::fs::read(&path).unwrap());
        for test in file.messages("tests") {
            let robots = test.text("robotstxt").unwrap();
            for expectation in test.messages("test_expectations") {
                let url = expectation.text("testurl").unwrap();
                let agent = std::str::from_utf8(expectation.text("useragent").unwrap()).unwrap();
                let expected = match expectation.word("expected_outcome") {
                    Some("ALLOWED") => true,
                    Some("DISALLOWED") => false,
                    other => panic!("outcome {other:?}"),
                };
                let is_specific = expectation.word("test_type") == Some("GOOGLE_SPECIFIC");
                if is_specific {
                    specific += 1;
                } else {
                    standard += 1;
                }
                let allowed = Robots::parse(robots, agent).allows(&path_of(url));
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                let url = String::from_utf8_lossy(url).into_owned();
                let is_known = DELIBERATE_DIFFERENCES.contains(&(name.as_str(), url.as_str()));
                if allowed != expected && !(is_specific && is_known) {
                    wrong.push(format!("{name}: {agent} at {url}: expected {expected}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!((standard, specific), (124, 22), "the number of expectations changed");
}

/// Path and query of a URL given as raw bytes, which no URL parser has encoded.
fn path_of(url: &[u8]) -> Vec<u8> {
    let text = url.split(|byte| *byte == b'#').next().unwrap();
    let after_scheme = match text.windows(3).position(|part| part == b"://") {
        Some(at) => &text[at + 3..],
        None => text,
    };
    match after_scheme.iter().position(|byte| matches!(byte, b'/' | b'?')) {
        Some(at) if after_scheme[at] == b'/' => after_scheme[at..].to_vec(),
        Some(at) => [b"/", &after_scheme[at..]].concat(),
        None => b"/".to_vec(),
    }
}
