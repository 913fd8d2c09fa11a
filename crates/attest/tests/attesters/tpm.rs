//! A real TPM in software, from enrolment to verdict.

use std::{sync::Arc, time::Instant};

use crate::{
    boot::{EVENT_LOG, boot},
    common::{MemoryFiles, statement},
    swtpm::{self, SwTpm},
};
use sealwork_attest::{
    Attester, Choice, Machine, Options, Pace, open,
    tpm::{TpmAttester, TpmAuth, TpmSettings},
};
use sealwork_job::{Digest, Timestamp};
use sealwork_platform::{EntropyRng, OsEntropy, SystemClock};
use sealwork_seal::Statement;
use sealwork_verify::{
    ActivatedKey, Class, CredentialChallenge, EndorsementKey, Endorsements, Evidence, Expectation,
    Policy, Provenance, ReasonCode, TpmEvidence, Verdict, verify,
};

/// A machine that has booted, and its attester.
struct Booted {
    tpm: SwTpm,
    files: Arc<MemoryFiles>,
}

impl Booted {
    fn new() -> Option<Self> {
        swtpm::is_installed().then(|| {
            let (tpm, files) = (SwTpm::start(), Arc::new(MemoryFiles::default()));
            boot(&tpm, &files, b"kernel 1");
            Self { tpm, files }
        })
    }

    fn attester(&self) -> TpmAttester {
        let settings = self.tpm.settings();
        TpmAttester::open(self.tpm.connect(), &settings, self.files.clone()).unwrap()
    }
}

fn now() -> Timestamp {
    sealwork_platform::Clock::now(&SystemClock::new())
}

/// What an enrolling party does: a challenge for both keys, and the entry for a policy.
fn enrol(attester: &TpmAttester) -> ActivatedKey {
    let endorsement = attester.endorsement().unwrap();
    let key = EndorsementKey {
        public_area: &endorsement.public_area,
        certificate: endorsement.certificates.first().map(Vec::as_slice),
    };
    let mut rng = EntropyRng(&OsEntropy);
    let challenge = CredentialChallenge::new(&key, attester.attestation_key(), &mut rng).unwrap();
    let answer = attester.activate(&challenge.credential_blob, &challenge.encrypted_secret);
    let until = serde_json::from_value(serde_json::json!("2099-12-31")).unwrap();
    challenge.confirm(&answer.unwrap(), until).unwrap()
}

fn endorsements() -> Endorsements {
    let mut endorsements = Endorsements::default();
    for pem in SwTpm::authority() {
        endorsements.add_pem(&pem).unwrap();
    }
    endorsements
}

/// A policy for what this evidence shows: its PCRs, its log, and the enrolled key.
fn policy(evidence: &Evidence, activated: Vec<ActivatedKey>) -> Policy {
    let claims = sealwork_verify::inspect(evidence, &endorsements(), now()).unwrap();
    let mut policy = Policy::from_claims(&claims);
    let rules = policy.kinds.tpm.as_mut().unwrap();
    rules.attestation_keys.clear();
    rules.activated = activated;
    rules.roots = serde_json::from_value(serde_json::json!([{
        "name": "the test's authority",
        "sha256": root_digest(),
    }]))
    .unwrap();
    Policy::from_json(policy.to_json().as_bytes()).unwrap()
}

fn root_digest() -> String {
    use sha2::Digest as _;
    let pem = pem::parse(&SwTpm::authority()[0]).unwrap();
    hex::encode(sha2::Sha256::digest(pem.contents()))
}

fn judge(evidence: &Evidence, statement: &Statement, policy: &Policy) -> Verdict {
    verify(evidence, &Expectation::challenge(statement), &endorsements(), policy, now())
}

fn codes(verdict: &Verdict) -> Vec<ReasonCode> {
    verdict.reasons().iter().map(|reason| reason.code).collect()
}

#[test]
fn an_enrolled_tpm_s_evidence_is_trusted_as_measured_and_nothing_else_of_it_is() {
    let Some(machine) = Booted::new() else { return };
    let attester = machine.attester();
    let statement = statement("tpm", 1);
    let evidence = attester.evidence(&statement.digest()).unwrap().evidence;
    let enrolled = policy(&evidence, vec![enrol(&attester)]);

    let verdict = judge(&evidence, &statement, &enrolled);
    let trusted = verdict.into_result().unwrap_or_else(|why| panic!("{:#?}", why.reasons));
    assert_eq!(trusted.class, Class::Measured);
    let sealwork_verify::Details::Tpm(tpm) = trusted.claims.details else { panic!() };
    assert_eq!(tpm.provenance, Provenance::Activated);
    assert_eq!(tpm.secure_boot, Some(true));
    assert_eq!(tpm.pcrs, [0, 2, 4, 7, 8, 9, 12, 14]);

    let replayed = judge(&evidence, &crate::common::statement("tpm", 2), &enrolled);
    assert_eq!(codes(&replayed), [ReasonCode::ReportDataMismatch]);
    let unknown = judge(&evidence, &statement, &policy(&evidence, vec![]));
    assert_eq!(codes(&unknown), [ReasonCode::AttestationKeyUntrusted]);
    // What `policy init` writes lists the key by its name.
    let claims = sealwork_verify::inspect(&evidence, &endorsements(), now()).unwrap();
    let listed = judge(&evidence, &statement, &Policy::from_claims(&claims)).into_result().unwrap();
    let sealwork_verify::Details::Tpm(tpm) = listed.claims.details else { panic!() };
    assert_eq!(tpm.provenance, Provenance::Listed);
    let mut changed = TpmEvidence::decode(&evidence.bytes).unwrap();
    changed.pcrs[0] ^= 1;
    let changed = Evidence::new(evidence.kind, changed.encode());
    assert!(codes(&judge(&changed, &statement, &enrolled)).contains(&ReasonCode::PcrMismatch));
}

#[test]
fn another_kernel_is_refused_by_the_policy_of_the_first() {
    let Some(machine) = Booted::new() else { return };
    let first = machine.attester();
    let statement = statement("tpm", 1);
    let evidence = first.evidence(&statement.digest()).unwrap().evidence;
    let enrolled = policy(&evidence, vec![enrol(&first)]);
    drop(first);

    boot(&machine.tpm, &machine.files, b"kernel 2");
    let second = machine.attester();
    let evidence = second.evidence(&statement.digest()).unwrap().evidence;
    let found = codes(&judge(&evidence, &statement, &enrolled));
    assert!(found.contains(&ReasonCode::MeasurementMismatch), "{found:?}");
    assert!(!found.contains(&ReasonCode::AttestationKeyUntrusted), "{found:?}");
}

#[test]
fn the_attestation_key_is_the_same_after_a_reboot_and_another_on_another_machine() {
    let Some(mut machine) = Booted::new() else { return };
    let key = machine.attester().attestation_key().to_vec();
    machine.tpm.reboot();
    assert_eq!(machine.attester().attestation_key(), key);
    assert_ne!(Booted::new().unwrap().attester().attestation_key(), key);
}

#[test]
fn a_credential_opens_on_the_machine_it_was_made_for_only() {
    let Some(machine) = Booted::new() else { return };
    let other = Booted::new().unwrap();
    let (attester, other) = (machine.attester(), other.attester());
    let endorsement = attester.endorsement().unwrap();
    let key = EndorsementKey { public_area: &endorsement.public_area, certificate: None };
    let mut rng = EntropyRng(&OsEntropy);
    let challenge = CredentialChallenge::new(&key, attester.attestation_key(), &mut rng).unwrap();
    let (blob, secret) = (&challenge.credential_blob, &challenge.encrypted_secret);
    assert!(attester.activate(blob, secret).is_ok());
    assert_eq!(other.activate(blob, secret).unwrap_err().code(), "tpm_credential");

    // The same endorsement key beside an attestation key of elsewhere.
    let foreign = CredentialChallenge::new(&key, other.attestation_key(), &mut rng).unwrap();
    let error = attester.activate(&foreign.credential_blob, &foreign.encrypted_secret).unwrap_err();
    assert_eq!(error.code(), "tpm_credential");
    for bad in [&[][..], &[0], &[0, 5, 1], &[0xff; 600]] {
        assert_eq!(attester.activate(bad, secret).unwrap_err().code(), "tpm_credential");
    }
    assert!(attester.activate(blob, secret).is_ok(), "refusals leave nothing behind");
}

#[test]
fn without_an_event_log_evidence_goes_out_without_one_and_says_so() {
    let Some(machine) = Booted::new() else { return };
    let settings = machine.tpm.settings();
    let files = Arc::new(MemoryFiles::default());
    let attester = TpmAttester::open(machine.tpm.connect(), &settings, files.clone()).unwrap();
    let statement = statement("tpm", 1);
    let evidence = attester.evidence(&statement.digest()).unwrap().evidence;
    assert_eq!(TpmEvidence::decode(&evidence.bytes).unwrap().event_log, None);
    let mut strict = policy(&evidence, vec![enrol(&attester)]);
    strict.kinds.tpm.as_mut().unwrap().event_log = true;
    let verdict = judge(&evidence, &statement, &strict);
    assert_eq!(codes(&verdict), [ReasonCode::EventLogMissing]);
    drop(attester);

    // One that is longer than evidence can be is left out, too.
    files.set(EVENT_LOG, &vec![0; 1 << 20]);
    let attester = TpmAttester::open(machine.tpm.connect(), &settings, files).unwrap();
    let evidence = attester.evidence(&statement.digest()).unwrap().evidence;
    assert!(evidence.bytes.len() < evidence.kind.max_len());
}

#[test]
fn what_is_wrong_with_a_tpm_is_said_by_code() {
    let machine = |settings: TpmSettings| {
        let files = Arc::new(MemoryFiles::default());
        files.set("/dev/tpmrm0", b"");
        let (entropy, clock) = (Arc::new(OsEntropy), Arc::new(SystemClock::new()));
        let machine = Machine { files, entropy, clock };
        #[allow(clippy::needless_update, reason = "with the feature `sim` there is more")]
        let options = Options { tpm: settings, ..Options::default() };
        open(Choice::Kind(sealwork_verify::EvidenceKind::Tpm), &machine, &options)
    };
    let code = |address: &str| {
        let settings = TpmSettings { address: address.to_owned(), ..TpmSettings::default() };
        machine(settings).unwrap_err().code()
    };
    assert_eq!(code("telepathy:"), "tpm_address");
    assert_eq!(code("device:/dev/tpm-that-is-not-here"), "tpm_missing");
    assert_eq!(code("swtpm:host=127.0.0.1,port=1"), "tpm_unreachable");

    if !swtpm::is_installed() {
        return;
    }
    let without_bank = SwTpm::with_banks("sha1");
    assert_eq!(machine(without_bank.settings()).unwrap_err().code(), "tpm_bank_missing");

    let tpm = SwTpm::start();
    let opened = machine(tpm.settings()).unwrap().unwrap();
    assert_eq!(opened.pace(), Pace::PerNonce, "{:?}", opened.trial);
    assert!(opened.tpm.is_some());
    drop(opened);
    own_endorsement_hierarchy(&tpm, b"secret of the owner");
    assert_eq!(machine(tpm.settings()).unwrap_err().code(), "tpm_authorisation");
    let endorsement = TpmAuth::new(b"secret of the owner".as_slice());
    let settings = TpmSettings { endorsement, ..tpm.settings() };
    assert!(!format!("{settings:?}").contains("secret of"), "{settings:?}");
    machine(settings).unwrap();
}

fn own_endorsement_hierarchy(tpm: &SwTpm, auth: &[u8]) {
    use tss_esapi::{handles::AuthHandle, interface_types::session_handles::AuthSession};
    tpm.raw()
        .execute_with_session(Some(AuthSession::Password), |context| {
            context.hierarchy_change_auth(AuthHandle::Endorsement, auth.try_into().unwrap())
        })
        .unwrap();
}

/// The yardstick is 3.8 ms on a quiet machine; the bound here only catches what went badly wrong.
#[test]
fn a_quote_takes_milliseconds() {
    let Some(machine) = Booted::new() else { return };
    let attester = machine.attester();
    let mut took: Vec<_> = (0..300)
        .map(|n: u16| {
            let mut data = [0; 32];
            data[..2].copy_from_slice(&n.to_be_bytes());
            #[allow(clippy::disallowed_methods, reason = "a measurement")]
            let started = Instant::now();
            attester.evidence(&Digest(data)).unwrap();
            started.elapsed()
        })
        .collect();
    took.sort();
    let [median, p90, p99] = [150, 270, 297].map(|at| took[at]);
    println!("TPM evidence through swtpm: median {median:?}, p90 {p90:?}, p99 {p99:?} (300)");
    assert!(median.as_millis() < 25, "{median:?}");
}
