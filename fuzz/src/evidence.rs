//! Evidence of every platform, and what a verifier reads beside it.
//!
//! The seeds come from public test data: quotes and collateral from Phala-Network/dcap-qvl (MIT),
//! the Nitro document from evervault/attestation-doc-validation, the report and certificates of
//! SEV-SNP and the TPM quote from confidential-containers/trustee, the event log from
//! google/go-tpm-tools (Apache-2.0).

use std::sync::LazyLock;

use sealwork_compat_oyster::{Attested, NewStatement, OldStatement, Rules, VerifierKey, read_hex};
use sealwork_job::Timestamp;
use sealwork_verify::{
    Age, Endorsements, Evidence, EvidenceDocument, EvidenceKind, Expectation, Policy, TpmEvidence,
    inspect, verify,
};

/// When the collateral of the seeds was valid.
const TIME: u64 = 1_751_328_000;

/// With collateral and certificates, so that what lies behind the parsers is reached.
static ENDORSEMENTS: LazyLock<Endorsements> = LazyLock::new(|| {
    let seed = include_bytes!("../seeds/evidence_endorsements/bundle.json");
    Endorsements::from_json(seed).expect("the seed is a bundle")
});
static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let seed = include_bytes!("../seeds/evidence_policy/every_kind.json");
    Policy::from_json(seed).expect("the seed is a policy")
});

/// No input is trusted: what it would have to have signed, nobody has.
fn check(kind: EvidenceKind, data: &[u8]) {
    let evidence = Evidence::new(kind, data);
    let expectation = Expectation { report_data: [0x5a; 64], nonce: None, age: Age::Challenged };
    let at = Timestamp::from_secs(TIME);
    let verdict = verify(&evidence, &expectation, &ENDORSEMENTS, &POLICY, at);
    assert!(!verdict.reasons().is_empty());
    let _ = inspect(&evidence, &ENDORSEMENTS, at);
}

/// Quotes of SGX and TDX.
pub fn evidence_dcap(data: &[u8]) {
    check(EvidenceKind::Sgx, data);
    check(EvidenceKind::Tdx, data);
}

/// Reports of SEV-SNP.
pub fn evidence_snp(data: &[u8]) {
    check(EvidenceKind::Snp, data);
}

/// Documents of Nitro enclaves.
pub fn evidence_nitro(data: &[u8]) {
    check(EvidenceKind::Nitro, data);
}

/// Documents for Marlin's verifier, as bytes and as hex digits, and its keys.
pub fn marlin_document(data: &[u8]) {
    let rules = Rules { allow_debug: true, ..Rules::default() };
    let decoded = read_hex(data).ok();
    for document in std::iter::once(data).chain(decoded.as_deref()) {
        if let Ok(attested) = Attested::from_document(document, &rules) {
            let _ = (NewStatement::new(&attested).digest(), OldStatement::new(&attested));
        }
    }
    let _ = VerifierKey::read(data);
}

/// Quotes of TPMs, with their event logs.
pub fn evidence_tpm(data: &[u8]) {
    if let Ok(evidence) = TpmEvidence::decode(data) {
        assert_eq!(evidence.encode(), data);
    }
    check(EvidenceKind::Tpm, data);
}

/// Simulated evidence.
pub fn evidence_simulated(data: &[u8]) {
    check(EvidenceKind::Simulated, data);
}

/// Bundles of endorsements; those that are read are used.
pub fn evidence_endorsements(data: &[u8]) {
    if let Ok(endorsements) = Endorsements::from_json(data) {
        let json = endorsements.to_json();
        let again = Endorsements::from_json(json.as_bytes()).expect("what was written is read");
        assert_eq!(again.to_json(), json);
        let quote = Evidence::new(
            EvidenceKind::Tdx,
            include_bytes!("../seeds/evidence_dcap/tdx_quote").as_slice(),
        );
        let _ = inspect(&quote, &endorsements, Timestamp::from_secs(TIME));
    }
}

/// Policies.
pub fn evidence_policy(data: &[u8]) {
    if let Ok(policy) = Policy::from_json(data) {
        assert_eq!(Policy::from_json(policy.to_json().as_bytes()), Ok(policy));
    }
}

/// What a worker answers when it is asked for evidence.
pub fn evidence_document(data: &[u8]) {
    if let Ok(document) = EvidenceDocument::from_json(data) {
        let again = EvidenceDocument::from_json(document.to_json().as_bytes());
        assert_eq!(again.expect("what was written is read").digest(), document.digest());
    }
}
