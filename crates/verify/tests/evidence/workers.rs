//! From key configs and receipts to evidence.

mod epochs;

use sealwork_job::{Digest, InstanceId, Intake, JobId, Timestamp, Usage};
use sealwork_seal::{
    EnvelopeKeyPair, KeyConfig, KeyConfigParams, PublicEnvelopeKey, Purpose, ReceiptClaims,
    ReceiptKey, Statement, Suite,
};
use sealwork_verify::{
    Class, Endorsements, EvidenceDocument, Question, Verdict, Verifier, Watermark, verify_document,
    verify_receipt_evidence, verify_worker,
};

use serde_json::json;

use crate::{
    made::{NOW, Repeats, measured_statement, nitro},
    support::{Case, codes, policy},
};

const AT: Timestamp = Timestamp(NOW * 1000);

struct Worker {
    key: ReceiptKey,
    config: KeyConfig,
}

impl Worker {
    fn new(seed: u8) -> Self {
        Self::offering(seed, vec![])
    }

    fn offering(seed: u8, keys: Vec<PublicEnvelopeKey>) -> Self {
        Self::of_kind("tpm", seed, keys)
    }

    fn of_kind(kind: &str, seed: u8, keys: Vec<PublicEnvelopeKey>) -> Self {
        let key = ReceiptKey::from_seed(&[seed; 32]);
        let config = KeyConfig::sign(
            &key,
            KeyConfigParams {
                worker: key.public().worker_id(),
                instance: InstanceId([seed; 16]),
                max_lifetime_secs: 60,
                max_envelope_bytes: 1 << 20,
                isolation: "process".to_owned(),
                config_digest: Digest([3; 32]),
                evidence: kind.to_owned(),
                keys,
            },
        );
        Self { key, config }
    }

    fn statement(&self, purpose: Purpose, nonce: &[u8]) -> Statement {
        Statement {
            kind: self.config.evidence_kind().to_owned(),
            purpose,
            nonce: nonce.to_vec(),
            key_config: self.config.digest(),
            config: self.config.config_digest,
            instance: self.config.instance,
            context: vec![],
        }
    }

    fn receipt(&self, evidence: Digest) -> String {
        self.key.sign(&ReceiptClaims {
            worker: self.config.worker,
            instance: self.config.instance,
            job: JobId([1; 16]),
            intake: Intake::Sealed,
            engine: "web".to_owned(),
            program: None,
            job_digest: None,
            input_digest: None,
            output_digest: None,
            code: "ok".to_owned(),
            started: AT,
            ended: AT,
            usage: Usage::default(),
            isolation: "process".to_owned(),
            evidence: Some(evidence),
            key_config: self.config.digest(),
            sequence: 1,
            previous: Digest([0; 32]),
        })
    }
}

fn document(statement: &Statement) -> (Case, EvidenceDocument) {
    let case = measured_statement(&statement.report_data());
    let document = EvidenceDocument {
        statement: statement.clone(),
        evidence: case.evidence.clone(),
        endorsements: case.endorsements.clone(),
    };
    // As it comes over the wire.
    let document = EvidenceDocument::from_json(document.to_json().as_bytes()).unwrap();
    (case, document)
}

fn check(
    worker: &Worker,
    case: &Case,
    document: &EvidenceDocument,
    question: &Question,
) -> Verdict {
    let own = Default::default();
    verify_worker(&worker.config, document, question, &own, &policy(&case.policy), AT)
}

/// A bundle that holds nothing but its number.
fn numbered(sequence: u64) -> Endorsements {
    let json = json!({"version": 1, "sequence": sequence}).to_string();
    Endorsements::from_json(json.as_bytes()).unwrap()
}

/// An enclave makes such documents for anybody, where Marlin's paths are switched on: without
/// `check_asker` the second one would be evidence for keys of the asker's.
#[test]
fn a_document_that_somebody_else_chose_the_contents_of_is_no_evidence() {
    let worker = Worker::of_kind("nitro", 1, vec![]);
    let statement = worker.statement(Purpose::Session, &[7; 32]);
    let judged = |public_key: Option<&[u8]>| {
        let case = nitro::document_about(statement.digest().as_bytes(), public_key);
        let document = EvidenceDocument {
            statement: statement.clone(),
            evidence: case.evidence.clone(),
            endorsements: case.endorsements.clone(),
        };
        codes(&check(&worker, &case, &document, &Question::session([7; 32])))
    };
    assert_eq!(judged(None), [""; 0]);
    assert_eq!(judged(Some(&[4; 64])), ["statement_mismatch"]);
}

#[test]
fn a_worker_is_trusted_for_the_nonce_that_was_sent() {
    let worker = Worker::new(1);
    let (case, document) = document(&worker.statement(Purpose::Session, &[7; 32]));
    let verdict = check(&worker, &case, &document, &Question::session([7; 32]));
    assert_eq!(verdict.into_result().unwrap().class, Class::Measured);

    let replayed = check(&worker, &case, &document, &Question::session([8; 32]));
    assert_eq!(codes(&replayed), ["nonce_mismatch", "report_data_mismatch"]);
    let unasked = check(&worker, &case, &document, &Question::session([]));
    assert_eq!(codes(&unasked), ["nonce_mismatch", "report_data_mismatch", "freshness_unknown"]);
    let epoch = check(&worker, &case, &document, &Question::epoch());
    assert_eq!(codes(&epoch), ["statement_mismatch", "nonce_mismatch", "report_data_mismatch"]);
}

#[test]
fn a_verifier_with_memory_says_the_same_of_workers() {
    let worker = Worker::new(1);
    let (case, document) = document(&worker.statement(Purpose::Session, &[7; 32]));
    let policy = policy(&case.policy);
    let mut verifier = Verifier::new(Default::default(), Default::default(), 2);
    for (nonce, expected) in
        [([7; 32], &[][..]), ([8; 32], &["nonce_mismatch", "report_data_mismatch"]), ([7; 32], &[])]
    {
        let question = Question::session(nonce);
        let verdict = verifier.verify_worker(&worker.config, &document, &question, &policy, AT);
        assert_eq!(codes(&verdict), expected);
    }
}

#[test]
fn evidence_of_one_worker_with_keys_of_another_is_refused() {
    let (one, two) = (Worker::new(1), Worker::new(2));
    let (case, document) = document(&one.statement(Purpose::Session, &[7; 32]));
    let verdict = check(&two, &case, &document, &Question::session([7; 32]));
    assert_eq!(codes(&verdict), ["statement_mismatch", "report_data_mismatch"]);
    let claims: Vec<_> = verdict.reasons().iter().map(|reason| reason.claim.as_str()).collect();
    assert_eq!(claims, ["key config of the statement", "instance of the statement", "report data"]);
}

#[test]
fn every_field_of_the_statement_is_bound() {
    let worker = Worker::new(1);
    let whole = worker.statement(Purpose::Session, &[7; 32]);
    let changes: [fn(&mut Statement); 7] = [
        |statement| statement.kind = "tdx".to_owned(),
        |statement| statement.purpose = Purpose::KeyRelease,
        |statement| statement.nonce[0] ^= 1,
        |statement| statement.key_config.0[0] ^= 1,
        |statement| statement.config.0[0] ^= 1,
        |statement| statement.instance.0[0] ^= 1,
        |statement| statement.context.push(1),
    ];
    for change in changes {
        // The platform has signed another statement, and says so, or does not.
        let mut other = whole.clone();
        change(&mut other);
        let (case, mut document) = document(&other);
        let honest = check(&worker, &case, &document, &Question::session([7; 32]));
        assert_eq!(codes(&honest).len(), 2, "{other:?}: {:?}", codes(&honest));
        document.statement = whole.clone();
        let lying = check(&worker, &case, &document, &Question::session([7; 32]));
        assert_eq!(codes(&lying), ["report_data_mismatch"], "{other:?}");
    }
}

#[test]
fn key_configs_are_checked_with_their_isolation_and_kind() {
    let worker = Worker::new(1);
    let (case, document) = document(&worker.statement(Purpose::Session, &[7; 32]));
    let question = Question::session([7; 32]);
    let vm = case.policy("/isolation", serde_json::json!(["vm"]));
    assert_eq!(codes(&check(&worker, &vm, &document, &question)), ["isolation_not_allowed"]);

    let mut forged = Worker::new(1);
    forged.config.max_lifetime_secs += 1;
    let codes = codes(&check(&forged, &case, &document, &question));
    assert_eq!(codes, ["key_config_invalid", "statement_mismatch", "report_data_mismatch"]);
}

#[test]
fn a_receipt_leads_to_its_evidence() {
    let worker = Worker::new(1);
    let (case, document) = document(&worker.statement(Purpose::Epoch, &[]));
    let receipt = worker.receipt(document.digest());
    let policy = policy(&case.policy);
    let follow = |receipt: &str, worker: &Worker, document: &EvidenceDocument| {
        let own = Default::default();
        verify_receipt_evidence(receipt, &worker.config, document, &own, &policy, AT)
    };
    let verified = follow(&receipt, &worker, &document).unwrap();
    assert_eq!(verified.receipt.job, JobId([1; 16]));
    // A bundle of later days was used since: what was archived is checked with that of its time.
    let seen: Watermark = serde_json::from_value(json!({"bundle": 9})).unwrap();
    let mut verifier = Verifier::new(numbered(8), seen, 2);
    let (config, at) = (&worker.config, AT);
    let remembered = verifier.verify_receipt_evidence(&receipt, config, &document, &policy, at);
    assert_eq!(remembered.unwrap(), verified);
    verifier.set_endorsements(numbered(10));
    let remembered = verifier.verify_receipt_evidence(&receipt, config, &document, &policy, at);
    assert_eq!(remembered.unwrap(), verified);
    assert_eq!(serde_json::to_value(verifier.watermark()).unwrap(), json!({"bundle": 10}));
    assert_eq!(verified.evidence.class, Class::Measured);

    let why = |result: Result<_, sealwork_verify::Rejected>| {
        let rejected: sealwork_verify::Rejected =
            result.map(|_: sealwork_verify::VerifiedReceipt| ()).unwrap_err();
        rejected.reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>()
    };
    let other_evidence = worker.receipt(Digest([9; 32]));
    assert_eq!(why(follow(&other_evidence, &worker, &document)), ["receipt_mismatch"]);
    let other_worker = Worker::new(2);
    let codes = why(follow(&receipt, &other_worker, &document));
    assert_eq!(codes[0], "receipt_invalid", "{codes:?}");
    let mut changed = receipt.clone().into_bytes();
    let at = changed.iter().position(|byte| *byte == b'.').unwrap() + 5;
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    assert_eq!(why(follow(&changed, &worker, &document)), ["receipt_invalid"]);

    // The same worker after a restart: another boot than the receipt's.
    let mut later = Worker::new(1);
    later.config = KeyConfig::sign(
        &later.key,
        KeyConfigParams {
            worker: later.config.worker,
            instance: InstanceId([8; 16]),
            max_lifetime_secs: 60,
            max_envelope_bytes: 1 << 20,
            isolation: "process".to_owned(),
            config_digest: Digest([3; 32]),
            evidence: "tpm".to_owned(),
            keys: vec![],
        },
    );
    let codes = why(follow(&receipt, &later, &document));
    assert_eq!(codes, ["receipt_mismatch", "statement_mismatch", "report_data_mismatch"]);
}

#[test]
fn session_evidence_is_none_for_receipts() {
    let worker = Worker::new(1);
    let (case, document) = document(&worker.statement(Purpose::Session, &[]));
    let receipt = worker.receipt(document.digest());
    let own = Default::default();
    let policy = policy(&case.policy);
    let rejected = verify_receipt_evidence(&receipt, &worker.config, &document, &own, &policy, AT);
    let reasons = rejected.unwrap_err().reasons;
    assert_eq!(reasons[0].code.as_str(), "statement_mismatch");
}

#[test]
fn documents_of_other_forms_are_refused() {
    let worker = Worker::new(1);
    let (_, document) = document(&worker.statement(Purpose::Session, &[7; 32]));
    let json: serde_json::Value = serde_json::from_str(&document.to_json()).unwrap();
    let changes = [
        ("version", serde_json::json!(2)),
        ("kind", "sev".into()),
        ("evidence", "not base64".into()),
        ("more", 1.into()),
        ("statement", serde_json::json!({})),
    ];
    for (field, value) in changes {
        let mut changed = json.clone();
        changed[field] = value;
        let text = changed.to_string();
        assert!(EvidenceDocument::from_json(text.as_bytes()).is_err(), "{field}");
    }
}
