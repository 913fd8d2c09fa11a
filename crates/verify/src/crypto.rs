//! Signatures, by whichever provider is compiled in. Nothing here is secret.

mod ecdsa_der;
#[cfg(feature = "native")]
mod native;
#[cfg(any(test, not(feature = "native")))]
mod pure;
mod rsa;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

pub(crate) use ecdsa_der::fixed_to_der;
#[cfg(feature = "native")]
use native as provider;
#[cfg(not(feature = "native"))]
use pure as provider;
pub(crate) use rsa::RsaKey;

/// A hash under a signature or over PCRs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(crate) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// Length of its digests, in bytes.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// How something was signed. ECDSA signatures are DER (RFC 3279).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ecdsa(Hash),
    RsaPkcs1(Hash),
    /// MGF1 with the same hash, and a salt as long as the hash.
    RsaPss(Hash),
}

/// A public key that evidence or its certificates are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// The uncompressed point (SEC 1).
    P256(Vec<u8>),
    /// The uncompressed point (SEC 1).
    P384(Vec<u8>),
    Rsa(RsaKey),
}

impl PublicKey {
    /// Whether `signature` over `message` is this key's. A combination of key and scheme that
    /// nobody uses is none.
    pub(crate) fn verifies(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        provider::verify(self, scheme, message, signature)
    }
}

/// The mask generation function MGF1 (RFC 8017, B.2.1).
pub(crate) fn mgf1(hash: Hash, seed: &[u8], len: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(len + 64);
    for counter in 0_u32.. {
        if mask.len() >= len {
            break;
        }
        mask.extend_from_slice(&hash.digest(&[seed, &counter.to_be_bytes()].concat()));
    }
    mask.truncate(len);
    mask
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors: RFC 6979, A.2.5 and A.2.6, the message "sample".
    #[test]
    fn providers_agree_on_ecdsa() {
        let point = |x: &str, y: &str| hex::decode(format!("04{x}{y}")).unwrap();
        let p256 = PublicKey::P256(point(
            "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
            "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
        ));
        let p384 = PublicKey::P384(point(
            "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13",
            "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720",
        ));
        let cases = [
            (
                &p256,
                Hash::Sha256,
                "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
                 F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
            ),
            (
                &p256,
                Hash::Sha384,
                "0EAFEA039B20E9B42309FB1D89E213057CBF973DC0CFC8F129EDDDC800EF7719\
                 4861F0491E6998B9455193E34E7B0D284DDD7149A74B95B9261F13ABDE940954",
            ),
            (
                &p384,
                Hash::Sha384,
                "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46\
                 99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
            ),
            (
                &p384,
                Hash::Sha256,
                "21B13D1E013C7FA1392D03C5F99AF8B30C570C6F98D4EA8E354B63A21D3DAA33BDE1E888E63355D92FA2B3C36D8FB2CD\
                 F3AA443FB107745BF4BD77CB3891674632068A10CA67E3D45DB2266FA7D1FEEBEFDC63ECCD1AC42EC0CB8668A4FA0AB0",
            ),
        ];
        for (key, hash, signature) in cases {
            let der = fixed_to_der(&hex::decode(signature).unwrap()).unwrap();
            let scheme = Scheme::Ecdsa(hash);
            assert!(key.verifies(scheme, b"sample", &der), "{hash:?}");
            assert!(pure::verify(key, scheme, b"sample", &der), "{hash:?}");
            for at in 0..der.len() {
                let mut changed = der.clone();
                changed[at] ^= 1;
                assert!(!key.verifies(scheme, b"sample", &changed), "{at}");
                assert!(!pure::verify(key, scheme, b"sample", &changed), "{at}");
            }
            assert!(!key.verifies(scheme, b"samplf", &der));
            assert!(!pure::verify(key, scheme, b"samplf", &der));
        }
    }

    /// Keys and signatures by aws-lc-rs, in two lengths.
    #[test]
    fn providers_agree_on_rsa() {
        use aws_lc_rs::{
            rand::SystemRandom,
            rsa::KeySize,
            signature::{self, KeyPair as _, RsaKeyPair},
        };
        for size in [KeySize::Rsa2048, KeySize::Rsa3072] {
            let pair = RsaKeyPair::generate(size).unwrap();
            let key = RsaKey::from_pkcs1(pair.public_key().as_ref()).unwrap();
            let key = PublicKey::Rsa(key);
            let sign = |how: &'static dyn signature::RsaEncoding| {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(how, &SystemRandom::new(), b"sample", &mut out).unwrap();
                out
            };
            let cases = [
                (Scheme::RsaPkcs1(Hash::Sha256), sign(&signature::RSA_PKCS1_SHA256)),
                (Scheme::RsaPkcs1(Hash::Sha384), sign(&signature::RSA_PKCS1_SHA384)),
                (Scheme::RsaPkcs1(Hash::Sha512), sign(&signature::RSA_PKCS1_SHA512)),
                (Scheme::RsaPss(Hash::Sha256), sign(&signature::RSA_PSS_SHA256)),
                (Scheme::RsaPss(Hash::Sha384), sign(&signature::RSA_PSS_SHA384)),
                (Scheme::RsaPss(Hash::Sha512), sign(&signature::RSA_PSS_SHA512)),
            ];
            for (scheme, signature) in &cases {
                for (other, _) in &cases {
                    let good = other == scheme;
                    assert_eq!(key.verifies(*other, b"sample", signature), good, "{other:?}");
                    assert_eq!(pure::verify(&key, *other, b"sample", signature), good, "{other:?}");
                }
                for at in (0..signature.len()).step_by(17) {
                    let mut changed = signature.clone();
                    changed[at] ^= 1;
                    assert!(!key.verifies(*scheme, b"sample", &changed), "{scheme:?} {at}");
                    assert!(!pure::verify(&key, *scheme, b"sample", &changed), "{scheme:?} {at}");
                }
                let longer = [&[0], signature.as_slice()].concat();
                assert!(!pure::verify(&key, *scheme, b"sample", &longer));
                assert!(!pure::verify(&key, *scheme, b"sample", &signature[1..]));
                assert!(!pure::verify(&key, *scheme, b"samplf", signature));
            }
        }
    }

    #[test]
    fn rsa_keys_that_nobody_should_use_are_refused() {
        let modulus = |bits: usize| {
            let mut bytes = vec![0xff; bits / 8];
            bytes[0] = 0x80;
            bytes
        };
        assert!(RsaKey::new(&modulus(2048), &[1, 0, 1]).is_some());
        assert!(RsaKey::new(&modulus(1024), &[1, 0, 1]).is_none(), "short");
        assert!(RsaKey::new(&modulus(16_384), &[1, 0, 1]).is_none(), "long");
        assert!(RsaKey::new(&modulus(2048), &[1]).is_none(), "exponent 1");
        assert!(RsaKey::new(&modulus(2048), &[1, 0, 0]).is_none(), "even exponent");
        assert!(RsaKey::new(&modulus(2048), &[0x7f; 16]).is_none(), "long exponent");
        let mut even = modulus(2048);
        even[255] = 0xfe;
        assert!(RsaKey::new(&even, &[1, 0, 1]).is_none(), "even modulus");
    }

    #[test]
    fn schemes_of_other_keys_are_refused() {
        let p256 = PublicKey::P256(vec![4; 65]);
        for scheme in [Scheme::RsaPkcs1(Hash::Sha256), Scheme::RsaPss(Hash::Sha384)] {
            assert!(!p256.verifies(scheme, b"", b""));
            assert!(!pure::verify(&p256, scheme, b"", b""));
        }
    }
}
