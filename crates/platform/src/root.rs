use std::{fmt::Debug, io};

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
    /// There is none, but there is data that was sealed under one. Nothing was written.
    #[error("{path} is missing from the data directory, and {sealed} in it is sealed under it")]
    Missing {
        /// The file.
        path: &'static str,
        /// What is there and cannot be opened.
        sealed: String,
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
    /// Another process is making the secret at this moment.
    #[error("another process is setting up this data directory")]
    Busy,
    /// What protects the secret does not give it out.
    #[error("{path} in the data directory cannot be used: {source}")]
    Kept {
        /// The file.
        path: &'static str,
        /// What the protector says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// How the root secret lies in its file.
pub trait RootKeeper: Debug {
    /// The file's name in the data directory.
    fn path(&self) -> &'static str;
    /// The file's content for a secret.
    ///
    /// # Errors
    /// [`RootSecretError::Kept`].
    fn keep(&self, secret: &RootSecret) -> Result<Zeroizing<Vec<u8>>, RootSecretError>;
    /// The secret in a file's content.
    ///
    /// # Errors
    /// [`RootSecretError::Damaged`], [`RootSecretError::Kept`].
    fn recover(&self, content: &[u8]) -> Result<RootSecret, RootSecretError>;
}

/// The secret as it is, protected by the file's mode alone.
#[derive(Debug)]
struct PlainFile;

impl RootKeeper for PlainFile {
    fn path(&self) -> &'static str {
        "root.key"
    }

    fn keep(&self, secret: &RootSecret) -> Result<Zeroizing<Vec<u8>>, RootSecretError> {
        Ok(Zeroizing::new(secret.expose().to_vec()))
    }

    fn recover(&self, content: &[u8]) -> Result<RootSecret, RootSecretError> {
        <[u8; LEN]>::try_from(content)
            .map(RootSecret)
            .map_err(|_| RootSecretError::Damaged { path: self.path(), len: content.len() })
    }
}

/// Held while the secret is made; removed afterwards.
const LOCK: &str = "root.lock";
const LEN: usize = 32;

/// Reads `root.key` from the data directory. In a directory without anything sealed it makes one,
/// readable by the owner alone; `sealed` names what is sealed under it: files in the data
/// directory, and directories with a `/` at their end.
///
/// # Errors
/// [`RootSecretError`].
pub fn load_or_create_root_secret(
    disk: &dyn Disk,
    entropy: &dyn Entropy,
    sealed: &[&str],
) -> Result<RootSecret, RootSecretError> {
    load_or_create_kept_root_secret(&PlainFile, disk, entropy, sealed)
}

/// As [`load_or_create_root_secret`], from the file of a keeper.
///
/// # Errors
/// [`RootSecretError`].
pub fn load_or_create_kept_root_secret(
    keeper: &dyn RootKeeper,
    disk: &dyn Disk,
    entropy: &dyn Entropy,
    sealed: &[&str],
) -> Result<RootSecret, RootSecretError> {
    match load(keeper, disk)? {
        Some(secret) => Ok(secret),
        None => create(keeper, disk, entropy, sealed),
    }
}

/// The secret; nothing when its file is missing or was never written.
fn load(keeper: &dyn RootKeeper, disk: &dyn Disk) -> Result<Option<RootSecret>, RootSecretError> {
    let path = keeper.path();
    let content = match disk.read(path).map(Zeroizing::new) {
        Ok(content) => content,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RootSecretError::Io { path, source }),
    };
    if is_unwritten(&content) {
        return Ok(None);
    }
    if !disk.is_private(path).map_err(|source| RootSecretError::Io { path, source })? {
        return Err(RootSecretError::Exposed { path });
    }
    keeper.recover(&content).map(Some)
}

/// Makes the secret under a lock: of two workers that start at once in an empty directory, neither
/// overwrites the other's.
fn create(
    keeper: &dyn RootKeeper,
    disk: &dyn Disk,
    entropy: &dyn Entropy,
    sealed: &[&str],
) -> Result<RootSecret, RootSecretError> {
    let path = keeper.path();
    let io_error = |source| RootSecretError::Io { path, source };
    if let Some(sealed) = first_present(disk, sealed).map_err(io_error)? {
        // Another worker may have made the secret, and then this, in between.
        let missing = || RootSecretError::Missing { path, sealed: sealed.to_owned() };
        return load(keeper, disk)?.ok_or_else(missing);
    }
    let lock = disk.open(LOCK).map_err(|e| match e.kind() {
        // Held, or removed by its holder just now.
        io::ErrorKind::WouldBlock | io::ErrorKind::NotFound => RootSecretError::Busy,
        _ => io_error(e),
    })?;
    if let Some(secret) = load(keeper, disk)? {
        return Ok(secret);
    }
    let secret = RootSecret(entropy.array());
    disk.write_atomic(path, &keeper.keep(&secret)?).map_err(io_error)?;
    // Whoever takes the lock from now on finds the secret, so the file has served. After a failed
    // write it stays: another process may be about to lock it.
    disk.remove(LOCK).map_err(io_error)?;
    drop(lock);
    Ok(secret)
}

/// The first of `names` that is a file, or a directory with a file in it.
fn first_present<'a>(disk: &dyn Disk, names: &[&'a str]) -> io::Result<Option<&'a str>> {
    let files = disk.list("")?;
    for name in names {
        let present = match name.strip_suffix('/') {
            Some(directory) => !disk.list(directory)?.is_empty(),
            None => files.iter().any(|file| file == name),
        };
        if present {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Whether the file was made and its content never reached the disk. A file system may show such
/// a file as empty or as zeros.
fn is_unwritten(content: &[u8]) -> bool {
    content.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{
        OsEntropy, RealDisk,
        sim::{DiskFault, PowerCut, SimDisk},
    };

    const PATH: &str = "root.key";
    const SEALED: [&str; 2] = ["store", "keys/"];

    fn load_or_create(disk: &dyn Disk) -> Result<RootSecret, RootSecretError> {
        load_or_create_root_secret(disk, &OsEntropy, &SEALED)
    }

    #[test]
    fn the_secret_is_made_once_and_then_the_same() {
        let disk = SimDisk::new(1);
        let made = load_or_create(&disk).unwrap();
        disk.lose_power();
        disk.write_atomic("store", b"sealed").unwrap();
        let read = load_or_create(&disk).unwrap();
        assert_eq!(made.expose(), read.expose());
        assert_ne!(made.expose(), &[0; 32]);
        assert_eq!(disk.list("").unwrap(), [PATH, "store"]);
    }

    #[test]
    fn beside_sealed_data_a_missing_or_empty_secret_is_refused_and_nothing_is_written() {
        for sealed in ["store", "keys/epoch-1"] {
            for unwritten in [None, Some(&[][..]), Some(&[0; LEN][..])] {
                let disk = SimDisk::new(1);
                disk.write_atomic(sealed, b"sealed").unwrap();
                if let Some(content) = unwritten {
                    disk.write_atomic(PATH, content).unwrap();
                }
                let (names, before) = (disk.list("").unwrap(), disk.activity().writes);
                let error = load_or_create(&disk).unwrap_err();
                assert!(matches!(error, RootSecretError::Missing { .. }), "{sealed}: {error}");
                assert_eq!(disk.activity().writes, before, "{sealed}: something was written");
                assert_eq!(disk.list("").unwrap(), names);
            }
        }
    }

    #[test]
    fn a_full_disk_leaves_no_secret_behind_and_the_next_start_makes_it() {
        let disk = SimDisk::new(1);
        disk.inject(DiskFault::Full);
        let error = load_or_create(&disk).unwrap_err();
        let full = |source: &io::Error| source.kind() == io::ErrorKind::StorageFull;
        assert!(matches!(&error, RootSecretError::Io { source, .. } if full(source)), "{error}");
        assert!(disk.list("").unwrap().iter().all(|name| name == LOCK), "{:?}", disk.list(""));
        disk.heal();
        load_or_create(&disk).unwrap();
        assert_eq!(disk.list("").unwrap(), [PATH]);
    }

    #[test]
    fn wherever_the_power_goes_the_secret_is_whole_or_made_anew() {
        for seed in 0..200 {
            let disk = SimDisk::new(seed);
            disk.cut_power(match seed % 3 {
                0 => PowerCut::BeforeSync(seed / 3 % 4),
                1 => PowerCut::AfterSync(seed / 3 % 4),
                _ => PowerCut::AtWrite(seed / 3 % 4),
            });
            let made = load_or_create(&disk);
            disk.lose_power();
            disk.heal();
            let read = load_or_create(&disk).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            assert_ne!(read.expose(), &[0; 32]);
            if let Ok(made) = made {
                assert_eq!(made.expose(), read.expose(), "seed {seed}");
            }
        }
    }

    #[test]
    fn a_secret_that_another_process_is_making_is_waited_for_by_its_operator() {
        let disk = SimDisk::new(1);
        let held = disk.open(LOCK).unwrap();
        assert!(matches!(load_or_create(&disk), Err(RootSecretError::Busy)));
        drop(held);
        assert!(load_or_create(&disk).is_ok());
    }

    #[test]
    fn workers_that_start_at_once_never_have_two_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open_root(directory.path()).unwrap();
        let found: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| load_or_create(&disk))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let kept = disk.read(PATH).unwrap();
        for result in found {
            match result {
                Ok(secret) => assert_eq!(secret.expose().as_slice(), kept),
                Err(error) => assert!(matches!(error, RootSecretError::Busy), "{error}"),
            }
        }
    }

    #[test]
    fn a_file_of_another_size_is_refused_and_left_alone() {
        let disk = SimDisk::new(1);
        disk.write_atomic(PATH, &[7; 31]).unwrap();
        let error = load_or_create(&disk).unwrap_err();
        assert!(matches!(error, RootSecretError::Damaged { len: 31, .. }), "{error}");
        assert_eq!(disk.read(PATH).unwrap(), [7; 31]);
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open_root(directory.path()).unwrap();
        load_or_create(&disk).unwrap();
        load_or_create(&disk).unwrap();
        let group_readable = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(directory.path().join(PATH), group_readable).unwrap();
        let error = load_or_create(&disk).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        assert_eq!(format!("{:?}", RootSecret::new([7; 32])), "RootSecret(..)");
    }
}
