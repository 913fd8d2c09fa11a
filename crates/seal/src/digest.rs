use hmac::{Hmac, KeyInit, Mac};
use sealwork_job::Digest;
use sha2::{Digest as _, Sha256};

use crate::length_prefix;

/// HMAC-SHA-256 under `salt` of the length-prefixed `label` and the bytes.
///
/// Receipts show `job`, `input` and `output` in this way: who knows the salt, exported from the
/// request's HPKE context, can check them; nobody else can guess at small contents.
pub fn salted_digest(salt: &[u8; 32], label: &str, bytes: &[u8]) -> Digest {
    let mut digest = SaltedDigest::new(salt, label);
    digest.update(bytes);
    digest.finish()
}

/// [`salted_digest`] of bytes that come in pieces.
#[derive(Clone)]
pub struct SaltedDigest(Hmac<Sha256>);

impl SaltedDigest {
    /// Of no bytes yet.
    pub fn new(salt: &[u8; 32], label: &str) -> Self {
        // HMAC itself pads a short key with zeros to the block of 64 bytes; the salt has one length.
        let mut key = hmac::digest::Key::<Hmac<Sha256>>::default();
        key[..salt.len()].copy_from_slice(salt);
        let mac = <Hmac<Sha256> as KeyInit>::new(&key);
        Self(mac.chain_update(length_prefix::join(&[label.as_bytes()])))
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into_bytes().into())
    }
}

impl std::fmt::Debug for SaltedDigest {
    /// Shows nothing of what it has seen.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SaltedDigest")
    }
}

/// The digest by which results and later receipts name a receipt: SHA-256 of its compact text.
pub fn receipt_digest(jws: &str) -> Digest {
    sha256(&[jws.as_bytes()])
}

/// What a worker keeps of a job's token, so that its disk does not hold the token itself.
pub fn token_hash(token: &[u8; 32]) -> [u8; 32] {
    sha256(&[&length_prefix::join(&[b"sealwork/v1 token-hash"]), token]).0
}

/// SHA-256 of the parts in sequence.
pub(crate) fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    Digest(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_run_into_the_bytes() {
        let salt = [1; 32];
        assert_ne!(salted_digest(&salt, "job", b"x"), salted_digest(&salt, "jo", b"bx"));
        assert_ne!(salted_digest(&salt, "job", b"x"), salted_digest(&[2; 32], "job", b"x"));
    }

    #[test]
    fn salting_is_hmac_sha_256() {
        // The same by HMAC's definition (RFC 2104): H(K xor opad, H(K xor ipad, text)).
        let mut pads = [[0x5c; 64], [0x36; 64]];
        for pad in &mut pads {
            pad[..32].iter_mut().for_each(|byte| *byte ^= 7);
        }
        let inner = sha256(&[&pads[1], &[0, 0, 0, 0, 0, 0, 0, 3], b"job", b"{}"]);
        let outer = sha256(&[&pads[0], inner.as_bytes()]);
        assert_eq!(salted_digest(&[7; 32], "job", b"{}"), outer);
    }
}
