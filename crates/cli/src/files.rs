//! The user's own files: arguments, keys, handles, results. The worker's data is elsewhere.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::exit::CliError;

/// No input file of a command is larger.
const MAX_INPUT: u64 = 64 << 20;

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut bytes)
    } else {
        OpenOptions::new()
            .read(true)
            .open(path)
            .and_then(|file| file.take(MAX_INPUT + 1).read_to_end(&mut bytes))
    };
    read.map_err(|e| {
        CliError::usage(
            format!("cannot read {}: {e}", path.display()),
            "check the path and that you may read the file",
        )
    })?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(CliError::usage(
            format!("{} is larger than {MAX_INPUT} bytes", path.display()),
            "this is hardly the file that is meant",
        ));
    }
    Ok(bytes)
}

/// What an argument gives: `@FILE`, `-` for standard input, or its own text.
pub(crate) fn given(text: &str) -> Result<Vec<u8>, CliError> {
    match text.strip_prefix('@') {
        Some(path) => read(Path::new(path)),
        None if text == "-" => read(Path::new("-")),
        None => Ok(text.as_bytes().to_vec()),
    }
}

/// Reads UTF-8 text.
pub(crate) fn read_text(path: &Path) -> Result<String, CliError> {
    String::from_utf8(read(path)?).map_err(|_| {
        CliError::usage(format!("{} is not UTF-8 text", path.display()), "check the file")
    })
}

/// Reads a secret, which nobody else should be able to read.
pub(crate) fn read_secret(path: &Path) -> Result<String, CliError> {
    check_private(path)?;
    read_text(path)
}

/// The same where it is no text.
pub(crate) fn read_secret_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    check_private(path)?;
    read(path).map(Zeroizing::new)
}

fn check_private(path: &Path) -> Result<(), CliError> {
    let mode = fs::metadata(path).map(|meta| meta.permissions().mode()).unwrap_or_default();
    if path != Path::new("-") && mode & 0o077 != 0 {
        return Err(CliError::usage(
            format!("{} holds a secret and others may read it", path.display()),
            format!("run: chmod 600 {}", path.display()),
        ));
    }
    Ok(())
}

/// A new file that the owner alone can read. It is prepared before there is anything to write, so
/// that a job does not run whose result has no place; until it is written it is a temporary file
/// beside its place, and goes when it is dropped.
pub(crate) struct PrivateFile {
    path: PathBuf,
    unfinished: NamedTempFile,
}

impl PrivateFile {
    /// Checks that nothing is at `path` and that a file can be made there.
    pub(crate) fn prepare(path: &Path) -> Result<Self, CliError> {
        check_free(path)?;
        let unfinished = tempfile::Builder::new()
            .prefix(".sealwork-")
            .tempfile_in(directory_of(path))
            .map_err(|e| unwritable(path, &e))?;
        Ok(Self { path: path.to_owned(), unfinished })
    }

    /// Writes it whole.
    pub(crate) fn write(mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.write_all(bytes).map_err(|e| unwritable(&self.path, &e))?;
        self.finish()
    }

    /// Puts it in its place with what has been written. A file that somebody else made there
    /// meanwhile is not replaced.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        self.unfinished.as_file().sync_all().map_err(|e| unwritable(&self.path, &e))?;
        self.unfinished
            .persist_noclobber(&self.path)
            .map(drop)
            .map_err(|e| unwritable(&self.path, &e.error))
    }
}

impl Write for PrivateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unfinished.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unfinished.flush()
    }
}

/// A file that holds no secret and replaces one that is there; prepared beforehand as
/// [`PrivateFile`] is.
pub(crate) struct PublicFile {
    path: PathBuf,
    file: File,
    /// Made by [`Self::prepare`] and not written yet.
    is_empty: bool,
}

impl PublicFile {
    /// Opens the file. One that is there stays as it is until it is written.
    pub(crate) fn prepare(path: &Path) -> Result<Self, CliError> {
        let mut options = OpenOptions::new();
        options.write(true);
        let opened = match options.clone().create_new(true).open(path) {
            Ok(file) => Ok((file, true)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                options.open(path).map(|file| (file, false))
            }
            Err(e) => Err(e),
        };
        let (file, is_empty) = opened.map_err(|e| unwritable(path, &e))?;
        Ok(Self { path: path.to_owned(), file, is_empty })
    }

    /// The same where nothing may be replaced.
    pub(crate) fn prepare_new(path: &Path) -> Result<Self, CliError> {
        check_free(path)?;
        Self::prepare(path)
    }

    /// Writes it.
    pub(crate) fn write(mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.replace(bytes).map_err(|e| unwritable(&self.path, &e))?;
        self.is_empty = false;
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Pipes and devices have no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(bytes)
    }
}

impl Drop for PublicFile {
    #[allow(clippy::disallowed_methods, reason = "the user's own file, made by this command")]
    fn drop(&mut self) {
        if self.is_empty {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a file that holds no secret, replacing one that is there.
pub(crate) fn write_public(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    PublicFile::prepare(path)?.write(bytes)
}

/// What somebody has looked at is not written over.
fn check_free(path: &Path) -> Result<(), CliError> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(CliError::usage(
        format!("{} exists already", path.display()),
        "name another file, or remove this one first",
    ))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::local(
        format!("cannot write {}: {error}", path.display()),
        "check the directory and the free space",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_private_file_is_the_owners_alone_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handle");
        let late = PrivateFile::prepare(&path).unwrap();
        PrivateFile::prepare(&path).unwrap().write(b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(PrivateFile::prepare(&path).err().unwrap().exit, Exit::Usage);
        assert_eq!(late.write(b"two").unwrap_err().exit, Exit::Local);
        assert_eq!(read(&path).unwrap(), b"one");
    }

    #[test]
    fn what_was_prepared_and_not_written_leaves_nothing_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("old");
        write_public(&old, b"as it was").unwrap();
        drop(PublicFile::prepare(&old).unwrap());
        drop(PublicFile::prepare(&dir.path().join("new")).unwrap());
        drop(PrivateFile::prepare(&dir.path().join("private")).unwrap());
        let names: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["old"]);
        assert_eq!(read(&old).unwrap(), b"as it was");
        PublicFile::prepare(&old).unwrap().write(b"new").unwrap();
        assert_eq!(read(&old).unwrap(), b"new");
    }

    #[test]
    fn a_file_that_cannot_be_made_is_told_when_it_is_prepared() {
        let path = Path::new("/nonexistent/file");
        assert_eq!(PublicFile::prepare(path).err().unwrap().exit, Exit::Local);
        assert_eq!(PrivateFile::prepare(path).err().unwrap().exit, Exit::Local);
        write_public(Path::new("/dev/null"), b"into nothing").unwrap();
        assert_eq!(write_public(Path::new("/dev/full"), b"x").unwrap_err().exit, Exit::Local);
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        PrivateFile::prepare(&path).unwrap().write(b"00").unwrap();
        assert!(read_secret(&path).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_secret(&path).is_err());
    }
}
