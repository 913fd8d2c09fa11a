//! Nothing is sealed to a worker that does not show where it runs.

use std::{sync::Arc, time::Duration};

use sealwork_client::{
    Attestation, Client, ClientBuilder, ClientError, Endorsements, SealOptions, Unproven,
    VerifyError,
};
use sealwork_job::{Digest, InstanceId, JobSpec};
use sealwork_platform::{OsEntropy, SystemNet, SystemResolver, sim::SimClock};
use sealwork_seal::{Purpose, Statement};
use sealwork_verify::{EvidenceDocument, Reason};
use serde_json::{Value, json};

use crate::{
    attester::{Attester, policy, simulated_policy},
    enclave::Enclave,
    support::FakeWorker,
};

const PATIENCE: Duration = Duration::from_secs(10);

fn spec() -> JobSpec {
    JobSpec::from_json(br#"{"engine":"web","arguments":{"url":"https://a/"}}"#).unwrap()
}

async fn run(client: &Client) -> Result<sealwork_client::JobResult, ClientError> {
    client.run(&spec(), &SealOptions::default(), PATIENCE, |_| ()).await
}

/// The error of a job that must not leave: nothing was submitted.
#[track_caller]
fn unsent(
    worker: &FakeWorker,
    ran: Result<sealwork_client::JobResult, ClientError>,
) -> ClientError {
    assert_eq!(worker.requests_to("/v1/jobs"), 0, "a job was sent");
    ran.map(drop).unwrap_err()
}

fn codes(error: &ClientError) -> Vec<&'static str> {
    let mut codes: Vec<_> =
        error.reasons().iter().map(|Reason { code, .. }| code.as_str()).collect();
    codes.dedup();
    codes
}

/// What the refusal of a worker consists of.
async fn refusal(worker: &FakeWorker, builder: ClientBuilder) -> Vec<&'static str> {
    let error = unsent(worker, run(&builder.build().unwrap()).await);
    assert!(matches!(error, ClientError::EvidenceRejected(_)), "{error}");
    for code in codes(&error) {
        assert!(error.to_string().contains(code), "{code} is not in: {error}");
    }
    codes(&error)
}

#[tokio::test]
async fn without_a_policy_nothing_is_sent_and_the_error_says_how_to_get_one() {
    let worker = FakeWorker::start().await;
    let client = worker.undecided_builder().build().unwrap();
    let error = unsent(&worker, run(&client).await);
    assert_eq!(error.code(), "no_policy");
    assert!(error.hint().contains("policy init --from") && error.hint().contains("unattested"));
    assert!(worker.state.seen.lock().unwrap().is_empty(), "the worker was asked something");
    // To know the worker by its id is not to know where it runs.
    let pinned = worker.undecided_builder().worker(worker.state.worker()).build().unwrap();
    assert_eq!(unsent(&worker, run(&pinned).await).code(), "no_policy");
}

#[tokio::test]
async fn who_asks_for_no_evidence_by_name_gets_none() {
    let worker = FakeWorker::start().await;
    let client = worker.undecided_builder().unattested().build().unwrap();
    assert!(client.recipient().await.unwrap().evidence().is_none());
    assert!(run(&client).await.unwrap().evidence.is_none());
    assert!(worker.state.nonces.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_trusted_worker_gets_the_job_and_its_receipt_leads_to_archived_evidence() {
    let worker = FakeWorker::start().await;
    let enclave = Enclave::new();
    worker.state.attest_with(enclave.attester());
    let client = worker.builder_under(&enclave.policy()).build().unwrap();
    let result = run(&client).await.unwrap();
    let proven = result.evidence.unwrap();
    assert_eq!(proven.class.as_str(), "confidential");
    let cited = result.receipt.claims.evidence.unwrap();
    assert_eq!(worker.requests_to(&format!("/v1/evidence/{cited}")), 1);
}

#[tokio::test]
async fn evidence_is_asked_for_once_a_session_with_a_nonce_of_its_own() {
    let worker = FakeWorker::start().await;
    for _ in 0..2 {
        let client = worker.client();
        for _ in 0..3 {
            run(&client).await.unwrap();
        }
    }
    let nonces = worker.state.nonces.lock().unwrap();
    assert_eq!(nonces.len(), 2);
    assert_ne!(nonces[0], nonces[1]);
    assert!(nonces.iter().all(|nonce| nonce.len() == 32));
}

#[tokio::test]
async fn a_worker_that_is_not_trusted_yet_does_not_see_the_api_key() {
    let worker = FakeWorker::start().await;
    let client = worker.builder().api_key("a-key").unwrap().build().unwrap();
    run(&client).await.unwrap();
    let shown = worker.state.keys_shown_to.lock().unwrap();
    assert!(shown.iter().any(|path| path == "/v1/jobs"), "{shown:?}");
    let public = |path: &String| ["/v1/keys", "/v1/evidence"].contains(&path.as_str());
    assert!(!shown.iter().any(public), "{shown:?}");
}

#[tokio::test]
async fn a_verdict_is_kept_until_keys_rotate_or_the_policy_changes() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let asked = || worker.state.nonces.lock().unwrap().len();
    run(&client).await.unwrap();
    worker.state.rotate();
    run(&client).await.unwrap();
    assert_eq!(asked(), 2, "new keys are new keys");
    client.set_attestation(Attestation::new(policy(&simulated_policy())));
    run(&client).await.unwrap();
    assert_eq!(asked(), 3, "a new policy is a new question");
    let mut strict = simulated_policy();
    strict["kinds"]["simulated"]["references"][0]["values"]["measurement"] = "06".repeat(32).into();
    client.set_attestation(Attestation::new(policy(&strict)));
    let error = run(&client).await.map(drop).unwrap_err();
    assert_eq!(codes(&error), ["measurement_mismatch"]);
}

#[tokio::test]
async fn a_verdict_ends_with_the_validity_of_what_it_is_about() {
    let worker = FakeWorker::start().await;
    let clock = Arc::new(SimClock::at(worker.state.born));
    let client = worker
        .builder()
        .platform(
            Arc::clone(&clock) as _,
            Arc::new(OsEntropy),
            Arc::new(SystemResolver),
            Arc::new(SystemNet),
        )
        .build()
        .unwrap();
    let asked = || worker.state.nonces.lock().unwrap().len();
    client.recipient().await.unwrap();
    clock.advance(Duration::from_secs(3600 - 60));
    client.recipient().await.unwrap();
    assert_eq!(asked(), 1);
    clock.advance(Duration::from_secs(60));
    client.recipient().await.unwrap();
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn the_default_class_refuses_a_simulation() {
    let worker = FakeWorker::start().await;
    let enclave = Enclave::new();
    let refused = refusal(&worker, worker.builder_under(&enclave.policy())).await;
    assert_eq!(refused, ["simulated", "class_too_low"]);
}

#[tokio::test]
async fn evidence_that_was_changed_on_its_way_is_refused() {
    let worker = FakeWorker::start().await;
    let enclave = Enclave::new();
    worker.state.attest_with(enclave.attester());
    type Change = fn(&mut EvidenceDocument);
    let changes: [(Change, &[&str]); 3] = [
        // In the signature.
        (|d| *d.evidence.bytes.last_mut().unwrap() ^= 1, &["signature_invalid"]),
        (|d| d.evidence.bytes.truncate(100), &["evidence_malformed"]),
        (|d| d.statement.config = Digest([9; 32]), &["statement_mismatch"]),
    ];
    for (change, expected) in changes {
        *worker.state.tamper.lock().unwrap() = Some(Box::new(change));
        let refused = refusal(&worker, worker.builder_under(&enclave.policy())).await;
        assert_eq!(refused, expected);
    }
}

#[tokio::test]
async fn evidence_about_something_else_is_refused_though_the_platform_signed_it() {
    let worker = FakeWorker::start().await;
    let enclave = Enclave::new();
    worker.state.attest_with(enclave.attester());
    type Change = fn(&mut Statement);
    let changes: [(&str, Change, &[&str]); 5] = [
        ("another key config", |s| s.key_config = Digest([9; 32]), &["statement_mismatch"]),
        ("another configuration", |s| s.config = Digest([9; 32]), &["statement_mismatch"]),
        ("another worker's boot", |s| s.instance = InstanceId([9; 16]), &["statement_mismatch"]),
        ("another purpose", |s| s.purpose = Purpose::KeyRelease, &["statement_mismatch"]),
        ("another nonce", |s| s.nonce = vec![9; 32], &["nonce_mismatch"]),
    ];
    for (what, change, expected) in changes {
        *worker.state.restate.lock().unwrap() = Some(Box::new(change));
        let refused = refusal(&worker, worker.builder_under(&enclave.policy())).await;
        assert_eq!(refused, [expected, &["report_data_mismatch"]].concat(), "{what}");
    }
}

#[tokio::test]
async fn evidence_of_another_session_is_refused() {
    let worker = FakeWorker::start().await;
    let recorded = worker.state.evidence(Some(vec![7; 32]));
    *worker.state.tamper.lock().unwrap() = Some(Box::new(move |document| {
        *document = recorded.clone();
    }));
    let refused = refusal(&worker, worker.builder()).await;
    assert_eq!(refused, ["nonce_mismatch", "report_data_mismatch"]);
}

#[tokio::test]
async fn evidence_of_another_worker_is_refused() {
    let worker = FakeWorker::start().await;
    let other = FakeWorker::start().await;
    other.state.restart();
    // Whoever sits between asks the other worker, with this session's nonce.
    *worker.state.tamper.lock().unwrap() = Some(Box::new(move |document| {
        *document = other.state.evidence(Some(document.statement.nonce.clone()));
    }));
    let refused = refusal(&worker, worker.builder()).await;
    assert_eq!(refused, ["statement_mismatch", "report_data_mismatch"]);
}

#[tokio::test]
async fn platforms_in_debug_mode_with_other_code_out_of_date_or_of_other_roots_are_refused() {
    let good = Enclave::new();
    let cases: [(&str, Enclave, &[&str]); 5] = [
        (
            "debug",
            good.clone().with_pcr(0),
            &["debug_enabled", "class_too_low", "measurement_mismatch"],
        ),
        ("other code", good.clone().with_pcr(2), &["measurement_mismatch"]),
        ("stale", good.clone().with_age(3600), &["evidence_stale"]),
        ("from the future", good.clone().with_age(-3600), &["evidence_from_future"]),
        ("another root", Enclave::new(), &["root_untrusted"]),
    ];
    for (what, enclave, expected) in cases {
        let worker = FakeWorker::start().await;
        worker.state.attest_with(enclave.attester());
        let refused = refusal(&worker, worker.builder_under(&good.policy())).await;
        assert_eq!(refused, expected, "{what}");
    }
    let expired = Enclave::ending_in(-60);
    let worker = FakeWorker::start().await;
    worker.state.attest_with(expired.attester());
    let refused = refusal(&worker, worker.builder_under(&expired.policy())).await;
    assert_eq!(refused, ["certificate_expired"]);
}

#[tokio::test]
async fn the_isolation_has_to_be_one_that_the_policy_accepts() {
    let worker = FakeWorker::start().await;
    let mut vm_only = simulated_policy();
    vm_only["isolation"] = json!(["vm"]);
    let refused = refusal(&worker, worker.builder_under(&vm_only)).await;
    assert_eq!(refused, ["isolation_not_allowed"]);
}

#[tokio::test]
async fn a_worker_that_gives_no_evidence_any_more_is_refused() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    run(&client).await.unwrap();
    let sent = worker.requests_to("/v1/jobs");
    let none = || Attester { kind: "none", make: Attester::simulated().make };
    worker.state.attest_with(none());
    client.refresh_key_config().await.unwrap_err();
    let error = run(&worker.client()).await.map(drop).unwrap_err();
    assert!(matches!(error, ClientError::NoEvidence(Unproven::KeyConfig)), "{error}");
    assert_eq!(error.code(), "evidence_none");

    // Its key config promises evidence, and then there is none.
    worker.state.attest_with(Attester::simulated());
    worker.answer_once("/v1/evidence", 404, r#"{"code":"evidence_none","detail":"none"}"#);
    let error = run(&worker.client()).await.map(drop).unwrap_err();
    assert!(matches!(error, ClientError::NoEvidence(Unproven::Answer(_))), "{error}");
    assert_eq!(error.code(), "evidence_none");
    assert_eq!(worker.requests_to("/v1/jobs"), sent, "a job was sent");
}

#[tokio::test]
async fn evidence_of_another_kind_than_the_key_config_names_is_refused() {
    let worker = FakeWorker::start().await;
    let make = Attester::simulated().make;
    worker.state.attest_with(Attester { kind: "tdx", make });
    let refused = refusal(&worker, worker.builder()).await;
    assert_eq!(refused, ["kind_mismatch", "statement_mismatch", "report_data_mismatch"]);
}

#[tokio::test]
async fn evidence_of_the_epoch_answers_a_nonce_only_where_the_policy_says_so() {
    let worker = FakeWorker::start().await;
    let epoch = worker.state.evidence(None);
    *worker.state.tamper.lock().unwrap() = Some(Box::new(move |document| {
        *document = epoch.clone();
    }));
    let refused = refusal(&worker, worker.builder()).await;
    assert_eq!(refused, ["epoch_evidence_not_allowed"]);
    let mut lenient = simulated_policy();
    lenient["freshness"] = json!({"epoch_evidence": true});
    let client = worker.builder_under(&lenient).build().unwrap();
    assert!(run(&client).await.is_ok());
}

#[tokio::test]
async fn what_is_no_evidence_document_is_refused_and_nothing_sent() {
    let worker = FakeWorker::start().await;
    for answer in ["", "{}", "<html></html>", r#"{"version":2}"#] {
        worker.answer_once("/v1/evidence", 200, answer);
        let error = unsent(&worker, run(&worker.client()).await);
        let expected = matches!(error, ClientError::Verification(VerifyError::Evidence(_)));
        assert!(expected, "{answer}: {error}");
    }
}

#[tokio::test]
async fn a_busy_platform_is_asked_again() {
    let worker = FakeWorker::start().await;
    worker.answer_once("/v1/evidence", 503, r#"{"code":"attester_busy","retryable":true}"#);
    assert!(run(&worker.client()).await.is_ok());
}

#[tokio::test]
async fn keys_that_rotate_between_the_two_questions_are_asked_about_again() {
    let worker = FakeWorker::start().await;
    let old = worker.state.key_config();
    worker.state.rotate();
    worker.answer_once("/v1/keys", 200, old.leak());
    assert!(run(&worker.client()).await.is_ok());
    assert_eq!(worker.requests_to("/v1/keys"), 2);
}

#[tokio::test]
async fn a_receipt_that_does_not_lead_to_trusted_evidence_is_refused() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    *worker.state.forge.lock().unwrap() = Some(Box::new(|claims| claims.evidence = None));
    let error = run(&client).await.map(drop).unwrap_err();
    assert!(matches!(error, ClientError::ReceiptRejected(_)), "{error}");
    assert_eq!((error.code(), codes(&error)), ("receipt_rejected", vec!["receipt_mismatch"]));

    // Evidence that the worker does not have.
    *worker.state.forge.lock().unwrap() =
        Some(Box::new(|claims| claims.evidence = Some(Digest([9; 32]))));
    let error = run(&client).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "evidence_unknown", "{error}");

    // Evidence with another digest than the receipt's.
    *worker.state.forge.lock().unwrap() = None;
    *worker.state.tamper.lock().unwrap() = Some(Box::new(|document| {
        if document.statement.purpose == Purpose::Epoch {
            document.evidence.bytes[100] ^= 1;
        }
    }));
    let error = run(&client).await.map(drop).unwrap_err();
    assert!(matches!(error, ClientError::Verification(VerifyError::Mismatch { .. })), "{error}");
}

#[tokio::test]
async fn a_job_of_an_earlier_boot_or_epoch_leads_to_the_evidence_of_that_one() {
    let worker = FakeWorker::start().await;
    let client = worker.client();
    let sealed = client.seal(&spec(), &SealOptions::default()).await.unwrap();
    // Accepted by the next boot: the key config that the client knows is of the one before.
    worker.state.restart();
    let handle = client.submit(&sealed).await.unwrap();
    let result = client.result(&handle).await.unwrap();
    assert_eq!(result.receipt.claims.instance, worker.state.instance());
    assert!(result.evidence.is_some());
    let key_config = result.receipt.claims.key_config;
    assert_eq!(worker.requests_to(&format!("/v1/key-configs/{key_config}")), 1);
}

#[tokio::test]
async fn an_older_bundle_of_endorsements_than_the_last_one_is_refused() {
    let worker = FakeWorker::start().await;
    let attested = |sequence: u64, watermark| {
        let bundle = json!({"version": 1, "sequence": sequence}).to_string();
        let bundle = Endorsements::from_json(bundle.as_bytes()).unwrap();
        let attestation = Attestation::new(policy(&simulated_policy())).endorsements(bundle);
        worker.undecided_builder().attestation(attestation.watermark(watermark))
    };
    let client = attested(5, Default::default()).build().unwrap();
    client.recipient().await.unwrap();
    let seen = client.watermark().unwrap();
    // As it is kept on disk.
    let kept: Value = serde_json::to_value(&seen).unwrap();
    let kept: sealwork_client::Watermark = serde_json::from_value(kept).unwrap();
    assert_eq!(refusal(&worker, attested(4, kept.clone())).await, ["collateral_rolled_back"]);
    assert!(attested(6, kept).build().unwrap().recipient().await.is_ok());
}
