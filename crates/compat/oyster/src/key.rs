use k256::ecdsa::SigningKey;
use zeroize::Zeroizing;

/// What a signature by Ethereum's rules adds to the recovery id.
const RECOVERY_BASE: u8 = 27;

/// A verifier's secp256k1 key.
#[derive(Debug, Clone)]
pub struct VerifierKey(SigningKey);

/// The bytes are no secret key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a secp256k1 secret key: 32 bytes, or 64 hex digits, of a number below the curve's order"
)]
pub struct KeyError;

impl VerifierKey {
    /// Reads a key file: 32 bytes as Marlin's enclaves write them, or 64 hex digits.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn read(file: &[u8]) -> Result<Self, KeyError> {
        let mut decoded = Zeroizing::new([0; 32]);
        if file.len() == decoded.len() {
            decoded.copy_from_slice(file);
        } else {
            hex::decode_to_slice(file.trim_ascii(), &mut *decoded).map_err(|_| KeyError)?;
        }
        SigningKey::from_slice(&*decoded).map(Self).map_err(|_| KeyError)
    }

    /// X and Y of the public key.
    pub fn public(&self) -> [u8; 64] {
        let point = self.0.verifying_key().to_sec1_point(false);
        let mut out = [0; 64];
        // The first byte says that it is uncompressed.
        out.copy_from_slice(&point.as_bytes()[1..]);
        out
    }

    /// r, s and v over a digest: the nonce by RFC 6979, s in the lower half.
    pub(crate) fn sign(&self, digest: &[u8; 32]) -> [u8; 65] {
        let (signature, recovery) = self.0.sign_prehash_recoverable(digest);
        let mut out = [0; 65];
        out[..64].copy_from_slice(&signature.to_bytes());
        out[64] = RECOVERY_BASE + recovery.to_byte();
        out
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// A vector that implementations of RFC 6979 on this curve share.
    #[test]
    fn nonces_are_those_of_rfc_6979() {
        let mut secret = [0; 32];
        secret[31] = 1;
        let digest = Sha256::digest("Satoshi Nakamoto").into();
        let signature = VerifierKey::read(&secret).unwrap().sign(&digest);
        let expected = "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8\
                        2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5";
        assert_eq!(hex::encode(&signature[..64]), expected);
    }
}
