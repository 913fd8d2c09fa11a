//! The sandbox processes: some ready beforehand, each serving one tenant at a time.

mod attend;
mod processes;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use attend::{Attended, attend, see_off};
use processes::{Lease, Processes};

use crate::{
    Artefact, ChildCommand, Confinement, Ended, Form, RunError, RunLimits, StartError, holdings,
    wire::{Run, Used, monotonic},
};

/// How long after its deadline a program may still be at it before nobody waits for it any more.
const GRACE: Duration = Duration::from_millis(30);

/// How many processes there are, and how large.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// The program that becomes a sandbox process.
    pub command: ChildCommand,
    /// Processes that wait for a tenant.
    pub spare: usize,
    /// Processes at most.
    pub processes: usize,
    /// Runs at once in one process, all of one tenant.
    pub runs_per_process: u32,
    /// The limits of most runs: a process has room for `runs_per_process` of these. A run with larger
    /// ones takes the room of several, at most that of a whole process.
    pub usual: RunLimits,
    /// The largest limits of a run.
    pub most: RunLimits,
    /// What the outputs of all programs may take in the worker's memory until they are dropped.
    pub outputs_bytes: u64,
    /// Whether a process may serve another tenant after its own. Off: it ends instead.
    pub shared: bool,
}

/// What a program asks of the outside, and what it costs.
#[async_trait]
pub trait Services: Send + Sync {
    /// Performs one request of the program, in the guest's own form.
    async fn call(&self, request: Bytes) -> Bytes;

    /// The answer to a request for which the worker has no room.
    fn no_room(&self) -> Bytes {
        Bytes::new()
    }

    /// Notes what the run has used: now and then while it runs, and exactly when it has ended. A
    /// run whose process is killed has used what was told last, and perhaps a little more.
    fn used(&self, _so_far: Used) {}
}

/// One run.
pub struct Request<'a> {
    /// Whose program it is: no process serves two tenants at once.
    pub tenant: &'a str,
    /// Whose share of the processes it takes: that of all its tenants together.
    pub share: &'a str,
    /// The compiled module.
    pub artefact: &'a Artefact,
    /// How it is called.
    pub form: Form,
    /// What it may use.
    pub limits: RunLimits,
    /// The seed of its randomness.
    pub seed: [u8; 32],
    /// Unix time in milliseconds.
    pub now_ms: u64,
    /// The outside, as far as it may see it.
    pub services: Arc<dyn Services>,
    /// Ends the run when it fires.
    pub stop: CancellationToken,
}

/// What the pool holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLoad {
    /// Processes, all kinds.
    pub processes: usize,
    /// Runs in them.
    pub runs: usize,
}

/// The sandbox processes of a worker.
#[derive(Clone)]
pub struct Pool(Arc<Processes>);

impl Pool {
    /// Starts the pool with its first process, which tells whether this kernel can confine it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: PoolConfig) -> Result<Self, StartError> {
        Processes::start(config).await.map(Self)
    }

    /// Has a module ready in every process before it gets a tenant, from now on.
    pub async fn preload(&self, artefact: Artefact) {
        self.0.preload(artefact).await;
    }

    /// Which walls stand around the processes.
    pub fn confinement(&self) -> Confinement {
        self.0.confinement()
    }

    /// The controllers of the control groups that the processes are in; none without groups.
    pub fn cgroup(&self) -> &[&'static str] {
        self.0.config().command.cgroup.as_ref().map_or(&[], |cgroup| cgroup.controllers())
    }

    /// What compiled modules depend on beside the module: version and settings of wasmtime, and
    /// this processor. Part of an artefact's name.
    pub fn engine(&self) -> [u8; 32] {
        self.0.engine()
    }

    /// What the pool holds now.
    pub fn load(&self) -> PoolLoad {
        self.0.load()
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// [`RunError`]: there is no end of the program, because its process had one first.
    pub async fn run(&self, request: Request<'_>) -> Result<Ended, RunError> {
        let deadline = Instant::now() + request.limits.wall;
        let (lease, module) = tokio::select! {
            prepared = self.prepare(&request, deadline) => prepared?,
            () = request.stop.cancelled() => return Err(RunError::Stopped),
        };
        let wall = deadline.saturating_duration_since(Instant::now());
        let limits = RunLimits { wall, ..request.limits };
        let (form, seed, now_ms) = (request.form, request.seed, request.now_ms);
        let services = Arc::clone(&request.services);
        let ends = monotonic().saturating_add(wall);
        let run = |run| Run { run, module, form, limits, seed, now_ms, deadline: ends };
        let begun = timeout_at(deadline + GRACE, lease.process.begin(services, run)).await;
        let mut begun = begun.map_err(|_| RunError::Busy)??;
        let whose = Attended {
            share: request.share,
            limits: &limits,
            services: &request.services,
            stop: &request.stop,
        };
        let ended = attend(&mut begun, &whose, deadline + GRACE).await;
        if matches!(ended, Err(RunError::Killed)) {
            see_off(begun, lease);
        }
        let ended = ended?;
        request.services.used(ended.used());
        Ok(ended)
    }

    /// A place for a run, and the number of its module there.
    async fn prepare(
        &self,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<(Lease, u32), RunError> {
        let holds = holdings::of_run(&request.limits, &request.form);
        let lease = self.0.lease(request.tenant, request.share, holds);
        let lease = timeout_at(deadline, lease).await;
        let lease = lease.map_err(|_| {
            tracing::warn!(load = ?self.load(), "no sandbox process was free for a program in time");
            RunError::Busy
        })??;
        let module = timeout_at(deadline + GRACE, lease.process.module(request.artefact)).await;
        let module = module.map_err(|_| RunError::Busy)??;
        Ok((lease, module))
    }

    /// Ends all processes.
    pub fn close(&self) {
        self.0.close();
    }
}
