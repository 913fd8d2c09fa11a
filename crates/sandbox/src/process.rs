//! One sandbox process, as the worker sees it.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    process::Child,
    sync::{OnceCell, mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Artefact, Confinement, PoolConfig, RunError, Services, StartError,
    cgroup::{Group, GroupLimits},
    holdings::{self, Holdings},
    room::{self, Calls, Place, Room},
    spawn::spawn,
    wire::{self, Ended, FromChild, REQUEST_BYTES, Run, ToChild},
};

/// How long a process may take to get ready.
const READY: Duration = Duration::from_secs(10);
/// How long a module may take to load.
const LOAD: Duration = Duration::from_secs(10);
/// How often the memory of a busy process is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Frames up to this are written by who sends them, and go into the pipe whole as a rule; others by
/// a task of their own.
const AT_ONCE: usize = 64 << 10;
/// The longest frame that needs no room: that of a request.
const MOST_WITHOUT_ROOM: usize = (REQUEST_BYTES as usize) + (64 << 10);
/// Threads beside those that run programs, with some to spare.
const OWN_TASKS: u64 = 8;

/// What a running program says.
pub(crate) enum Event {
    /// Without the request where there is no room for it.
    Call {
        call: u32,
        request: Option<Bytes>,
    },
    Ended(Box<Ended>),
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
    /// Frames that wait for room.
    waiting: AtomicU32,
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
        let (waiting, small) = (AtomicU32::new(0), max_frame.min(AT_ONCE));
        let first = timeout(READY, read(&mut reader, small, &room, &waiting)).await;
        let first = first.map_err(|_| StartError::Slow(READY.as_secs()))?;
        let (confinement, engine) = match first {
            Ok((FromChild::Ready { confinement, engine }, _)) => (confinement, engine),
            Ok((FromChild::Failed(why), _)) => return Err(StartError::Unconfined(why)),
            _ => return Err(StartError::Unconfined("it ended without a word".to_owned())),
        };
        let process = Arc::new(Self {
            confinement,
            engine,
            max_frame,
            own: holdings.own,
            most_held: AtomicU64::new(0),
            module_bytes: AtomicU64::new(0),
            calls: Calls::default(),
            room,
            waiting,
            writer: tokio::sync::Mutex::new(writer),
            runs: Mutex::default(),
            loading: Mutex::default(),
            modules: Mutex::default(),
            next: AtomicU32::new(0),
            gone: CancellationToken::new(),
        });
        tokio::spawn(Arc::clone(&process).listen(reader));
        tokio::spawn(Arc::clone(&process).guard(spawned.child, spawned.group));
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

    /// Whether something that it says waits for room in the worker.
    pub(crate) fn is_held_up(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
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

    /// Begins a run; what it says comes through the channel, what it uses goes to `services`.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        services: Arc<dyn Services>,
        run: impl FnOnce(u32) -> Run,
    ) -> Result<Begun, RunError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let run = run(number);
        // A program has so many calls open at most, and ends once.
        let (sender, events) = mpsc::channel(run.limits.calls as usize + 1);
        let holds = holdings::of_run(&run.limits, &run.form);
        let watched = Watched { events: sender, services, holds };
        {
            let mut runs = lock(&self.runs);
            runs.insert(number, watched);
            let held = runs.values().fold(0, |sum: u64, run| sum.saturating_add(run.holds));
            self.most_held.fetch_max(held, Ordering::SeqCst);
        }
        let begun = Begun { process: Arc::clone(self), number, events };
        self.send(&ToChild::Run(Box::new(run))).await?;
        Ok(begun)
    }

    /// Says something. Whoever gives up waiting for that leaves the pipe in order all the same.
    pub(crate) async fn send(self: &Arc<Self>, message: &ToChild) -> Result<(), RunError> {
        // Larger than what any configuration allows: a defect.
        let frame = wire::encode(message).map_err(|_| RunError::Lost)?;
        if frame.len() <= AT_ONCE {
            return self.write(&frame).await;
        }
        let process = Arc::clone(self);
        let written = tokio::spawn(async move { process.write(&frame).await }).await;
        written.unwrap_or(Err(RunError::Lost))
    }

    async fn write(&self, frame: &[u8]) -> Result<(), RunError> {
        let mut writer = self.writer.lock().await;
        // Half a frame would be the end of order.
        let unless_whole = self.gone.clone().drop_guard();
        let written = tokio::select! {
            written = writer.write_all(frame) => written,
            () = self.gone() => return Err(RunError::Lost),
        };
        written.map_err(|_| RunError::Lost)?;
        unless_whole.disarm();
        Ok(())
    }

    /// Passes on what the process says, as long as it keeps to the rules.
    async fn listen(self: Arc<Self>, mut reader: BufReader<OwnedReadHalf>) {
        let max = self.max_frame;
        loop {
            let message = tokio::select! {
                message = read(&mut reader, max, &self.room, &self.waiting) => message,
                () = self.gone() => break,
            };
            if !message.is_ok_and(|(message, place)| self.take(message, place)) {
                break;
            }
        }
        self.kill();
        lock(&self.runs).clear();
        lock(&self.loading).clear();
    }

    fn take(&self, message: FromChild, place: Place) -> bool {
        match message {
            FromChild::Ready { .. } | FromChild::Failed(_) => false,
            FromChild::Loaded { module, error } => {
                let waiting = lock(&self.loading).remove(&module);
                // Whoever asked may have given up.
                waiting.map(|waiting| waiting.send(error)).is_some()
            }
            FromChild::Call { run, call, request } => {
                let runs = lock(&self.runs);
                // A run that nobody waits for any more may still be talking.
                let Some(run) = runs.get(&run) else { return true };
                let request = self.calls.keep(request);
                !matches!(
                    run.events.try_send(Event::Call { call, request }),
                    Err(mpsc::error::TrySendError::Full(_))
                )
            }
            FromChild::Used { run, used } => {
                if let Some(run) = lock(&self.runs).get(&run) {
                    run.services.used(used);
                }
                true
            }
            FromChild::Ended { run, mut ended } => {
                let Some(run) = lock(&self.runs).remove(&run) else { return true };
                ended.output = room::keep(ended.output, place);
                !matches!(
                    run.events.try_send(Event::Ended(ended)),
                    Err(mpsc::error::TrySendError::Full(_))
                )
            }
        }
    }

    /// Kills the process when it is to go, or takes more memory than its programs may. Its group
    /// goes with it.
    async fn guard(self: Arc<Self>, mut child: Child, _group: Option<Group>) {
        let pid = child.id().unwrap_or(0);
        let mut was_over = false;
        loop {
            tokio::select! {
                ended = child.wait() => {
                    if !self.is_gone() {
                        tracing::warn!(?ended, "a sandbox process ended by itself");
                    }
                    break;
                }
                () = self.gone() => {
                    let _ = child.kill().await;
                    break;
                }
                () = sleep(LOOK) => {
                    // A run that has just ended may still be taken apart: once does not count.
                    let is_over = resident(pid) > self.allowed_memory();
                    if is_over && was_over {
                        tracing::warn!("a sandbox process took more memory than its programs may");
                        self.kill();
                    }
                    was_over = is_over;
                }
            }
        }
        self.kill();
    }

    fn allowed_memory(&self) -> u64 {
        let modules = holdings::of_modules(self.module_bytes());
        self.own.saturating_add(modules).saturating_add(self.most_held.load(Ordering::SeqCst))
    }
}

/// A run that has begun. Dropping it forgets the run.
pub(crate) struct Begun {
    pub(crate) process: Arc<Process>,
    pub(crate) number: u32,
    pub(crate) events: mpsc::Receiver<Event>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        lock(&self.process.runs).remove(&self.number);
    }
}

async fn read(
    reader: &mut BufReader<OwnedReadHalf>,
    max: usize,
    room: &Room,
    waiting: &AtomicU32,
) -> io::Result<(FromChild, Place)> {
    let mut len = [0; 4];
    reader.read_exact(&mut len).await?;
    let len = wire::checked_len(len, max)?;
    let kind = reader.fill_buf().await?.first().copied();
    let place = if kind == Some(wire::ENDED) { room.take(len, waiting).await } else { None };
    if place.is_none() && len > MOST_WITHOUT_ROOM {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame beyond the limit"));
    }
    let mut frame = vec![0; len];
    reader.read_exact(&mut frame).await?;
    Ok((wire::decode(&frame)?, place))
}

/// Resident bytes of a process; 0 when it is gone.
#[allow(clippy::disallowed_methods, reason = "the kernel's books about a child of ours")]
fn resident(pid: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
