//! Stopping runs: by the clock, by the worker, by fuel.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use wasmtime::Engine;

/// How often running programs are looked at.
const TICK: Duration = Duration::from_millis(2);

/// Advances the engine's epoch while anything runs.
pub(crate) struct Ticker {
    running: AtomicUsize,
    sleeping: Mutex<()>,
    begun: Condvar,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Arc<Self>> {
        let ticker = Arc::new(Self {
            running: AtomicUsize::new(0),
            sleeping: Mutex::new(()),
            begun: Condvar::new(),
        });
        let shared = Arc::clone(&ticker);
        thread::Builder::new().name("ticker".to_owned()).stack_size(64 << 10).spawn(move || {
            loop {
                shared.wait_for_work();
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        })?;
        Ok(ticker)
    }

    fn wait_for_work(&self) {
        let mut sleeping = self.sleeping.lock().unwrap_or_else(PoisonError::into_inner);
        while self.running.load(Ordering::SeqCst) == 0 {
            sleeping = self.begun.wait(sleeping).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ticks as long as the guard lives.
    pub(crate) fn run(self: &Arc<Self>) -> Running {
        if self.running.fetch_add(1, Ordering::SeqCst) == 0 {
            // With the lock, so that the ticker does not fall asleep in between.
            drop(self.sleeping.lock().unwrap_or_else(PoisonError::into_inner));
            self.begun.notify_one();
        }
        Running(Arc::clone(self))
    }
}

pub(crate) struct Running(Arc<Ticker>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// When one run must end.
#[derive(Debug)]
pub(crate) struct Control {
    began: Instant,
    deadline: Instant,
    stopped: AtomicBool,
}

/// Why a run must end now. Travels through wasm as an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Halt {
    #[error("out of time")]
    OutOfTime,
    #[error("stopped")]
    Stopped,
    #[error("too much output")]
    OutputTooLarge,
}

impl Control {
    #[allow(clippy::disallowed_methods, reason = "a deadline inside a process of its own")]
    pub(crate) fn new(wall: Duration) -> Self {
        let began = Instant::now();
        let deadline = began.checked_add(wall).unwrap_or(began);
        Self { began, deadline, stopped: AtomicBool::new(false) }
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    #[allow(clippy::disallowed_methods, reason = "a deadline inside a process of its own")]
    pub(crate) fn check(&self) -> Result<(), Halt> {
        if self.stopped.load(Ordering::SeqCst) {
            Err(Halt::Stopped)
        } else if Instant::now() >= self.deadline {
            Err(Halt::OutOfTime)
        } else {
            Ok(())
        }
    }

    /// Time since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Time until it must end.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(self.began + self.began.elapsed())
    }
}
