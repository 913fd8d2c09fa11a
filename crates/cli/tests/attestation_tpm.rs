//! A worker whose evidence, root secret and counter are a TPM's: the real binary against swtpm.
#![cfg(feature = "tpm")]
#![allow(clippy::disallowed_methods, reason = "tests start the binary and lay out its files")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failing helper fails its test")]

#[path = "../../egress/tests/common/conformance.rs"]
mod conformance;
#[allow(dead_code, reason = "attesters' own tests use the rest")]
#[path = "../../attest/tests/attesters/swtpm.rs"]
mod swtpm;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::Arc,
    time::Instant,
};

use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sealwork_job::Timestamp;
use sealwork_platform::{Clock as _, SystemClock};
use sealwork_seal::{KeyConfig, verify_receipt};
use sealwork_verify::{
    Class, Endorsements, EvidenceDocument, EvidenceKind, Policy, Question, ReasonCode, Verdict,
    inspect, verify_receipt_evidence, verify_worker,
};
use serde_json::Value;
use swtpm::SwTpm;
use tempfile::TempDir;

const API_KEY: &str = "the-key-of-this-test";
const COUNTER: &str = "0x01800042";
const NONCE: [u8; 32] = [0x5a; 32];

/// A machine that has booted, with a certificate for its worker.
struct Machine {
    tpm: SwTpm,
    dir: TempDir,
    certificate: rustls::pki_types::CertificateDer<'static>,
}

impl Machine {
    /// Nothing where swtpm is not installed.
    fn boot() -> Option<Self> {
        swtpm::is_installed().then(|| {
            let dir = tempfile::tempdir().unwrap();
            let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
            fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
            let machine = Self { tpm: SwTpm::start(), dir, certificate: made.cert.into() };
            machine.measure(b"kernel 1");
            machine
        })
    }

    /// What a firmware measures of a boot.
    fn measure(&self, kernel: &[u8; 8]) {
        self.tpm.extend(0, [1; 32]);
        self.tpm.extend(7, [2; 32]);
        self.tpm.extend(4, [kernel[7]; 32]);
    }

    fn reboot(&mut self, kernel: &[u8; 8]) {
        self.tpm.reboot();
        self.measure(kernel);
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn command(&self, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealwork"));
        command
            .env_clear()
            .env("ATTESTER", "tpm")
            .env("TPM_ADDRESS", self.tpm.address())
            .env("DATA_DIR", self.data())
            .env("LISTEN_ADDRESS", "127.0.0.1:0")
            .env("API_KEY", API_KEY)
            .env("TLS_CERT", self.path("cert.pem"))
            .env("TLS_KEY", self.path("key.pem"))
            .env("LOG_FORMAT", "json")
            .env("ACCESS_LOG", "false")
            .env("TSS2_LOG", "all+NONE")
            .envs(variables.iter().copied())
            .args(["--json", "serve", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self, variables: &[(&str, &str)]) -> Worker {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let (address, roots) = (String::new(), Arc::new(roots));
        let mut child = self.command(variables).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut worker = Worker { child, log, address, roots };
        let mut seen = String::new();
        while worker.address.is_empty() {
            let mut line = String::new();
            assert_ne!(worker.log.read_line(&mut line).unwrap(), 0, "no worker: {seen}");
            let parsed: Value = serde_json::from_str(&line).unwrap_or_default();
            if parsed["message"] == "listening" {
                parsed["address"].as_str().unwrap().clone_into(&mut worker.address);
            }
            seen.push_str(&line);
        }
        worker
    }

    /// The code and the message of a worker that does not start.
    fn refused(&self, variables: &[(&str, &str)]) -> (String, String) {
        let output = self.command(variables).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let error = lines.map(|line| line["error"].clone()).find(Value::is_object);
        let error = error.unwrap_or_else(|| panic!("it started: {text}"));
        let part = |name: &str| error[name].as_str().unwrap().to_owned();
        (part("code"), part("message"))
    }

    /// Runs `sealwork` pointed at a worker of this machine.
    fn sealwork(&self, worker: &Worker, args: &[&str]) -> (i32, String) {
        let url = format!("https://{}", worker.address);
        let output = Command::new(env!("CARGO_BIN_EXE_sealwork"))
            .env_clear()
            .env("SEALWORK_API_KEY", API_KEY)
            .env("HOME", self.dir.path())
            .args(args)
            .args(["--worker-url", &url, "--ca-cert", &self.path("cert.pem")])
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code().unwrap_or(-1), text.concat())
    }
}

/// A worker that is listening.
struct Worker {
    child: Child,
    log: BufReader<ChildStderr>,
    address: String,
    roots: Arc<RootCertStore>,
}

/// An answer's status, head and body.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Worker {
    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        StreamOwned::new(client, stream)
    }

    fn get(&self, path: &str) -> Answer {
        get(&mut self.connect(), path, "")
    }

    fn key_config(&self) -> KeyConfig {
        KeyConfig::from_json(&self.get("/v1/keys").body).unwrap()
    }

    fn evidence(&self, nonce: &[u8]) -> EvidenceDocument {
        let answer = self.get(&format!("/v1/evidence?nonce={}", hex::encode(nonce)));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        assert!(answer.head.contains("sealwork-evidence: fresh"), "{}", answer.head);
        EvidenceDocument::from_json(&answer.body).unwrap()
    }

    /// Stops it in order, which is what closing its standard input asks for.
    fn stop(mut self) {
        drop(self.child.stdin.take());
        let mut rest = Vec::new();
        self.log.read_to_end(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One exchange on a connection that stays open.
fn get(stream: &mut (impl std::io::Read + std::io::Write), path: &str, headers: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut stream = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "cut off after {head}");
    }
    let head = head.to_ascii_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let len = field("content-length: ").unwrap_or_else(|| panic!("no length: {head}"));
    let mut body = vec![0; len.trim().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body }
}

fn now() -> Timestamp {
    SystemClock::new().now()
}

/// A policy for exactly this evidence, as `policy init` makes one.
fn policy(document: &EvidenceDocument) -> Policy {
    let claims = inspect(&document.evidence, &Endorsements::default(), now()).unwrap();
    let policy = Policy::from_claims(&claims);
    assert_eq!(policy.class, Class::Measured);
    policy
}

fn judge(config: &KeyConfig, document: &EvidenceDocument, asked: &Question) -> Verdict {
    verify_worker(config, document, asked, &Endorsements::default(), &policy(document), now())
}

fn codes(verdict: &Verdict) -> Vec<ReasonCode> {
    verdict.reasons().iter().map(|reason| reason.code).collect()
}

#[test]
fn evidence_for_a_nonce_is_trusted_as_measured_and_for_nothing_else() {
    let Some(machine) = Machine::boot() else { return };
    let worker = machine.start(&[]);
    let config = worker.key_config();
    assert_eq!(config.evidence_kind(), "tpm");
    let document = worker.evidence(&NONCE);
    assert_eq!(document.evidence.kind, EvidenceKind::Tpm);
    let asked = Question::session(NONCE);
    let trusted = judge(&config, &document, &asked).into_result();
    assert_eq!(trusted.unwrap_or_else(|why| panic!("{:#?}", why.reasons)).class, Class::Measured);

    let replayed = judge(&config, &document, &Question::session([0; 32]));
    assert!(codes(&replayed).contains(&ReasonCode::NonceMismatch), "{replayed:?}");
    let other = Machine::boot().unwrap();
    let other = other.start(&[]).key_config();
    let spliced = judge(&other, &document, &asked);
    assert!(codes(&spliced).contains(&ReasonCode::StatementMismatch), "{spliced:?}");

    let epoch = worker.get("/v1/evidence");
    assert!(epoch.head.contains("sealwork-evidence: epoch"), "{}", epoch.head);
    let epoch = EvidenceDocument::from_json(&epoch.body).unwrap();
    let refused = judge(&config, &epoch, &asked);
    assert_eq!(codes(&refused), [ReasonCode::EpochEvidenceNotAllowed]);
    let mut of_epochs = policy(&epoch);
    of_epochs.freshness.epoch_evidence = true;
    let none = Endorsements::default();
    let verdict = verify_worker(&config, &epoch, &asked, &none, &of_epochs, now());
    verdict.into_result().unwrap_or_else(|why| panic!("{:#?}", why.reasons));
    for (nonce, code) in [("00".repeat(15), "evidence_nonce"), ("00".repeat(65), "evidence_nonce")]
    {
        let answer = worker.get(&format!("/v1/evidence?nonce={nonce}"));
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &problem["code"]), (400, &code.into()));
    }
    worker.stop();
}

/// Without `Archive` the receipt's evidence is not found; without the instance in the query the key
/// config is that of the wrong boot.
#[test]
fn a_receipt_leads_to_its_evidence_also_after_restarts() {
    let Some(machine) = Machine::boot() else { return };
    let worker = machine.start(&[]);
    let policy = policy(&worker.evidence(&NONCE));
    fs::write(machine.path("policy.json"), policy.to_json()).unwrap();
    let run = ["job", "run", "telemetry", "--policy", &machine.path("policy.json")];
    let (code, said) = machine.sealwork(&worker, &run);
    assert_eq!(code, 0, "{said}");
    let old = worker.key_config();
    worker.stop();
    // One boot without any receipt in between.
    machine.start(&[]).stop();
    let worker = machine.start(&[]);
    let (code, said) = machine.sealwork(&worker, &run);
    assert_eq!(code, 0, "{said}");

    let new = worker.key_config();
    assert_eq!(new.digest(), old.digest());
    let receipts =
        get(&mut worker.connect(), "/v1/receipts", &format!("Authorization: Bearer {API_KEY}\r\n"));
    let receipts: Value = serde_json::from_slice(&receipts.body).unwrap();
    let receipts = receipts["receipts"].as_array().unwrap();
    assert_eq!(receipts.len(), 2);
    let mut cited = Vec::new();
    for (receipt, config) in receipts.iter().zip([&old, &new]) {
        let receipt = receipt["receipt"].as_str().unwrap();
        let claims = verify_receipt(receipt, &config.receipt_key).unwrap();
        let evidence = claims.evidence.unwrap();
        let document = worker.get(&format!("/v1/evidence/{evidence}"));
        let document = EvidenceDocument::from_json(&document.body).unwrap();
        assert_eq!(document.digest(), evidence);
        let path = format!("/v1/key-configs/{}?instance={}", claims.key_config, claims.instance);
        let found = KeyConfig::from_json(&worker.get(&path).body).unwrap();
        assert_eq!(found.instance, config.instance);
        let none = Endorsements::default();
        verify_receipt_evidence(receipt, &found, &document, &none, &policy, now())
            .unwrap_or_else(|why| panic!("{:#?}", why.reasons));
        cited.push(evidence);
    }
    assert_ne!(cited[0], cited[1]);
    worker.stop();
}

#[test]
fn another_kernel_does_not_get_the_root_secret_and_the_former_one_does_again() {
    let Some(mut machine) = Machine::boot() else { return };
    let worker = machine.start(&[]);
    let before = worker.key_config().worker;
    worker.stop();
    assert!(machine.data().join("root.tpm").exists());
    assert!(!machine.data().join("root.key").exists());

    machine.reboot(b"kernel 2");
    assert_eq!(machine.refused(&[]).0, "tpm_pcrs_changed");
    machine.reboot(b"kernel 1");
    let worker = machine.start(&[]);
    assert_eq!(worker.key_config().worker, before);
    worker.stop();

    let (code, said) = machine.refused(&[("ATTESTER", "none")]);
    assert_eq!(code, "root_secret_other", "{said}");
    let other = Machine::boot().unwrap();
    fs::create_dir(other.data()).unwrap();
    copy(&machine.data(), &other.data());
    assert_eq!(other.refused(&[]).0, "tpm_other");
}

#[test]
fn an_older_copy_of_the_data_directory_is_refused_and_so_is_going_on_without_the_counter() {
    let Some(machine) = Machine::boot() else { return };
    let counted = [("TPM_COUNTER_INDEX", COUNTER)];
    machine.start(&counted).stop();
    let copied = machine.dir.path().join("copy");
    fs::create_dir(&copied).unwrap();
    copy(&machine.data(), &copied);
    for _ in 0..2 {
        machine.start(&counted).stop();
    }
    assert_eq!(machine.refused(&[]).0, "counter_unset");

    let newest = machine.dir.path().join("newest");
    fs::rename(machine.data(), &newest).unwrap();
    fs::rename(&copied, machine.data()).unwrap();
    assert_eq!(machine.refused(&counted).0, "store_rolled_back");
    // The store removed, and the directory dressed up as one that was never finished.
    for sealed in ["store.redb", "store.lock", "keys", "blobs"] {
        let path = machine.data().join(sealed);
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
    }
    fs::write(machine.data().join("first-start"), "").unwrap();
    assert_eq!(machine.refused(&counted).0, "store_removed");
    // A new directory has another root secret, which does not open this counter.
    fs::remove_dir_all(machine.data()).unwrap();
    assert_eq!(machine.refused(&counted).0, "tpm_counter_foreign");
    fs::remove_dir_all(machine.data()).unwrap();
    fs::rename(&newest, machine.data()).unwrap();
    machine.start(&counted).stop();
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => {
                fs::create_dir(&target).unwrap();
                copy(&entry.path(), &target);
            }
            kind if kind.is_file() => {
                fs::copy(entry.path(), target).unwrap();
            }
            // The admin's socket.
            _ => {}
        }
    }
}

/// What the requester believes without it is the worker's word (`attestation_keys`); with it, that
/// of the TPM's maker.
#[test]
fn an_enrolled_key_is_trusted_beside_its_endorsement_key_and_no_other_tpm_answers_for_it() {
    let Some(machine) = Machine::boot() else { return };
    let enrol = |machine: &Machine, args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sealwork"))
            .env_clear()
            .env("TPM_ADDRESS", machine.tpm.address())
            .env("DATA_DIR", machine.data())
            .env("TSS2_LOG", "all+NONE")
            .current_dir(machine.dir.path())
            .args([&["enrol"], args].concat())
            .output()
            .unwrap();
        let [out, err] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code().unwrap_or(-1), out, err)
    };
    let step = |name: &str, args: &[&str]| {
        let (code, out, err) = enrol(&machine, args);
        assert_eq!(code, 0, "{args:?}: {err}");
        fs::write(machine.path(name), &out).unwrap();
        out
    };
    let keys: Value = serde_json::from_str(&step("keys.json", &["keys"])).unwrap();
    assert!(!keys["endorsement_certificates"].as_array().unwrap().is_empty());
    step("challenge.json", &["challenge", "keys.json", "--keep", "kept.json"]);
    assert_eq!(enrol(&machine, &["challenge", "keys.json", "--keep", "kept.json"]).0, 2);
    step("answer.json", &["answer", "challenge.json"]);
    let confirm = ["confirm", "answer.json", "--kept", "kept.json", "--until", "2099-12-31"];
    let entry: Value = serde_json::from_str(&step("entry.json", &confirm)).unwrap();

    // Another TPM has the challenge, and another answer is none.
    let other = Machine::boot().unwrap();
    fs::copy(machine.path("challenge.json"), other.path("challenge.json")).unwrap();
    let (code, out, err) = enrol(&other, &["answer", "challenge.json"]);
    assert_eq!((code, out.as_str()), (7, ""), "{err}");
    assert!(err.contains("error[tpm_credential]"), "{err}");
    fs::write(machine.path("answer.json"), format!(r#"{{"secret":"{}"}}"#, "00".repeat(32)))
        .unwrap();
    let (code, out, err) = enrol(&machine, &confirm);
    assert_eq!((code, out.as_str()), (5, ""), "{err}");

    let worker = machine.start(&[]);
    let mut policy: Value = serde_json::to_value(policy(&worker.evidence(&NONCE))).unwrap();
    let rules = policy["kinds"]["tpm"].as_object_mut().unwrap();
    rules.remove("attestation_keys");
    rules.insert("activated".to_owned(), serde_json::json!([entry]));
    rules.insert("roots".to_owned(), serde_json::json!([{"name": "r", "sha256": root_digest()}]));
    fs::write(machine.path("policy.json"), policy.to_string()).unwrap();
    let authority = SwTpm::authority();
    fs::write(machine.path("makers.pem"), authority.concat()).unwrap();
    let (policy, makers) = (machine.path("policy.json"), machine.path("makers.pem"));
    let run = ["job", "run", "telemetry", "--policy", &policy, "--endorsements", &makers];
    let (code, said) = machine.sealwork(&worker, &run);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("evidence trusted: tpm, measured"), "{said}");
    worker.stop();
    let worker = other.start(&[]);
    let (code, said) = other.sealwork(&worker, &run);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("attestation_key_untrusted"), "{said}");
    worker.stop();
}

/// SHA-256 of the root that the test's TPMs have their certificates from.
fn root_digest() -> String {
    use sha2::Digest as _;
    let pem = SwTpm::authority()[0].clone();
    let der = rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap();
    hex::encode(sha2::Sha256::digest(der))
}

/// The yardstick is a quote in 3.8 ms; the bound here only catches what went badly wrong.
#[test]
fn evidence_over_https_takes_milliseconds() {
    let Some(machine) = Machine::boot() else { return };
    let worker = machine.start(&[]);
    let mut stream = worker.connect();
    let mut took: Vec<_> = (0..300)
        .map(|n: u16| {
            let nonce = format!("{}{n:04x}", "00".repeat(30));
            let started = Instant::now();
            let answer = get(&mut stream, &format!("/v1/evidence?nonce={nonce}"), "");
            assert_eq!(answer.status, 200);
            started.elapsed()
        })
        .collect();
    took.sort();
    let [median, p99] = [150, 297].map(|at| took[at]);
    println!("TPM evidence over HTTPS through swtpm: median {median:?}, p99 {p99:?} (300)");
    assert!(median.as_millis() < 50, "{median:?}");
    worker.stop();
}
