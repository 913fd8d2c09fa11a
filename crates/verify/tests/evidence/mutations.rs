//! Every accepted piece of evidence is changed in a thousand ways and more; every change is
//! refused, with a reason.

use proptest::prelude::*;

use crate::{
    made, samples,
    support::{Case, codes},
};

/// At least so many changes of each kind of evidence.
const AT_LEAST: usize = 1000;

fn cases() -> Vec<Case> {
    let outside = [
        samples::sgx(),
        samples::tdx(),
        samples::nitro(),
        samples::nitro_unframed(),
        samples::snp_hex(),
        samples::snp_bin(),
        samples::tpm(),
    ];
    outside.into_iter().flatten().chain(made::all()).collect()
}

/// Places all over the evidence, each part of it included: about `count` of them.
fn places(len: usize, count: usize) -> impl Iterator<Item = usize> {
    let step = (len / count).max(1);
    (0..len).step_by(step)
}

/// Where padding begins: what is behind is zero and means nothing.
fn used(case: &Case) -> usize {
    let bytes = &case.evidence.bytes;
    match case.name {
        "tdx_quote" => bytes.len() - 70,
        _ => bytes.len(),
    }
}

#[track_caller]
fn refused(case: &Case, bytes: Vec<u8>, what: &str) {
    let changed = case.with(|case| case.evidence.bytes = bytes);
    let verdict = changed.verdict();
    assert!(!codes(&verdict).is_empty(), "{}: {what} is trusted", case.name);
}

#[test]
fn every_changed_bit_is_noticed() {
    for case in cases() {
        case.trusted();
        let bytes = &case.evidence.bytes;
        let mut count = 0;
        // Text of certificates has line ends and armour, of which some spellings mean the same.
        for at in places(used(&case), AT_LEAST / 2) {
            for bit in [at % 8, (at + 3) % 8] {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                refused(&case, changed, &format!("bit {bit} of byte {at}"));
                count += 1;
            }
        }
        for at in places(used(&case), 40) {
            let mut shorter = bytes.clone();
            shorter.remove(at);
            refused(&case, shorter, &format!("without byte {at}"));
            let mut longer = bytes.clone();
            longer.insert(at, 0x5a);
            refused(&case, longer, &format!("with a byte more at {at}"));
            count += 2;
        }
        let small = bytes.len() < AT_LEAST;
        assert!(count >= AT_LEAST || small, "{}: {count}", case.name);
        if small {
            every_bit(&case);
        }
    }
}

/// Short evidence: every bit of it.
fn every_bit(case: &Case) {
    for at in 0..case.evidence.bytes.len() {
        for bit in 0..8 {
            let mut changed = case.evidence.bytes.clone();
            changed[at] ^= 1 << bit;
            refused(case, changed, &format!("bit {bit} of byte {at}"));
        }
    }
}

#[test]
fn evidence_that_is_cut_off_is_refused() {
    for case in cases() {
        for len in places(used(&case), 300) {
            refused(&case, case.evidence.bytes[..len].to_vec(), &format!("{len} bytes"));
        }
        refused(&case, case.evidence.bytes[..used(&case) - 1].to_vec(), "all but one byte");
    }
}

#[test]
fn what_was_expected_is_compared_whole() {
    for case in cases() {
        for at in 0..64 {
            let other = case.with(|case| case.expectation.report_data[at] ^= 1);
            assert_eq!(other.codes(), ["report_data_mismatch"], "{} byte {at}", case.name);
        }
        let kind = case.evidence.kind.as_str();
        let values = format!("/kinds/{kind}/references/0/values");
        let references = case.policy.pointer(&values).unwrap().as_object().unwrap();
        for (name, value) in references {
            let value = value.as_str().unwrap();
            for at in [0, value.len() - 1] {
                let mut other = value.to_owned();
                let digit = if &other[at..=at] == "0" { "1" } else { "0" };
                other.replace_range(at..=at, digit);
                let other = case.policy(&format!("{values}/{name}"), other.into());
                let verdict = other.verdict();
                assert_eq!(codes(&verdict), ["measurement_mismatch"], "{} {name}", case.name);
                assert_eq!(verdict.reasons()[0].claim, *name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nobody's clock makes old evidence new: outside of the validity of what it rests on, nothing
    /// is trusted; a nonce that was not sent is answered by nothing.
    #[test]
    fn no_time_and_no_other_nonce_make_evidence_trusted(at: u32, data: [u8; 32], skew in -90_i64..90) {
        for case in [samples::tdx(), samples::nitro(), made::all().pop()].into_iter().flatten() {
            let (from, until) = match case.name {
                "tdx_quote" => (1_750_329_147, 1_752_919_235),
                "valid-attestation-doc-bytes" => (1_665_651_479, 1_665_651_482 + 300),
                _ => (0, u64::MAX),
            };
            let near = case.at.saturating_add_signed(skew * 86_400);
            for at in [u64::from(at), near] {
                let trusted = codes(&case.at(at).verdict()).is_empty();
                prop_assert_eq!(trusted, (from..=until).contains(&at), "{} at {}", case.name, at);
            }
            let mut other = case.clone();
            other.expectation.report_data[..32].copy_from_slice(&data);
            let same = other.expectation == case.expectation;
            prop_assert_eq!(other.codes().is_empty(), same, "{}", case.name);
        }
    }
}

#[test]
fn changed_endorsements_are_noticed() {
    for case in cases() {
        let json = case.endorsements.to_json();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let Some(collateral) = value.pointer("/dcap/0") else { continue };
        for (name, text) in collateral.as_object().unwrap() {
            let text = text.as_str().unwrap();
            for at in places(text.len(), 25) {
                let Some(old) = text.get(at..=at) else { continue };
                // Whitespace between JSON or PEM parts is signed, too, or means nothing.
                if old.trim().is_empty() || old == "-" {
                    continue;
                }
                let mut other = text.to_owned();
                other.replace_range(at..=at, if old == "7" { "3" } else { "7" });
                let mut changed = value.clone();
                changed["dcap"][0][name] = other.clone().into();
                let read = sealwork_verify::Endorsements::from_json(changed.to_string().as_bytes());
                let Ok(endorsements) = read else { continue };
                let changed = case.with(|case| case.endorsements = endorsements);
                let verdict = changed.verdict();
                // The root at the end of a chain is pinned, not read.
                let root = name.ends_with("_chain") && at * 2 > text.len();
                assert!(
                    root || !codes(&verdict).is_empty() || is_unused(name),
                    "{}: {name} at {at} is not noticed",
                    case.name
                );
            }
        }
    }
}

/// The chain of the PCK authority's revocation list is checked with the quote's own certificates.
fn is_unused(part: &str) -> bool {
    part == "pck_crl_issuer_chain"
}
