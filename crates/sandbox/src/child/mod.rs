//! The sandbox process: gives up every right, then runs what comes through the pipe.

mod calls;
mod compile;
mod control;
mod guest;
mod interface;
mod load;
mod meter;
mod probe;
mod run;
mod serve;
mod slices;
mod wasi;

use std::{
    fs::File,
    io,
    os::fd::{AsFd as _, OwnedFd},
    process::ExitCode,
};

pub(crate) use compile::{FromCompiler, ToCompiler};
pub use probe::Attempt;

use crate::{
    engine::Room,
    wire::{self, FromChild},
};

/// Exit code of a process that was not started by a worker.
const USAGE: u8 = 2;

/// The process's whole life: `run RUNS MEMORY_BYTES`, `compile MEMORY_BYTES` or `probe`, with one
/// end of a pipe as standard input.
pub fn main(arguments: &[String]) -> ExitCode {
    let number = |text: &String| text.parse::<u64>().ok();
    let numbers: Option<Vec<u64>> = arguments.iter().skip(1).map(number).collect();
    let kind = arguments.first().map(String::as_str);
    let done = match (kind, numbers.as_deref()) {
        (Some("run"), Some([runs, memory])) => {
            let room = Room {
                runs: u32::try_from(*runs).unwrap_or(u32::MAX),
                memory_bytes: usize::try_from(*memory).unwrap_or(usize::MAX),
            };
            serve::serve(room)
        }
        (Some("compile"), Some([memory])) => compile::serve(*memory),
        (Some("probe"), Some([])) => probe::serve(),
        _ => return ExitCode::from(USAGE),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Where the filter is on already, or the pipe broken, nobody hears of it.
            let _ = pipe().and_then(|mut pipe| wire::write(&mut pipe, &FromChild::Failed(why)));
            ExitCode::FAILURE
        }
    }
}

/// The pipe, taken from standard input. As a file, so that reading and writing need no system call
/// for sockets.
fn pipe() -> io::Result<File> {
    let pipe: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(File::from(pipe))
}
