//! Making a compiled module runnable: with `confine/inherited.rs`, the unsafe code there is.

#![allow(unsafe_code, reason = "see `module` and `try_code`")]

use std::{io, ptr};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use wasmtime::{Engine, Module};

use crate::wire::Unready;

/// The module in `artefact`.
pub(crate) fn module(engine: &Engine, artefact: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: `Module::deserialize` runs whatever code the bytes hold. They come from the worker
    // over the inherited pipe, and the worker hands out what a confined compiler made under this
    // configuration: fresh, or from a cache whose every file it authenticates. Should the bytes be
    // hostile after all, they run where a requester's program runs: behind the process's walls.
    unsafe { Module::deserialize(engine, artefact) }
}

/// Whether memory that was written may become code here: some service managers forbid it, and then
/// no module could be loaded.
pub(crate) fn try_code() -> Result<(), Unready> {
    let length = rustix::param::page_size();
    let written = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the page is new, nothing points into it, and it is gone at the end of the block.
    let tried = unsafe {
        mmap_anonymous(ptr::null_mut(), length, written, MapFlags::PRIVATE).and_then(|page| {
            let tried = mprotect(page, length, MprotectFlags::READ | MprotectFlags::EXEC);
            munmap(page, length).and(tried)
        })
    };
    tried.map_err(|refused| Unready::NoCode(io::Error::from(refused).to_string()))
}
