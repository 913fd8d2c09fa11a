//! Nitro documents, judged here and by an implementation of others (crate nitro_attest: other
//! readers of CBOR, COSE and X.509, another provider of signatures), which have to agree.
#![allow(clippy::disallowed_methods, reason = "a test reads its samples")]

#[path = "../../crates/egress/tests/common/conformance.rs"]
mod conformance;

use conformance::folder;
use nitro_attest::{AttestationDoc, UnparsedAttestationDoc};
use sealwork_fuzz::Mutator;
use sealwork_job::Timestamp;
use sealwork_verify::{
    Age, Claims, Details, Endorsements, Evidence, EvidenceKind, Expectation, Hex, Policy,
    ReasonCode, Verdict, inspect, verify,
};
use time::OffsetDateTime;

const MUTANTS: usize = 4000;

/// A document, and the first and last second at which all of its certificates are valid.
struct Sample {
    document: Vec<u8>,
    from: u64,
    until: u64,
}

fn samples() -> Vec<Sample> {
    let seed = include_bytes!("../seeds/evidence_nitro/document").to_vec();
    let mut samples = vec![Sample { document: seed, from: 1_665_651_479, until: 1_665_662_282 }];
    if let Some(folder) = folder("nitro", 2) {
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let debug = read("debug-mode-attestation-doc-bytes");
        samples.push(Sample { document: debug, from: 1_665_582_591, until: 1_665_593_394 });
        let unframed = read("nitro_attestation.bin")[4..4531].to_vec();
        samples.push(Sample { document: unframed, from: 1_766_668_534, until: 1_766_679_337 });
    }
    samples
}

/// Under a policy that accepts whatever is signed: what is left are format, certificates and
/// signature.
fn ours(document: &[u8], at: u64) -> Result<Claims, Vec<ReasonCode>> {
    let evidence = Evidence::new(EvidenceKind::Nitro, document);
    let (none, at) = (Endorsements::default(), Timestamp::from_secs(at));
    let Some(claims) = inspect(&evidence, &none, at) else {
        return Err(vec![ReasonCode::EvidenceMalformed]);
    };
    let mut policy = Policy::from_claims(&claims);
    policy.class = sealwork_verify::Class::Unprotected;
    policy.allow_debug = true;
    let mut report_data = claims.report_data.0;
    report_data.resize(64, 0);
    let report_data = report_data.try_into().unwrap();
    let expectation = Expectation { report_data, nonce: None, age: Age::Archived };
    match verify(&evidence, &expectation, &none, &policy, at) {
        Verdict::Trusted(trusted) => Ok(*trusted.claims),
        Verdict::Rejected(rejected) => {
            Err(rejected.reasons.iter().map(|reason| reason.code).collect())
        }
    }
}

fn peers(document: &[u8], at: u64) -> Option<AttestationDoc> {
    let at = OffsetDateTime::from_unix_timestamp(at as i64).unwrap();
    UnparsedAttestationDoc::from(document).parse_and_verify(at).ok()
}

fn assert_same(ours: &Claims, peers: &AttestationDoc) {
    let Details::Nitro(nitro) = &ours.details else { panic!("{ours:?}") };
    assert_eq!(nitro.module_id, peers.module_id);
    assert_eq!(ours.issued.unwrap().as_secs() as i64, peers.timestamp.unix_timestamp());
    let field = |bytes: &Option<nitro_attest::ByteBuf>| bytes.clone().map(|bytes| bytes.into_vec());
    let hex = |bytes: &Option<Hex>| bytes.clone().map(|hex| hex.0);
    assert_eq!(ours.report_data.0, field(&peers.user_data).unwrap_or_default());
    assert_eq!(hex(&ours.nonce), field(&peers.nonce));
    assert_eq!(hex(&nitro.public_key), field(&peers.public_key));
    // The peer leaves out PCRs that are zero.
    for (name, value) in &ours.measurements {
        let pcr: u16 = name.strip_prefix("pcr").unwrap().parse().unwrap();
        match peers.pcrs.get(&pcr) {
            Some(peers) => assert_eq!(value.0, peers.value, "{name}"),
            None => assert_eq!(value.0, [0; 48], "{name}"),
        }
    }
}

#[test]
fn both_read_the_same_from_documents_and_both_end_with_the_certificates() {
    for Sample { document, from, until } in samples() {
        for (at, valid) in [
            (from - 1, false),
            (from + 1, true),
            (until - 1, true),
            (until + 1, false),
            (until + 86_400, false),
        ] {
            let (ours, peers) = (ours(&document, at), peers(&document, at));
            assert_eq!((ours.is_ok(), peers.is_some()), (valid, valid), "at {at}: {ours:?}");
            if let (Ok(ours), Some(peers)) = (ours, peers) {
                assert_same(&ours, &peers);
            }
        }
    }
}

#[test]
fn both_take_and_refuse_the_same_changed_documents() {
    let samples = samples();
    let mut taken = 0;
    for (number, sample) in samples.iter().enumerate() {
        let (mut mutator, seeds) = (Mutator::new(number as u64), [sample.document.clone()]);
        let flips = (0..sample.document.len()).step_by(7).map(|at| {
            let mut flipped = sample.document.clone();
            flipped[at] ^= 1 << (at % 8);
            flipped
        });
        let mutants = (0..MUTANTS).map(|_| mutator.next(&seeds));
        for mutant in flips.chain(mutants) {
            let at = sample.from + 60;
            let (ours, peers) = (ours(&mutant, at), peers(&mutant, at));
            assert_eq!(ours.is_ok(), peers.is_some(), "{ours:?}: {}", hex(&mutant));
            if let (Ok(ours), Some(peers)) = (ours, peers) {
                taken += 1;
                assert_same(&ours, &peers);
                assert_eq!(mutant, sample.document);
            }
        }
    }
    println!("{} documents, {taken} mutants that changed nothing", samples.len());
}

fn hex(bytes: &[u8]) -> String {
    Hex::from(bytes).to_string()
}
