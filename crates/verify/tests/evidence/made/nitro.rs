//! Nitro documents from a chain of the tests' own.

use ciborium::Value;
use coset::{CborSerializable, CoseSign1Builder, HeaderBuilder, iana};
use p384::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::DecodePrivateKey as _,
};
use rcgen::PKCS_ECDSA_P384_SHA384;
use sealwork_verify::{Age, Endorsements, Evidence, EvidenceKind, Expectation};
use serde_json::json;

use super::{
    NOW,
    authority::{Authority, Extras, Leaf},
    report_data, roots,
};
use crate::support::{Case, only};

type Entries = Vec<(Value, Value)>;

struct Chain {
    root: Authority,
    middle: Authority,
    leaf: Leaf,
}

impl Chain {
    fn new() -> Self {
        let algorithm = &PKCS_ECDSA_P384_SHA384;
        let root = Authority::root("nitro root of the tests", algorithm);
        let middle = root.below("nitro authority of the tests", algorithm);
        let leaf = middle.leaf("i-1", algorithm, &Extras::default());
        Self { root, middle, leaf }
    }

    fn document(&self, change: impl FnOnce(&mut Entries)) -> Vec<u8> {
        let text = |text: &str| Value::Text(text.into());
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        let pcrs = (0..16_u8).map(|pcr| (pcr.into(), bytes(&[pcr + 1; 48]))).collect();
        let mut entries = vec![
            (text("module_id"), text("i-1-enc1")),
            (text("digest"), text("SHA384")),
            (text("timestamp"), (NOW * 1000).into()),
            (text("pcrs"), Value::Map(pcrs)),
            (text("certificate"), bytes(&self.leaf.der)),
            (text("cabundle"), Value::Array(vec![bytes(&self.root.der), bytes(&self.middle.der)])),
            (text("public_key"), Value::Null),
            (text("user_data"), bytes(&report_data()[..32])),
            (text("nonce"), Value::Null),
        ];
        change(&mut entries);
        let mut payload = Vec::new();
        ciborium::into_writer(&Value::Map(entries), &mut payload).unwrap();
        self.sign(payload, iana::Algorithm::ES384)
    }

    fn sign(&self, payload: Vec<u8>, algorithm: iana::Algorithm) -> Vec<u8> {
        let key: SigningKey = p384::SecretKey::from_pkcs8_der(&self.leaf.key).unwrap().into();
        CoseSign1Builder::new()
            .protected(HeaderBuilder::new().algorithm(algorithm).build())
            .payload(payload)
            .create_signature(&[], |bytes| {
                let signature: Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            })
            .build()
            .to_vec()
            .unwrap()
    }

    fn case(&self, document: Vec<u8>) -> Case {
        let rules = json!({
            "references": [{"values": {"pcr0": "01".repeat(48), "pcr2": "03".repeat(48)}}],
            "roots": roots(&self.root.der),
        });
        let age = Age::Challenged;
        Case {
            name: "made Nitro",
            evidence: Evidence::new(EvidenceKind::Nitro, document),
            expectation: Expectation { report_data: report_data(), nonce: None, age },
            endorsements: Endorsements::default(),
            policy: only("nitro", rules),
            at: NOW,
        }
    }
}

pub(crate) fn enclave() -> Case {
    let chain = Chain::new();
    chain.case(chain.document(|_| {}))
}

/// A document about other user data, with a public key or without.
pub(crate) fn document_about(user_data: &[u8], public_key: Option<&[u8]>) -> Case {
    let chain = Chain::new();
    chain.case(chain.document(|entries| {
        entries[6].1 = public_key.map_or(Value::Null, |key| Value::Bytes(key.to_vec()));
        entries[7].1 = Value::Bytes(user_data.to_vec());
    }))
}

#[test]
fn documents_that_say_other_things_are_refused_though_they_are_signed() {
    let chain = Chain::new();
    let codes = |change: &dyn Fn(&mut Entries)| {
        chain.case(chain.document(|entries| change(entries))).codes()
    };
    let zero_pcrs = Value::Map(vec![(0.into(), Value::Bytes(vec![0; 48]))]);
    assert_eq!(
        codes(&|entries| entries[3].1 = zero_pcrs.clone()),
        ["debug_enabled", "class_too_low", "measurement_mismatch"]
    );
    assert_eq!(
        codes(&|entries| entries[2].1 = ((NOW + 61) * 1000).into()),
        ["evidence_from_future"]
    );
    assert_eq!(codes(&|entries| entries[2].1 = ((NOW - 301) * 1000).into()), ["evidence_stale"]);
    assert_eq!(codes(&|entries| entries[7].1 = Value::Null), ["report_data_mismatch"]);
    let extra = (Value::Text("more".into()), Value::Null);
    assert_eq!(codes(&|entries| entries.push(extra.clone())), ["evidence_malformed"]);
    let Value::Array(bundle) = chain.document_bundle() else { panic!() };
    let reversed: Vec<_> = bundle.iter().rev().cloned().collect();
    let reversed = codes(&|entries| entries[5].1 = Value::Array(reversed.clone()));
    assert_eq!(reversed[..2], ["root_untrusted", "chain_invalid"], "{reversed:?}");
    let short = codes(&|entries| entries[5].1 = Value::Array(bundle[..1].to_vec()));
    assert_eq!(short, ["chain_invalid"]);
    let only_leaf = codes(&|entries| entries[5].1 = Value::Array(vec![]));
    assert_eq!(only_leaf, ["evidence_malformed"]);
}

#[test]
fn other_algorithms_than_es384_are_refused() {
    let chain = Chain::new();
    let mut payload = chain.document(|_| {});
    let document = sealwork_verify::cose::Sign1::parse(&payload).unwrap();
    payload = document.payload().unwrap().to_vec();
    for algorithm in [iana::Algorithm::ES256, iana::Algorithm::ES512, iana::Algorithm::EdDSA] {
        let document = chain.sign(payload.clone(), algorithm);
        assert_eq!(chain.case(document).codes(), ["signature_invalid"], "{algorithm:?}");
    }
    assert_eq!(chain.case(chain.sign(payload, iana::Algorithm::ES384)).codes(), [""; 0]);
}

#[test]
fn leaves_of_other_chains_are_refused() {
    let (one, two) = (Chain::new(), Chain::new());
    let leaf = Value::Bytes(two.leaf.der.clone());
    let swapped = one.case(one.document(|entries| entries[4].1 = leaf));
    assert_eq!(swapped.codes(), ["chain_invalid", "signature_invalid"]);
    let other_root = one.case(two.document(|_| {}));
    assert_eq!(other_root.codes(), ["root_untrusted"]);
}

impl Chain {
    fn document_bundle(&self) -> Value {
        let bytes = |der: &[u8]| Value::Bytes(der.to_vec());
        Value::Array(vec![bytes(&self.root.der), bytes(&self.middle.der)])
    }
}
