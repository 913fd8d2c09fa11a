//! `verify receipt` and `keys verify`, offline, on receipts that were really signed.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod support;

use sealwork_job::{Digest, InstanceId, Intake, JobId, Timestamp, Usage};
use sealwork_seal::{KeyConfig, KeyConfigParams, ReceiptClaims, ReceiptKey, receipt_digest};
use support::{Ran, sealwork};
use tempfile::TempDir;

struct Worker {
    key: ReceiptKey,
    dir: TempDir,
}

impl Worker {
    fn new(seed: u8) -> Self {
        let key = ReceiptKey::from_seed(&[seed; 32]);
        let dir = tempfile::tempdir().unwrap();
        let config = KeyConfig::sign(
            &key,
            KeyConfigParams {
                worker: key.public().worker_id(),
                instance: InstanceId([1; 16]),
                max_lifetime_secs: 3600,
                max_envelope_bytes: 1 << 20,
                isolation: "process".to_owned(),
                config_digest: Digest([2; 32]),
                evidence: "none".to_owned(),
                keys: Vec::new(),
            },
        );
        let worker = Self { key, dir };
        worker.write("keys.json", &config.to_json());
        worker
    }

    fn write(&self, name: &str, content: &[u8]) {
        support::write(&self.dir.path().join(name), content);
    }

    /// Receipts number 0 to `n - 1`, each naming the one before.
    fn chain(&self, n: u64) -> Vec<String> {
        let mut previous = Digest([0; 32]);
        (0..n)
            .map(|sequence| {
                let receipt = self.key.sign(&self.claims(sequence, previous));
                previous = receipt_digest(&receipt);
                receipt
            })
            .collect()
    }

    fn claims(&self, sequence: u64, previous: Digest) -> ReceiptClaims {
        ReceiptClaims {
            worker: self.key.public().worker_id(),
            instance: InstanceId([1; 16]),
            job: JobId::from_random([3; 16]),
            intake: Intake::Sealed,
            engine: "web".to_owned(),
            program: None,
            job_digest: Some(Digest([4; 32])),
            input_digest: None,
            output_digest: Some(Digest([5; 32])),
            code: "ok".to_owned(),
            started: Timestamp(1_763_685_747_000),
            ended: Timestamp(1_763_685_748_500),
            usage: Usage::default(),
            isolation: "process".to_owned(),
            evidence: None,
            key_config: Digest([6; 32]),
            sequence,
            previous,
        }
    }

    fn verify(&self, receipts: &[String], more: &[&str]) -> Ran {
        self.write("receipts", receipts.join("\n").as_bytes());
        let mut args = vec!["verify", "receipt", "receipts", "--key-config", "keys.json"];
        args.extend(more);
        sealwork(self.dir.path(), &args)
    }
}

#[test]
fn a_receipt_is_shown_with_what_it_states() {
    let worker = Worker::new(7);
    let ran = worker.verify(&worker.chain(1), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for word in ["receipt verified", "web, sealed", "ok", "2025-11-21T00:42:27Z", "took 1.5 s"] {
        assert!(ran.out.contains(word), "{word} is missing in {}", ran.out);
    }
    let json = worker.verify(&worker.chain(1), &["--json"]).json();
    assert_eq!(json["verified"], true);
    assert_eq!(json["receipts"][0]["claims"]["engine"], "web");
    assert_eq!(json["receipts"][0]["same_key_config"], false);
    assert!(ran.out.contains("not the given one"), "{}", ran.out);
}

#[test]
fn consecutive_receipts_are_one_chain_and_a_gap_or_a_swap_is_found() {
    let worker = Worker::new(7);
    let chain = worker.chain(5);
    let ran = worker.verify(&chain, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("5 receipts verified, one unbroken chain"));
    assert_eq!(worker.verify(&chain[2..], &[]).code, 0, "a chain may begin anywhere");

    let gap = [chain[0].clone(), chain[2].clone()];
    let swapped = [chain[1].clone(), chain[0].clone()];
    let forked = [chain[0].clone(), worker.key.sign(&worker.claims(1, Digest([9; 32])))];
    for receipts in [&gap, &swapped, &forked] {
        let ran = worker.verify(receipts, &[]);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.err.contains("receipt 2 is not valid"), "{}", ran.err);
    }
}

#[test]
fn a_changed_receipt_and_one_of_another_worker_are_refused() {
    let worker = Worker::new(7);
    let receipt = worker.chain(1).remove(0);
    for at in [5, receipt.len() / 2, receipt.len() - 5] {
        let mut changed = receipt.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let ran = worker.verify(&[String::from_utf8(changed).unwrap()], &[]);
        assert_eq!(ran.code, 5, "byte {at}: {ran:?}");
    }
    assert_eq!(worker.verify(&Worker::new(8).chain(1), &[]).code, 5);
    assert_eq!(worker.verify(&["nonsense".to_owned()], &[]).code, 5);
    assert_eq!(worker.verify(&[], &[]).code, 2);
}

#[test]
fn a_key_config_must_be_whole_and_of_the_worker_that_is_named() {
    let worker = Worker::new(7);
    let id = worker.key.public().worker_id().to_string();
    let other = Worker::new(8).key.public().worker_id().to_string();
    let check = |args: &[&str]| {
        let all: Vec<_> = ["keys", "verify", "keys.json"].iter().chain(args).copied().collect();
        sealwork(worker.dir.path(), &all)
    };
    assert_eq!(check(&["--worker", &id]).code, 0);
    assert_eq!(check(&["--worker", &other]).code, 5);
    assert_eq!(worker.verify(&worker.chain(1), &["--worker", &other]).code, 5);

    let config = support::read(&worker.dir.path().join("keys.json"));
    worker.write("keys.json", config.replace("3600", "3601").as_bytes());
    let ran = check(&[]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.err.contains("hint:"));
}
