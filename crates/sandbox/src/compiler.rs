//! Compiling, each module in a fresh confined process.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    sync::Semaphore,
    time::timeout,
};

use crate::{
    ChildCommand, CompileError, StartError,
    cgroup::GroupLimits,
    child::{FromCompiler, ToCompiler},
    spawn::spawn,
    turns::Turns,
    wire::{self, MAX_TO_CHILD},
};

/// Threads of a compiler process.
const TASKS: u64 = 16;

/// A compiled module.
#[derive(Debug, Clone)]
pub struct Artefact {
    /// SHA-256 of the module that it was compiled from.
    pub module: [u8; 32],
    /// Native code, in wasmtime's form.
    pub code: Bytes,
}

/// What compiling may take.
#[derive(Debug, Clone)]
pub struct CompilerConfig {
    /// The program that becomes the compiler process.
    pub command: ChildCommand,
    /// Wall time for one module.
    pub time: Duration,
    /// Address space of the process, in bytes.
    pub memory_bytes: u64,
    /// The largest memory that a program may begin with, in bytes: the sandbox has no room for more.
    pub program_memory_bytes: u64,
    /// Modules compiled at once.
    pub at_once: usize,
}

/// Compiles modules, a few at a time.
#[derive(Debug)]
pub struct Compiler {
    config: CompilerConfig,
    slots: Semaphore,
    turns: Turns,
}

impl Compiler {
    /// A compiler that has not started anything yet.
    pub fn new(config: CompilerConfig) -> Arc<Self> {
        let slots = Semaphore::new(config.at_once.max(1));
        let turns = Turns::leaving_some(config.at_once);
        Arc::new(Self { config, slots, turns })
    }

    /// Compiles a module for somebody of this share, of whom others need not wait.
    ///
    /// # Errors
    /// [`CompileError`].
    pub async fn compile(&self, share: &str, module: Bytes) -> Result<Artefact, CompileError> {
        let _turn = self.turns.take(share).await;
        // Never closed.
        let _slot = self.slots.acquire().await;
        let digest = Sha256::digest(&module).into();
        let arguments = ["compile".to_owned(), self.config.memory_bytes.to_string()];
        let limits = GroupLimits { memory_bytes: self.config.memory_bytes, tasks: TASKS };
        let order = ToCompiler { module, memory_bytes: self.config.program_memory_bytes };
        let mut spawned = spawn(&self.config.command, &arguments, limits)?;
        let compiled = timeout(self.config.time, exchange(spawned.pipe, order)).await;
        // It is done, or must be: either way it ends here.
        spawned.child.kill().await;
        match compiled {
            Err(_) => Err(CompileError::OutOfTime(self.config.time.as_secs())),
            Ok(Err(_)) => Err(CompileError::Crashed(self.config.memory_bytes >> 20)),
            Ok(Ok(code)) => Ok(Artefact { module: digest, code: code? }),
        }
    }
}

async fn exchange(
    mut pipe: UnixStream,
    order: ToCompiler,
) -> std::io::Result<Result<Bytes, CompileError>> {
    match read(&mut pipe).await? {
        FromCompiler::Ready(_) => {}
        FromCompiler::Failed(why) => return Ok(Err(StartError::from(why).into())),
        _ => return Err(std::io::ErrorKind::InvalidData.into()),
    }
    pipe.write_all(&wire::encode(&order)?).await?;
    match read(&mut pipe).await? {
        FromCompiler::Compiled(code) => Ok(Ok(code)),
        FromCompiler::Refused(why) => Ok(Err(CompileError::Refused(why))),
        FromCompiler::Ready(_) | FromCompiler::Failed(_) => {
            Err(std::io::ErrorKind::InvalidData.into())
        }
    }
}

async fn read(pipe: &mut UnixStream) -> std::io::Result<FromCompiler> {
    let mut len = [0; 4];
    pipe.read_exact(&mut len).await?;
    let mut frame = vec![0; wire::checked_len(len, MAX_TO_CHILD)?];
    pipe.read_exact(&mut frame).await?;
    wire::decode(&frame)
}
