use std::{io, path::PathBuf};

use crate::wire::Unready;

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The process does not start.
    #[error("cannot start a sandbox process ({0}): look at the limits on processes and memory")]
    Spawn(#[source] io::Error),
    /// It ended before it was ready: this kernel refuses what confines it.
    #[error(
        "a sandbox process was not ready to be confined ({0}): this kernel must offer seccomp, and `ulimit` leave room for memory, files and threads; `sealwork doctor` tells more"
    )]
    Unconfined(String),
    /// What it compiled could not be run.
    #[error(
        "this machine lets no process run code that it compiled ({0}), so no program can run: with systemd, the unit must not say MemoryDenyWriteExecute=yes"
    )]
    NoCode(String),
    /// The worker cannot see how much memory it takes.
    #[error(
        "the worker cannot watch the memory of its sandbox processes: /proc hides them; mount it without hidepid=, and with systemd the unit must not say ProtectProc=invisible"
    )]
    Unwatched,
    /// It did not get ready in time.
    #[error("a sandbox process did not get ready within {0} s")]
    Slow(u64),
    /// The control group that the operator named cannot be used.
    #[error(
        "the cgroup {} cannot be used ({source}): SANDBOX_CGROUP must name a cgroup v2 directory that is delegated to this user and holds no process, or be empty", root.display()
    )]
    Cgroup {
        /// The group.
        root: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// Wasmtime does not work here.
    #[error("the WebAssembly engine does not work on this machine: {0}")]
    Engine(String),
}

impl From<Unready> for StartError {
    fn from(why: Unready) -> Self {
        match why {
            Unready::Unconfined(why) => Self::Unconfined(why),
            Unready::NoCode(why) => Self::NoCode(why),
        }
    }
}

/// Why a module was not compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// It is not valid, or not a program.
    #[error("the module cannot be used: {0}")]
    Refused(String),
    /// Compiling took too long.
    #[error("compiling the module took longer than {0} s")]
    OutOfTime(u64),
    /// The compiler ended: it needed more memory than it may have.
    #[error("compiling the module took more memory than {0} MiB")]
    Crashed(u64),
    /// No compiler could be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Why there is no [`crate::Ended`] of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The sandbox process ended under the program, by itself or because it took too much memory.
    #[error("the sandbox process ended while the program ran")]
    Lost,
    /// It did not stop when its time was over. It is killed, unless it stops soon.
    #[error("the program did not stop when its time was over")]
    Killed,
    /// The artefact does not load.
    #[error("the compiled module does not load: {0}")]
    Unloadable(String),
    /// It was stopped before it began.
    #[error("the program was stopped before it began")]
    Stopped,
    /// No process was free before the run's time was over.
    #[error("no sandbox process was free in time")]
    Busy,
    /// The outputs of other programs left no room for this one's.
    #[error("the worker had no room for the program's output in time")]
    NoRoom,
    /// No process could be started.
    #[error(transparent)]
    Start(#[from] StartError),
}
