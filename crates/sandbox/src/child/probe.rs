//! A sandbox process that tries to get out, for tests and for `sealwork doctor`.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
    process::Command,
    thread,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};
use serde::{Deserialize, Serialize};

use super::pipe;
use crate::{
    confine::{self, Bounds},
    engine,
    wire::{self, Unready},
};

/// One way out, and what the kernel said to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was tried.
    pub what: String,
    /// How it was refused; `None` when it was not.
    pub refused: Option<String>,
}

/// Confines itself as a sandbox does, tries each way out once, and reports.
#[allow(clippy::disallowed_methods, reason = "each of these must fail")]
pub(crate) fn serve() -> Result<(), Unready> {
    let environment = fs::read("/proc/self/environ").unwrap_or_default();
    let bounds = Bounds { memory: None, file: 0 };
    let confinement =
        confine::before_threads(bounds, engine::open_page_map).map_err(io::Error::other)?;
    let mut pipe = pipe()?;
    confine::seal_off(confinement).map_err(io::Error::other)?;
    let init = Pid::INIT;
    let more = Rlimit { current: Some(1 << 20), maximum: Some(1 << 20) };
    let mut attempts = vec![
        attempt("open a file", || fs::File::open("/etc/passwd")),
        attempt("open a password file", || fs::File::open("/etc/shadow")),
        attempt("write a file", || fs::File::create("/sealwork-was-here")),
        attempt("list a directory", || fs::read_dir("/")),
        attempt("read another process's memory", || fs::File::open("/proc/1/mem")),
        attempt("look at its own files", || fs::read_dir("/proc/self/fd")),
        attempt("connect over TCP", || TcpStream::connect(("127.0.0.1", 9))),
        attempt("listen", || TcpListener::bind(("127.0.0.1", 0))),
        attempt("connect to a Unix socket", || UnixStream::connect("/run/nobody")),
        attempt("make a socket", UnixStream::pair),
        attempt("control a device", || rustix::io::ioctl_fionread(&pipe).map_err(io::Error::from)),
        attempt("start a process", || Command::new("/proc/self/exe").spawn()),
        attempt("start a thread", || thread::Builder::new().spawn(|| ())),
        attempt("send a signal", || kill_process(init, Signal::CONT).map_err(io::Error::from)),
        attempt("raise its limits", || setrlimit(Resource::Nofile, more).map_err(io::Error::from)),
        attempt("gain a capability", || {
            rustix::thread::capabilities(None)
                .and_then(|found| rustix::thread::set_capabilities(None, found))
                .map_err(io::Error::from)
        }),
    ];
    attempts.push(Attempt {
        what: "find an environment".to_owned(),
        refused: environment.is_empty().then(|| "it is empty".to_owned()),
    });
    Ok(wire::write(&mut pipe, &attempts)?)
}

fn attempt<T>(what: &str, way: impl FnOnce() -> io::Result<T>) -> Attempt {
    Attempt { what: what.to_owned(), refused: way().err().map(|error| error.to_string()) }
}
