//! Documents under a root of the tests' own.

#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../../../../verify/tests/evidence/made/authority.rs"]
mod authority;

use authority::{Authority, Extras, Leaf};
use ciborium::Value;
use coset::{CborSerializable as _, CoseSign1Builder, HeaderBuilder, iana};
use p384::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::DecodePrivateKey as _,
};
use rcgen::PKCS_ECDSA_P384_SHA384;
use sealwork_compat_oyster::Rules;
use sealwork_verify::NitroRoot;

/// In the middle of every certificate's validity.
pub(crate) const NOW: u64 = 1_750_000_000;

/// The fields of a document, in the order of [`Chain::document`].
pub(crate) type Entries = Vec<(Value, Value)>;

pub(crate) struct Chain {
    root: Authority,
    middle: Authority,
    leaf: Leaf,
}

impl Chain {
    pub(crate) fn new() -> Self {
        let algorithm = &PKCS_ECDSA_P384_SHA384;
        let root = Authority::root("root of the tests", algorithm);
        let middle = root.below("authority of the tests", algorithm);
        let leaf = middle.leaf("enclave", algorithm, &Extras::default());
        Self { root, middle, leaf }
    }

    /// Rules that name this chain's root.
    pub(crate) fn rules(&self) -> Rules {
        // A bit string of 98 bytes, no bits unused, an uncompressed point.
        let der = self.root();
        let at = der.windows(4).position(|window| window == [3, 0x62, 0, 4]).unwrap() + 4;
        let root = NitroRoot::Key(der[at..at + 96].try_into().unwrap());
        Rules { root, allow_debug: false }
    }

    pub(crate) fn root(&self) -> &[u8] {
        &self.root.der
    }

    pub(crate) fn middle(&self) -> &[u8] {
        &self.middle.der
    }

    pub(crate) fn leaf(&self) -> &[u8] {
        &self.leaf.der
    }

    pub(crate) fn document(&self, change: impl FnOnce(&mut Entries)) -> Vec<u8> {
        let text = |text: &str| Value::Text(text.to_owned());
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        let pcrs = (0..3_u8).map(|pcr| (pcr.into(), bytes(&[pcr + 1; 48]))).collect();
        let mut entries = vec![
            (text("module_id"), text("i-1-enc1")),
            (text("digest"), text("SHA384")),
            (text("timestamp"), (NOW * 1000).into()),
            (text("pcrs"), Value::Map(pcrs)),
            (text("certificate"), bytes(&self.leaf.der)),
            (text("cabundle"), Value::Array(vec![bytes(&self.root.der), bytes(&self.middle.der)])),
            (text("public_key"), bytes(&[5; 64])),
            (text("user_data"), Value::Null),
            (text("nonce"), Value::Null),
        ];
        change(&mut entries);
        let mut payload = Vec::new();
        ciborium::into_writer(&Value::Map(entries), &mut payload).unwrap();
        let key: SigningKey = p384::SecretKey::from_pkcs8_der(&self.leaf.key).unwrap().into();
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
