//! Evidence of a TPM that others wrote: swtpm, driven by tpm2-tools. Skips loudly without them.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it starts a TPM")]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use sealwork_verify::{
    Age, AttestationKey, CredentialChallenge, CredentialError, Day, Details, EndorsementKey,
    Endorsements, Evidence, EvidenceKind, Expectation, Provenance, TpmEvidence,
};
use serde_json::json;

use crate::{
    made::Repeats,
    support::{Case, only},
};

/// A running TPM, which ends with the value.
struct Tpm {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Two ports side by side: commands and control.
fn ports() -> u16 {
    loop {
        let one = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = one.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

impl Tpm {
    fn start(name: &str) -> Option<Self> {
        let missing = ["swtpm", "tpm2"].into_iter().find(|tool| {
            let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
            found.is_err()
        });
        if let Some(tool) = missing {
            crate::conformance::skipped(&format!("{tool} is not installed, 2 TPMs not tried"));
            return None;
        }
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("swtpm-{name}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let port = ports();
        let process = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .arg("--tpmstate")
            .arg(format!("dir={}", folder.display()))
            .args(["--server", &format!("type=tcp,port={port},bindaddr=127.0.0.1")])
            .args(["--ctrl", &format!("type=tcp,port={},bindaddr=127.0.0.1", port + 1)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let tpm = Self { process, folder, port };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port + 1)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "swtpm does not answer");
            sleep(Duration::from_millis(20));
        }
        Some(tpm)
    }

    /// Runs a command of tpm2-tools in the TPM's folder.
    fn run(&self, command: &str) -> bool {
        let tcti = format!("swtpm:host=127.0.0.1,port={}", self.port);
        let output = Command::new("tpm2")
            .args(command.split(' '))
            .env("TPM2TOOLS_TCTI", tcti)
            .current_dir(&self.folder)
            .output()
            .unwrap();
        if !output.status.success() {
            println!("{command}: {}", String::from_utf8_lossy(&output.stderr));
        }
        // tpm2-tools leave what they loaded.
        for kind in ["-t", "-l", "-s"] {
            if !command.starts_with("startauthsession") && !command.starts_with("policy") {
                let _ = Command::new("tpm2")
                    .args(["flushcontext", kind])
                    .env("TPM2TOOLS_TCTI", format!("swtpm:host=127.0.0.1,port={}", self.port))
                    .output();
            }
        }
        output.status.success()
    }

    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }

    /// `TPMT_PUBLIC` of a `TPM2B_PUBLIC`.
    fn area(&self, name: &str) -> Vec<u8> {
        self.file(name)[2..].to_vec()
    }

    /// Has the TPM open a credential.
    fn activate(&self, challenge: &CredentialChallenge) -> Option<Vec<u8>> {
        let header = [0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1];
        let parts = [&header[..], &challenge.credential_blob, &challenge.encrypted_secret];
        fs::write(self.folder.join("credential"), parts.concat()).unwrap();
        let opened = self.run("startauthsession --policy-session -S session")
            && self.run("policysecret -S session -c e")
            && self.run(
                "activatecredential -c key.ctx -C endorsement.ctx -i credential -o answer \
                 -P session:session",
            );
        opened.then(|| self.file("answer"))
    }
}

fn enrols_and_quotes(name: &str, endorsement: &str, key: &str) {
    let Some(tpm) = Tpm::start(name) else { return };
    assert!(
        tpm.run(&format!("createek -c endorsement.ctx -G {endorsement} -u endorsement.pub -f tss"))
    );
    assert!(tpm.run(&format!("createak -C endorsement.ctx -c key.ctx -G {key} -u key.pub -f tss")));
    let (endorsement_area, key_area) = (tpm.area("endorsement.pub"), tpm.area("key.pub"));
    let endorsement_key = EndorsementKey { public_area: &endorsement_area, certificate: None };

    let challenge =
        CredentialChallenge::new(&endorsement_key, &key_area, &mut Repeats::new(3)).unwrap();
    let answer = tpm.activate(&challenge).expect("the TPM opens its credential");
    let until = Day::new(2026, 12, 31).unwrap();
    let activated = challenge.confirm(&answer, until).unwrap();
    let again =
        CredentialChallenge::new(&endorsement_key, &key_area, &mut Repeats::new(4)).unwrap();
    assert_eq!(again.confirm(&answer, until), Err(CredentialError::Answer));

    for pcr in 0..8 {
        let digest = format!("{pcr:02x}").repeat(32);
        assert!(tpm.run(&format!("pcrextend {pcr}:sha256={digest}")));
    }
    let data: [u8; 64] = std::array::from_fn(|n| if n < 32 { 0x42 } else { 0 });
    let selection = "sha256:0,1,2,3,4,5,6,7,16";
    let nonce = hex::encode(&data[..32]);
    assert!(tpm.run(&format!(
        "quote -c key.ctx -l {selection} -q {nonce} -m attest -s signature -g sha256"
    )));
    assert!(tpm.run(&format!("pcrread {selection} -o values")));
    let evidence = TpmEvidence {
        attest: tpm.file("attest"),
        signature: tpm.file("signature"),
        key: AttestationKey::PublicArea(key_area),
        pcrs: tpm.file("values"),
        event_log: None,
        key_certificates: vec![],
        endorsement_certificates: vec![],
        endorsement_public_area: Some(endorsement_area),
    };
    let pcr4 = hex::encode(&evidence.pcrs[4 * 32..5 * 32]);
    let rules = json!({
        "references": [{"values": {"pcr4": pcr4}}],
        "activated": [activated],
        "event_log": false,
        "secure_boot": false,
    });
    let mut policy = only("tpm", rules);
    policy["class"] = "measured".into();
    let case = Case {
        name: "swtpm",
        evidence: Evidence::new(EvidenceKind::Tpm, evidence.encode()),
        expectation: Expectation { report_data: data, nonce: None, age: Age::Challenged },
        endorsements: Endorsements::default(),
        policy,
        at: 1_760_000_000,
    };
    let Details::Tpm(claims) = case.trusted().claims.details else { panic!() };
    assert_eq!(claims.provenance, Provenance::Activated);
    assert_eq!(claims.pcrs, [0, 1, 2, 3, 4, 5, 6, 7, 16]);
    let unlisted = case.policy("/kinds/tpm/activated", json!([]));
    assert_eq!(unlisted.codes(), ["attestation_key_untrusted"]);
}

#[test]
fn a_tpm_with_keys_on_p_256_enrols_and_quotes() {
    enrols_and_quotes("ecc", "ecc", "ecc -g sha256 -s ecdsa");
}

#[test]
fn a_tpm_with_rsa_keys_enrols_and_quotes() {
    enrols_and_quotes("rsa", "rsa", "rsa -g sha256 -s rsassa");
}
