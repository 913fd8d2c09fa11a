//! Compiled modules: in memory, and sealed on disk, so that a host can neither plant native code
//! nor read what a requester brought sealed.
//!
//! A file is `nonce (12) || AES-256-GCM ciphertext and tag`, its name the associated data; its name
//! is HMAC-SHA256 over engine and module digest, in hex, so that it tells nothing to who guesses
//! modules.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead as _, Payload},
};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sealwork_platform::{Disk, Entropy};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::{Artefact, CompileError, Compiler};

const DIRECTORY: &str = "compiled";
const NONCE: usize = 12;
/// What an artefact counts for in memory at least, so that there are not too many of them either.
const LEAST_WEIGHT: usize = 64 << 10;

/// What seals and names compiled modules on disk. Nobody else has it.
pub struct CacheKeys {
    /// AES-256-GCM.
    pub seal: Zeroizing<[u8; 32]>,
    /// HMAC-SHA256.
    pub names: Zeroizing<[u8; 32]>,
}

/// Compiles each module once.
pub struct ArtefactCache {
    disk: Arc<dyn Disk>,
    entropy: Arc<dyn Entropy>,
    keys: CacheKeys,
    /// What artefacts depend on beside their module.
    engine: [u8; 32],
    disk_bytes: u64,
    compiler: Arc<Compiler>,
    memory: Mutex<Memory>,
}

/// The newest artefacts. One that is being made is there already, so that nobody makes it twice.
struct Memory {
    known: HashMap<[u8; 32], Known>,
    order: VecDeque<[u8; 32]>,
    bytes: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct Known {
    artefact: Arc<OnceCell<Artefact>>,
    /// Zero until it is made.
    bytes: usize,
}

impl ArtefactCache {
    /// A cache in the directory `compiled` of `disk`, of at most `disk_bytes` there, and of at most
    /// `memory_bytes` beside what runs. `engine` is [`crate::Pool::engine`].
    pub fn new(
        disk: Arc<dyn Disk>,
        entropy: Arc<dyn Entropy>,
        keys: CacheKeys,
        engine: [u8; 32],
        disk_bytes: u64,
        memory_bytes: usize,
        compiler: Arc<Compiler>,
    ) -> Arc<Self> {
        let memory = Memory {
            known: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            most_bytes: memory_bytes,
        };
        Arc::new(Self {
            disk,
            entropy,
            keys,
            engine,
            disk_bytes,
            compiler,
            memory: Mutex::new(memory),
        })
    }

    /// The compiled form of `module`: known, read, or made now for somebody of this share.
    ///
    /// # Errors
    /// [`CompileError`]. A disk that fails costs time and nothing else.
    pub async fn artefact(&self, share: &str, module: Bytes) -> Result<Artefact, CompileError> {
        let digest = Sha256::digest(&module).into();
        self.artefact_of(share, digest, || module).await
    }

    /// The same for a module whose SHA-256 is known: it is asked for only when it must be compiled.
    ///
    /// # Errors
    /// As [`Self::artefact`].
    pub async fn artefact_of(
        &self,
        share: &str,
        digest: [u8; 32],
        module: impl FnOnce() -> Bytes,
    ) -> Result<Artefact, CompileError> {
        let cell = self.lock().cell(digest);
        let made = cell.get_or_try_init(|| async {
            if let Some(code) = self.read(&digest) {
                return Ok(Artefact { module: digest, code });
            }
            let artefact = self.compiler.compile(share, module()).await?;
            if let Err(error) = self.write(&artefact) {
                tracing::warn!(%error, "cannot keep a compiled module on disk");
            }
            Ok(artefact)
        });
        match made.await {
            Ok(artefact) => {
                self.lock().weigh(digest, artefact.code.len());
                Ok(artefact.clone())
            }
            Err(error) => {
                self.lock().forget(&digest);
                Err(error)
            }
        }
    }

    fn read(&self, module: &[u8; 32]) -> Option<Bytes> {
        let name = self.name(module);
        let path = format!("{DIRECTORY}/{name}");
        let file = self.disk.read(&path).ok()?;
        let (nonce, sealed) = file.split_first_chunk::<NONCE>()?;
        let sealed = Payload { msg: sealed, aad: name.as_bytes() };
        if let Ok(code) = self.cipher().decrypt(&Nonce::from(*nonce), sealed) {
            return Some(code.into());
        }
        tracing::error!(name, "a compiled module on disk is not this worker's: removed");
        let _ = self.disk.remove(&path);
        None
    }

    fn write(&self, artefact: &Artefact) -> io::Result<()> {
        let name = self.name(&artefact.module);
        let nonce: [u8; NONCE] = self.entropy.array();
        let code = Payload { msg: &artefact.code, aad: name.as_bytes() };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), code);
        let file = [&nonce[..], &sealed.map_err(|_| io::ErrorKind::InvalidData)?].concat();
        if file.len() as u64 > self.disk_bytes {
            return Ok(());
        }
        self.make_room(file.len() as u64)?;
        self.disk.write_atomic(&format!("{DIRECTORY}/{name}"), &file)
    }

    /// Removes artefacts until there is room. Which ones is a matter of their names, and so of
    /// chance: each can be made again.
    fn make_room(&self, needed: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for name in self.disk.list(DIRECTORY)? {
            let path = format!("{DIRECTORY}/{name}");
            let size = self.disk.open(&path)?.len()?;
            files.push((path, size));
        }
        let mut total: u64 = files.iter().map(|(_, size)| size).sum();
        for (path, size) in files {
            if total.saturating_add(needed) <= self.disk_bytes {
                break;
            }
            self.disk.remove(&path)?;
            total -= size;
        }
        Ok(())
    }

    /// Of a module under this engine: another wasmtime or processor has files of its own.
    #[allow(clippy::expect_used, reason = "HMAC takes keys of every length")]
    fn name(&self, module: &[u8; 32]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&*self.keys.names).expect("a key of any length");
        let name = mac.chain_update(self.engine).chain_update(module).finalize().into_bytes();
        name.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.keys.seal).into())
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn cell(&mut self, module: [u8; 32]) -> Arc<OnceCell<Artefact>> {
        if !self.known.contains_key(&module) {
            self.order.push_back(module);
        }
        Arc::clone(&self.known.entry(module).or_default().artefact)
    }

    /// Counts an artefact that is there now. The oldest make room; it may be the oldest itself.
    fn weigh(&mut self, module: [u8; 32], bytes: usize) {
        match self.known.get_mut(&module) {
            Some(known) if known.bytes == 0 => known.bytes = bytes.max(LEAST_WEIGHT),
            _ => return,
        }
        self.bytes += bytes.max(LEAST_WEIGHT);
        while self.bytes > self.most_bytes
            && let Some(oldest) = self.order.front().copied()
        {
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, module: &[u8; 32]) {
        let forgotten = self.known.remove(module);
        self.bytes -= forgotten.map_or(0, |known| known.bytes);
        self.order.retain(|known| known != module);
    }
}
