//! SEV-SNP: VLEK, Turin's layout, guest policies.

use p384::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::DecodePrivateKey as _,
};
use rcgen::PKCS_ECDSA_P384_SHA384;
use sealwork_job::Timestamp;
use sealwork_verify::{
    Age, Endorsements, Evidence, EvidenceKind, Expectation, Verifier, Watermark,
};
use serde_json::json;

use super::{
    NOW,
    authority::{Authority, Extras, Leaf},
    report_data, roots,
};
use crate::support::{Case, codes, only, policy};

const AMD: [u64; 7] = [1, 3, 6, 1, 4, 1, 3704];

/// A platform of the tests.
#[derive(Clone, Copy)]
struct Platform {
    name: &'static str,
    product: &'static str,
    vlek: bool,
    /// Guest policy, besides the bit that is always set.
    policy: u64,
    vmpl: u8,
    chip_len: usize,
    revoked: bool,
    /// Whether the guest was launched by the firmware of today.
    launched_today: bool,
}

const MILAN: Platform = Platform {
    name: "made SNP, VCEK",
    product: "Milan-B0",
    vlek: false,
    policy: 0,
    vmpl: 0,
    chip_len: 64,
    revoked: false,
    launched_today: true,
};

pub(crate) fn vcek() -> Case {
    MILAN.case()
}

pub(crate) fn vlek() -> Case {
    let case = Platform { name: "made SNP, VLEK", vlek: true, ..MILAN }.case();
    case.policy("/kinds/snp/signers", json!(["vlek"]))
}

/// A guest that asked from level 3.
pub(crate) fn less_privileged() -> Case {
    Platform { name: "made SNP, VMPL 3", vlek: true, vmpl: 3, ..MILAN }.case()
}

pub(crate) fn turin() -> Case {
    Platform { name: "made SNP, Turin", product: "Turin-B0", chip_len: 8, ..MILAN }.case()
}

fn der_integer(value: u8) -> Vec<u8> {
    if value < 128 { vec![2, 1, value] } else { vec![2, 2, 0, value] }
}

impl Platform {
    fn is_turin(&self) -> bool {
        self.product.starts_with("Turin")
    }

    /// Boot loader 3, TEE 0, SNP 8, microcode 200, FMC 2.
    fn tcb(&self) -> [u8; 8] {
        if self.is_turin() { [2, 3, 0, 8, 0, 0, 0, 200] } else { [3, 0, 0, 0, 0, 0, 8, 200] }
    }

    fn extras(&self) -> Extras {
        let oid = |tail: &[u64]| [&AMD[..], tail].concat();
        let product = [&[0x16, self.product.len() as u8], self.product.as_bytes()].concat();
        let mut extensions = vec![(oid(&[1, 2]), product)];
        for (part, value) in [(1, 3), (2, 0), (3, 8), (8, 200), (9, 2)] {
            if part != 9 || self.is_turin() {
                extensions.push((oid(&[1, 3, part]), der_integer(value)));
            }
        }
        if !self.vlek {
            extensions.push((oid(&[1, 4]), vec![9; self.chip_len]));
        }
        Extras { extensions, usages: vec![], serial: 77 }
    }

    fn report(&self, leaf: &Leaf) -> Vec<u8> {
        let mut bytes = vec![0; 0x4a0];
        bytes[0] = 3;
        bytes[4] = 4;
        bytes[8..16].copy_from_slice(&(self.policy | 1 << 17).to_le_bytes());
        bytes[0x30] = self.vmpl;
        bytes[0x34] = 1;
        bytes[0x48] = u8::from(self.vlek) << 2;
        bytes[0x50..0x90].copy_from_slice(&report_data());
        bytes[0x90..0xc0].fill(0xaa);
        for at in [0x38, 0x180, 0x1e0, 0x1f0] {
            bytes[at..at + 8].copy_from_slice(&self.tcb());
        }
        if !self.launched_today {
            bytes[0x1f0 + 7] -= 1;
        }
        bytes[0x1a0..0x1a0 + self.chip_len].fill(9);
        let key: SigningKey = p384::SecretKey::from_pkcs8_der(&leaf.key).unwrap().into();
        let signature: Signature = key.sign(&bytes[..0x2a0]);
        for (at, number) in [(0x2a0, signature.r().to_bytes()), (0x2e8, signature.s().to_bytes())] {
            bytes[at..at + 48]
                .iter_mut()
                .zip(number.iter().rev())
                .for_each(|(to, from)| *to = *from);
        }
        bytes
    }

    fn case(&self) -> Case {
        self.made().0
    }

    /// The case, with the authority above the leaf.
    fn made(&self) -> (Case, Authority) {
        let (case, ask, _) = self.chained();
        (case, ask)
    }

    /// The case, with the authority above the leaf, and the root.
    fn chained(&self) -> (Case, Authority, Authority) {
        let algorithm = &PKCS_ECDSA_P384_SHA384;
        let ark = Authority::root("ARK of the tests", algorithm);
        let ask = ark.below("ASK of the tests", algorithm);
        let name = if self.vlek { "SEV-VLEK" } else { "SEV-VCEK" };
        let leaf = ask.leaf(name, algorithm, &self.extras());
        let mut endorsements = Endorsements::default();
        for der in [&leaf.der, &ask.der, &ark.der] {
            endorsements.add_certificate(der).unwrap();
        }
        if self.revoked {
            endorsements.add_revocation_list(&ask.revocation_list(&[77])).unwrap();
        }
        let rules = json!({
            "references": [{"values": {"measurement": "aa".repeat(48)}}],
            "min_tcb": {"boot_loader": 3, "tee": 0, "snp": 8, "microcode": 200,
                "fmc": if self.is_turin() { 2 } else { 0 }},
            "roots": roots(&ark.der),
        });
        let case = Case {
            name: self.name,
            evidence: Evidence::new(EvidenceKind::Snp, self.report(&leaf)),
            expectation: Expectation {
                report_data: report_data(),
                nonce: None,
                age: Age::Challenged,
            },
            endorsements,
            policy: only("snp", rules),
            at: NOW,
        };
        (case, ask, ark)
    }
}

/// Broken by `check_snp` without `launch_tcb` (src/appraise/platform.rs).
#[test]
fn a_guest_that_old_firmware_has_launched_is_refused() {
    let case = Platform { launched_today: false, ..MILAN }.case();
    let verdict = case.verdict();
    assert_eq!(codes(&verdict), ["tcb_too_old"]);
    let [reason] = verdict.reasons() else { panic!("{:?}", verdict.reasons()) };
    assert_eq!(reason.claim, "microcode of the launch TCB");
    assert!(reason.mend.contains("start the guest anew"), "{reason:?}");
    assert_eq!(case.policy("/kinds/snp/min_tcb/microcode", json!(199)).codes(), [""; 0]);
}

/// Broken by an `issuer_of` that takes the first whose key fits (src/chain.rs).
#[test]
fn of_two_certificates_of_an_authority_the_one_that_is_valid_counts() {
    let (case, ask, ark) = MILAN.chained();
    let mut endorsements = Endorsements::default();
    endorsements.add_certificate(&ask.expired("ASK of the tests", &ark)).unwrap();
    let only_expired = endorsements.clone();
    endorsements.add_all(&case.endorsements).unwrap();
    assert_eq!(case.with(|case| case.endorsements = endorsements).codes(), [""; 0]);
    assert!(
        case.with(|case| case.endorsements = only_expired).codes().contains(&"endorsement_missing")
    );
}

#[test]
fn guests_that_the_host_may_debug_are_refused() {
    let case = Platform { policy: 1 << 19, ..MILAN }.case();
    assert_eq!(case.codes(), ["debug_enabled", "class_too_low"]);
    let allowed = case.policy("/class", json!("unprotected"));
    assert!(allowed.policy("/allow_debug", json!(true)).trusted().claims.debug);
}

#[test]
fn migration_and_multithreading_need_the_policys_word() {
    let migrates = Platform { policy: 1 << 18, ..MILAN }.case();
    assert_eq!(migrates.codes(), ["attributes_not_allowed"]);
    assert_eq!(migrates.policy("/kinds/snp/allow_migration", json!(true)).codes(), [""; 0]);
    let smt = Platform { policy: 1 << 16, ..MILAN }.case();
    assert_eq!(smt.codes(), [""; 0]);
    assert_eq!(
        smt.policy("/kinds/snp/allow_smt", json!(false)).codes(),
        ["attributes_not_allowed"]
    );
}

#[test]
fn less_privileged_levels_need_the_policys_word() {
    let case = Platform { vmpl: 2, ..MILAN }.case();
    assert_eq!(case.codes(), ["vmpl_not_allowed"]);
    assert_eq!(case.policy("/kinds/snp/max_vmpl", json!(2)).codes(), [""; 0]);
}

#[test]
fn the_clouds_key_needs_the_policys_word() {
    let case = vlek();
    assert_eq!(case.codes(), [""; 0]);
    assert_eq!(
        case.policy("/kinds/snp/signers", json!(["vcek"])).codes(),
        ["attributes_not_allowed"]
    );
    // A VLEK's certificate is none for a report that says that the chip signed it.
    let vcek = vcek();
    let crossed = vcek.with(|vcek| vcek.endorsements = case.endorsements.clone());
    assert_eq!(crossed.codes(), ["endorsement_missing"]);
}

#[test]
fn revoked_certificates_are_refused() {
    let case = Platform { revoked: true, ..MILAN }.case();
    assert_eq!(case.codes(), ["certificate_revoked"]);
    assert_eq!(case.at(NOW + 90_000).codes(), ["collateral_expired", "certificate_revoked"]);
}

/// Broken by `check_revocation` (src/chain.rs) that looks at each list for itself.
#[test]
fn of_an_authoritys_lists_the_newest_of_the_time_counts() {
    let (case, ask) = MILAN.made();
    let with = |lists: &[Vec<u8>]| {
        case.with(|case| {
            lists.iter().for_each(|list| case.endorsements.add_revocation_list(list).unwrap());
        })
    };
    let revoking = |number: u64, issued: i64| ask.later_revocation_list(number, issued, &[77]);
    let newer = with(&[revoking(300, -60), ask.revocation_list(&[])]);
    assert_eq!(newer.codes(), ["certificate_revoked"]);
    assert_eq!(with(&[ask.revocation_list(&[]), revoking(6, -60)]).codes(), [""; 0]);
    // Of two with one number the later: some makers do not count.
    let same = |issued: i64, serials: &[u64]| ask.later_revocation_list(7, issued, serials);
    assert_eq!(with(&[same(-7200, &[]), same(-60, &[77])]).codes(), ["certificate_revoked"]);
    assert_eq!(with(&[same(-60, &[]), same(-7200, &[77])]).codes(), [""; 0]);
    // A later list of a part takes no other one's place.
    let beside = with(&[ask.revocation_list(&[77]), ask.partial_revocation_list(9)]);
    assert_eq!(beside.codes(), ["certificate_revoked"]);
    // Of another authority of this name: nobody hides a list behind one of his own.
    let stranger = Authority::root("ASK of the tests", &PKCS_ECDSA_P384_SHA384);
    let forged = with(&[ask.revocation_list(&[77]), stranger.numbered_revocation_list(8, &[])]);
    assert_eq!(forged.codes(), ["collateral_invalid"]);

    let later = with(&[revoking(8, 60)]);
    assert_eq!(later.at(NOW + 59).codes(), [""; 0]);
    assert_eq!(later.at(NOW + 60).codes(), ["certificate_revoked"]);
    let mut verifier = Verifier::new(later.endorsements.clone(), Watermark::default(), 4);
    for (at, expected) in [(NOW + 59, &[][..]), (NOW + 60, &["certificate_revoked"])] {
        let (policy, at) = (policy(&later.policy), Timestamp::from_secs(at));
        let verdict = verifier.verify(&later.evidence, &later.expectation, &policy, at);
        assert_eq!(codes(&verdict), expected);
    }
}

#[test]
fn of_several_authorities_of_one_name_the_one_whose_key_fits_is_found() {
    let case = vcek();
    let mut endorsements = vlek().endorsements;
    endorsements.add_all(&case.endorsements).unwrap();
    assert_eq!(case.with(|case| case.endorsements = endorsements).codes(), [""; 0]);
}

#[test]
fn a_root_counts_only_where_the_policy_names_it() {
    let case = vcek();
    let codes = case.with(|case| {
        case.policy["kinds"]["snp"].as_object_mut().unwrap().remove("roots");
    });
    assert_eq!(codes.codes(), ["root_untrusted"]);
}
