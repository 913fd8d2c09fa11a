//! Starting confined processes.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdStream},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
};

use tokio::{
    net::UnixStream,
    process::{Child, Command},
    runtime::Handle,
};

use crate::{
    Cgroup, StartError,
    cgroup::{Group, GroupLimits},
};

/// The program that becomes a sandbox process.
#[derive(Debug, Clone)]
pub struct ChildCommand {
    /// The file to execute: the product's own.
    pub program: PathBuf,
    /// What comes before the arguments of [`crate::child::main`].
    pub arguments: Vec<String>,
    /// Where each process gets a control group, if the operator has delegated one.
    pub cgroup: Option<Arc<Cgroup>>,
}

/// A process that was started.
pub(crate) struct Spawned {
    pub(crate) child: Confined,
    pub(crate) pipe: UnixStream,
}

/// A child, and its control group, which can be removed when the child has ended. Dropping it kills
/// the child.
pub(crate) struct Confined {
    child: Option<Child>,
    group: Option<Group>,
}

impl Confined {
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Resolves when it has ended by itself.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        match &mut self.child {
            Some(child) => child.wait().await,
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Kills it, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill().await;
        }
        self.child = None;
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        let (Some(mut child), Some(group)) = (self.child.take(), self.group.take()) else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = child.kill().await;
                drop(group);
            });
        }
    }
}

/// Starts one: no environment, nothing open but the pipe, and a process group of its own. Ctrl-C
/// goes to the terminal's whole foreground group, and is for the worker alone: what runs goes on
/// while it drains.
#[allow(clippy::disallowed_methods, reason = "the one place where the worker starts a process")]
pub(crate) fn spawn(
    command: &ChildCommand,
    arguments: &[String],
    limits: GroupLimits,
) -> Result<Spawned, StartError> {
    let (ours, theirs) = StdStream::pair().map_err(StartError::Spawn)?;
    ours.set_nonblocking(true).map_err(StartError::Spawn)?;
    let child = Command::new(&command.program)
        .args(&command.arguments)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(StartError::Spawn)?;
    let pipe = UnixStream::from_std(ours).map_err(StartError::Spawn)?;
    let group = match (&command.cgroup, child.id()) {
        (Some(cgroup), Some(pid)) => Some(cgroup.place(pid, limits)?),
        _ => None,
    };
    Ok(Spawned { child: Confined { child: Some(child), group }, pipe })
}
