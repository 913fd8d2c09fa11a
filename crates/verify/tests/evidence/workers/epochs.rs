//! Evidence of epochs: no answer to a nonce, as new as the keys that it speaks of.

use super::*;

/// A worker whose key is offered for half an hour before and after the time of the check.
fn with_keys(seed: u8) -> Worker {
    let key = EnvelopeKeyPair::generate(Suite::X25519, &mut Repeats::new(seed.into())).public();
    Worker::offering(
        seed,
        vec![PublicEnvelopeKey { not_before: NOW - 1800, not_after: NOW + 1800, ..key }],
    )
}

#[test]
fn evidence_of_the_epoch_answers_a_session_where_the_policy_says_so_and_while_its_keys_are_valid() {
    let worker = with_keys(1);
    let (strict, document) = document(&worker.statement(Purpose::Epoch, &[]));
    let lenient = strict.policy("/freshness", json!({"epoch_evidence": true}));
    let session = Question::session([7; 32]);
    let verdict = check(&worker, &strict, &document, &session);
    assert_eq!(codes(&verdict), ["epoch_evidence_not_allowed"]);
    let verdict = check(&worker, &lenient, &document, &session);
    assert_eq!(verdict.into_result().unwrap().class, Class::Measured);

    let at = |secs: u64| {
        let (own, policy) = (Default::default(), policy(&lenient.policy));
        let at = Timestamp::from_secs(secs);
        let verdict = verify_worker(&worker.config, &document, &session, &own, &policy, at);
        codes(&verdict)
    };
    assert_eq!(at(NOW + 1799), [""; 0]);
    assert_eq!(at(NOW + 1800), ["evidence_stale"]);
    assert_eq!(at(NOW - 1801), ["evidence_stale"]);
    let without_keys = Worker::new(1);
    let (case, document) = self::document(&without_keys.statement(Purpose::Epoch, &[]));
    let lenient = case.policy("/freshness", json!({"epoch_evidence": true}));
    assert_eq!(codes(&check(&without_keys, &lenient, &document, &session)), ["evidence_stale"]);
}

/// Broken by a `judge_worker` for which asking for an epoch is a way around the policy.
#[test]
fn evidence_of_the_epoch_that_was_asked_for_is_as_new_as_its_keys_too() {
    let worker = with_keys(1);
    let (strict, document) = document(&worker.statement(Purpose::Epoch, &[]));
    let lenient = strict.policy("/freshness", json!({"epoch_evidence": true}));
    let at = |case: &Case, secs: u64| {
        let (own, policy) = (Default::default(), policy(&case.policy));
        let (question, at) = (Question::epoch(), Timestamp::from_secs(secs));
        codes(&verify_worker(&worker.config, &document, &question, &own, &policy, at))
    };
    assert_eq!(at(&strict, NOW), ["epoch_evidence_not_allowed"]);
    assert_eq!(at(&lenient, NOW), [""; 0]);
    assert_eq!(at(&lenient, NOW - 1801), ["evidence_stale"]);
    assert_eq!(at(&lenient, NOW + 1800), ["evidence_stale"]);
    let odd = Question { context: vec![1], ..Question::epoch() };
    let verdict = check(&worker, &strict, &document, &odd);
    assert_eq!(codes(&verdict)[0], "epoch_evidence_not_allowed");
}

/// A document from a file, without the key config that it is about.
#[test]
fn a_document_of_an_epoch_is_not_new_for_ever() {
    let worker = with_keys(1);
    let (strict, document) = document(&worker.statement(Purpose::Epoch, &[]));
    let lenient = strict.policy("/freshness", json!({"epoch_evidence": true}));
    let (own, mut verifier) =
        (Default::default(), Verifier::new(Default::default(), Default::default(), 2));
    let mut look = |case: &Case| {
        let policy = policy(&case.policy);
        let alone = codes(&verify_document(&document, None, &own, &policy, AT));
        assert_eq!(codes(&verifier.verify_document(&document, None, &policy, AT)), alone);
        // An empty nonce asks nothing.
        assert_eq!(codes(&verify_document(&document, Some(&[]), &own, &policy, AT)), alone);
        alone
    };
    assert_eq!(look(&strict), ["epoch_evidence_not_allowed", "freshness_unknown"]);
    assert_eq!(look(&lenient), ["freshness_unknown"]);
}

/// A platform with a clock of its own dates its documents.
#[test]
fn a_dated_document_of_an_epoch_is_as_new_as_the_policy_demands() {
    let worker = Worker::of_kind("nitro", 1, vec![]);
    let statement = worker.statement(Purpose::Epoch, &[]);
    let case = nitro::document_about(statement.digest().as_bytes(), None);
    let document = EvidenceDocument {
        statement,
        evidence: case.evidence.clone(),
        endorsements: case.endorsements.clone(),
    };
    let lenient = case.policy("/freshness", json!({"epoch_evidence": true, "max_age_seconds": 60}));
    let at = |case: &Case, secs: u64| {
        let (own, policy) = (Default::default(), policy(&case.policy));
        codes(&verify_document(&document, None, &own, &policy, Timestamp::from_secs(secs)))
    };
    assert_eq!(at(&case, NOW), ["epoch_evidence_not_allowed"]);
    assert_eq!(at(&lenient, NOW + 60), [""; 0]);
    assert_eq!(at(&lenient, NOW + 61), ["evidence_stale"]);
}

#[test]
fn evidence_of_the_epoch_answers_nothing_but_a_session_and_is_bound_as_ever() {
    let worker = with_keys(1);
    let (case, document) = document(&worker.statement(Purpose::Epoch, &[]));
    let lenient = case.policy("/freshness", json!({"epoch_evidence": true}));
    let release = Question { purpose: Purpose::KeyRelease, ..Question::session([7; 32]) };
    let context = Question { context: vec![1], ..Question::session([7; 32]) };
    for question in [release, context] {
        let verdict = check(&worker, &lenient, &document, &question);
        assert_eq!(codes(&verdict)[0], "statement_mismatch", "{question:?}");
    }
    let verdict = check(&with_keys(2), &lenient, &document, &Question::session([7; 32]));
    assert_eq!(codes(&verdict), ["statement_mismatch", "report_data_mismatch"]);

    // Called an epoch's, and it was signed for another nonce.
    let (_, mut foreign) = self::document(&worker.statement(Purpose::Session, &[8; 32]));
    foreign.statement = document.statement.clone();
    let verdict = check(&worker, &lenient, &foreign, &Question::session([7; 32]));
    assert!(codes(&verdict).contains(&"report_data_mismatch"), "{:?}", codes(&verdict));
    let (_, with_nonce) = self::document(&worker.statement(Purpose::Epoch, &[8; 32]));
    let verdict = check(&worker, &lenient, &with_nonce, &Question::session([7; 32]));
    assert!(codes(&verdict).contains(&"nonce_mismatch"), "{:?}", codes(&verdict));
}
