//! Compiled modules: in memory, and on disk under the worker's authentication, so that a host
//! cannot plant native code.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sealwork_platform::Disk;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::{Artefact, CompileError, Compiler};

const DIRECTORY: &str = "compiled";
/// HMAC-SHA256.
const TAG: usize = 32;

/// Compiles each module once.
pub struct ArtefactCache {
    disk: Arc<dyn Disk>,
    key: Zeroizing<[u8; 32]>,
    /// What artefacts depend on beside their module.
    engine: [u8; 32],
    disk_bytes: u64,
    compiler: Arc<Compiler>,
    memory: Mutex<Memory>,
}

/// The newest artefacts. One that is being made is there already, so that nobody makes it twice.
struct Memory {
    known: HashMap<[u8; 32], Arc<OnceCell<Artefact>>>,
    order: VecDeque<[u8; 32]>,
    most: usize,
}

impl ArtefactCache {
    /// A cache in the directory `compiled` of `disk`, of at most `disk_bytes`, under `key`, which
    /// nobody else has. `engine` is [`crate::engine_fingerprint`].
    pub fn new(
        disk: Arc<dyn Disk>,
        key: Zeroizing<[u8; 32]>,
        engine: [u8; 32],
        disk_bytes: u64,
        in_memory: usize,
        compiler: Arc<Compiler>,
    ) -> Arc<Self> {
        let memory =
            Memory { known: HashMap::new(), order: VecDeque::new(), most: in_memory.max(1) };
        Arc::new(Self { disk, key, engine, disk_bytes, compiler, memory: Mutex::new(memory) })
    }

    /// The compiled form of `module`: known, read, or made now.
    ///
    /// # Errors
    /// [`CompileError`]. A disk that fails costs time and nothing else.
    pub async fn artefact(&self, module: Bytes) -> Result<Artefact, CompileError> {
        let digest: [u8; 32] = Sha256::digest(&module).into();
        let cell = self.lock().cell(digest);
        let made = cell.get_or_try_init(|| async {
            if let Some(code) = self.read(&digest) {
                return Ok(Artefact { module: digest, code });
            }
            let artefact = self.compiler.compile(module).await?;
            if let Err(error) = self.write(&artefact) {
                tracing::warn!(%error, "cannot keep a compiled module on disk");
            }
            Ok(artefact)
        });
        match made.await {
            Ok(artefact) => Ok(artefact.clone()),
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
        let (tag, code) = file.split_at_checked(TAG)?;
        let mut mac = self.mac(&name);
        mac.update(code);
        if mac.verify_slice(tag).is_err() {
            tracing::error!(name, "a compiled module on disk is not this worker's: removed");
            let _ = self.disk.remove(&path);
            return None;
        }
        Some(Bytes::from(file).slice(TAG..))
    }

    fn write(&self, artefact: &Artefact) -> io::Result<()> {
        let name = self.name(&artefact.module);
        let mut mac = self.mac(&name);
        mac.update(&artefact.code);
        let mut file = mac.finalize().into_bytes().to_vec();
        file.extend_from_slice(&artefact.code);
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
    fn name(&self, module: &[u8; 32]) -> String {
        let name: [u8; 32] =
            Sha256::new().chain_update(self.engine).chain_update(module).finalize().into();
        name.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[allow(clippy::expect_used, reason = "HMAC takes keys of every length")]
    fn mac(&self, name: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&*self.key).expect("a key of any length");
        mac.update(name.as_bytes());
        mac
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn cell(&mut self, module: [u8; 32]) -> Arc<OnceCell<Artefact>> {
        if let Some(cell) = self.known.get(&module) {
            return Arc::clone(cell);
        }
        if self.order.len() >= self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(module);
        Arc::clone(self.known.entry(module).or_default())
    }

    fn forget(&mut self, module: &[u8; 32]) {
        self.known.remove(module);
        self.order.retain(|known| known != module);
    }
}
