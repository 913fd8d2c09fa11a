use num_bigint::BigUint;
use x509_cert::der::{
    Decode, Encode,
    asn1::{AnyRef, UintRef},
};

/// Moduli of other sizes are refused: smaller ones are broken, larger ones only cost time.
const MODULUS_BITS: std::ops::RangeInclusive<u64> = 2048..=8192;
/// Exponents have at most so many bits; everybody's has 17.
const MAX_EXPONENT_BITS: u64 = 33;

/// An RSA public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RsaKey {
    modulus: BigUint,
    exponent: BigUint,
    pkcs1_der: Vec<u8>,
}

impl RsaKey {
    /// From big-endian numbers; none for keys that nobody should use.
    pub(crate) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let pkcs1_der =
            vec![UintRef::new(modulus).ok()?, UintRef::new(exponent).ok()?].to_der().ok()?;
        let (modulus, exponent) =
            (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
        let usable = MODULUS_BITS.contains(&modulus.bits())
            && modulus.bit(0)
            && exponent.bit(0)
            && (2..=MAX_EXPONENT_BITS).contains(&exponent.bits());
        usable.then_some(Self { modulus, exponent, pkcs1_der })
    }

    /// From an `RSAPublicKey` (RFC 8017, A.1.1).
    pub(crate) fn from_pkcs1(der: &[u8]) -> Option<Self> {
        let numbers = Vec::<AnyRef<'_>>::from_der(der).ok()?;
        let [modulus, exponent] = numbers.as_slice() else { return None };
        Self::new(
            modulus.decode_as::<UintRef<'_>>().ok()?.as_bytes(),
            exponent.decode_as::<UintRef<'_>>().ok()?.as_bytes(),
        )
    }

    /// The `RSAPublicKey` (RFC 8017, A.1.1).
    pub(crate) fn pkcs1_der(&self) -> &[u8] {
        &self.pkcs1_der
    }

    #[cfg(any(test, not(feature = "native")))]
    pub(crate) fn modulus(&self) -> &BigUint {
        &self.modulus
    }

    /// Length of the modulus and of everything made with it, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.modulus.bits().div_ceil(8) as usize
    }

    /// `number` to the key's exponent, as long as the modulus.
    pub(crate) fn apply(&self, number: &BigUint) -> Option<Vec<u8>> {
        let bytes = number.modpow(&self.exponent, &self.modulus).to_bytes_be();
        let mut out = vec![0; self.len().checked_sub(bytes.len())?];
        out.extend_from_slice(&bytes);
        Some(out)
    }
}
