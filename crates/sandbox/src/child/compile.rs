//! The compiler process: one module, then the end.

use std::io;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wasmtime::Module;

use super::{interface, load, pipe};
use crate::{
    confine::{self, Bounds, Confinement},
    engine,
    wire::{self, MAX_TO_CHILD, Unready},
};

/// How much a compiler stands back behind the worker's own threads, as `nice` counts: a quarter of a
/// busy processor is left to it, so that it ends within its time.
const NICE: i32 = 5;

/// What is to be compiled.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ToCompiler {
    pub(crate) module: Bytes,
    /// The largest memory that a program may begin with, in bytes.
    pub(crate) memory_bytes: u64,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromCompiler {
    Ready(Confinement),
    /// In the place of [`crate::wire::FromChild::Failed`], which a compiler says as well.
    Failed(Unready),
    Compiled(Bytes),
    /// The module is not valid, or not a program: why.
    Refused(String),
}

pub(crate) fn serve(memory: u64) -> Result<(), Unready> {
    load::try_code()?;
    // It compiles all the same where this is not allowed.
    let _ = rustix::process::nice(NICE);
    let bounds = Bounds { memory: Some(memory), file: 0 };
    let confinement = confine::before_threads(bounds, || ()).map_err(io::Error::other)?;
    let mut pipe = pipe()?;
    let engine = engine::compiling().map_err(io::Error::other)?;
    let confinement = confine::seal_off(confinement).map_err(io::Error::other)?;
    wire::write(&mut pipe, &FromCompiler::Ready(confinement))?;
    let Some(ToCompiler { module, memory_bytes }) = wire::read(&mut pipe, MAX_TO_CHILD)? else {
        return Ok(());
    };
    let answer = match Module::from_binary(&engine, &module) {
        Err(error) => FromCompiler::Refused(in_one_line(&error)),
        Ok(module) => {
            match interface::check(&module).and_then(|()| has_room(&module, memory_bytes)) {
                Err(why) => FromCompiler::Refused(why),
                Ok(()) => {
                    FromCompiler::Compiled(module.serialize().map_err(io::Error::other)?.into())
                }
            }
        }
    };
    Ok(wire::write(&mut pipe, &answer)?)
}

/// Whether the module can begin with the memory that programs get.
fn has_room(module: &Module, memory_bytes: u64) -> Result<(), String> {
    let pages = module.resources_required().max_initial_memory_size.unwrap_or(0);
    let bytes = pages.saturating_mul(64 << 10);
    if bytes > memory_bytes {
        return Err(format!(
            "its memory begins with {bytes} bytes, programs get {memory_bytes} here at most"
        ));
    }
    Ok(())
}

/// An error with what is behind it, without the bytes it is about.
pub(crate) fn in_one_line(error: &wasmtime::Error) -> String {
    let mut text = format!("{error:#}").replace('\n', " ");
    if text.len() > 500 {
        text.truncate(text.floor_char_boundary(500));
    }
    text
}
