//! SGX and TDX quotes with their whole collateral, for every status and attribute.

#[cfg(test)]
mod choice;
#[cfg(test)]
mod memory;

use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::DecodePrivateKey as _,
};
use rcgen::PKCS_ECDSA_P256_SHA256;
use sealwork_verify::{Age, DcapCollateral, Endorsements, Evidence, EvidenceKind, Expectation};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    NOW,
    authority::{Authority, Extras, Leaf},
    report_data, roots,
};
use crate::support::{Case, only};

const SGX_EXTENSION: [u64; 8] = [1, 2, 840, 113_741, 1, 13, 1, 0];
const VENDOR: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];
const QE_SIGNER: [u8; 32] = [0xee; 32];
const SERIAL: u64 = 99;

#[derive(Clone, Copy, PartialEq)]
enum Tee {
    Sgx,
    Tdx4,
    Tdx5,
}

/// A platform of the tests.
#[derive(Clone)]
struct Platform {
    name: &'static str,
    tee: Tee,
    /// Attributes of the enclave or guest.
    attributes: u64,
    status: &'static str,
    advisories: Vec<&'static str>,
    qe_status: &'static str,
    revoked: bool,
    service_td: u8,
}

fn sgx_platform() -> Platform {
    Platform {
        name: "made SGX",
        tee: Tee::Sgx,
        attributes: 5,
        status: "UpToDate",
        advisories: vec![],
        qe_status: "UpToDate",
        revoked: false,
        service_td: 0,
    }
}

/// SEPT_VE_DISABLE, without which no guest is accepted.
const TD_ATTRIBUTES: u64 = 1 << 28;

fn tdx_platform() -> Platform {
    Platform { name: "made TDX 4", tee: Tee::Tdx4, attributes: TD_ATTRIBUTES, ..sgx_platform() }
}

pub(crate) fn sgx() -> Case {
    sgx_platform().case()
}

pub(crate) fn tdx_4() -> Case {
    tdx_platform().case()
}

pub(crate) fn tdx_5() -> Case {
    Platform { name: "made TDX 5", tee: Tee::Tdx5, ..tdx_platform() }.case()
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    match len {
        0..128 => [&[tag, len as u8], content].concat(),
        _ => [&[tag, 0x82, (len >> 8) as u8, len as u8], content].concat(),
    }
}

/// `SEQUENCE { OID 1.2.840.113741.1.13.1.tail, value }`.
fn item(tail: &[u8], value: Vec<u8>) -> Vec<u8> {
    let oid = [&[0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 1, 13, 1], tail].concat();
    der(0x30, &[der(6, &oid), value].concat())
}

fn pck_extension() -> Vec<u8> {
    let mut tcb: Vec<u8> = (1..=16).flat_map(|n| item(&[2, n], der(2, &[5]))).collect();
    tcb.extend(item(&[2, 17], der(2, &[10])));
    tcb.extend(item(&[2, 18], der(4, &[5; 16])));
    let parts = [
        item(&[1], der(4, &[1; 16])),
        item(&[2], der(0x30, &tcb)),
        item(&[3], der(4, &[0; 2])),
        item(&[4], der(4, &[0xaa; 6])),
        item(&[5], der(10, &[0])),
    ];
    der(0x30, &parts.concat())
}

fn pem(parts: &[&[u8]]) -> String {
    let armour = |der: &&[u8]| {
        let pem = pem::Pem::new("CERTIFICATE", *der);
        pem::encode_config(&pem, pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF))
    };
    parts.iter().map(armour).collect()
}

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key: SigningKey = p256::SecretKey::from_pkcs8_der(key).unwrap().into();
    let signature: Signature = key.sign(message);
    signature.to_bytes().to_vec()
}

fn components(svn: u8) -> Value {
    (0..16).map(|_| json!({"svn": svn})).collect()
}

fn date(offset: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(NOW as i64 + offset).unwrap();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        time.month() as u8,
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

impl Platform {
    fn tcb_info(&self) -> Value {
        // Component 1 is the module's version, which is 0 here.
        let mut tdx = components(3);
        tdx[1]["svn"] = 0.into();
        let mut info = json!({
            "id": if self.tee == Tee::Sgx { "SGX" } else { "TDX" },
            "version": 3,
            "issueDate": date(-3600),
            "nextUpdate": date(86_400),
            "fmspc": "AAAAAAAAAAAA",
            "pceId": "0000",
            "tcbType": 0,
            "tcbEvaluationDataNumber": 20,
            "tcbLevels": [{
                "tcb": {"sgxtcbcomponents": components(3), "pcesvn": 5,
                    "tdxtcbcomponents": tdx},
                "tcbDate": "2025-02-01T00:00:00Z",
                "tcbStatus": self.status,
                "advisoryIDs": self.advisories,
            }],
        });
        if self.tee != Tee::Sgx {
            info["tdxModule"] = json!({
                "mrsigner": "00".repeat(48), "attributes": "00".repeat(8),
                "attributesMask": "ff".repeat(8),
            });
        }
        info
    }

    fn qe_identity(&self) -> Value {
        json!({
            "id": if self.tee == Tee::Sgx { "QE" } else { "TD_QE" },
            "version": 2,
            "issueDate": date(-3600),
            "nextUpdate": date(86_400),
            "tcbEvaluationDataNumber": 20,
            "miscselect": "00000000", "miscselectMask": "ffffffff",
            "attributes": "00".repeat(16), "attributesMask": "00".repeat(16),
            "mrsigner": hex::encode(QE_SIGNER),
            "isvprodid": 1,
            "tcbLevels": [{"tcb": {"isvsvn": 4}, "tcbDate": "2025-02-01T00:00:00Z",
                "tcbStatus": self.qe_status}],
        })
    }

    fn header(&self) -> Vec<u8> {
        let (version, tee) = match self.tee {
            Tee::Sgx => (3_u16, 0_u32),
            Tee::Tdx4 => (4, 0x81),
            Tee::Tdx5 => (5, 0x81),
        };
        let mut out = version.to_le_bytes().to_vec();
        out.extend_from_slice(&2_u16.to_le_bytes());
        out.extend_from_slice(&tee.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&VENDOR);
        out.extend_from_slice(&[0; 20]);
        out
    }

    fn body(&self) -> Vec<u8> {
        if self.tee == Tee::Sgx {
            let mut body = enclave_report(&[0x11; 32], &report_data(), 7);
            body[48..56].copy_from_slice(&self.attributes.to_le_bytes());
            return body;
        }
        let mut body = vec![0; 584];
        body[..16].fill(5);
        // Module version 0: judged by the levels alone.
        body[1] = 0;
        body[0] = 5;
        body[120..128].copy_from_slice(&self.attributes.to_le_bytes());
        body[136..184].fill(0x22);
        body[520..584].copy_from_slice(&report_data());
        if self.tee == Tee::Tdx5 {
            let svn = body[..16].to_vec();
            body.extend_from_slice(&svn);
            body.extend_from_slice(&[self.service_td; 48]);
            let head = [&3_u16.to_le_bytes()[..], &648_u32.to_le_bytes()].concat();
            return [head, body].concat();
        }
        body
    }

    fn quote(&self, pck: &Leaf, chain: &str) -> Vec<u8> {
        let attestation = rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let point = rcgen::PublicKeyData::der_bytes(&attestation)[1..].to_vec();
        let auth = [0x77; 32];
        let mut bound = [0; 64];
        bound[..32].copy_from_slice(&Sha256::digest([&point[..], &auth].concat()));
        let qe_report = enclave_report(&QE_SIGNER, &bound, 1);
        let counted = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes(), bytes].concat();
        let certification =
            |kind: u16, content: &[u8]| [&kind.to_le_bytes()[..], &counted(content)].concat();
        let qe = [
            qe_report.clone(),
            sign(&pck.key, &qe_report),
            [&32_u16.to_le_bytes()[..], &auth].concat(),
            certification(5, chain.as_bytes()),
        ]
        .concat();
        let signed = [self.header(), self.body()].concat();
        let signature = sign(&attestation.serialize_der(), &signed);
        let section = if self.tee == Tee::Sgx {
            [signature, point, qe].concat()
        } else {
            [signature, point, certification(6, &qe)].concat()
        };
        [signed, counted(&section)].concat()
    }

    fn case(&self) -> Case {
        self.made().0
    }

    /// The case, with what signs its collateral.
    fn made(&self) -> (Case, Signers) {
        let algorithm = &PKCS_ECDSA_P256_SHA256;
        let root = Authority::root("Intel SGX Root CA of the tests", algorithm);
        let ca = root.below("Intel SGX PCK Platform CA", algorithm);
        let signer = root.leaf(
            "Intel SGX TCB Signing",
            algorithm,
            &Extras { serial: 3, ..Extras::default() },
        );
        let oid = SGX_EXTENSION[..7].to_vec();
        let extras =
            Extras { extensions: vec![(oid, pck_extension())], serial: SERIAL, usages: vec![] };
        let pck = ca.leaf("Intel SGX PCK Certificate", algorithm, &extras);
        let chain = pem(&[&pck.der, &ca.der, &root.der]);
        let roots = roots(&root.der);
        let signers = Signers { platform: self.clone(), root, ca, signer };
        let mut endorsements = Endorsements::default();
        endorsements.add_collateral(signers.collateral(|_| {})).unwrap();
        let (kind, values) = match self.tee {
            Tee::Sgx => (EvidenceKind::Sgx, json!({"mrsigner": "11".repeat(32)})),
            _ => (EvidenceKind::Tdx, json!({"mrtd": "22".repeat(48)})),
        };
        let mut rules = json!({
            "references": [{"values": values}],
            "tcb": {},
            "roots": roots,
        });
        if kind == EvidenceKind::Sgx {
            rules["isv_prod_id"] = 7.into();
        }
        let case = Case {
            name: self.name,
            evidence: Evidence::new(kind, self.quote(&pck, &chain)),
            expectation: Expectation {
                report_data: report_data(),
                nonce: None,
                age: Age::Challenged,
            },
            endorsements,
            policy: only(kind.as_str(), rules),
            at: NOW,
        };
        (case, signers)
    }
}

/// What signs the collateral of a platform.
struct Signers {
    platform: Platform,
    root: Authority,
    ca: Authority,
    signer: Leaf,
}

/// What is in collateral, before it is signed.
struct Parts {
    tcb_info: Value,
    qe_identity: Value,
    root_ca_crl: Vec<u8>,
    pck_crl: Vec<u8>,
    /// How much of the signatures is left.
    signature_len: [usize; 2],
}

impl Signers {
    fn collateral(&self, change: impl FnOnce(&mut Parts)) -> DcapCollateral {
        let Self { platform, root, ca, signer } = self;
        let revoked: &[u64] = if platform.revoked { &[SERIAL] } else { &[] };
        let mut parts = Parts {
            tcb_info: platform.tcb_info(),
            qe_identity: platform.qe_identity(),
            root_ca_crl: root.revocation_list(&[]),
            pck_crl: ca.revocation_list(revoked),
            signature_len: [64, 64],
        };
        change(&mut parts);
        let (tcb_info, qe_identity) = (parts.tcb_info.to_string(), parts.qe_identity.to_string());
        let signed = |text: &str, len: usize| {
            let mut signature = sign(&signer.key, text.as_bytes());
            signature.resize(len, 0);
            hex::encode(signature)
        };
        let signer_chain = pem(&[&signer.der, &root.der]);
        let collateral = json!({
            "pck_crl_issuer_chain": pem(&[&ca.der, &root.der]),
            "root_ca_crl": hex::encode(parts.root_ca_crl),
            "pck_crl": hex::encode(parts.pck_crl),
            "tcb_info_issuer_chain": signer_chain,
            "tcb_info_signature": signed(&tcb_info, parts.signature_len[0]),
            "tcb_info": tcb_info,
            "qe_identity_issuer_chain": signer_chain,
            "qe_identity_signature": signed(&qe_identity, parts.signature_len[1]),
            "qe_identity": qe_identity,
        });
        DcapCollateral::from_json(collateral.to_string().as_bytes()).unwrap()
    }
}

fn enclave_report(signer: &[u8; 32], data: &[u8; 64], product: u16) -> Vec<u8> {
    let mut report = vec![0; 384];
    report[..16].fill(5);
    report[64..96].fill(0x33);
    report[128..160].copy_from_slice(signer);
    report[256..258].copy_from_slice(&product.to_le_bytes());
    report[258..260].copy_from_slice(&6_u16.to_le_bytes());
    report[320..].copy_from_slice(data);
    report
}

#[test]
fn debug_is_refused_by_name_and_allowed_by_name_only() {
    let sgx = Platform { attributes: 7, ..sgx_platform() }.case();
    let tdx = Platform { attributes: TD_ATTRIBUTES | 1, ..tdx_platform() }.case();
    let profiled = Platform { attributes: TD_ATTRIBUTES | 1 << 5, ..tdx_platform() }.case();
    for case in [sgx, tdx, profiled] {
        assert_eq!(case.codes(), ["debug_enabled", "class_too_low"], "{}", case.name);
        let allowed = case.policy("/class", json!("unprotected"));
        assert_eq!(allowed.codes(), ["debug_enabled"]);
        assert!(allowed.policy("/allow_debug", json!(true)).trusted().claims.debug);
    }
}

#[test]
fn every_status_needs_the_policys_word_and_two_get_none() {
    let statuses = [
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
    ];
    for status in statuses {
        for platform in [sgx_platform(), tdx_platform()] {
            let case = Platform { status, ..platform }.case();
            assert_eq!(case.codes(), ["tcb_status_not_allowed"], "{status}");
            let kind = case.evidence.kind;
            let pointer = format!("/kinds/{kind}/tcb/statuses");
            assert_eq!(case.policy(&pointer, json!([status])).codes(), [""; 0], "{status}");
        }
    }
    assert_eq!(Platform { status: "Revoked", ..sgx_platform() }.case().codes(), ["tcb_revoked"]);
    let unknown = Platform { status: "Unheard", ..sgx_platform() }.case().codes();
    assert_eq!(unknown, ["collateral_invalid"]);
    // The quoting enclave's own state counts, too.
    let qe = Platform { qe_status: "OutOfDate", ..sgx_platform() }.case();
    assert_eq!(qe.codes(), ["tcb_status_not_allowed"]);
    let qe = Platform { qe_status: "Revoked", ..sgx_platform() }.case();
    assert_eq!(qe.codes(), ["tcb_revoked"]);
}

#[test]
fn advisories_count_at_every_status() {
    let case = Platform { advisories: vec!["INTEL-SA-1"], ..sgx_platform() }.case();
    assert_eq!(case.codes(), ["advisory_not_allowed"]);
    let allowed = json!([{"id": "INTEL-SA-1", "until": "2030-01-01"}]);
    let allowed = case.policy("/kinds/sgx/tcb/advisories", allowed);
    assert_eq!(allowed.trusted().advisories, ["INTEL-SA-1"]);
}

#[test]
fn revoked_platforms_are_refused() {
    let case = Platform { revoked: true, ..sgx_platform() }.case();
    assert_eq!(case.codes(), ["certificate_revoked"]);
}

#[test]
fn guests_whose_attributes_weaken_isolation_are_refused() {
    for (attributes, what) in [
        (0, "SEPT_VE_DISABLE"),
        (TD_ATTRIBUTES | 1 << 29, "migration"),
        (TD_ATTRIBUTES | 1 << 17, "service TD"),
        (TD_ATTRIBUTES | 1 << 40, "reserved"),
    ] {
        let case = Platform { attributes, ..tdx_platform() }.case();
        let verdict = case.verdict();
        assert_eq!(crate::support::codes(&verdict), ["attributes_not_allowed"], "{what}");
        assert!(verdict.reasons()[0].claim.contains(what), "{:?}", verdict.reasons());
    }
    let service = Platform { tee: Tee::Tdx5, service_td: 1, ..tdx_platform() }.case();
    assert_eq!(service.codes(), ["attributes_not_allowed"]);
}

#[test]
fn roots_of_ones_own_count_only_where_the_policy_names_them() {
    for case in [sgx(), tdx_4()] {
        let kind = case.evidence.kind.as_str();
        let pinned = case.with(|case| {
            case.policy["kinds"][kind].as_object_mut().unwrap().remove("roots");
        });
        assert_eq!(pinned.codes(), ["root_untrusted"]);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let platform = Platform {
        attributes: 7,
        status: "OutOfDate",
        advisories: vec!["INTEL-SA-1"],
        ..sgx_platform()
    };
    let case = platform.case().at(NOW + 100_000).with(|case| {
        case.expectation.report_data = [1; 64];
        case.policy["kinds"]["sgx"]["references"][0]["values"]["mrsigner"] = "12".repeat(32).into();
        case.policy["kinds"]["sgx"]["isv_prod_id"] = 8.into();
    });
    let expected = [
        "collateral_expired",
        "debug_enabled",
        "class_too_low",
        "report_data_mismatch",
        "measurement_mismatch",
        "version_not_allowed",
        "tcb_status_not_allowed",
        "advisory_not_allowed",
    ];
    assert_eq!(case.codes(), expected);
}
