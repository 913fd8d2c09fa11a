//! The functions that a program can import: WASI preview 1, and `sealwork` (docs/programs.md).

use std::time::Duration;

use bytes::Bytes;
use wasmtime::{Caller, Engine, ExternType, Linker, Memory, Module, ValType};

use super::guest::Guest;
use crate::wire::REQUEST_BYTES;

const MODULE: &str = "sealwork";
/// Most bytes that one call to the host moves, so that it ends soon after the program's time.
const MOST: usize = 64 << 20;
/// What `call` gives for a larger one.
const TOO_LARGE: i32 = -2;
/// Random bytes that are made between two looks at the clock.
const RANDOM_PART: usize = 1 << 20;
/// Most bytes of one message for the log.
const LOG_LINE: usize = 64 << 10;

/// Why a call of the host traps that moves more than [`MOST`].
#[derive(Debug, thiserror::Error)]
#[error("one call to the host moves 64 MiB at most")]
pub(crate) struct TooMuch;

/// All that a program may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    sealwork_wasi::add_to_linker(&mut linker, |guest: &mut Guest| &mut guest.wasi)?;
    add_sealwork(&mut linker)?;
    Ok(linker)
}

/// Whether the module is a program: it imports nothing that is not offered and exports an entry.
pub(crate) fn check(module: &Module) -> Result<(), String> {
    let linker = linker(module.engine()).map_err(|error| error.to_string())?;
    linker.instantiate_pre(module).map_err(|error| {
        format!("it imports what is not offered here: {error:#}").replace('\n', " ")
    })?;
    if needs_memory(module) && !matches!(module.get_export("memory"), Some(ExternType::Memory(_))) {
        return Err("it exports no `memory`, through which what it imports works".to_owned());
    }
    let shape = |name: &str, results: &[ValType]| match module.get_export(name) {
        Some(ExternType::Func(entry)) => {
            let same = entry.results().len() == results.len()
                && entry.results().zip(results).all(|(has, wants)| ValType::eq(&has, wants));
            Some(same && entry.params().len() == 0)
        }
        _ => None,
    };
    match (shape("_start", &[]), shape("run", &[ValType::I32])) {
        (Some(true), _) | (None, Some(true)) => Ok(()),
        (Some(false), _) => Err("its `_start` takes or gives something: a WASI command's has \
             neither parameters nor results"
            .to_owned()),
        (None, Some(false)) => Err("its `run` is not `() -> i32` (docs/programs.md)".to_owned()),
        (None, None) => {
            Err("it exports neither `_start` (a WASI command) nor `run` (docs/programs.md)"
                .to_owned())
        }
    }
}

/// Whether it imports a function that reads or writes its memory.
fn needs_memory(module: &Module) -> bool {
    const WITHOUT: [&str; 7] =
        ["proc_exit", "sched_yield", "fd_close", "now_ms", "input_len", "wait", "answer_len"];
    module.imports().any(|import| !WITHOUT.contains(&import.name()))
}

fn add_sealwork(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "now_ms", |caller: Caller<'_, Guest>| {
        let guest = running(&caller)?;
        Ok(i64::try_from(guest.now_ms()).unwrap_or(i64::MAX))
    })?;
    linker.func_wrap(MODULE, "input_len", |caller: Caller<'_, Guest>| {
        Ok(u32::try_from(running(&caller)?.input.len()).unwrap_or(u32::MAX))
    })?;
    linker.func_wrap(
        MODULE,
        "input_read",
        |mut caller: Caller<'_, Guest>, offset: u32, to: u32, len: u32| {
            let input = caller.data().input.clone();
            copy_out(&mut caller, &input, offset, to, len)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "output",
        |mut caller: Caller<'_, Guest>, from: u32, len: u32| -> wasmtime::Result<()> {
            let (bytes, guest) = borrow(&mut caller, from, len)?;
            Ok(guest.write_output(bytes)?)
        },
    )?;
    linker.func_wrap(
        MODULE,
        "log",
        |mut caller: Caller<'_, Guest>, from: u32, len: u32| -> wasmtime::Result<()> {
            let (bytes, guest) = borrow(&mut caller, from, len)?;
            guest.log.write(&bytes[..bytes.len().min(LOG_LINE)]);
            guest.log.write(b"\n");
            Ok(())
        },
    )?;
    linker.func_wrap(
        MODULE,
        "random",
        |mut caller: Caller<'_, Guest>, to: u32, len: u32| -> wasmtime::Result<()> {
            let (bytes, guest) = borrow(&mut caller, to, len)?;
            for part in bytes.chunks_mut(RANDOM_PART) {
                guest.calls.look()?;
                guest.fill_random(part);
            }
            Ok(())
        },
    )?;
    linker.func_wrap(
        MODULE,
        "call",
        |mut caller: Caller<'_, Guest>, from: u32, len: u32| -> wasmtime::Result<i32> {
            let (bytes, guest) = borrow(&mut caller, from, len)?;
            if bytes.len() as u64 > REQUEST_BYTES {
                return Ok(TOO_LARGE);
            }
            let request = Bytes::copy_from_slice(bytes);
            let call = guest.begin_call(request);
            Ok(call.and_then(|call| i32::try_from(call).ok()).unwrap_or(-1))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "wait",
        |mut caller: Caller<'_, Guest>, patience_ms: u32| -> wasmtime::Result<i32> {
            let patience = Duration::from_millis(patience_ms.into());
            let call = caller.data_mut().next_answer(patience)?;
            Ok(call.and_then(|call| i32::try_from(call).ok()).unwrap_or(-1))
        },
    )?;
    linker.func_wrap(MODULE, "answer_len", |caller: Caller<'_, Guest>| {
        Ok(u32::try_from(running(&caller)?.answer.len()).unwrap_or(u32::MAX))
    })?;
    linker.func_wrap(
        MODULE,
        "answer_read",
        |mut caller: Caller<'_, Guest>, offset: u32, to: u32, len: u32| {
            let answer = caller.data().answer.clone();
            copy_out(&mut caller, &answer, offset, to, len)
        },
    )?;
    Ok(())
}

/// The guest, if its time is not over: calls cost little fuel, and so each looks at the clock.
fn running<'a>(caller: &'a Caller<'_, Guest>) -> wasmtime::Result<&'a Guest> {
    let guest = caller.data();
    if let Ok(left) = caller.get_fuel() {
        guest.calls.meter.burnt(guest.fuel.saturating_sub(left));
    }
    guest.calls.look()?;
    Ok(guest)
}

fn memory(caller: &mut Caller<'_, Guest>) -> wasmtime::Result<Memory> {
    caller
        .get_export("memory")
        .and_then(wasmtime::Extern::into_memory)
        .ok_or_else(|| wasmtime::Error::msg("the module exports no `memory`"))
}

/// The guest's bytes at `at`, and the guest's state.
fn borrow<'a>(
    caller: &'a mut Caller<'_, Guest>,
    at: u32,
    len: u32,
) -> wasmtime::Result<(&'a mut [u8], &'a mut Guest)> {
    running(caller)?;
    let memory = memory(caller)?;
    let (bytes, guest) = memory.data_and_store_mut(caller);
    let (at, len) = (at as usize, len as usize);
    let end = at.checked_add(len);
    let bytes = end.and_then(|end| bytes.get_mut(at..end)).ok_or_else(outside)?;
    if len > MOST {
        return Err(TooMuch.into());
    }
    Ok((bytes, guest))
}

/// Copies from `source` at `offset` into the guest's memory; how many bytes there were.
fn copy_out(
    caller: &mut Caller<'_, Guest>,
    source: &Bytes,
    offset: u32,
    to: u32,
    len: u32,
) -> wasmtime::Result<u32> {
    running(caller)?;
    let rest = source.get(offset as usize..).unwrap_or_default();
    let count = rest.len().min(len as usize);
    let memory = memory(caller)?;
    let to = to as usize;
    let end = to.checked_add(count).ok_or_else(outside)?;
    let space = memory.data_mut(caller).get_mut(to..end).ok_or_else(outside)?;
    space.copy_from_slice(&rest[..count]);
    u32::try_from(count).map_err(|_| outside())
}

fn outside() -> wasmtime::Error {
    wasmtime::Trap::MemoryOutOfBounds.into()
}
