//! Programs under limits.
//!
//! A program is a WebAssembly module that a requester brought. It is compiled in a fresh confined
//! process ([`Compiler`]), kept sealed on disk ([`ArtefactCache`]), and runs in a sandbox process
//! ([`Pool`]) that holds no key, no file and no socket but one pipe to the worker. Each run has an instance of its own, made in microseconds and gone afterwards.

mod cache;
mod cgroup;
pub mod child;
mod compiler;
mod confine;
mod engine;
mod error;
mod files;
mod holdings;
mod pool;
mod probe;
mod process;
mod room;
mod spawn;
mod turns;
mod wire;

pub use cache::{ArtefactCache, CacheKeys};
pub use cgroup::Cgroup;
pub use compiler::{Artefact, Compiler, CompilerConfig};
pub use confine::{Confinement, Landlock};
pub use error::{CompileError, RunError, StartError};
pub use files::{FilesError, check_files};
pub use pool::{Pool, PoolConfig, PoolLoad, Request, Services};
pub use probe::{Attempt, probe};
pub use spawn::ChildCommand;
pub use wire::{End, Ended, Form, RunLimits, Used};
