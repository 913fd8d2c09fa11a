use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Disk, Entropy};

/// 32 bytes from which every long-lived key of the worker is derived.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootSecret([u8; 32]);

impl RootSecret {
    /// Takes the bytes over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a key derivation and nothing else.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for RootSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootSecret(..)")
    }
}

/// Why there is no root secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootSecretError {
    /// The file cannot be read or written.
    #[error("cannot use {path} in the data directory: {source}")]
    Io {
        /// The file.
        path: &'static str,
        /// What the disk said.
        source: std::io::Error,
    },
    /// The file has another size than 32 bytes.
    #[error("{path} in the data directory holds {len} bytes instead of 32: restore it from a backup; without it nothing sealed in this directory can be read")]
    Damaged {
        /// The file.
        path: &'static str,
        /// Its size.
        len: usize,
    },
}

const PATH: &str = "root.key";

/// Reads `root.key` from the data directory, or makes it there, readable by the owner alone.
///
/// # Errors
/// [`RootSecretError`].
pub fn load_or_create_root_secret(
    disk: &dyn Disk,
    entropy: &dyn Entropy,
) -> Result<RootSecret, RootSecretError> {
    match disk.read(PATH) {
        Ok(mut bytes) => {
            let secret = <[u8; 32]>::try_from(bytes.as_slice())
                .map(RootSecret)
                .map_err(|_| RootSecretError::Damaged { path: PATH, len: bytes.len() });
            bytes.zeroize();
            secret
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let secret = RootSecret(entropy.array());
            disk.write_atomic(PATH, secret.expose())
                .map_err(|source| RootSecretError::Io { path: PATH, source })?;
            Ok(secret)
        }
        Err(source) => Err(RootSecretError::Io { path: PATH, source }),
    }
}
