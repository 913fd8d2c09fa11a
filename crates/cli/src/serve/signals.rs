//! When to stop: SIGTERM, SIGINT, or the end of standard input.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ServeError;

/// What asked the worker to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// From the service manager.
    Sigterm,
    /// From the keyboard.
    Sigint,
    /// The program that started it has gone, or wants it to stop.
    StdinClosed,
}

impl Reason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sigterm => "SIGTERM",
            Self::Sigint => "SIGINT",
            Self::StdinClosed => "standard input closed",
        }
    }

    /// The exit status of a process that is ended by it at once, as shells count.
    pub(super) fn exit_status(self) -> i32 {
        match self {
            Self::Sigterm | Self::StdinClosed => 143,
            Self::Sigint => 130,
        }
    }
}

/// The signals, caught from now on.
pub(super) struct Stops {
    term: Signal,
    int: Signal,
    stdin: Option<tokio::sync::oneshot::Receiver<()>>,
}

impl Stops {
    /// Catches the signals; with `stdin`, watches standard input too.
    pub(super) fn catch(stdin: bool) -> Result<Self, ServeError> {
        let failed = |error: std::io::Error| ServeError::Process {
            what: "catch signals",
            reason: error.to_string(),
        };
        Ok(Self {
            term: signal(SignalKind::terminate()).map_err(failed)?,
            int: signal(SignalKind::interrupt()).map_err(failed)?,
            stdin: if stdin { Some(watch_stdin()?) } else { None },
        })
    }

    /// Returns when the worker is asked to stop, and again when it is asked again.
    pub(super) async fn next(&mut self) -> Reason {
        let stdin = &mut self.stdin;
        tokio::select! {
            _ = self.term.recv() => Reason::Sigterm,
            _ = self.int.recv() => Reason::Sigint,
            () = closed(stdin) => {
                *stdin = None;
                Reason::StdinClosed
            }
        }
    }
}

async fn closed(stdin: &mut Option<tokio::sync::oneshot::Receiver<()>>) {
    match stdin {
        Some(receiver) => drop(receiver.await),
        None => std::future::pending().await,
    }
}

/// A thread of its own: a blocking read on the runtime would hold up its end.
fn watch_stdin() -> Result<tokio::sync::oneshot::Receiver<()>, ServeError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            let _ = sender.send(());
        })
        .map_err(|error| ServeError::Process {
            what: "start a thread",
            reason: error.to_string(),
        })?;
    Ok(receiver)
}
