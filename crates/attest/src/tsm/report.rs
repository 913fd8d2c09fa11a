use std::{io, thread, time::Duration};

use sealwork_platform::{Entropy, KernelFiles};

use super::DIRECTORY;
use crate::AttestError;

/// Bytes that a report is about.
pub(super) const DATA_LEN: usize = 64;
/// Attributes of text are no longer than a line.
const MAX_TEXT: usize = 64;
/// Certificates of a SEV-SNP host: a table of a few.
const MAX_AUXILIARY: usize = 64 << 10;
/// With the pauses between them, about four seconds: a TDX host that has not answered by then has
/// no quoting service.
const ATTEMPTS: u32 = 9;
const FIRST_PAUSE: Duration = Duration::from_millis(16);

const ENXIO: i32 = 6;
const EAGAIN: i32 = 11;
const EBUSY: i32 = 16;

/// An entry of configfs, through which one report at a time is made; gone when dropped.
#[derive(Debug)]
pub(super) struct Report<'a> {
    files: &'a dyn KernelFiles,
    path: String,
}

/// What the platform answers.
pub(super) struct Blobs {
    pub(super) report: Vec<u8>,
    /// What comes from the host beside it; empty where there is nothing.
    pub(super) auxiliary: Vec<u8>,
}

impl<'a> Report<'a> {
    pub(super) fn create(
        files: &'a dyn KernelFiles,
        entropy: &dyn Entropy,
    ) -> Result<Self, AttestError> {
        if !files.exists(DIRECTORY) {
            return Err(AttestError::Missing {
                what: "TDX or SEV-SNP guest",
                path: DIRECTORY.to_owned(),
                hint: "Linux 6.7 or later is needed, with configfs mounted on /sys/kernel/config \
                       and the driver tdx_guest or sev-guest",
            });
        }
        let path = format!("{DIRECTORY}/sealwork-{}", hex::encode(entropy.array::<8>()));
        match files.create_directory(&path) {
            Ok(()) => Ok(Self { files, path }),
            Err(source) if source.raw_os_error() == Some(ENXIO) => Err(AttestError::NoProvider),
            Err(source) => Err(failed(path, source)),
        }
    }

    /// Which driver answers.
    pub(super) fn provider(&self) -> Result<String, AttestError> {
        self.text("provider")
    }

    /// A report about `data`, of at most `max` bytes.
    pub(super) fn request(&self, data: &[u8; DATA_LEN], max: usize) -> Result<Blobs, AttestError> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            match self.attempt(data, max) {
                Ok(Some(blobs)) => return Ok(blobs),
                Ok(None) => {}
                Err(AttestError::Io { source, .. }) if is_busy(&source) => {}
                Err(error) => return Err(error),
            }
            if attempt < ATTEMPTS {
                thread::sleep(pause);
                pause *= 2;
            }
        }
        Err(AttestError::Busy { attempts: ATTEMPTS })
    }

    /// One try; nothing when somebody else wrote to the entry meanwhile, so that the answer may be
    /// theirs. Each write that the kernel took counts its generation up by one: what it did not
    /// take, it says there and nowhere else.
    fn attempt(&self, data: &[u8; DATA_LEN], max: usize) -> Result<Option<Blobs>, AttestError> {
        let before = self.number("generation")?;
        let mut writes = 1;
        if let Some(floor) = self.privilege_floor()? {
            self.write("privlevel", floor.to_string().as_bytes())?;
            writes += 1;
        }
        self.write("inblob", data)?;
        let report = self.read("outblob", max)?;
        let auxiliary = self.optional("auxblob", MAX_AUXILIARY)?.unwrap_or_default();
        let after = self.number("generation")?;
        Ok((after.checked_sub(before) == Some(writes)).then_some(Blobs { report, auxiliary }))
    }

    /// The most privileged level that the guest may ask for, where it is not the most privileged
    /// of all: below an SVSM the kernel does not run at level 0, and must say so.
    fn privilege_floor(&self) -> Result<Option<u64>, AttestError> {
        match self.optional("privlevel_floor", MAX_TEXT)? {
            Some(text) => Ok(Some(parse(&text)?).filter(|floor| *floor > 0)),
            None => Ok(None),
        }
    }

    fn read(&self, attribute: &str, max: usize) -> Result<Vec<u8>, AttestError> {
        let path = self.at(attribute);
        self.files.read(&path, max).map_err(|source| failed(path, source))
    }

    /// An attribute that not every platform has.
    fn optional(&self, attribute: &str, max: usize) -> Result<Option<Vec<u8>>, AttestError> {
        if self.files.exists(&self.at(attribute)) {
            self.read(attribute, max).map(Some)
        } else {
            Ok(None)
        }
    }

    fn write(&self, attribute: &str, content: &[u8]) -> Result<(), AttestError> {
        let path = self.at(attribute);
        self.files.write(&path, content).map_err(|source| failed(path, source))
    }

    fn text(&self, attribute: &str) -> Result<String, AttestError> {
        let bytes = self.read(attribute, MAX_TEXT)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    fn number(&self, attribute: &str) -> Result<u64, AttestError> {
        parse(&self.read(attribute, MAX_TEXT)?)
    }

    fn at(&self, attribute: &str) -> String {
        format!("{}/{attribute}", self.path)
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.files.remove_directory(&self.path) {
            tracing::warn!(path = self.path, %error, "an entry for reports stays behind");
        }
    }
}

fn parse(text: &[u8]) -> Result<u64, AttestError> {
    let text = std::str::from_utf8(text).ok();
    text.and_then(|text| text.trim().parse().ok())
        .ok_or(AttestError::Answer("an attribute that is no number"))
}

fn is_busy(source: &io::Error) -> bool {
    matches!(source.raw_os_error(), Some(EBUSY | EAGAIN))
        || source.kind() == io::ErrorKind::Interrupted
}

fn failed(path: String, source: io::Error) -> AttestError {
    if source.kind() == io::ErrorKind::PermissionDenied {
        AttestError::Denied { path, who: "root, or give it this directory" }
    } else {
        AttestError::Io { path, source }
    }
}
