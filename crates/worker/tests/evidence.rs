//! Evidence about the keys: what is made for whom, what receipts cite, and how long it is kept.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use common::{Machine, job};
use sealwork_attest::{AttestError, Attested, Attester, Pace};
use sealwork_job::{Code, Digest};
use sealwork_seal::{KeyConfig, Purpose, ReceiptClaims};
use sealwork_verify::{Evidence, EvidenceDocument, EvidenceKind};
use sealwork_worker::{Attestation, Worker, WorkerConfig};
use serde_json::json;

const NONCE: [u8; 32] = [9; 32];

/// A platform that signs by repeating, and does as it is told.
#[derive(Debug, Default)]
struct FakePlatform {
    is_down: AtomicBool,
    holds: Mutex<bool>,
    let_go: Condvar,
    asked: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl FakePlatform {
    fn hold(&self, holds: bool) {
        *self.holds.lock().unwrap() = holds;
        self.let_go.notify_all();
    }
}

impl Attester for FakePlatform {
    fn kind(&self) -> EvidenceKind {
        EvidenceKind::Simulated
    }

    fn evidence(&self, statement: &Digest) -> Result<Attested, AttestError> {
        self.asked.fetch_add(1, SeqCst);
        let at_once = self.at_once.fetch_add(1, SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, SeqCst);
        drop(self.let_go.wait_while(self.holds.lock().unwrap(), |holds| *holds).unwrap());
        self.at_once.fetch_sub(1, SeqCst);
        if self.is_down.load(SeqCst) {
            return Err(AttestError::Answer("it is down"));
        }
        Ok(Evidence::new(self.kind(), statement.as_bytes().to_vec()).into())
    }
}

fn config(platform: &Arc<FakePlatform>, pace: Pace) -> WorkerConfig {
    WorkerConfig {
        attestation: Some(Attestation { attester: platform.clone(), pace }),
        key_epoch: Duration::from_secs(3600),
        max_lifetime: Duration::from_secs(7200),
        results_kept: 1,
        ..WorkerConfig::default()
    }
}

async fn settled(machine: &Machine, worker: &Arc<Worker>) -> ReceiptClaims {
    let sealed = machine.seal(&worker.key_config(), &job(json!({})));
    let accepted = worker.submit(sealed.submission()).await.unwrap();
    sealed.result(worker, accepted.job).await.unwrap().1
}

/// The archived evidence that a receipt cites and its key config, which have to be of one boot.
fn cited(worker: &Worker, receipt: &ReceiptClaims) -> Result<EvidenceDocument, Code> {
    let evidence = receipt.evidence.expect("the receipt cites evidence");
    let document = worker.archived_evidence(evidence).map_err(|refusal| refusal.code)?;
    let document = EvidenceDocument::from_json(&document).unwrap();
    let key_config = worker.archived_key_config(receipt.key_config, Some(receipt.instance));
    let key_config = KeyConfig::from_json(&key_config.unwrap()).unwrap();
    assert_eq!(document.digest(), evidence);
    assert_eq!(document.statement.purpose, Purpose::Epoch);
    assert_eq!(document.statement.key_config, key_config.digest());
    assert_eq!(document.statement.config, key_config.config_digest);
    assert_eq!(document.statement.instance, key_config.instance);
    assert_eq!(document.evidence.bytes, document.statement.digest().as_bytes());
    Ok(document)
}

#[tokio::test(start_paused = true)]
async fn a_nonce_gets_fresh_evidence_about_the_offered_keys_unless_the_platform_is_slow() {
    let platform = Arc::new(FakePlatform::default());
    for (pace, seed) in [(Pace::PerNonce, 30), (Pace::PerEpoch, 31)] {
        let worker = Machine::new(seed).boot(config(&platform, pace)).await.unwrap();
        let before = platform.asked.load(SeqCst);
        let found = worker.evidence(Some(&NONCE)).await.unwrap();
        let document = EvidenceDocument::from_json(&found.document).unwrap();
        let is_fresh = pace == Pace::PerNonce;
        assert_eq!(found.is_fresh, is_fresh);
        assert_eq!(platform.asked.load(SeqCst) - before, usize::from(is_fresh));
        let statement = document.statement;
        assert_eq!(statement.nonce, if is_fresh { NONCE.to_vec() } else { Vec::new() });
        assert_eq!(statement.key_config, worker.key_config().digest());
        let epoch = worker.evidence(None).await.unwrap();
        assert!(!epoch.is_fresh);
        for len in [0, 15, 65] {
            let refused = worker.evidence(Some(&vec![1; len])).await.unwrap_err();
            assert_eq!(refused.code, Code::EvidenceNonce, "{len}");
        }
    }
    let without = Machine::new(32).worker().await;
    assert_eq!(without.evidence(None).await.unwrap_err().code, Code::EvidenceNone);
    assert_eq!(without.key_config().evidence_kind(), "none");
}

#[tokio::test(start_paused = true)]
async fn the_platform_is_asked_one_question_at_a_time_and_few_wait_for_it() {
    let platform = Arc::new(FakePlatform::default());
    let worker = Machine::new(33).boot(config(&platform, Pace::PerNonce)).await.unwrap();
    platform.hold(true);
    let asked: Vec<_> = (0..40)
        .map(|n| {
            let worker = Arc::clone(&worker);
            tokio::spawn(async move { worker.evidence(Some(&[n; 16])).await })
        })
        .collect();
    // Those that find no room are answered while the platform still holds.
    let refused = || asked.iter().filter(|asker| asker.is_finished()).count();
    while refused() < 7 {
        tokio::task::yield_now().await;
    }
    platform.hold(false);
    let mut answers = Vec::new();
    for asker in asked {
        answers.push(asker.await.unwrap().map_err(|refusal| refusal.code));
    }
    let busy = answers.iter().filter(|answer| matches!(answer, Err(Code::AttesterBusy))).count();
    assert_eq!((busy, answers.iter().filter(|answer| answer.is_ok()).count()), (7, 33));
    assert_eq!(platform.most_at_once.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_asker_of_a_platform_that_hangs_is_told_so() {
    let platform = Arc::new(FakePlatform::default());
    let worker = Machine::new(37).boot(config(&platform, Pace::PerNonce)).await.unwrap();
    platform.hold(true);
    let before = platform.asked.load(SeqCst);
    let asker = tokio::spawn(async move { worker.evidence(Some(&NONCE)).await });
    while platform.asked.load(SeqCst) == before {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(31)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let has_heard = asker.is_finished();
    platform.hold(false);
    assert!(has_heard);
    let refused = asker.await.unwrap().unwrap_err();
    assert_eq!(refused.code, Code::AttesterFailed);
    assert!(refused.message.starts_with("attester_silent"), "{}", refused.message);
}

#[tokio::test(start_paused = true)]
async fn without_evidence_no_keys_are_offered_and_receipts_cite_what_is_archived() {
    let platform = Arc::new(FakePlatform::default());
    platform.is_down.store(true, SeqCst);
    let config = config(&platform, Pace::PerNonce);
    let refused = Machine::new(34).boot(config.clone()).await.map(|_| ()).unwrap_err();
    assert!(refused.contains("it is down"), "{refused}");

    platform.is_down.store(false, SeqCst);
    let machine = Machine::new(35);
    let worker = machine.boot(config).await.unwrap();
    let first = settled(&machine, &worker).await;
    let old = worker.key_config();
    platform.is_down.store(true, SeqCst);
    let down = worker.evidence(Some(&NONCE)).await.unwrap_err();
    assert_eq!(down.code, Code::AttesterFailed);
    assert!(down.message.starts_with("attester_answer"), "{}", down.message);
    tokio::time::sleep(Duration::from_secs(3660)).await;
    assert_eq!(worker.key_config().digest(), old.digest(), "the next keys have no evidence yet");
    let second = settled(&machine, &worker).await;
    assert_eq!(second.evidence, first.evidence);

    platform.is_down.store(false, SeqCst);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_ne!(worker.key_config().digest(), old.digest());
    let third = settled(&machine, &worker).await;
    assert_ne!(third.evidence, first.evidence);
    for receipt in [first, second, third] {
        cited(&worker, &receipt).unwrap();
    }
}

/// Without `forget_before` the first evidence stays; with an archive in memory alone none outlives
/// the boot.
#[tokio::test(start_paused = true)]
async fn evidence_is_kept_as_long_as_a_receipt_that_cites_it_over_restarts() {
    let (machine, platform) = (Machine::new(36), Arc::new(FakePlatform::default()));
    let config = config(&platform, Pace::PerNonce);
    let boot = || machine.boot_keeping(2, config.clone());
    let worker = boot().await.unwrap();
    let first = settled(&machine, &worker).await;
    worker.close().await;
    drop(worker);

    // Boots without a receipt leave nothing behind.
    let mut unused = Vec::new();
    for _ in 0..3 {
        let worker = boot().await.unwrap();
        let epoch = worker.evidence(None).await.unwrap().document;
        unused.push(EvidenceDocument::from_json(&epoch).unwrap().digest());
        worker.close().await;
    }
    let worker = boot().await.unwrap();
    for digest in unused {
        let gone = worker.archived_evidence(digest).unwrap_err();
        assert_eq!(gone.code, Code::EvidenceUnknown);
    }
    let second = settled(&machine, &worker).await;
    assert_eq!(second.key_config, first.key_config);
    assert_ne!((second.instance, second.evidence), (first.instance, first.evidence));
    for receipt in [&first, &second] {
        cited(&worker, receipt).unwrap();
    }

    for _ in 0..2 {
        settled(&machine, &worker).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(cited(&worker, &first).unwrap_err(), Code::EvidenceUnknown);
    cited(&worker, &second).unwrap();
}
