use std::io;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

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
        source: io::Error,
    },
    /// Others than the owner may read the file.
    #[error(
        "{path} in the data directory can be read by others than its owner: run `chmod 600` on it, and if somebody may have read it, start with a new data directory"
    )]
    Exposed {
        /// The file.
        path: &'static str,
    },
    /// The file has another size than 32 bytes.
    #[error(
        "{path} in the data directory holds {len} bytes instead of 32: restore it from a backup; without it nothing sealed in this directory can be read"
    )]
    Damaged {
        /// The file.
        path: &'static str,
        /// Its size.
        len: usize,
    },
}

const PATH: &str = "root.key";
const LEN: usize = 32;

/// Reads `root.key` from the data directory, or makes it there, readable by the owner alone.
///
/// # Errors
/// [`RootSecretError`].
pub fn load_or_create_root_secret(
    disk: &dyn Disk,
    entropy: &dyn Entropy,
) -> Result<RootSecret, RootSecretError> {
    match disk.read(PATH).map(Zeroizing::new) {
        Ok(bytes) if is_unwritten(&bytes) => create(disk, entropy),
        Ok(bytes) => {
            if !disk.is_private(PATH).map_err(io_error)? {
                return Err(RootSecretError::Exposed { path: PATH });
            }
            secret_of(&bytes)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => create(disk, entropy),
        Err(source) => Err(io_error(source)),
    }
}

/// Makes the secret under the file's lock: of two workers that start at once in an empty
/// directory, neither overwrites the other's.
fn create(disk: &dyn Disk, entropy: &dyn Entropy) -> Result<RootSecret, RootSecretError> {
    let file = disk.open(PATH).map_err(io_error)?;
    if !disk.is_private(PATH).map_err(io_error)? {
        return Err(RootSecretError::Exposed { path: PATH });
    }
    let len = usize::try_from(file.len().map_err(io_error)?).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(vec![0; len.min(LEN + 1)]);
    file.read_exact_at(0, &mut bytes).map_err(io_error)?;
    if !is_unwritten(&bytes) {
        return secret_of(&bytes);
    }
    let secret = RootSecret(entropy.array());
    file.write_all_at(0, secret.expose()).map_err(io_error)?;
    file.sync().map_err(io_error)?;
    Ok(secret)
}

/// Whether a crash came between creating the file and the sync of its content: the secret was then
/// never used. A file system may show such a file as empty or as zeros.
fn is_unwritten(bytes: &[u8]) -> bool {
    bytes.is_empty() || bytes == [0; LEN]
}

fn secret_of(bytes: &[u8]) -> Result<RootSecret, RootSecretError> {
    <[u8; LEN]>::try_from(bytes)
        .map(RootSecret)
        .map_err(|_| RootSecretError::Damaged { path: PATH, len: bytes.len() })
}

fn io_error(source: io::Error) -> RootSecretError {
    RootSecretError::Io { path: PATH, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{OsEntropy, RealDisk, sim::SimDisk};

    #[test]
    fn the_secret_is_made_once_and_then_the_same() {
        let disk = SimDisk::new(1);
        let made = load_or_create_root_secret(&disk, &OsEntropy).unwrap();
        disk.lose_power();
        let read = load_or_create_root_secret(&disk, &OsEntropy).unwrap();
        assert_eq!(made.expose(), read.expose());
        assert_ne!(made.expose(), &[0; 32]);
    }

    #[test]
    fn a_file_of_another_size_is_refused_and_left_alone() {
        let disk = SimDisk::new(1);
        disk.write_atomic(PATH, &[7; 31]).unwrap();
        let error = load_or_create_root_secret(&disk, &OsEntropy).unwrap_err();
        assert!(matches!(error, RootSecretError::Damaged { len: 31, .. }), "{error}");
        assert_eq!(disk.read(PATH).unwrap(), [7; 31]);
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open_root(directory.path()).unwrap();
        load_or_create_root_secret(&disk, &OsEntropy).unwrap();
        load_or_create_root_secret(&disk, &OsEntropy).unwrap();
        let group_readable = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(directory.path().join(PATH), group_readable).unwrap();
        let error = load_or_create_root_secret(&disk, &OsEntropy).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        assert_eq!(format!("{:?}", RootSecret::new([7; 32])), "RootSecret(..)");
    }
}
