//! COSE_Sign1 (RFC 9052), in its one encoding.

use coset::{
    CborSerializable, CoseSign1, RegisteredLabelWithPrivate, SignatureContext,
    TaggedCborSerializable, cbor::Value, iana, sig_structure_data,
};

/// A COSE_Sign1 that was read; its signature is not checked yet.
pub struct Sign1(CoseSign1);

/// The algorithm of a protected header.
pub type Algorithm = RegisteredLabelWithPrivate<iana::Algorithm>;

impl Sign1 {
    /// Reads a document without a tag, in deterministic CBOR: lengths and numbers in their
    /// shortest form, no key twice, nothing behind.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        check_cbor(bytes)?;
        CoseSign1::from_slice(bytes).map(Self).map_err(|_| "not a COSE_Sign1 document")
    }

    /// Reads a document with the tag 18 or without one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse_any(bytes: &[u8]) -> Result<Self, &'static str> {
        check_cbor(bytes)?;
        CoseSign1::from_tagged_slice(bytes)
            .or_else(|_| CoseSign1::from_slice(bytes))
            .map(Self)
            .map_err(|_| "not a COSE_Sign1 document")
    }

    /// The algorithm that the signature covers.
    pub fn protected_algorithm(&self) -> Option<&Algorithm> {
        self.0.protected.header.alg.as_ref()
    }

    /// The algorithm that the signature does not cover.
    pub fn unprotected_algorithm(&self) -> Option<&Algorithm> {
        self.0.unprotected.alg.as_ref()
    }

    /// Whether there is anything that the signature does not cover.
    pub fn has_unprotected(&self) -> bool {
        !self.0.unprotected.is_empty()
    }

    /// Whether the protected header holds anything but the algorithm.
    pub fn has_more_than_algorithm(&self) -> bool {
        let mut header = self.0.protected.header.clone();
        header.alg = None;
        !header.is_empty()
    }

    /// What is signed.
    pub fn payload(&self) -> Option<&[u8]> {
        self.0.payload.as_deref()
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        &self.0.signature
    }

    /// The bytes that the signature is over: `Sig_structure` with context `Signature1`.
    pub fn signed_bytes(&self, external: &[u8]) -> Vec<u8> {
        // An empty map is signed as if it were not there (RFC 9052, 4.4), however it was written.
        let protected = &self.0.protected;
        let protected =
            if protected.header.is_empty() { Default::default() } else { protected.clone() };
        let payload = self.payload().unwrap_or_default();
        sig_structure_data(SignatureContext::CoseSign1, protected, None, external, payload)
    }
}

/// Reads one CBOR item that fills the bytes and is encoded in the shortest way.
pub(crate) fn read_cbor(bytes: &[u8]) -> Result<Value, &'static str> {
    let value: Value = coset::cbor::from_reader(bytes).map_err(|_| "not CBOR")?;
    let mut again = Vec::with_capacity(bytes.len());
    coset::cbor::into_writer(&value, &mut again).map_err(|_| "not CBOR")?;
    if again == bytes {
        Ok(value)
    } else {
        Err("CBOR with bytes behind it, or not in its shortest form")
    }
}

/// The same for a map, which may also be of indefinite length: the enclaves of 2025 write their
/// documents so. What is in it is encoded in the shortest way.
pub(crate) fn read_map(bytes: &[u8]) -> Result<Vec<(Value, Value)>, &'static str> {
    let value = match bytes {
        [0xbf, entries @ .., 0xff] => {
            let value: Value = coset::cbor::from_reader(bytes).map_err(|_| "not CBOR")?;
            let mut again = Vec::with_capacity(bytes.len());
            for (key, value) in value.as_map().into_iter().flatten() {
                for item in [key, value] {
                    coset::cbor::into_writer(item, &mut again).map_err(|_| "not CBOR")?;
                }
            }
            if again != entries {
                return Err("CBOR with bytes behind it, or not in its shortest form");
            }
            value
        }
        _ => read_cbor(bytes)?,
    };
    value.into_map().map_err(|_| "no CBOR map")
}

fn check_cbor(bytes: &[u8]) -> Result<(), &'static str> {
    read_cbor(bytes).map(|_| ())
}
