use x509_cert::der::{Encode, asn1::UintRef};

/// `r || s` of equal halves as `Ecdsa-Sig-Value` (RFC 3279); none for an odd length.
pub(crate) fn fixed_to_der(signature: &[u8]) -> Option<Vec<u8>> {
    if !signature.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = signature.split_at(signature.len() / 2);
    vec![UintRef::new(r).ok()?, UintRef::new(s).ok()?].to_der().ok()
}
