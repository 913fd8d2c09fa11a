//! The JSON that docs/attestation.md shows is read by the programs it is shown for.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use sealwork_verify::{Endorsements, Policy};
use serde_json::Value;

const GUIDE: &str = include_str!("../../../docs/attestation.md");

/// The JSON blocks of a section.
fn blocks(section: &str) -> Vec<Value> {
    let start = GUIDE.find(&format!("\n## {section}\n")).unwrap();
    let text = &GUIDE[start + 4..];
    let text = &text[..text.find("\n## ").unwrap_or(text.len())];
    let blocks = text.split("```json\n").skip(1);
    blocks.map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap()).collect()
}

/// What an ellipsis stands for, in the guide.
struct Left {
    certificate: String,
    revocation_list: String,
}

impl Left {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap().pem();
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2026, 11, 21),
            next_update: rcgen::date_time_ymd(2026, 12, 21),
            crl_number: 1_u64.into(),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let issuer = rcgen::Issuer::new(params, key);
        Self { certificate, revocation_list: list.signed_by(&issuer).unwrap().pem().unwrap() }
    }

    fn put_into(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|value| self.put_into(value)),
            Value::Array(items) => items.iter_mut().for_each(|value| self.put_into(value)),
            Value::String(text) if text.contains('…') && !text.starts_with('{') => {
                *text = if text.contains("BEGIN CERTIFICATE") {
                    self.certificate.clone()
                } else if text.contains("BEGIN X509 CRL") {
                    self.revocation_list.clone()
                } else {
                    "ab".repeat(48)
                };
            }
            _ => {}
        }
    }
}

/// A field of the example that the reader does not know, or the other way round, ends here.
#[test]
fn the_bundle_that_is_shown_is_one() {
    let [mut bundle] = <[Value; 1]>::try_from(blocks("Endorsements")).unwrap();
    Left::new().put_into(&mut bundle);
    let read = Endorsements::from_json(bundle.to_string().as_bytes()).unwrap();
    assert_eq!(read.sequence(), 20_261_121);
    let again: Value = serde_json::from_str(&read.to_json()).unwrap();
    for (name, value) in bundle.as_object().unwrap() {
        let (shown, read) = (value.as_array().map(Vec::len), again[name].as_array().map(Vec::len));
        assert_eq!(shown, read, "{name}");
    }
    let fields = |bundle: &Value| bundle["dcap"][0].as_object().unwrap().keys().count();
    assert_eq!(fields(&bundle), fields(&again));
}

#[test]
fn the_policies_that_are_shown_are_valid() {
    for mut policy in blocks("Policies") {
        Left::new().put_into(&mut policy);
        Policy::from_json(policy.to_string().as_bytes()).unwrap();
    }
    assert_eq!(blocks("Policies").len(), 1);
}
