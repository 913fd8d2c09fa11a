//! The one place with unsafe code: making a compiled module runnable.

#![allow(unsafe_code, reason = "see `module`")]

use wasmtime::{Engine, Module};

/// The module in `artefact`.
pub(crate) fn module(engine: &Engine, artefact: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: `Module::deserialize` runs whatever code the bytes hold. They come from the worker
    // over the inherited pipe, and the worker hands out what a confined compiler made under this
    // configuration: fresh, or from a cache whose every file it authenticates. Should the bytes be
    // hostile after all, they run where a requester's program runs: behind the process's walls.
    unsafe { Module::deserialize(engine, artefact) }
}
