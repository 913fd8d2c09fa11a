//! The sandbox processes: some ready beforehand, each serving one tenant at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Artefact, ChildCommand, Confinement, Ended, Form, RunError, RunLimits, StartError,
    process::{Begun, Event, Process},
    wire::{Run, ToChild, Used},
};

/// How long after its deadline a program may still be at it before its process is killed.
const GRACE: Duration = Duration::from_millis(40);
/// How long a process without work stays with its tenant.
const IDLE: Duration = Duration::from_secs(10);
/// How often idle processes are looked for.
const SWEEP: Duration = Duration::from_secs(1);
/// Modules in one process: a tenant that brings more gets a new one.
const MODULES: usize = 64;
/// What a frame has beside output and log.
const SLACK: usize = 1 << 20;

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
    /// The largest linear memory of a program.
    pub max_memory_bytes: u64,
    /// The largest output of a program, and the largest log.
    pub max_output_bytes: u64,
    /// Whether a process may serve another tenant after its own. Off: it ends instead.
    pub shared: bool,
}

/// What a program asks of the outside, and what it costs.
#[async_trait]
pub trait Services: Send + Sync {
    /// Performs one request of the program, in the guest's own form.
    async fn call(&self, request: Bytes) -> Bytes;

    /// Notes what the run has used: now and then while it runs, and exactly when it has ended. A
    /// run whose process is killed has used what was told last, and perhaps a little more.
    fn used(&self, _so_far: Used) {}
}

/// One run.
pub struct Request<'a> {
    /// Whose program it is: no process serves two tenants at once.
    pub tenant: &'a str,
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
pub struct Pool(Arc<Inner>);

struct Inner {
    config: PoolConfig,
    /// Loaded into every process before it gets a tenant.
    preloaded: Mutex<Vec<Artefact>>,
    confinement: Confinement,
    engine: [u8; 32],
    state: Mutex<State>,
    freed: Notify,
    wanted: Arc<Notify>,
    closing: CancellationToken,
}

#[derive(Default)]
struct State {
    spare: Vec<Arc<Process>>,
    bound: HashMap<String, Vec<Bound>>,
    /// Processes that are being started.
    starting: usize,
}

struct Bound {
    process: Arc<Process>,
    runs: u32,
    idle_since: Instant,
}

impl Pool {
    /// Starts the pool with its first process, which tells whether this kernel can confine it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: PoolConfig) -> Result<Self, StartError> {
        let first = start_process(&config, &[]).await?;
        let pool = Self(Arc::new(Inner {
            confinement: first.confinement(),
            engine: first.engine(),
            state: Mutex::new(State { spare: vec![first], ..State::default() }),
            config,
            preloaded: Mutex::default(),
            freed: Notify::new(),
            wanted: Arc::default(),
            closing: CancellationToken::new(),
        }));
        tokio::spawn(Arc::clone(&pool.0).keep());
        Ok(pool)
    }

    /// Has a module ready in every process before it gets a tenant, from now on.
    pub async fn preload(&self, artefact: Artefact) {
        let spare = {
            let mut preloaded = self.0.preloaded.lock().unwrap_or_else(PoisonError::into_inner);
            preloaded.push(artefact.clone());
            self.0.lock().spare.clone()
        };
        for process in spare {
            // Where it fails, it fails again for the first run, which is told.
            let _ = process.module(&artefact).await;
        }
    }

    /// Which walls stand around the processes.
    pub fn confinement(&self) -> Confinement {
        self.0.confinement
    }

    /// The controllers of the control groups that the processes are in; none without groups.
    pub fn cgroup(&self) -> &[&'static str] {
        self.0.config.command.cgroup.as_ref().map_or(&[], |cgroup| cgroup.controllers())
    }

    /// What compiled modules depend on beside the module: version and settings of wasmtime, and
    /// this processor. Part of an artefact's name.
    pub fn engine(&self) -> [u8; 32] {
        self.0.engine
    }

    /// What the pool holds now.
    pub fn load(&self) -> PoolLoad {
        let state = self.0.lock();
        let runs = state.bound.values().flatten().map(|bound| bound.runs as usize).sum();
        PoolLoad { processes: state.processes(), runs }
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// [`RunError`]: there is no end of the program, because its process had one first.
    pub async fn run(&self, request: Request<'_>) -> Result<Ended, RunError> {
        let deadline = Instant::now() + request.limits.wall;
        let (lease, module) = tokio::select! {
            prepared = self.prepare(request.tenant, request.artefact, deadline) => prepared?,
            () = request.stop.cancelled() => return Err(RunError::Stopped),
        };
        let wall = deadline.saturating_duration_since(Instant::now());
        let limits = RunLimits { wall, ..request.limits };
        let (form, seed, now_ms) = (request.form, request.seed, request.now_ms);
        let services = Arc::clone(&request.services);
        let run = |run| Run { run, module, form, limits, seed, now_ms };
        let begun = timeout_at(deadline + GRACE, lease.process.begin(services, run)).await;
        let begun = begun.map_err(|_| RunError::Busy)??;
        let ended = attend(begun, &request.services, &request.stop, deadline + GRACE).await?;
        request.services.used(ended.used());
        Ok(ended)
    }

    /// A place for a run, and the number of its module there.
    async fn prepare(
        &self,
        tenant: &str,
        artefact: &Artefact,
        deadline: Instant,
    ) -> Result<(Lease, u32), RunError> {
        let lease = timeout_at(deadline, self.0.lease(tenant)).await;
        let lease = lease.map_err(|_| RunError::Busy)??;
        let module = timeout_at(deadline + GRACE, lease.process.module(artefact)).await;
        let module = module.map_err(|_| RunError::Busy)??;
        Ok((lease, module))
    }

    /// Ends all processes.
    pub fn close(&self) {
        self.0.closing.cancel();
        let mut state = self.0.lock();
        let spare = std::mem::take(&mut state.spare);
        let bound = std::mem::take(&mut state.bound);
        drop(state);
        spare.iter().for_each(|process| process.kill());
        bound.values().flatten().for_each(|bound| bound.process.kill());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.closing.cancel();
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.spare.iter().for_each(|process| process.kill());
        state.bound.values().flatten().for_each(|bound| bound.process.kill());
    }
}

/// Answers what the program asks until it ends.
async fn attend(
    mut begun: Begun,
    services: &Arc<dyn Services>,
    stop: &CancellationToken,
    deadline: Instant,
) -> Result<Ended, RunError> {
    let mut calls = JoinSet::new();
    let mut stopping = false;
    let mut until = deadline;
    loop {
        tokio::select! {
            event = begun.events.recv() => match event {
                Some(Event::Ended(ended)) => return Ok(*ended),
                Some(Event::Call { call, request }) => {
                    let (services, process) = (Arc::clone(services), Arc::clone(&begun.process));
                    let run = begun.number;
                    calls.spawn(async move {
                        let answer = services.call(request).await;
                        // A process that is gone needs no answer.
                        let _ = process.send(&ToChild::Answer { run, call, answer }).await;
                    });
                }
                None => return Err(RunError::Lost),
            },
            Some(_) = calls.join_next(), if !calls.is_empty() => {}
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                until = until.min(Instant::now() + GRACE);
                let (process, run) = (Arc::clone(&begun.process), begun.number);
                // Behind a long answer this waits; the end of patience does not.
                calls.spawn(async move {
                    let _ = process.send(&ToChild::Stop { run }).await;
                });
            }
            () = sleep_until(until) => {
                begun.process.kill();
                return Err(RunError::Killed);
            }
        }
    }
}

/// A place in a process; given back when dropped.
struct Lease {
    pool: Arc<Inner>,
    tenant: String,
    process: Arc<Process>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.give_back(&self.tenant, &self.process);
    }
}

impl Inner {
    async fn lease(self: &Arc<Self>, tenant: &str) -> Result<Lease, RunError> {
        loop {
            let freed = self.freed.notified();
            match self.place(tenant) {
                Place::Here(process) => return Ok(self.lent(tenant, process)),
                Place::Start => {
                    let starting = Starting(self);
                    let process = self.start_process().await?;
                    let mut state = starting.done();
                    state.bind(tenant, Arc::clone(&process));
                    drop(state);
                    // It has room for more of the tenant's.
                    self.freed.notify_waiters();
                    return Ok(self.lent(tenant, process));
                }
                Place::Wait => freed.await,
            }
        }
    }

    async fn start_process(&self) -> Result<Arc<Process>, StartError> {
        let preloaded = self.preloaded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        start_process(&self.config, &preloaded).await
    }

    fn lent(self: &Arc<Self>, tenant: &str, process: Arc<Process>) -> Lease {
        Lease { pool: Arc::clone(self), tenant: tenant.to_owned(), process }
    }

    fn place(&self, tenant: &str) -> Place {
        let mut state = self.lock();
        state.forget_gone();
        let most = self.config.runs_per_process;
        let room = state.bound.get_mut(tenant).and_then(|bound| {
            bound.iter_mut().find(|bound| bound.runs < most && bound.process.modules() < MODULES)
        });
        if let Some(bound) = room {
            bound.runs += 1;
            return Place::Here(Arc::clone(&bound.process));
        }
        if let Some(process) = state.spare.pop() {
            state.bind(tenant, Arc::clone(&process));
            drop(state);
            self.wanted.notify_one();
            return Place::Here(process);
        }
        if state.processes() >= self.config.processes {
            let Some(process) = state.take_idle() else { return Place::Wait };
            if self.config.shared {
                state.bind(tenant, Arc::clone(&process));
                return Place::Here(process);
            }
            process.kill();
        }
        state.starting += 1;
        Place::Start
    }

    fn give_back(&self, tenant: &str, process: &Arc<Process>) {
        let mut state = self.lock();
        let bound = state.bound.get_mut(tenant);
        let bound = bound.and_then(|all| all.iter_mut().find(|b| Arc::ptr_eq(&b.process, process)));
        if let Some(bound) = bound {
            bound.runs = bound.runs.saturating_sub(1);
            bound.idle_since = Instant::now();
        }
        drop(state);
        self.freed.notify_waiters();
    }

    /// Keeps spare processes ready and ends those that have been idle for long.
    async fn keep(self: Arc<Self>) {
        let (weak, wanted) = (Arc::downgrade(&self), Arc::clone(&self.wanted));
        let closing = self.closing.clone();
        drop(self);
        // Between two looks nothing is held: whoever drops the pool ends its processes.
        while let Some(pool) = weak.upgrade() {
            pool.refill().await;
            pool.sweep();
            drop(pool);
            tokio::select! {
                () = wanted.notified() => {}
                () = sleep(SWEEP) => {}
                () = closing.cancelled() => return,
            }
        }
    }

    async fn refill(&self) {
        loop {
            {
                let mut state = self.lock();
                state.forget_gone();
                let is_full = state.processes() >= self.config.processes;
                if is_full || state.spare.len() >= self.config.spare || self.is_closing() {
                    return;
                }
                state.starting += 1;
            }
            let starting = Starting(self);
            let started = self.start_process().await;
            let mut state = starting.done();
            match started {
                Ok(process) if !self.is_closing() => state.spare.push(process),
                Ok(process) => process.kill(),
                Err(error) => {
                    tracing::error!(%error, "cannot start a spare sandbox process");
                    return;
                }
            }
            drop(state);
            self.freed.notify_waiters();
        }
    }

    fn sweep(&self) {
        let mut state = self.lock();
        for bound in state.bound.values_mut() {
            bound.retain(|bound| {
                let is_idle = bound.runs == 0 && bound.idle_since.elapsed() > IDLE;
                if is_idle {
                    bound.process.kill();
                }
                !is_idle
            });
        }
        state.bound.retain(|_, bound| !bound.is_empty());
    }

    fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process that is being started counts as one of the pool's, until it is there or whoever starts
/// it gives up.
struct Starting<'a>(&'a Inner);

impl<'a> Starting<'a> {
    /// The state in which the process has its place now.
    fn done(self) -> MutexGuard<'a, State> {
        let mut state = self.0.lock();
        state.starting -= 1;
        std::mem::forget(self);
        state
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.lock().starting -= 1;
        self.0.freed.notify_waiters();
    }
}

enum Place {
    Here(Arc<Process>),
    Start,
    Wait,
}

impl State {
    fn processes(&self) -> usize {
        self.starting + self.spare.len() + self.bound.values().map(Vec::len).sum::<usize>()
    }

    fn bind(&mut self, tenant: &str, process: Arc<Process>) {
        let bound = Bound { process, runs: 1, idle_since: Instant::now() };
        self.bound.entry(tenant.to_owned()).or_default().push(bound);
    }

    fn forget_gone(&mut self) {
        self.spare.retain(|process| !process.is_gone());
        for bound in self.bound.values_mut() {
            bound.retain(|bound| !bound.process.is_gone());
        }
        self.bound.retain(|_, bound| !bound.is_empty());
    }

    /// A process that no run is in, from whoever has it.
    fn take_idle(&mut self) -> Option<Arc<Process>> {
        for bound in self.bound.values_mut() {
            if let Some(at) = bound.iter().position(|bound| bound.runs == 0) {
                return Some(bound.swap_remove(at).process);
            }
        }
        None
    }
}

async fn start_process(
    config: &PoolConfig,
    preloaded: &[Artefact],
) -> Result<Arc<Process>, StartError> {
    let frame = usize::try_from(config.max_output_bytes).unwrap_or(usize::MAX);
    let frame = frame.saturating_mul(2).saturating_add(SLACK);
    let (runs, memory) = (config.runs_per_process, config.max_memory_bytes);
    let process = Process::start(&config.command, runs, memory, frame).await?;
    for artefact in preloaded {
        process.module(artefact).await.map_err(|error| StartError::Engine(error.to_string()))?;
    }
    Ok(process)
}
