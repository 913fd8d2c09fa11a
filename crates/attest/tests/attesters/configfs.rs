//! TDX and SEV-SNP guests, over a faithful fake of the kernel's interface.

use std::sync::Arc;

use crate::{
    common::statement,
    fake_configfs::{ConfigFs, Guest},
};
use sealwork_attest::{AttestError, Attester, Choice, Machine, Options, TsmAttester, open};
use sealwork_job::Timestamp;
use sealwork_platform::{OsEntropy, SystemClock};
use sealwork_verify::{Class, Details, Endorsements, EvidenceKind, inspect};

fn tdx() -> Guest {
    Guest { provider: Some("tdx_guest"), ..Guest::default() }
}

fn snp() -> Guest {
    Guest { provider: Some("sev_guest"), privilege_floor: Some(0), ..Guest::default() }
}

fn attester(guest: Guest) -> (Arc<ConfigFs>, Result<TsmAttester, AttestError>) {
    let files = Arc::new(ConfigFs::new(guest));
    let attester = TsmAttester::open(files.clone(), Arc::new(OsEntropy));
    (files, attester)
}

fn code(guest: Guest) -> &'static str {
    let (files, attester) = attester(guest);
    let result = attester.and_then(|attester| attester.evidence(&statement("tdx", 1).digest()));
    assert_eq!(files.counts().0, 0, "no entry stays behind");
    result.unwrap_err().code()
}

#[test]
fn a_tdx_guest_answers_about_the_statement_and_leaves_no_entry() {
    let (files, attester) = attester(tdx());
    let attester = attester.unwrap();
    assert_eq!((attester.kind(), attester.class()), (EvidenceKind::Tdx, Class::Confidential));
    let statement = statement("tdx", 1);
    let attested = attester.evidence(&statement.digest()).unwrap();
    assert_eq!(attested.evidence.kind, EvidenceKind::Tdx);
    assert_eq!(attested.evidence.bytes[48 + 520..48 + 584], statement.report_data());
    assert_eq!(attested.endorsements.to_json(), Endorsements::default().to_json());
    assert_eq!(files.counts(), (0, 2, 1));
}

#[test]
fn a_sev_snp_guest_answers_with_the_certificates_of_its_host() {
    let certificate = certificate();
    let (start, len) = (72_u32, certificate.len() as u32);
    let mut table = Vec::new();
    for (guid, start, len) in [(1, start, len), (2, start + len, 3), (0, 0, 0)] {
        table.extend_from_slice(&[guid; 16]);
        table.extend_from_slice(&u32::to_le_bytes(start));
        table.extend_from_slice(&u32::to_le_bytes(len));
    }
    table.extend_from_slice(&certificate);
    table.extend_from_slice(&[9, 9, 9]);
    let (_, attester) = attester(Guest { auxiliary: table, ..snp() });
    let attester = attester.unwrap();
    let statement = statement("snp", 1);
    let attested = attester.evidence(&statement.digest()).unwrap();

    let claims = inspect(&attested.evidence, &attested.endorsements, Timestamp(0)).unwrap();
    assert_eq!(claims.report_data.0, statement.report_data());
    let mut expected = Endorsements::default();
    expected.add_certificate(&certificate).unwrap();
    assert_eq!(attested.endorsements.to_json(), expected.to_json());
}

#[test]
fn below_an_svsm_the_guest_asks_at_the_level_that_it_has() {
    let (_, attester) = attester(Guest { privilege_floor: Some(2), ..snp() });
    let attested = attester.unwrap().evidence(&statement("snp", 1).digest()).unwrap();
    let claims = inspect(&attested.evidence, &Endorsements::default(), Timestamp(0)).unwrap();
    let Details::Snp(snp) = claims.details else { panic!() };
    assert_eq!(snp.vmpl, 2);
}

#[test]
fn a_busy_platform_and_an_interloper_are_outlasted() {
    for guest in [
        Guest { busy: 3, ..tdx() },
        Guest { interlopers: 3, ..tdx() },
        Guest { busy: 2, interlopers: 2, ..snp() },
    ] {
        let (_, attester) = attester(guest.clone());
        let statement = statement("tdx", 1);
        let evidence = attester.unwrap().evidence(&statement.digest()).unwrap().evidence;
        let about = statement.report_data();
        assert!(evidence.bytes.windows(64).any(|bytes| bytes == about), "{guest:?}");
    }
}

#[test]
fn a_platform_that_stays_busy_is_given_up_on() {
    assert_eq!(code(Guest { busy: u32::MAX, ..tdx() }), "attester_busy");
}

#[test]
fn what_is_wrong_is_said_by_code() {
    assert_eq!(code(Guest { provider: None, ..tdx() }), "attester_no_driver");
    assert_eq!(code(Guest { provider: Some("arm_cca_guest"), ..tdx() }), "attester_unknown");
    assert_eq!(code(Guest { denied: true, ..tdx() }), "attester_denied");
    assert_eq!(code(Guest { answers_about_zeros: true, ..tdx() }), "attester_answer");
    let nowhere = Arc::new(crate::common::MemoryFiles::default());
    let error = TsmAttester::open(nowhere, Arc::new(OsEntropy)).unwrap_err();
    assert_eq!(error.code(), "attester_missing");
}

#[test]
fn the_platform_is_found_and_tried_or_has_to_be_the_one_that_was_named() {
    let find = |choice: &str, guest: Guest| {
        let files = Arc::new(ConfigFs::new(guest));
        let (entropy, clock) = (Arc::new(OsEntropy), Arc::new(SystemClock::new()));
        let choice: Choice = choice.parse().unwrap();
        let found = open(choice, &Machine { files, entropy, clock }, &Options::default());
        found.map(|opened| opened.map(|opened| opened.attester.kind()))
    };
    assert_eq!(find("auto", tdx()).unwrap(), Some(EvidenceKind::Tdx));
    assert_eq!(find("auto", snp()).unwrap(), Some(EvidenceKind::Snp));
    assert_eq!(find("auto", Guest { provider: None, ..tdx() }).unwrap(), None);
    assert_eq!(find("none", tdx()).unwrap(), None);
    assert_eq!(find("tdx", tdx()).unwrap(), Some(EvidenceKind::Tdx));
    assert_eq!(find("snp", tdx()).unwrap_err().code(), "attester_other");
    assert_eq!(find("tdx", Guest { denied: true, ..tdx() }).unwrap_err().code(), "attester_denied");
}

fn certificate() -> Vec<u8> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    rcgen::CertificateParams::default().self_signed(&key).unwrap().der().to_vec()
}
