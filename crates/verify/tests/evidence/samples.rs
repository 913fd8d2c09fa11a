//! The outside samples that are to be trusted, with the policies under which they are.

use std::{fs, path::Path};

use sealwork_verify::{
    AttestationKey, DcapCollateral, Endorsements, Evidence, EvidenceKind, TpmEvidence,
};
use serde_json::{Value, json};

use crate::{
    conformance::folder,
    support::{Case, expect, only},
};

/// In the middle of 2025, when the collateral of the Intel samples was valid.
pub(crate) const DCAP_TIME: u64 = 1_751_328_000;
/// Inside of the validity of every AMD certificate.
pub(crate) const SNP_TIME: u64 = 1_700_000_000;

#[allow(clippy::disallowed_methods, reason = "a test reads its samples")]
pub(crate) fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn collateral(folder: &Path, name: &str) -> Endorsements {
    let mut endorsements = Endorsements::default();
    let json = read(folder, name);
    endorsements.add_collateral(DcapCollateral::from_json(&json).unwrap()).unwrap();
    endorsements
}

pub(crate) fn sgx() -> Option<Case> {
    let folder = folder("dcap", 3)?;
    let rules = json!({
        "references": [{"values": {
            "mrenclave": "33d8736db756ed4997e04ba358d27833188f1932ff7b1d156904d3f560452fbb",
            "mrsigner": "815f42f11cf64430c30bab7816ba596a1da0130c3b028b673133a66cf9a3e0e6",
        }}],
        "isv_prod_id": 0,
        "tcb": {
            "statuses": ["UpToDate", "ConfigurationAndSWHardeningNeeded"],
            "advisories": [
                {"id": "INTEL-SA-00289", "until": "2025-12-31", "why": "a sample"},
                {"id": "INTEL-SA-00615", "until": "2025-12-31"},
            ],
        },
    });
    Some(Case {
        name: "sgx_quote",
        evidence: Evidence::new(EvidenceKind::Sgx, read(&folder, "sgx_quote")),
        expectation: expect(&hex::encode("Hello, world!")),
        endorsements: collateral(&folder, "sgx_quote_collateral.json"),
        policy: only("sgx", rules),
        at: DCAP_TIME,
    })
}

pub(crate) fn tdx() -> Option<Case> {
    let folder = folder("dcap", 3)?;
    let rules = json!({"references": [{"values": {
        "mrtd": "91eb2b44d141d4ece09f0c75c2c53d247a3c68edd7fafe8a3520c942a604a407de03ae6dc5f87f27428b2538873118b7",
        "rtmr0": "44c0197b39157fdd7a4dcc44767f9d6b0bb3977c7a8e347b8492f827fe9d9e5c48aca29b220b80b6a540cf994b9bc9c0",
        "rtmr1": "0084452c01668329d4bc06acdf58a7205c26743304509973949e5619bf81a6a7aea8c323c173019b3093d54e579e9378",
        "rtmr2": "d833feef2cd945148aa38ead2c53e9b7f138190aaaebfc551dccd829fc207aa3ba80b70870d7330733642e01d48c3132",
        "mrseam": "5b38e33a6487958b72c3c12a938eaa5e3fd4510c51aeeab58c7d5ecee41d7c436489d6c8e4f92f160b7cad34207b00c1",
    }}]});
    Some(Case {
        name: "tdx_quote",
        evidence: Evidence::new(EvidenceKind::Tdx, read(&folder, "tdx_quote")),
        expectation: expect(
            "9a9d48e7f6799642d3d1b34e1e5e1742d4bb02dd6ddd551862c1211d35c304f9eca3efdbb481601c163cf52493d6e44aed55d51ec39b7e518fadb92c2b523f20",
        ),
        endorsements: collateral(&folder, "tdx_quote_collateral.json"),
        policy: only("tdx", rules),
        at: DCAP_TIME,
    })
}

/// The enclave of 2022: no user data, a nonce of 256 bytes.
pub(crate) fn nitro() -> Option<Case> {
    let folder = folder("nitro", 3)?;
    let bytes = read(&folder, "valid-attestation-doc-bytes");
    let rules = json!({
        "references": [{"values": {
            "pcr0": "f4d48b81a460c9916d1e685119074bf24660afd3e34fae9fca0a0d28d9d5599936332687e6f66fc890ac8cf150142d8b",
            "pcr1": "bcdf05fefccaa8e55bf2c8d6dee9e79bbff31e34bf28a99aa19e6b29c37ee80b214a414b7607236edf26fcb78654e63f",
            "pcr2": "d8f114da658de5481f8d9ec73907feb553560787522f705c92d7d96beed8e15e2aa611984e098c576832c292e8dc469a",
            "pcr8": "8790eb3cce6c83d07e84b126dc61ca923333d6f66615c4a79157de48c5ab2418bdc60746ea7b7afbff03a1c6210201cb",
        }}],
        "require_nonce": true,
    });
    let mut expectation = expect("");
    // The nonce is the last field of the payload, before the signature: 0x59 0x0100, 256 bytes.
    let at = bytes.windows(3).position(|window| window == [0x59, 1, 0]).unwrap() + 3;
    expectation.nonce = Some(bytes[at..at + 256].to_vec());
    Some(Case {
        name: "valid-attestation-doc-bytes",
        evidence: Evidence::new(EvidenceKind::Nitro, bytes),
        expectation,
        endorsements: Endorsements::default(),
        policy: only("nitro", rules),
        at: 1_665_651_482,
    })
}

/// The enclave of 2025, taken out of the frame in which it came.
pub(crate) fn nitro_unframed() -> Option<Case> {
    let folder = folder("nitro", 3)?;
    let framed = read(&folder, "nitro_attestation.bin");
    let rules = json!({"references": [{"values": {
        "pcr0": "5cb702954321826d7939d6da829a940d787fcf32357beb8eae1ddf33c28c17d36f3ac3ba6828fdf7edeed02889702da6",
        "pcr1": "0343b056cd8485ca7890ddd833476d78460aed2aa161548e4e26bedf321726696257d623e8805f3f605946b3d8b0c6aa",
        "pcr2": "743ea12db9aba9440a8197f7ac9aeda43cfbb1587473ff7577415ac5be116bc026dfa836db6713930474d1aa0d06b049",
    }}]});
    Some(Case {
        name: "nitro_attestation.bin, unframed",
        evidence: Evidence::new(EvidenceKind::Nitro, &framed[4..4531]),
        expectation: expect(""),
        endorsements: Endorsements::default(),
        policy: only("nitro", rules),
        at: 1_766_668_537,
    })
}

pub(crate) fn amd(folder: &Path, leaf: &str) -> Endorsements {
    let mut endorsements = Endorsements::default();
    endorsements.add_pem(&read(folder, "cert_chain_milan")).unwrap();
    endorsements.add_certificate(&read(folder, leaf)).unwrap();
    endorsements
}

fn snp_rules(measurement: &str) -> Value {
    json!({
        "references": [{"values": {"measurement": measurement}}],
        "min_tcb": {"boot_loader": 3, "tee": 0, "snp": 8, "microcode": 115},
    })
}

pub(crate) fn snp_hex() -> Option<Case> {
    let folder = folder("snp", 7)?;
    let digits = String::from_utf8(read(&folder, "report_milan.hex")).unwrap();
    let rules = snp_rules(
        "7a1e5c266c0108dbc9bb94fa926951320940915d0aafb42464bd88b579ea158d3e1a0dc39b2c60bd95b9c480cd81841f",
    );
    Some(Case {
        name: "report_milan.hex",
        evidence: Evidence::new(EvidenceKind::Snp, hex::decode(digits.trim()).unwrap()),
        expectation: expect(
            "d447b55d197491bfe15cf298f9de9986b7a7c4be2468b4f6e2d53b71d7c645810b0f2cdfca0040433be063fc1a8293f0f3f8dae7b79fecb3d1cd82bd6a93ebfd",
        ),
        endorsements: amd(&folder, "vcek_milan.der"),
        policy: only("snp", rules),
        at: SNP_TIME,
    })
}

pub(crate) fn snp_bin() -> Option<Case> {
    let folder = folder("snp", 7)?;
    let rules = snp_rules(
        "a1f3930413247bb38cfc171579ea3c12d5fe4901f0c792f63fd75d98f1ef827c23500644e0e692e6be917f9050d3d38c",
    );
    Some(Case {
        name: "test-report.bin",
        evidence: Evidence::new(EvidenceKind::Snp, read(&folder, "test-report.bin")),
        expectation: expect("ec6c52d7533cc2c4f45be7849cf112ab82b2009fe7bd43e71ed08c14400ad7e2"),
        endorsements: amd(&folder, "test-vcek.der"),
        policy: only("snp", rules),
        at: SNP_TIME,
    })
}

/// A quote of a software TPM that booted nothing; its key is listed.
pub(crate) fn tpm() -> Option<Case> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let folder = folder("tpm", 2)?;
    let json: Value = serde_json::from_slice(&read(&folder, "tpm_evidence.json")).unwrap();
    let base64 = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let pcrs = json["tpm_quote"]["pcrs"].as_array().unwrap();
    let pcrs: Vec<u8> =
        pcrs.iter().flat_map(|pcr| hex::decode(pcr.as_str().unwrap()).unwrap()).collect();
    let evidence = TpmEvidence {
        attest: base64(&json["tpm_quote"]["message"]),
        signature: base64(&json["tpm_quote"]["signature"]),
        key: AttestationKey::Spki(base64(&json["ak_public"])),
        pcrs,
        event_log: None,
        key_certificates: vec![],
        endorsement_certificates: vec![],
        endorsement_public_area: None,
    };
    let rules = json!({
        "references": [{"values": {"pcr0": "00".repeat(32), "pcr17": "ff".repeat(32)}}],
        "attestation_keys": ["a517f03ffdaee469aef1a19569547e330726335d0461c3ef6383409c6295679e"],
        "measured_boot": false,
        "event_log": false,
        "secure_boot": false,
    });
    let mut policy = only("tpm", rules);
    policy["class"] = "measured".into();
    Some(Case {
        name: "tpm_evidence.json",
        evidence: Evidence::new(EvidenceKind::Tpm, evidence.encode()),
        expectation: expect(
            "a04182b506878d4f29b91ee606a71a0d3361ccf1b22db20c98adcaa537bea393ef0e41a18b3569ab678f1497fbc5c120",
        ),
        endorsements: Endorsements::default(),
        policy,
        at: 1_700_000_000,
    })
}
