use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt},
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{Disk, DiskFile};

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Writers of one path exclude each other; of many paths, rarely.
const WRITERS: usize = 16;

/// A directory on the machine's file system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
    writers: Arc<[Mutex<()>; WRITERS]>,
}

impl RealDisk {
    /// The data directory at `root`, created when absent (mode 0700).
    ///
    /// # Errors
    /// What the file system says.
    pub fn open_root(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        create_directory(&root)?;
        // A relative root must stay the same directory when the process changes its own.
        let root = root.canonicalize()?;
        Ok(Self { root, writers: Arc::new(std::array::from_fn(|_| Mutex::new(()))) })
    }

    /// Where the data directory is, for messages.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        if path.is_empty() || path.contains(['\0', '\\']) || path.ends_with('/') {
            return Err(refused(path));
        }
        let plain = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
        if plain { Ok(self.root.join(path)) } else { Err(refused(path)) }
    }

    /// As [`Self::resolve`], where the empty path means the root itself.
    fn resolve_directory(&self, path: &str) -> io::Result<PathBuf> {
        if path.is_empty() { Ok(self.root.clone()) } else { self.resolve(path) }
    }

    fn writer_of(&self, path: &Path) -> &Mutex<()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(path);
        &self.writers[usize::try_from(hash % WRITERS as u64).unwrap_or(0)]
    }
}

impl Disk for RealDisk {
    #[allow(clippy::disallowed_methods, reason = "the owner of the disk")]
    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.resolve(path)?;
        create_directory(parent(&path))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(FILE_MODE);
        let file = match options.clone().create_new(true).open(&path) {
            Ok(file) => {
                sync_path(parent(&path))?;
                file
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => options.open(&path)?,
            Err(e) => return Err(e),
        };
        match file.try_lock() {
            Ok(()) => Ok(Box::new(RealFile(file))),
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::WouldBlock, "another process holds the file"))
            }
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    #[allow(clippy::disallowed_methods, reason = "the owner of the disk")]
    fn open_to_read(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(File::open(self.resolve(path)?)?)))
    }

    #[allow(clippy::disallowed_methods, reason = "the owner of the disk")]
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.resolve(path)?)
    }

    #[allow(clippy::disallowed_methods, reason = "the owner of the disk")]
    fn write_atomic(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let path = self.resolve(path)?;
        let name =
            path.file_name().and_then(|name| name.to_str()).ok_or(io::ErrorKind::InvalidInput)?;
        let unfinished = path.with_file_name(format!(".{name}.tmp"));
        let _alone = self.writer_of(&path).lock().unwrap_or_else(PoisonError::into_inner);
        create_directory(parent(&path))?;
        let written = write_synced(&unfinished, content)
            .and_then(|()| std::fs::rename(&unfinished, &path))
            .and_then(|()| sync_path(parent(&path)));
        if written.is_err() {
            // What went wrong is worth more than whether the rest could be cleared away.
            let _ = std::fs::remove_file(&unfinished);
        }
        written
    }

    #[allow(clippy::disallowed_methods, reason = "the owner of the disk")]
    fn remove(&self, path: &str) -> io::Result<()> {
        absent_is_fine(std::fs::remove_file(self.resolve(path)?))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.resolve_directory(directory)?) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if !entry.file_type()?.is_dir()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        absent_is_fine(sync_path(&self.resolve_directory(directory)?))
    }

    fn is_private(&self, path: &str) -> io::Result<bool> {
        let mode = std::fs::metadata(self.resolve(path)?)?.permissions().mode();
        Ok(mode & 0o077 == 0)
    }
}

/// An open file. Where it is locked, the lock goes with it.
#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write_all_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        // fdatasync: of the metadata it writes what is needed to read the data back, the length
        // among it, and leaves the times.
        self.0.sync_data()
    }
}

fn refused(path: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("`{}` is not a path below the data directory", path.escape_debug()),
    )
}

/// A resolved path is always below the root, so it has a parent.
fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a directory and those above it, each with its name synced in the one above.
fn create_directory(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        create_directory(above)?;
    }
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) => Err(e),
        Ok(()) => match path.parent() {
            Some(above) if !above.as_os_str().is_empty() => sync_path(above),
            _ => Ok(()),
        },
    }
}

#[allow(clippy::disallowed_methods, reason = "the owner of the disk")]
fn sync_path(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (tempfile::TempDir, RealDisk) {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open_root(directory.path().join("data")).unwrap();
        (directory, disk)
    }

    fn mode(disk: &RealDisk, path: &str) -> u32 {
        std::fs::metadata(disk.root().join(path)).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn paths_that_leave_the_directory_are_refused_by_every_call() {
        let (_keep, disk) = disk();
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a/", "a\\b", "a\0b"] {
            let refused =
                |e: io::Error| assert_eq!(e.kind(), io::ErrorKind::InvalidInput, "{bad:?}");
            refused(disk.open(bad).unwrap_err());
            refused(disk.open_to_read(bad).unwrap_err());
            refused(disk.read(bad).unwrap_err());
            refused(disk.write_atomic(bad, b"x").unwrap_err());
            refused(disk.remove(bad).unwrap_err());
            refused(disk.is_private(bad).unwrap_err());
            if !bad.is_empty() {
                refused(disk.list(bad).unwrap_err());
                refused(disk.sync_directory(bad).unwrap_err());
            }
        }
    }

    #[test]
    fn directories_and_files_are_the_owners_alone() {
        let (_keep, disk) = disk();
        disk.write_atomic("keys/epoch-1", b"secret").unwrap();
        drop(disk.open("store/main").unwrap());
        assert_eq!(mode(&disk, "keys"), 0o700);
        assert_eq!(mode(&disk, "keys/epoch-1"), 0o600);
        assert_eq!(mode(&disk, "store/main"), 0o600);
        assert!(disk.is_private("keys/epoch-1").unwrap());
        let open_to_all = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(disk.root().join("keys/epoch-1"), open_to_all).unwrap();
        assert!(!disk.is_private("keys/epoch-1").unwrap());
    }

    #[test]
    fn a_file_is_opened_once_at_a_time() {
        let (_keep, disk) = disk();
        let held = disk.open("main").unwrap();
        assert_eq!(disk.open("main").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        assert!(disk.open("main").is_ok());
    }

    #[test]
    fn a_file_reads_back_what_was_written_and_grows_with_zeros() {
        let (_keep, disk) = disk();
        let file = disk.open("main").unwrap();
        assert!(file.is_empty().unwrap());
        file.write_all_at(4, b"abcd").unwrap();
        file.set_len(10).unwrap();
        file.sync().unwrap();
        let mut all = [1; 10];
        file.read_exact_at(0, &mut all).unwrap();
        assert_eq!(&all, b"\0\0\0\0abcd\0\0");
        assert!(file.read_exact_at(8, &mut [0; 3]).is_err());
    }

    #[test]
    fn an_atomic_write_replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let (_keep, disk) = disk();
        disk.write_atomic("blobs/a", b"a longer first content").unwrap();
        disk.write_atomic("blobs/a", b"short").unwrap();
        assert_eq!(disk.read("blobs/a").unwrap(), b"short");
        assert_eq!(disk.list("blobs").unwrap(), ["a"]);
        disk.remove("blobs/a").unwrap();
        disk.remove("blobs/a").unwrap();
        assert!(disk.list("blobs").unwrap().is_empty());
        assert!(disk.list("never-made").unwrap().is_empty());
    }

    #[test]
    fn writers_of_one_path_do_not_mix_their_contents() {
        let (_keep, disk) = disk();
        std::thread::scope(|scope| {
            for n in 0..8u8 {
                let disk = &disk;
                scope.spawn(move || disk.write_atomic("one", &vec![n; 100_000]).unwrap());
            }
        });
        let content = disk.read("one").unwrap();
        assert_eq!(content.len(), 100_000);
        assert!(content.iter().all(|byte| *byte == content[0]));
    }
}
