//! The files that tests/golden/evidence.md shows the commands on: a simulated worker's words.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]
#![allow(clippy::disallowed_methods, reason = "a test compares committed files")]

use std::{fs, path::PathBuf};

use sealwork_job::{Digest, InstanceId, Intake, JobId, Timestamp, Usage};
use sealwork_seal::{KeyConfig, KeyConfigParams, Purpose, ReceiptClaims, ReceiptKey, Statement};
use sealwork_verify::{EvidenceDocument, simulate};
use serde_json::{Value, json};

/// 2026-11-21T00:00:00Z.
const ENDED: Timestamp = Timestamp(1_795_219_200_000);

struct Worker {
    key: ReceiptKey,
    config: KeyConfig,
}

impl Worker {
    fn new() -> Self {
        let key = ReceiptKey::from_seed(&[7; 32]);
        let params = KeyConfigParams {
            worker: key.public().worker_id(),
            instance: InstanceId([1; 16]),
            max_lifetime_secs: 3600,
            max_envelope_bytes: 1 << 20,
            isolation: "process".to_owned(),
            config_digest: Digest([2; 32]),
            evidence: "simulated".to_owned(),
            keys: Vec::new(),
        };
        Self { config: KeyConfig::sign(&key, params), key }
    }

    fn evidence(&self, purpose: Purpose, nonce: &[u8]) -> EvidenceDocument {
        let statement = Statement {
            kind: "simulated".to_owned(),
            purpose,
            nonce: nonce.to_vec(),
            key_config: self.config.digest(),
            config: self.config.config_digest,
            instance: self.config.instance,
            context: Vec::new(),
        };
        let evidence = simulate(&[5; 32], &statement.report_data());
        EvidenceDocument { statement, evidence, endorsements: Default::default() }
    }

    fn receipt(&self, evidence: Digest) -> String {
        self.key.sign(&ReceiptClaims {
            worker: self.config.worker,
            instance: self.config.instance,
            job: JobId([3; 16]),
            intake: Intake::Sealed,
            engine: "web".to_owned(),
            program: None,
            job_digest: None,
            input_digest: None,
            output_digest: None,
            code: "ok".to_owned(),
            started: ENDED,
            ended: ENDED,
            usage: Usage::default(),
            isolation: "process".to_owned(),
            evidence: Some(evidence),
            key_config: self.config.digest(),
            sequence: 0,
            previous: Digest([0; 32]),
        })
    }
}

fn policy(class: &str, kind: &str, measurement: &str, len: usize) -> Value {
    json!({
        "version": 1,
        "name": format!("an example, {class}"),
        "class": class,
        "kinds": { kind: { "references": [{ "values": { measurement: "05".repeat(len) } }] } },
    })
}

fn files() -> Vec<(&'static str, String)> {
    let worker = Worker::new();
    let session = worker.evidence(Purpose::Session, &[7; 32]);
    let epoch = worker.evidence(Purpose::Epoch, &[]);
    let mut tampered = session.clone();
    tampered.evidence.bytes[100] ^= 1;
    let simulation = policy("unprotected", "simulated", "measurement", 32);
    let mut epochs = simulation.clone();
    epochs["freshness"] = json!({ "epoch_evidence": true });
    let mut no_value = simulation.clone();
    no_value["kinds"]["simulated"]["references"] = json!([]);
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let keys: Value = serde_json::from_slice(&worker.config.to_json()).unwrap();
    vec![
        ("keys.json", pretty(&keys)),
        ("session.json", session.to_json()),
        ("tampered.json", tampered.to_json()),
        ("epoch.json", epoch.to_json()),
        ("receipt.jws", worker.receipt(epoch.digest())),
        ("other.jws", worker.receipt(Digest([9; 32]))),
        ("simulation.policy", pretty(&simulation)),
        ("epochs.policy", pretty(&epochs)),
        ("strict.policy", pretty(&policy("confidential", "tdx", "mrtd", 48))),
        ("empty.policy", pretty(&no_value)),
        ("bundle.json", pretty(&json!({ "version": 1, "sequence": 1 }))),
        ("collateral.json", pretty(&json!({ "tcb_info": "{}", "qe_identity": "{}" }))),
        ("digits.hex", "00ff".repeat(8)),
    ]
}

/// `SEALWORK_BLESS=1` writes them anew.
#[test]
fn the_committed_files_are_those_of_the_simulated_worker() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/evidence.in"));
    for (name, content) in files() {
        let (file, content) = (folder.join(name), format!("{content}\n"));
        if std::env::var_os("SEALWORK_BLESS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &content).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(committed, content, "{name}: run this test with SEALWORK_BLESS=1");
    }
}
