//! A TPM in software: attestation key, endorsement key, quotes, credential activation.

use std::collections::BTreeMap;

use aes::Aes128;
use cfb_mode::cipher::KeyIvInit as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    elliptic_curve::{point::AffineCoordinates as _, sec1::ToSec1Point as _},
    pkcs8::DecodePrivateKey as _,
};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _};
use sealwork_verify::{
    ActivatedKey, Age, AttestationKey, Class, CredentialChallenge, CredentialError, Day, Details,
    EndorsementKey, Endorsements, Evidence, EvidenceKind, Expectation, Policy, Provenance,
    TpmEvidence, Verdict,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    NOW,
    authority::{Authority, Extras},
    report_data, roots,
};
use crate::{
    conformance::folder,
    samples::read,
    support::{Case, codes, only},
};

const FOR_ENDORSEMENT: [u64; 5] = [2, 23, 133, 8, 1];
const FOR_ATTESTATION: [u64; 5] = [2, 23, 133, 8, 3];
/// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign.
const ATTESTS: u32 = 0x0005_0072;
/// fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt.
const ENDORSES: u32 = 0x0003_00b2;

/// Randomness that repeats.
pub(crate) struct Repeats(u64);

impl Repeats {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl rand_core::TryRng for Repeats {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        Ok(self.0 ^ (self.0 >> 31))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.iter_mut().for_each(|byte| *byte = rand_core::Rng::next_u64(self) as u8);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Repeats {}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn ecc_area(point: &[u8], attributes: u32, symmetric: &[u8], scheme: &[u8]) -> Vec<u8> {
    let mut area = vec![0, 0x23, 0, 0x0b];
    area.extend_from_slice(&attributes.to_be_bytes());
    area.extend_from_slice(&sized(&[]));
    area.extend_from_slice(symmetric);
    area.extend_from_slice(scheme);
    area.extend_from_slice(&[0, 3, 0, 0x10]);
    area.extend_from_slice(&sized(&point[1..33]));
    area.extend_from_slice(&sized(&point[33..65]));
    area
}

const NO_ALGORITHM: [u8; 2] = [0, 0x10];
const ECDSA_SHA256: [u8; 4] = [0, 0x18, 0, 0x0b];
const AES_128_CFB: [u8; 6] = [0, 6, 0, 128, 0, 0x43];

type Pcrs = BTreeMap<u8, [u8; 32]>;

struct Machine {
    key: KeyPair,
    endorsement: KeyPair,
    maker: Authority,
}

impl Machine {
    fn new() -> Self {
        Self {
            key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
            endorsement: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
            maker: Authority::root("TPM maker of the tests", &PKCS_ECDSA_P256_SHA256),
        }
    }

    fn key_area(&self, attributes: u32) -> Vec<u8> {
        ecc_area(self.key.der_bytes(), attributes, &NO_ALGORITHM, &ECDSA_SHA256)
    }

    fn endorsement_area(&self) -> Vec<u8> {
        ecc_area(self.endorsement.der_bytes(), ENDORSES, &AES_128_CFB, &NO_ALGORITHM)
    }

    /// The evidence with the key alone, and a certificate for it.
    fn certified(&self, pcrs: &Pcrs) -> TpmEvidence {
        let mut evidence = self.evidence(pcrs);
        evidence.key = AttestationKey::Spki(self.key.subject_public_key_info());
        evidence.key_certificates = vec![self.certificate(&self.key, &FOR_ATTESTATION)];
        evidence
    }

    fn certificate(&self, key: &KeyPair, usage: &[u64]) -> Vec<u8> {
        let extras = Extras { usages: vec![usage.to_vec()], ..Extras::default() };
        self.maker.certify("a key in a TPM", key, &extras)
    }

    fn quote(&self, pcrs: &Pcrs, bank: u16) -> (Vec<u8>, Vec<u8>) {
        let values: Vec<u8> = pcrs.values().flatten().copied().collect();
        let mut select = [0_u8; 3];
        pcrs.keys().for_each(|pcr| select[usize::from(pcr / 8)] |= 1 << (pcr % 8));
        let mut attest = vec![0xff, 0x54, 0x43, 0x47, 0x80, 0x18];
        attest.extend_from_slice(&sized(&[0x0b; 34]));
        attest.extend_from_slice(&sized(&report_data()[..32]));
        attest.extend_from_slice(&[0; 16]);
        attest.push(1);
        attest.extend_from_slice(&[0; 8]);
        attest.extend_from_slice(&[0, 0, 0, 1]);
        attest.extend_from_slice(&bank.to_be_bytes());
        attest.push(3);
        attest.extend_from_slice(&select);
        attest.extend_from_slice(&sized(&Sha256::digest(&values)));
        (attest, values)
    }

    fn sign(&self, attest: &[u8]) -> Vec<u8> {
        let key: SigningKey =
            p256::SecretKey::from_pkcs8_der(&self.key.serialize_der()).unwrap().into();
        let signature: Signature = key.sign(attest);
        let number = |bytes: &[u8]| sized(bytes);
        [
            ECDSA_SHA256.to_vec(),
            number(&signature.r().to_bytes()),
            number(&signature.s().to_bytes()),
        ]
        .concat()
    }

    fn evidence(&self, pcrs: &Pcrs) -> TpmEvidence {
        let (attest, pcrs) = self.quote(pcrs, 0x0b);
        TpmEvidence {
            signature: self.sign(&attest),
            attest,
            key: AttestationKey::PublicArea(self.key_area(ATTESTS)),
            pcrs,
            event_log: None,
            key_certificates: vec![],
            endorsement_certificates: vec![],
            endorsement_public_area: None,
        }
    }

    fn case(&self, name: &'static str, evidence: &TpmEvidence) -> Case {
        let rules = json!({
            "references": [{"values": {"pcr4": "04".repeat(32), "pcr7": "07".repeat(32)}}],
            "roots": roots(&self.maker.der),
            "event_log": false,
            "secure_boot": false,
        });
        let mut policy = only("tpm", rules);
        policy["class"] = "measured".into();
        let mut endorsements = Endorsements::default();
        endorsements.add_certificate(&self.maker.der).unwrap();
        let age = Age::Challenged;
        Case {
            name,
            evidence: Evidence::new(EvidenceKind::Tpm, evidence.encode()),
            expectation: Expectation { report_data: report_data(), nonce: None, age },
            endorsements,
            policy,
            at: NOW,
        }
    }

    /// What a TPM does in `TPM2_ActivateCredential` (P-256 endorsement key).
    fn activate(&self, challenge: &CredentialChallenge, name: &[u8]) -> Option<Vec<u8>> {
        let unsized_ = |bytes: &[u8]| {
            let len = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
            (bytes[2..2 + len].to_vec(), bytes[2 + len..].to_vec())
        };
        let (point, _) = unsized_(&challenge.encrypted_secret);
        let (x, rest) = unsized_(&point);
        let (y, _) = unsized_(&rest);
        let theirs = p256::PublicKey::from_sec1_bytes(&[&[4], &x[..], &y].concat()).unwrap();
        let ours = p256::SecretKey::from_pkcs8_der(&self.endorsement.serialize_der()).unwrap();
        let shared = (theirs.to_projective() * *ours.to_nonzero_scalar()).to_affine().x();
        let our_point = ours.public_key().to_sec1_point(false);
        let seed = Sha256::digest(
            [&[0, 0, 0, 1], &shared[..], b"IDENTITY\0", &x, &our_point.as_bytes()[1..33]].concat(),
        );
        open_credential(&seed, &challenge.credential_blob, name)
    }
}

/// Opens a `TPM2B_ID_OBJECT` with the seed that the endorsement key gave.
fn open_credential(seed: &[u8], blob: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let kdf = |label: &[u8], context: &[u8], bits: u32| {
        let mut mac = Hmac::<Sha256>::new_from_slice(seed).unwrap();
        [&[0, 0, 0, 1], label, context, &bits.to_be_bytes()].iter().for_each(|p| mac.update(p));
        mac.finalize().into_bytes().to_vec()
    };
    let blob = &blob[2..];
    let (mac, identity) = (&blob[2..34], &blob[34..]);
    let mut expected = Hmac::<Sha256>::new_from_slice(&kdf(b"INTEGRITY\0", b"", 256)).unwrap();
    expected.update(identity);
    expected.update(name);
    expected.verify_slice(mac).ok()?;
    let mut identity = identity.to_vec();
    let key: [u8; 16] = kdf(b"STORAGE\0", name, 128)[..16].try_into().unwrap();
    cfb_mode::Decryptor::<Aes128>::new(&key.into(), &[0; 16].into()).decrypt(&mut identity);
    Some(identity[2..].to_vec())
}

fn name(area: &[u8]) -> Vec<u8> {
    [&[0, 0x0b], &Sha256::digest(area)[..]].concat()
}

fn booted() -> Pcrs {
    // PCR 0 is never left at zero by firmware that measures.
    (0..8).map(|pcr| (pcr, [if pcr == 0 { 0xf0 } else { pcr }; 32])).collect()
}

pub(crate) fn certified() -> Case {
    let machine = Machine::new();
    machine.case("made TPM, certified key", &machine.certified(&booted()))
}

pub(crate) fn activated() -> Case {
    let machine = Machine::new();
    let (evidence, key) = enrol(&machine);
    let case = machine.case("made TPM, activated key", &evidence);
    case.policy("/kinds/tpm/activated", json!([key]))
}

fn enrol(machine: &Machine) -> (TpmEvidence, ActivatedKey) {
    let mut evidence = machine.evidence(&booted());
    let certificate = machine.certificate(&machine.endorsement, &FOR_ENDORSEMENT);
    evidence.endorsement_certificates = vec![certificate.clone()];
    let endorsement_area = machine.endorsement_area();
    let endorsement_key =
        EndorsementKey { public_area: &endorsement_area, certificate: Some(&certificate) };
    let area = machine.key_area(ATTESTS);
    let challenge = CredentialChallenge::new(&endorsement_key, &area, &mut Repeats(1)).unwrap();
    let answer = machine.activate(&challenge, &name(&area)).unwrap();
    let until = Day::new(2026, 12, 31).unwrap();
    (evidence, challenge.confirm(&answer, until).unwrap())
}

/// For the tests of workers: a TPM's evidence over other report data.
pub(crate) fn measured_statement(data: &[u8; 64]) -> Case {
    let machine = Machine::new();
    let mut evidence = machine.certified(&booted());
    let at = evidence.attest.windows(32).position(|part| part == &report_data()[..32]).unwrap();
    evidence.attest[at..at + 32].copy_from_slice(&data[..32]);
    evidence.signature = machine.sign(&evidence.attest);
    machine.case("made TPM, other statement", &evidence).with(|case| {
        case.expectation.report_data = *data;
    })
}

#[test]
fn a_key_is_believed_for_the_best_reason_that_there_is() {
    let provenance = |case: &Case| match case.trusted().claims.details {
        Details::Tpm(tpm) => tpm.provenance,
        other => panic!("{other:?}"),
    };
    assert_eq!(provenance(&certified()), Provenance::Certified);
    assert_eq!(provenance(&activated()), Provenance::Activated);
}

#[test]
fn only_the_tpm_with_both_keys_opens_a_credential() {
    let (machine, other) = (Machine::new(), Machine::new());
    let endorsement_area = machine.endorsement_area();
    let endorsement = EndorsementKey { public_area: &endorsement_area, certificate: None };
    let area = machine.key_area(ATTESTS);
    let challenge = CredentialChallenge::new(&endorsement, &area, &mut Repeats(5)).unwrap();
    let answer = machine.activate(&challenge, &name(&area)).unwrap();
    let until = Day::new(2026, 1, 1).unwrap();
    assert_eq!(challenge.confirm(&answer, until).unwrap().name.0, name(&area));
    assert!(other.activate(&challenge, &name(&area)).is_none(), "another TPM");
    let other_key = name(&other.key_area(ATTESTS));
    assert!(machine.activate(&challenge, &other_key).is_none(), "another attestation key");
    assert_eq!(challenge.confirm(&[0; 32], until), Err(CredentialError::Answer));
    assert_eq!(challenge.confirm(&answer[..31], until), Err(CredentialError::Answer));
    let again = CredentialChallenge::new(&endorsement, &area, &mut Repeats(6)).unwrap();
    assert_eq!(again.confirm(&answer, until), Err(CredentialError::Answer), "replayed");
}

#[test]
fn credentials_are_made_for_attestation_keys_beside_endorsement_keys_only() {
    let machine = Machine::new();
    let endorsement_area = machine.endorsement_area();
    let key_area = machine.key_area(ATTESTS);
    let make = |endorsement: &[u8], certificate: Option<&[u8]>, key: &[u8]| {
        let endorsement = EndorsementKey { public_area: endorsement, certificate };
        CredentialChallenge::new(&endorsement, key, &mut Repeats(1)).map(|_| ()).unwrap_err()
    };
    assert_eq!(make(&key_area, None, &key_area), CredentialError::EndorsementKey);
    assert_eq!(make(&endorsement_area, None, &endorsement_area), CredentialError::AttestationKey);
    for attributes in [ATTESTS & !0x1_0000, ATTESTS & !2, ATTESTS | 0x2_0000] {
        let area = machine.key_area(attributes);
        assert_eq!(make(&endorsement_area, None, &area), CredentialError::AttestationKey);
    }
    let of_another = machine.certificate(&machine.key, &FOR_ENDORSEMENT);
    assert_eq!(make(&endorsement_area, Some(&of_another), &key_area), CredentialError::Certificate);
}

/// The RSA half, against an implementation of OAEP that is not ours.
#[cfg(feature = "native")]
#[test]
fn an_rsa_endorsement_key_opens_its_credential() {
    use aws_lc_rs::{
        encoding::{AsDer as _, Pkcs8V1Der},
        rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey},
    };
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let public = private.public_key();
    let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = public.as_der().unwrap();
    let _: Pkcs8V1Der<'_> = private.as_der().unwrap();
    // The modulus: 257 bytes with a zero before it, five bytes before the end.
    let modulus = &der.as_ref()[der.as_ref().len() - 5 - 256..der.as_ref().len() - 5];
    let mut area = vec![0, 1, 0, 0x0b];
    area.extend_from_slice(&ENDORSES.to_be_bytes());
    area.extend_from_slice(&sized(&[]));
    area.extend_from_slice(&AES_128_CFB);
    area.extend_from_slice(&NO_ALGORITHM);
    area.extend_from_slice(&[8, 0, 0, 0, 0, 0]);
    area.extend_from_slice(&sized(modulus));

    let key_area = Machine::new().key_area(ATTESTS);
    let endorsement = EndorsementKey { public_area: &area, certificate: None };
    let challenge = CredentialChallenge::new(&endorsement, &key_area, &mut Repeats(9)).unwrap();
    let opener = OaepPrivateDecryptingKey::new(private).unwrap();
    let mut seed = vec![0; 256];
    let seed = opener
        .decrypt(
            &OAEP_SHA256_MGF1SHA256,
            &challenge.encrypted_secret[2..],
            &mut seed,
            Some(b"IDENTITY\0"),
        )
        .unwrap();
    let secret = open_credential(seed, &challenge.credential_blob, &name(&key_area)).unwrap();
    assert!(challenge.confirm(&secret, Day::new(2026, 1, 1).unwrap()).is_ok());
}

#[test]
fn vouchers_that_are_about_something_else_do_not_count() {
    let machine = Machine::new();
    let untrusted = |evidence: &TpmEvidence| machine.case("vouchers", evidence).codes();
    assert_eq!(untrusted(&machine.evidence(&booted())), ["attestation_key_untrusted"]);
    let mut evidence = machine.certified(&booted());
    assert_eq!(untrusted(&evidence), [""; 0]);
    evidence.key_certificates = vec![machine.certificate(&machine.endorsement, &FOR_ATTESTATION)];
    assert_eq!(untrusted(&evidence), ["attestation_key_untrusted", "chain_invalid"]);
    evidence.key_certificates = vec![machine.certificate(&machine.key, &FOR_ENDORSEMENT)];
    assert_eq!(untrusted(&evidence), ["attestation_key_untrusted", "chain_invalid"]);
    let stranger = Machine::new();
    evidence.key_certificates = vec![stranger.certificate(&machine.key, &FOR_ATTESTATION)];
    assert_eq!(untrusted(&evidence), ["attestation_key_untrusted", "chain_invalid"]);
    let unknown = machine.case("vouchers", &evidence);
    let unknown = unknown.with(|case| case.endorsements = Endorsements::default());
    assert_eq!(unknown.codes(), ["attestation_key_untrusted", "endorsement_missing"]);
    // A certificate does not vouch for what a public area says.
    let mut with_area = machine.certified(&booted());
    with_area.key = AttestationKey::PublicArea(machine.key_area(ATTESTS));
    assert_eq!(untrusted(&with_area), ["attestation_key_untrusted"]);
}

#[test]
fn a_list_names_a_key_by_its_digest_and_a_public_area_by_its_name() {
    let machine = Machine::new();
    let area = machine.key_area(ATTESTS);
    let spki = machine.key.subject_public_key_info();
    let by_digest = hex::encode(Sha256::digest(&spki));
    let by_name = hex::encode(name(&area));
    let forms =
        [(AttestationKey::Spki(spki), &by_digest), (AttestationKey::PublicArea(area), &by_name)];
    for (key, own) in forms {
        let mut evidence = machine.evidence(&booted());
        evidence.key = key;
        let case = machine.case("listed", &evidence);
        let listed = |key: &str| case.policy("/kinds/tpm/attestation_keys", json!([key]));
        assert_eq!(case.codes(), ["attestation_key_untrusted"]);
        assert_eq!(listed(own).codes(), [""; 0]);
        // A digest of the key alone does not vouch for attributes, nor of the area without its hash.
        for other in [&by_digest, &by_name, &by_name[4..].to_owned()] {
            let expected: &[&str] = if other == own { &[] } else { &["attestation_key_untrusted"] };
            assert_eq!(listed(other).codes(), expected, "{other}");
        }
        let Details::Tpm(claims) = listed(own).trusted().claims.details else { panic!() };
        assert_eq!(claims.provenance, Provenance::Listed);
    }
}

#[test]
fn a_policy_from_a_tpm_s_claims_trusts_that_tpm_and_no_other() {
    let of = |machine: &Machine| machine.case("made TPM", &machine.evidence(&booted()));
    let (own, other) = (of(&Machine::new()), of(&Machine::new()));
    // Nobody vouches for the key yet: `policy init` looks at claims without judging them.
    let Verdict::Rejected(unjudged) = own.verdict() else { panic!("trusted by no list") };
    let policy = Policy::from_claims(&unjudged.claims.unwrap()).to_json();
    let under = |case: &Case| case.with(|case| case.policy = policy.parse().unwrap());
    assert_eq!(under(&own).trusted().class, Class::Measured);
    assert_eq!(under(&other).codes(), ["attestation_key_untrusted"]);
}

#[test]
fn an_activation_counts_for_its_keys_and_until_its_day() {
    let machine = Machine::new();
    let (evidence, key) = enrol(&machine);
    let case = machine.case("activation", &evidence);
    let with = |key: &ActivatedKey| case.policy("/kinds/tpm/activated", json!([key]));
    assert_eq!(with(&key).codes(), [""; 0]);
    let ended = ActivatedKey { until: Day::new(2025, 6, 1).unwrap(), ..key.clone() };
    let mut another_name = key.clone();
    another_name.name.0[5] ^= 1;
    let mut another_tpm = key.clone();
    another_tpm.endorsement_key.0[5] ^= 1;
    // Each is told what it lacks.
    for (entry, expected, mend) in [
        (&ended, "its last day was 2025-06-01", "anew"),
        (&another_name, "activated beside an endorsement key", "then add the entry"),
        (&another_tpm, "beside the endorsement key", "another TPM"),
    ] {
        let verdict = with(entry).verdict();
        assert_eq!(codes(&verdict), ["attestation_key_untrusted"]);
        let reason = &verdict.reasons()[0];
        assert!(reason.expected.contains(expected) && reason.mend.contains(mend), "{reason:?}");
    }
    let rootless = with(&key).with(|case| {
        case.policy["kinds"]["tpm"].as_object_mut().unwrap().remove("roots");
    });
    let verdict = rootless.verdict();
    assert_eq!(codes(&verdict), ["attestation_key_untrusted", "root_untrusted"]);
    assert!(verdict.reasons()[1].mend.starts_with("name the maker's root"), "{verdict:?}");
}

/// Broken by `has_measured_boot` (src/claims.rs) that takes any PCR.
#[test]
fn firmware_that_measures_nothing_is_no_measured_boot() {
    let machine = Machine::new();
    let mut pcrs = booted();
    pcrs.insert(0, [0; 32]);
    let codes = machine.case("PCR 0 at zero", &machine.certified(&pcrs)).codes();
    assert_eq!(codes, ["nothing_measured"]);
}

/// Broken by `vouchers` (src/tpm/endorsement.rs) that takes any bytes for a public area.
#[test]
fn a_certificate_in_the_place_of_a_public_area_vouches_for_nothing() {
    let machine = Machine::new();
    let (mut evidence, key) = enrol(&machine);
    evidence.endorsement_public_area = evidence.endorsement_certificates.pop();
    let case = machine.case("a certificate as an area", &evidence);
    let under = case.policy("/kinds/tpm/activated", json!([key]));
    assert_eq!(under.codes(), ["attestation_key_untrusted"]);
}

#[test]
fn keys_that_may_sign_anything_are_refused() {
    let machine = Machine::new();
    for attributes in [ATTESTS & !0x1_0000, ATTESTS & !0x2, ATTESTS & !0x10, ATTESTS & !0x20] {
        let (mut evidence, mut key) = enrol(&machine);
        let area = machine.key_area(attributes);
        key.name.0 = name(&area);
        evidence.key = AttestationKey::PublicArea(area);
        let case = machine.case("attributes", &evidence);
        let codes = case.policy("/kinds/tpm/activated", json!([key])).codes();
        assert_eq!(codes, ["attestation_key_unsuitable"], "{attributes:#x}");
    }
}

#[test]
fn pcr_values_have_to_add_up_and_to_be_of_sha_256() {
    let machine = Machine::new();
    let mut evidence = machine.certified(&booted());
    evidence.pcrs.swap(0, 32);
    let codes = machine.case("values", &evidence).codes();
    assert_eq!(codes[..1], ["pcr_mismatch"], "{codes:?}");

    let (attest, pcrs) = machine.quote(&booted(), 0x04);
    let signature = machine.sign(&attest);
    let sha1 = TpmEvidence { attest, signature, pcrs, ..evidence };
    let codes = machine.case("bank", &sha1).codes();
    assert_eq!(codes[..1], ["bank_not_present"], "{codes:?}");
}

/// PCRs that the machines of the outside logs had.
fn logged(name: &str, bank: &str) -> Option<(Vec<u8>, Pcrs)> {
    let folder = folder("tpm", 4)?;
    let index = String::from_utf8(read(folder.parent()?, "INDEX.md")).unwrap();
    let json = index.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let pcrs = json[name][bank].as_object().unwrap().iter().map(|(pcr, value)| {
        let mut bytes = hex::decode(value.as_str().unwrap()).unwrap();
        bytes.resize(32, 0);
        (pcr.parse().unwrap(), bytes.try_into().unwrap())
    });
    Some((read(&folder, &format!("eventlogs/{name}")), pcrs.collect()))
}

fn logged_case(name: &'static str, bank: &str) -> Option<(Machine, TpmEvidence, Case)> {
    let (log, pcrs) = logged(name, bank)?;
    let machine = Machine::new();
    let mut evidence = machine.certified(&pcrs);
    evidence.event_log = Some(log);
    let values = json!([{"values": {"pcr4": hex::encode(pcrs[&4])}}]);
    let case = machine.case(name, &evidence).policy("/kinds/tpm/references", values);
    let case = case.policy("/kinds/tpm/event_log", json!(true));
    let case = case.policy("/kinds/tpm/secure_boot", json!(true));
    Some((machine, evidence, case))
}

#[test]
fn a_log_that_shows_secure_boot_satisfies_the_strictest_policy() {
    let Some((machine, evidence, case)) = logged_case("rhel8-uefi.bin", "sha256") else { return };
    assert_eq!(case.codes(), [""; 0]);
    // One digest of one event changed: the log no longer leads to the PCRs.
    let log = evidence.event_log.clone().unwrap();
    let header = 32 + u32::from_le_bytes(log[28..32].try_into().unwrap()) as usize;
    // In an event: 12 bytes before the digests, 22 of SHA-1, 2 of the next algorithm.
    for at in [header + 36, header + 67] {
        let mut changed = evidence.clone();
        changed.event_log.as_mut().unwrap()[at] ^= 1;
        let codes = case.with(|case| case.evidence.bytes = changed.encode()).codes();
        assert_eq!(codes, ["event_log_mismatch"], "{at}");
    }
    let mut cut = evidence.clone();
    cut.event_log.as_mut().unwrap().pop();
    let codes = case.with(|case| case.evidence.bytes = cut.encode()).codes();
    assert_eq!(codes, ["event_log_malformed", "event_log_missing", "secure_boot_off"]);
    drop(machine);
}

#[test]
fn logs_that_do_not_show_secure_boot_do_not_satisfy_it() {
    for name in ["ubuntu-2404-amd-sevsnp.bin", "arch-linux-workstation.bin"] {
        let Some((_, _, case)) = logged_case(name, "sha256") else { return };
        assert_eq!(case.codes(), ["secure_boot_off"], "{name}");
        assert_eq!(case.policy("/kinds/tpm/secure_boot", json!(false)).codes(), [""; 0], "{name}");
    }
}

#[test]
fn a_log_of_sha_1_alone_is_no_log_of_sha_256() {
    let Some((_, _, case)) = logged_case("debian-10.bin", "sha1") else { return };
    assert_eq!(case.codes(), ["bank_not_present"]);
}
