//! Who gets which process: some are ready beforehand, each serves one tenant at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{PoolConfig, PoolLoad};
use crate::{
    Artefact, Confinement, RunError, StartError,
    holdings::{Holdings, MODULES},
    process::Process,
    room::Room,
    turns::most_of_one,
};

/// How long a process without work stays with its tenant.
const IDLE: Duration = Duration::from_secs(10);
/// How often idle processes are looked for.
const SWEEP: Duration = Duration::from_secs(1);
/// Native code in one process, in bytes: a tenant that brings more gets a new one.
const MODULE_BYTES: u64 = 256 << 20;
/// Processes that are started at once: more would only take the CPU from what runs.
const STARTS: usize = 4;
pub(super) struct Processes {
    config: PoolConfig,
    holdings: Holdings,
    /// Loaded into every process before it gets a tenant.
    preloaded: Mutex<Vec<Artefact>>,
    /// For what programs hand out.
    room: Arc<Room>,
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
    /// Askers that only a new process helps.
    waiting: usize,
    /// Why processes did not start, for those that wait.
    failures: Vec<StartError>,
}

struct Bound {
    process: Arc<Process>,
    share: String,
    runs: u32,
    /// What its runs may hold together.
    held: u64,
    idle_since: Instant,
}

/// A place in a process; given back when dropped.
pub(super) struct Lease {
    pool: Arc<Processes>,
    tenant: String,
    holds: u64,
    pub(super) process: Arc<Process>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.give_back(&self.tenant, &self.process, self.holds);
    }
}

/// Who wants a place, and what for.
#[derive(Clone, Copy)]
struct Wish<'a> {
    tenant: &'a str,
    share: &'a str,
    /// What the run may hold.
    holds: u64,
}

enum Place {
    Here(Arc<Process>),
    /// All are in use.
    NoneFree,
    /// The others are not for this share.
    ShareUsedUp,
}

impl Processes {
    pub(super) async fn start(config: PoolConfig) -> Result<Arc<Self>, StartError> {
        let room = Room::new(config.outputs_bytes);
        let holdings = Holdings::of(&config);
        let first = start_process(&config, holdings, &[], &room).await?;
        let processes = Arc::new(Self {
            room,
            holdings,
            confinement: first.confinement(),
            engine: first.engine(),
            state: Mutex::new(State { spare: vec![first], ..State::default() }),
            config,
            preloaded: Mutex::default(),
            freed: Notify::new(),
            wanted: Arc::default(),
            closing: CancellationToken::new(),
        });
        tokio::spawn(Arc::clone(&processes).keep());
        Ok(processes)
    }

    pub(super) async fn preload(&self, artefact: Artefact) {
        let spare = {
            let mut preloaded = self.preloaded.lock().unwrap_or_else(PoisonError::into_inner);
            preloaded.push(artefact.clone());
            self.lock().spare.clone()
        };
        for process in spare {
            // Where it fails, it fails again for the first run, which is told.
            let _ = process.module(&artefact).await;
        }
    }

    pub(super) fn config(&self) -> &PoolConfig {
        &self.config
    }

    pub(super) fn confinement(&self) -> Confinement {
        self.confinement
    }

    pub(super) fn engine(&self) -> [u8; 32] {
        self.engine
    }

    pub(super) fn load(&self) -> PoolLoad {
        let state = self.lock();
        let runs = state.bound.values().flatten().map(|bound| bound.runs as usize).sum();
        PoolLoad { processes: state.processes(), runs }
    }

    /// Ends all processes.
    pub(super) fn close(&self) {
        self.closing.cancel();
        self.lock().kill_all();
    }

    /// A place for one run, which may hold so many bytes, as soon as there is one.
    pub(super) async fn lease(
        self: &Arc<Self>,
        tenant: &str,
        share: &str,
        holds: u64,
    ) -> Result<Lease, RunError> {
        let wish = Wish { tenant, share, holds };
        let mut waiting = None;
        loop {
            let freed = self.freed.notified();
            match self.place(wish) {
                Place::Here(process) => {
                    let (pool, tenant) = (Arc::clone(self), tenant.to_owned());
                    return Ok(Lease { pool, tenant, holds, process });
                }
                Place::NoneFree => {
                    waiting.get_or_insert_with(|| Waiting::new(self));
                    if let Some(error) = self.lock().failures.pop() {
                        return Err(error.into());
                    }
                    self.start_more();
                }
                Place::ShareUsedUp => waiting = None,
            }
            freed.await;
        }
    }

    fn place(&self, wish: Wish<'_>) -> Place {
        let Wish { tenant, share, holds } = wish;
        let mut state = self.lock();
        state.forget_gone();
        let most = self.config.runs_per_process;
        let has_room = |bound: &&mut Bound| {
            bound.runs < most
                && (bound.runs == 0 || bound.held.saturating_add(holds) <= self.holdings.process)
                && bound.process.modules() < MODULES
                && bound.process.module_bytes() < MODULE_BYTES
        };
        let room = state.bound.get_mut(tenant).and_then(|bound| bound.iter_mut().find(has_room));
        if let Some(bound) = room {
            bound.runs += 1;
            bound.held = bound.held.saturating_add(holds);
            return Place::Here(Arc::clone(&bound.process));
        }
        // One that holds many modules ends: they are never unloaded.
        let is_taken_over = |process: &Process| {
            self.config.shared
                && process.modules() < MODULES
                && process.module_bytes() < MODULE_BYTES
        };
        if state.of_share(share) >= self.most_of_one_share() {
            match state.take_idle(|bound| bound.share == share) {
                Some(process) if is_taken_over(&process) => return state.bind(wish, process),
                Some(process) => process.kill(),
                None => return Place::ShareUsedUp,
            }
        }
        if let Some(process) = state.spare.pop() {
            self.wanted.notify_one();
            return state.bind(wish, process);
        }
        if state.processes() >= self.config.processes {
            match state.take_idle(|_| true) {
                Some(process) if is_taken_over(&process) => return state.bind(wish, process),
                Some(process) => process.kill(),
                None => {}
            }
        }
        Place::NoneFree
    }

    /// What all tenants of one share get together.
    fn most_of_one_share(&self) -> usize {
        most_of_one(self.config.processes)
    }

    /// Starts what is missing. Each start is a task of its own: who waits for it may give up, and it
    /// is the next one's then.
    fn start_more(self: &Arc<Self>) {
        loop {
            {
                let mut state = self.lock();
                state.forget_gone();
                let spare = if self.closing.is_cancelled() { 0 } else { self.config.spare };
                let is_enough = state.spare.len() + state.starting >= spare + state.waiting;
                let is_full = state.processes() >= self.config.processes;
                if is_enough || is_full || state.starting >= STARTS {
                    return;
                }
                state.starting += 1;
            }
            let preloaded = self.preloaded.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (pool, config) = (Arc::downgrade(self), self.config.clone());
            let (holdings, room) = (self.holdings, Arc::clone(&self.room));
            tokio::spawn(async move {
                let started = start_process(&config, holdings, &preloaded, &room).await;
                Self::started(&pool, started);
            });
        }
    }

    fn started(pool: &Weak<Self>, started: Result<Arc<Process>, StartError>) {
        let Some(pool) = pool.upgrade() else {
            if let Ok(process) = started {
                process.kill();
            }
            return;
        };
        let mut state = pool.lock();
        state.starting -= 1;
        let is_there = started.is_ok();
        match started {
            Ok(process) => state.spare.push(process),
            Err(error) => {
                tracing::error!(%error, "a sandbox process does not start");
                if state.failures.len() < state.waiting {
                    state.failures.push(error);
                }
            }
        }
        drop(state);
        pool.freed.notify_waiters();
        // Otherwise those that wait, and the next sweep, try it again.
        if is_there {
            pool.start_more();
        }
    }

    fn give_back(&self, tenant: &str, process: &Arc<Process>, held: u64) {
        let mut state = self.lock();
        let bound = state.bound.get_mut(tenant);
        let bound = bound.and_then(|all| all.iter_mut().find(|b| Arc::ptr_eq(&b.process, process)));
        if let Some(bound) = bound {
            bound.runs = bound.runs.saturating_sub(1);
            bound.held = bound.held.saturating_sub(held);
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
            pool.start_more();
            pool.lock().sweep();
            drop(pool);
            tokio::select! {
                () = wanted.notified() => {}
                () = sleep(SWEEP) => {}
                () = closing.cancelled() => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.closing.cancel();
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).kill_all();
    }
}

/// An asker that waits for a new process.
struct Waiting<'a>(&'a Processes);

impl<'a> Waiting<'a> {
    fn new(pool: &'a Processes) -> Self {
        pool.lock().waiting += 1;
        Self(pool)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.waiting -= 1;
        let waiting = state.waiting;
        state.failures.truncate(waiting);
    }
}

impl State {
    fn processes(&self) -> usize {
        self.starting + self.spare.len() + self.bound.values().map(Vec::len).sum::<usize>()
    }

    fn of_share(&self, share: &str) -> usize {
        self.bound.values().flatten().filter(|bound| bound.share == share).count()
    }

    fn bind(&mut self, wish: Wish<'_>, process: Arc<Process>) -> Place {
        let bound = Bound {
            process: Arc::clone(&process),
            share: wish.share.to_owned(),
            runs: 1,
            held: wish.holds,
            idle_since: Instant::now(),
        };
        self.bound.entry(wish.tenant.to_owned()).or_default().push(bound);
        Place::Here(process)
    }

    fn forget_gone(&mut self) {
        self.spare.retain(|process| !process.is_gone());
        self.retain_bound(|bound| !bound.process.is_gone());
    }

    fn sweep(&mut self) {
        self.retain_bound(|bound| {
            let is_idle = bound.runs == 0 && bound.idle_since.elapsed() > IDLE;
            if is_idle {
                bound.process.kill();
            }
            !is_idle
        });
    }

    fn retain_bound(&mut self, stays: impl Fn(&Bound) -> bool) {
        self.bound.retain(|_, bound| {
            bound.retain(&stays);
            !bound.is_empty()
        });
    }

    /// A process that no run is in, of those that are `meant`.
    fn take_idle(&mut self, meant: impl Fn(&Bound) -> bool) -> Option<Arc<Process>> {
        let is_idle = |bound: &Bound| bound.runs == 0 && meant(bound);
        self.bound.values_mut().find_map(|bound| {
            let at = bound.iter().position(&is_idle)?;
            Some(bound.swap_remove(at).process)
        })
    }

    fn kill_all(&mut self) {
        let (spare, bound) = (std::mem::take(&mut self.spare), std::mem::take(&mut self.bound));
        spare.iter().for_each(|process| process.kill());
        bound.values().flatten().for_each(|bound| bound.process.kill());
    }
}

/// Starts a process with everything that each has.
async fn start_process(
    config: &PoolConfig,
    holdings: Holdings,
    preloaded: &[Artefact],
    room: &Arc<Room>,
) -> Result<Arc<Process>, StartError> {
    let process = Process::start(config, holdings, Arc::clone(room)).await?;
    for artefact in preloaded {
        if let Err(error) = process.module(artefact).await {
            process.kill();
            return Err(StartError::Engine(error.to_string()));
        }
    }
    Ok(process)
}
