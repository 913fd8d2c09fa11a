//! The user's own files: arguments, keys, handles, results. The worker's data is elsewhere.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

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

/// Reads UTF-8 text.
pub(crate) fn read_text(path: &Path) -> Result<String, CliError> {
    String::from_utf8(read(path)?).map_err(|_| {
        CliError::usage(format!("{} is not UTF-8 text", path.display()), "check the file")
    })
}

/// Reads a secret, which nobody else should be able to read.
pub(crate) fn read_secret(path: &Path) -> Result<String, CliError> {
    let mode = fs::metadata(path).map(|meta| meta.permissions().mode()).unwrap_or_default();
    if path != Path::new("-") && mode & 0o077 != 0 {
        return Err(CliError::usage(
            format!("{} holds a secret and others may read it", path.display()),
            format!("run: chmod 600 {}", path.display()),
        ));
    }
    read_text(path)
}

/// Writes a new file that the owner alone can read; an existing one is never replaced.
pub(crate) fn write_new_private(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|e| {
        let hint = if e.kind() == io::ErrorKind::AlreadyExists {
            "name another file, or remove this one first"
        } else {
            "check the directory and the free space"
        };
        CliError::local(format!("cannot write {}: {e}", path.display()), hint)
    })
}

/// Writes a file that holds no secret, replacing one that is there.
pub(crate) fn write_public(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|e| {
        CliError::local(
            format!("cannot write {}: {e}", path.display()),
            "check the directory and the free space",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_the_owners_alone_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handle");
        write_new_private(&path, b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_new_private(&path, b"two").is_err());
        assert_eq!(read(&path).unwrap(), b"one");
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write_new_private(&path, b"00").unwrap();
        assert!(read_secret(&path).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_secret(&path).is_err());
    }
}
