//! Nitro enclaves on a chain of certificates of the tests' own.

use ciborium::Value;
use coset::{CborSerializable, CoseSign1Builder, HeaderBuilder, iana};
use p384::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::DecodePrivateKey as _,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384,
};
use sealwork_platform::{Clock as _, SystemClock};
use sealwork_seal::Statement;
use sealwork_verify::{Evidence, EvidenceKind};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use crate::attester::Attester;

/// Seconds.
const HOUR: i64 = 3600;

/// An enclave in good order; it can be made worse.
#[derive(Clone)]
pub(crate) struct Enclave {
    root: Vec<u8>,
    leaf: Vec<u8>,
    /// PKCS #8.
    key: Vec<u8>,
    pcr: u8,
    age: i64,
}

impl Enclave {
    pub(crate) fn new() -> Self {
        Self::ending_in(3 * HOUR)
    }

    /// One whose certificate ends in so many seconds.
    pub(crate) fn ending_in(seconds: i64) -> Self {
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let root_key = key();
        let mut params = named("root of the tests", 24 * HOUR);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = params.self_signed(&root_key).unwrap().der().to_vec();
        let issuer = Issuer::new(params, root_key);
        let leaf_key = key();
        let mut params = named("enclave of the tests", seconds);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let leaf = params.signed_by(&leaf_key, &issuer).unwrap().der().to_vec();
        Self { root, leaf, key: leaf_key.serialize_der(), pcr: 1, age: 0 }
    }

    /// With this in every byte of its PCRs; 0 is debug mode.
    pub(crate) fn with_pcr(self, pcr: u8) -> Self {
        Self { pcr, ..self }
    }

    /// With documents that are so many seconds old when they are made.
    pub(crate) fn with_age(self, age: i64) -> Self {
        Self { age, ..self }
    }

    /// The policy that trusts it.
    pub(crate) fn policy(&self) -> Json {
        json!({"version": 1, "kinds": {"nitro": {
            "references": [{"values": {"pcr0": "01".repeat(48)}}],
            "roots": [{"name": "tests", "sha256": hex::encode(Sha256::digest(&self.root))}],
        }}})
    }

    pub(crate) fn attester(&self) -> Attester {
        let this = self.clone();
        let make = move |statement: &Statement| {
            Evidence::new(EvidenceKind::Nitro, this.document(&statement.report_data()[..32]))
        };
        Attester { kind: "nitro", make: Box::new(make) }
    }

    fn document(&self, user_data: &[u8]) -> Vec<u8> {
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        let now = SystemClock::new().now().as_secs() as i64 - self.age;
        let pcrs = (0..3_u8).map(|pcr| (pcr.into(), bytes(&[self.pcr; 48]))).collect();
        let entries = [
            ("module_id", Value::Text("i-1-enc1".into())),
            ("digest", Value::Text("SHA384".into())),
            ("timestamp", (now * 1000).into()),
            ("pcrs", Value::Map(pcrs)),
            ("certificate", bytes(&self.leaf)),
            ("cabundle", Value::Array(vec![bytes(&self.root)])),
            ("public_key", Value::Null),
            ("user_data", bytes(user_data)),
            ("nonce", Value::Null),
        ];
        let entries = entries.map(|(name, value)| (Value::Text(name.into()), value));
        let mut payload = Vec::new();
        ciborium::into_writer(&Value::Map(entries.into()), &mut payload).unwrap();
        let key: SigningKey = p384::SecretKey::from_pkcs8_der(&self.key).unwrap().into();
        CoseSign1Builder::new()
            .protected(HeaderBuilder::new().algorithm(iana::Algorithm::ES384).build())
            .payload(payload)
            .create_signature(&[], |bytes| {
                let signature: Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            })
            .build()
            .to_vec()
            .unwrap()
    }
}

fn named(name: &str, ends_in: i64) -> CertificateParams {
    let now = SystemClock::new().now().as_secs() as i64;
    let now = OffsetDateTime::from_unix_timestamp(now).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - Duration::hours(24);
    params.not_after = now + Duration::seconds(ends_in);
    params
}
