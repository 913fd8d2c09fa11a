use std::{
    fmt::Debug,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Component, Path},
};

/// Files by which a kernel speaks: sysfs, configfs, securityfs, and nodes of devices.
///
/// They are no data: nothing of [`Disk`](crate::Disk) holds for them. Paths are absolute.
pub trait KernelFiles: Debug + Send + Sync {
    /// Whether there is something at `path`.
    fn exists(&self, path: &str) -> bool;
    /// The whole content of a file, which is made as it is read.
    ///
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`] when it is longer than `max` bytes; what the kernel says.
    fn read(&self, path: &str, max: usize) -> io::Result<Vec<u8>>;
    /// Hands `content` to a file that exists, in one write.
    ///
    /// # Errors
    /// What the kernel says. Some attributes take anything and speak up when they are read.
    fn write(&self, path: &str, content: &[u8]) -> io::Result<()>;
    /// Makes a directory, which in configfs makes an object.
    ///
    /// # Errors
    /// What the kernel says.
    fn create_directory(&self, path: &str) -> io::Result<()>;
    /// Removes a directory, which in configfs removes an object with all its attributes.
    ///
    /// # Errors
    /// What the kernel says.
    fn remove_directory(&self, path: &str) -> io::Result<()>;
}

/// Where a kernel's files are; nothing else of the machine is reached.
const PLACES: [&str; 2] = ["/sys", "/dev"];

/// The running kernel.
#[derive(Debug, Clone, Copy)]
pub struct SystemKernelFiles;

impl KernelFiles for SystemKernelFiles {
    fn exists(&self, path: &str) -> bool {
        checked(path).is_ok_and(Path::exists)
    }

    #[allow(clippy::disallowed_methods, reason = "the owner of the kernel's files")]
    fn read(&self, path: &str, max: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
        File::open(checked(path)?)?.take(limit).read_to_end(&mut content)?;
        if content.len() > max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(content)
    }

    fn write(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(checked(path)?)?;
        // Part of an attribute is none: no second write for the rest.
        match file.write(content)? {
            written if written == content.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(checked(path)?)
    }

    fn remove_directory(&self, path: &str) -> io::Result<()> {
        std::fs::remove_dir(checked(path)?)
    }
}

fn checked(path: &str) -> io::Result<&Path> {
    let path = Path::new(path);
    let plain = path
        .components()
        .all(|component| matches!(component, Component::RootDir | Component::Normal(_)));
    if plain && PLACES.iter().any(|place| path.starts_with(place)) {
        Ok(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path of the kernel's files"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_file_is_read_within_its_limit() {
        let path = "/sys/kernel/mm/transparent_hugepage/enabled";
        let files = SystemKernelFiles;
        if !files.exists(path) {
            println!("SKIPPED: no {path} on this machine");
            return;
        }
        let content = files.read(path, 4096).unwrap();
        assert!(!content.is_empty());
        assert_eq!(files.read(path, content.len()).unwrap(), content);
        let error = files.read(path, content.len() - 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn only_the_kernels_places_are_reached() {
        let files = SystemKernelFiles;
        for bad in ["/etc/passwd", "sys/x", "/sys/../etc/passwd", "/system", "", "/", "/tmp"] {
            assert!(!files.exists(bad), "{bad}");
            let refused = |result: io::Result<()>| {
                assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput, "{bad}");
            };
            refused(files.read(bad, 1).map(|_| ()));
            refused(files.write(bad, b"x"));
            refused(files.create_directory(bad));
            refused(files.remove_directory(bad));
        }
    }

    #[test]
    fn a_write_makes_no_file() {
        let error = SystemKernelFiles.write("/dev/sealwork-nothing-here", b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!SystemKernelFiles.exists("/dev/sealwork-nothing-here"));
    }
}
