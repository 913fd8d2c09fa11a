//! WASI preview 1 over a bounded file system in memory, with no I/O of its own.
//!
//! A program sees arguments, an environment, standard input as a buffer, standard output and error
//! as bounded buffers, preopened directories of a [`FileTree`], and the clocks and random bytes
//! that its caller hands in. Nothing it does reaches the machine. Every pointer and length that it
//! passes is hostile: each is checked, none sizes an allocation unchecked.
//!
//! `docs/wasi.md` lists what each function of the interface does, and what is not offered.
#![forbid(unsafe_code)]

mod calls;
mod clocks;
mod config;
mod errno;
mod fds;
mod link;
mod memory;
mod state;
mod stdio;
mod tree;
mod types;

pub use clocks::{COARSE_NS, WasiClock};
pub use config::{ConfigError, GoOn, Interrupted, Preopen, Random, SleepUntil, WasiConfig};
pub use link::{Exit, NoMemory, add_to_linker};
pub use state::{WasiOutcome, WasiState, Written};
pub use tree::{Entry, FileTree, FsLimits, TreeError};
