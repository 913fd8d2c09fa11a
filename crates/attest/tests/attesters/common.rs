//! What the tests share.

use std::{collections::HashMap, io, sync::Mutex};

use sealwork_job::{Digest, InstanceId};
use sealwork_platform::KernelFiles;
use sealwork_seal::{Purpose, Statement};

/// Files in memory; what is not there, is not.
#[derive(Debug, Default)]
pub(crate) struct MemoryFiles(Mutex<HashMap<String, Vec<u8>>>);

#[cfg(feature = "tpm")]
impl MemoryFiles {
    pub(crate) fn set(&self, path: &str, content: &[u8]) {
        self.0.lock().unwrap().insert(path.to_owned(), content.to_vec());
    }
}

impl KernelFiles for MemoryFiles {
    fn exists(&self, path: &str) -> bool {
        self.0.lock().unwrap().contains_key(path)
    }

    fn read(&self, path: &str, max: usize) -> io::Result<Vec<u8>> {
        let content = self.0.lock().unwrap().get(path).cloned();
        let content = content.ok_or(io::ErrorKind::NotFound)?;
        if content.len() > max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(content) }
    }

    fn write(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn create_directory(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn remove_directory(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// A statement with a nonce of this number.
pub(crate) fn statement(kind: &str, nonce: u8) -> Statement {
    Statement {
        kind: kind.to_owned(),
        purpose: Purpose::Session,
        nonce: vec![nonce; 32],
        key_config: Digest([2; 32]),
        config: Digest([3; 32]),
        instance: InstanceId([4; 16]),
        context: Vec::new(),
    }
}
