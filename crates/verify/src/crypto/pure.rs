//! RustCrypto, and RSA on big integers: what builds for every target.

use num_bigint::BigUint;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;

use super::{Hash, PublicKey, RsaKey, Scheme, mgf1};

pub(super) fn verify(key: &PublicKey, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
    match (key, scheme) {
        (PublicKey::P256(point), Scheme::Ecdsa(hash @ (Hash::Sha256 | Hash::Sha384))) => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
            let signature = p256::ecdsa::Signature::from_der(signature);
            matches!((key, signature), (Ok(key), Ok(signature))
                if key.verify_prehash(&hash.digest(message), &signature).is_ok())
        }
        (PublicKey::P384(point), Scheme::Ecdsa(hash @ (Hash::Sha256 | Hash::Sha384))) => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point);
            let signature = p384::ecdsa::Signature::from_der(signature);
            matches!((key, signature), (Ok(key), Ok(signature))
                if key.verify_prehash(&hash.digest(message), &signature).is_ok())
        }
        (PublicKey::Rsa(key), Scheme::RsaPkcs1(hash)) => pkcs1(key, hash, message, signature),
        (PublicKey::Rsa(key), Scheme::RsaPss(hash)) => pss(key, hash, message, signature),
        _ => false,
    }
}

/// The encoded message that a signature holds, as long as the modulus (RFC 8017, 5.2.2).
fn recover(key: &RsaKey, signature: &[u8]) -> Option<Vec<u8>> {
    let number = BigUint::from_bytes_be(signature);
    if signature.len() != key.len() || number >= *key.modulus() {
        return None;
    }
    key.apply(&number)
}

/// RSASSA-PKCS1-v1_5 (RFC 8017, 8.2.2): the one encoding, compared whole.
fn pkcs1(key: &RsaKey, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    let identifier: &[u8] = match hash {
        Hash::Sha256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\0\x04\x20"
        }
        Hash::Sha384 => {
            b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\0\x04\x30"
        }
        Hash::Sha512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\0\x04\x40"
        }
    };
    let tail = [&[0], identifier, &hash.digest(message)].concat();
    let Some(padding) = key.len().checked_sub(tail.len() + 2) else { return false };
    let mut encoded = vec![0, 1];
    encoded.resize(2 + padding, 0xff);
    encoded.extend_from_slice(&tail);
    recover(key, signature) == Some(encoded)
}

/// RSASSA-PSS (RFC 8017, 8.1.2 and 9.1.2) with a salt as long as the hash.
fn pss(key: &RsaKey, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    let Some(encoded) = recover(key, signature) else { return false };
    // The message has a bit less than the modulus: where that leaves out a whole byte, it is zero.
    let bits = key.modulus().bits() - 1;
    let encoded = match encoded.split_first() {
        Some((0, rest)) if bits.is_multiple_of(8) => rest,
        Some(_) if bits.is_multiple_of(8) => return false,
        _ => &encoded,
    };
    let len = hash.len();
    let Some(masked_len) = encoded.len().checked_sub(len + 1) else { return false };
    let (Some(zeros), Some((&0xbc, body))) =
        (masked_len.checked_sub(len + 1), encoded.split_last())
    else {
        return false;
    };
    let (masked, digest) = body.split_at(masked_len);
    // The bits of the first byte that are above the message's.
    let unused = !(0xff_u8 >> (8 * encoded.len() as u64 - bits));
    if masked[0] & unused != 0 {
        return false;
    }
    let mut block: Vec<u8> =
        masked.iter().zip(mgf1(hash, digest, masked_len)).map(|(a, b)| a ^ b).collect();
    block[0] &= !unused;
    let (padding, salt) = block.split_at(zeros + 1);
    let Some((&1, padding)) = padding.split_last() else { return false };
    let again = hash.digest(&[&[0; 8], hash.digest(message).as_slice(), salt].concat());
    padding.iter().all(|&byte| byte == 0) && again == digest
}
