//! One sandbox process, as the worker sees it.

mod begun;
mod pipe;
mod watchdog;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::BufReader,
    net::unix::OwnedWriteHalf,
    sync::{OnceCell, Semaphore, mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub(crate) use begun::Begun;
use pipe::{AT_ONCE, OnTheWay, read};
use watchdog::resident;

use crate::{
    Artefact, Confinement, PoolConfig, RunError, Services, StartError,
    cgroup::GroupLimits,
    holdings::{self, Holdings},
    room::{Calls, Room},
    spawn::spawn,
    wire::{Ended, FromChild, ToChild},
};

/// How long a process may take to get ready.
const READY: Duration = Duration::from_secs(10);
/// How long a module may take to load.
const LOAD: Duration = Duration::from_secs(10);
/// Outputs that nobody wants: who says that it has more of them does not keep to the rules.
const DROPPED_AT_ONCE: usize = 256;
/// Threads beside those that run programs, with some to spare.
const OWN_TASKS: u64 = 8;

/// What a running program says.
pub(crate) enum Event {
    /// Without the request where there is no room for it.
    Call {
        call: u32,
        request: Option<Bytes>,
    },
    /// With the length of the output that is still to be fetched.
    Ended(Box<Ended>, u64),
    Piece(Bytes),
}

/// A process that is confined and takes runs.
#[derive(Debug)]
pub(crate) struct Process {
    confinement: Confinement,
    engine: [u8; 32],
    max_frame: usize,
    /// What it needs before it holds anything for a run, in bytes.
    own: u64,
    /// The most that its runs together could hold at any time until now: what they gave back may be
    /// its allocator's still.
    most_held: AtomicU64,
    /// Native code that was loaded, in bytes.
    module_bytes: AtomicU64,
    /// For the requests of its programs.
    calls: Calls,
    /// For their outputs.
    room: Arc<Room>,
    /// Long things that are on their way out of it.
    on_the_way: AtomicU32,
    /// Outputs that nobody wants, and that it has not been told to drop yet.
    dropping: Arc<Semaphore>,
    writer: tokio::sync::Mutex<OwnedWriteHalf>,
    runs: Mutex<HashMap<u32, Watched>>,
    loading: Mutex<HashMap<u32, oneshot::Sender<Option<String>>>>,
    modules: Mutex<HashMap<[u8; 32], Arc<OnceCell<u32>>>>,
    next: AtomicU32,
    /// Fires when the process is to end, and when it has.
    gone: CancellationToken,
}

struct Watched {
    events: mpsc::Sender<Event>,
    services: Arc<dyn Services>,
    /// What the run may hold, in bytes.
    holds: u64,
    is_waited_for: bool,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("holds", &self.holds).finish_non_exhaustive()
    }
}

impl Process {
    /// Starts one and waits until it is confined.
    pub(crate) async fn start(
        config: &PoolConfig,
        holdings: Holdings,
        room: Arc<Room>,
    ) -> Result<Arc<Self>, StartError> {
        let (runs, memory) = (config.runs_per_process, config.most.memory_bytes);
        let arguments = ["run".to_owned(), runs.to_string(), memory.to_string()];
        let limits =
            GroupLimits { memory_bytes: holdings.group, tasks: u64::from(runs) + OWN_TASKS };
        let max_frame = holdings::longest_frame(&config.most);
        let spawned = spawn(&config.command, &arguments, limits)?;
        let (reader, writer) = spawned.pipe.into_split();
        let mut reader = BufReader::with_capacity(64 << 10, reader);
        let on_the_way = AtomicU32::new(0);
        let first = timeout(READY, read(&mut reader, max_frame.min(AT_ONCE), &on_the_way)).await;
        let first = first.map_err(|_| StartError::Slow(READY.as_secs()))?;
        let (confinement, engine) = match first {
            Ok(FromChild::Ready { confinement, engine }) => (confinement, engine),
            Ok(FromChild::Failed(why)) => return Err(why.into()),
            _ => return Err(StartError::Unconfined("it ended without a word".to_owned())),
        };
        if resident(spawned.child.id().unwrap_or(0)).is_none() {
            return Err(StartError::Unwatched);
        }
        let process = Arc::new(Self {
            confinement,
            engine,
            max_frame,
            own: holdings.own,
            most_held: AtomicU64::new(0),
            module_bytes: AtomicU64::new(0),
            calls: Calls::default(),
            room,
            on_the_way,
            dropping: Arc::new(Semaphore::new(DROPPED_AT_ONCE)),
            writer: tokio::sync::Mutex::new(writer),
            runs: Mutex::default(),
            loading: Mutex::default(),
            modules: Mutex::default(),
            next: AtomicU32::new(0),
            gone: CancellationToken::new(),
        });
        tokio::spawn(Arc::clone(&process).listen(reader));
        tokio::spawn(Arc::clone(&process).guard(spawned.child));
        Ok(process)
    }

    pub(crate) fn confinement(&self) -> Confinement {
        self.confinement
    }

    pub(crate) fn engine(&self) -> [u8; 32] {
        self.engine
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Whether what it says may have to wait for something long.
    pub(crate) fn is_held_up(&self) -> bool {
        self.on_the_way.load(Ordering::SeqCst) > 0
    }

    /// To be kept as long as something long is fetched from it.
    pub(crate) fn hold_up(&self) -> OnTheWay<'_> {
        OnTheWay::new(&self.on_the_way)
    }

    /// For what its programs hand out.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Ends the process; its runs are lost.
    pub(crate) fn kill(&self) {
        self.gone.cancel();
    }

    /// Resolves when the process has ended or is about to.
    pub(crate) async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// The number under which the module is ready here; loads it the first time.
    pub(crate) async fn module(self: &Arc<Self>, artefact: &Artefact) -> Result<u32, RunError> {
        let cell = {
            let mut modules = lock(&self.modules);
            Arc::clone(modules.entry(artefact.module).or_default())
        };
        cell.get_or_try_init(|| self.load(artefact.code.clone())).await.copied()
    }

    /// Modules that are loaded, or on the way.
    pub(crate) fn modules(&self) -> usize {
        lock(&self.modules).len()
    }

    /// Bytes of native code that it was given.
    pub(crate) fn module_bytes(&self) -> u64 {
        self.module_bytes.load(Ordering::SeqCst)
    }

    async fn load(self: &Arc<Self>, artefact: Bytes) -> Result<u32, RunError> {
        let module = self.next.fetch_add(1, Ordering::Relaxed);
        self.module_bytes.fetch_add(artefact.len() as u64, Ordering::SeqCst);
        let (loaded, answer) = oneshot::channel();
        lock(&self.loading).insert(module, loaded);
        self.send(&ToChild::Load { module, artefact }).await?;
        let answer = tokio::select! {
            answer = timeout(LOAD, answer) => answer,
            () = self.gone() => return Err(RunError::Lost),
        };
        match answer {
            Ok(Ok(None)) => Ok(module),
            Ok(Ok(Some(why))) => Err(RunError::Unloadable(why)),
            Ok(Err(_)) => Err(RunError::Lost),
            Err(_) => {
                self.kill();
                Err(RunError::Killed)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
