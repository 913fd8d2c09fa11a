//! The threads of a sandbox process. One of them reads the pipe; who reads a run performs it, and
//! the next thread goes on reading. So a run begins without a change of threads.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader},
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread,
};

use serde::Serialize;
use wasmtime::{Engine, InstancePre, Linker};

use super::{
    calls::Calls, compile::in_one_line, control::Control, guest::Guest, interface, load,
    meter::Meter, pipe, run,
};
use crate::{
    confine,
    engine::{self, Room},
    wire::{self, End, Ended, FromChild, MAX_TO_CHILD, Run, ToChild},
};

/// Programs have stacks of their own.
const STACK: usize = 512 << 10;

/// Everything that the threads share.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    linker: Linker<Guest>,
    modules: RwLock<HashMap<u32, InstancePre<Guest>>>,
    runs: Mutex<HashMap<u32, Arc<Calls>>>,
    reader: Mutex<BufReader<File>>,
    writer: Mutex<File>,
}

pub(crate) fn serve(room: Room) -> io::Result<()> {
    let confinement =
        confine::before_threads(None, engine::open_page_map).map_err(io::Error::other)?;
    let pipe = pipe()?;
    let engine = engine::running(room).map_err(io::Error::other)?;
    let linker = interface::linker(&engine).map_err(io::Error::other)?;
    let process = Arc::new(Process {
        engine,
        linker,
        modules: RwLock::default(),
        runs: Mutex::default(),
        writer: Mutex::new(pipe.try_clone()?),
        reader: Mutex::new(BufReader::with_capacity(64 << 10, pipe)),
    });
    // They wait for their turn to read until the filter is on.
    let held = process.reader.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..=room.runs {
        let process = Arc::clone(&process);
        thread::Builder::new().stack_size(STACK).spawn(move || process.work())?;
    }
    let confinement = confine::seal_off(confinement).map_err(io::Error::other)?;
    let engine = engine::fingerprint(&process.engine);
    process.send(&FromChild::Ready { confinement, engine });
    drop(held);
    loop {
        thread::park();
    }
}

impl Process {
    /// Takes one message after the other, until the worker is gone: then the process ends.
    fn work(self: &Arc<Self>) {
        loop {
            let message = {
                let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
                wire::read(&mut *reader, MAX_TO_CHILD)
            };
            match message {
                Ok(Some(message)) => self.handle(message),
                Ok(None) | Err(_) => std::process::exit(0),
            }
        }
    }

    fn handle(self: &Arc<Self>, message: ToChild) {
        match message {
            ToChild::Load { module, artefact } => {
                let error = self.load(module, &artefact).err().map(|error| in_one_line(&error));
                self.send(&FromChild::Loaded { module, error });
            }
            ToChild::Run(run) => self.run(*run),
            ToChild::Answer { run, call, answer } => {
                if let Some(calls) = self.calls(run) {
                    calls.answer(call, answer);
                }
            }
            ToChild::Stop { run } => {
                if let Some(calls) = self.calls(run) {
                    calls.stop();
                }
            }
        }
    }

    fn load(&self, number: u32, artefact: &[u8]) -> wasmtime::Result<()> {
        let module = load::module(&self.engine, artefact)?;
        let ready = self.linker.instantiate_pre(&module)?;
        self.modules.write().unwrap_or_else(PoisonError::into_inner).insert(number, ready);
        Ok(())
    }

    fn run(self: &Arc<Self>, run: Run) {
        let number = run.run;
        let ready = {
            let modules = self.modules.read().unwrap_or_else(PoisonError::into_inner);
            modules.get(&run.module).cloned()
        };
        let Some(ready) = ready else {
            let end = End::Unfit("the module is not loaded".to_owned());
            self.send(&FromChild::Ended { run: number, ended: Box::new(Ended::unrun(end)) });
            return;
        };
        let meter = Meter::start(Arc::clone(self), number);
        let calls = Arc::new(Calls::new(Control::new(run.limits.wall), meter));
        self.lock_runs().insert(number, Arc::clone(&calls));
        run::perform(self, &ready, &run, &calls, |ended| {
            self.lock_runs().remove(&number);
            self.send(&FromChild::Ended { run: number, ended: Box::new(ended) });
        });
    }

    fn calls(&self, run: u32) -> Option<Arc<Calls>> {
        self.lock_runs().get(&run).cloned()
    }

    fn lock_runs(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Arc<Calls>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker that does not listen any more has no use for this process.
    pub(crate) fn send(&self, message: &impl Serialize) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if wire::write(&mut *writer, message).is_err() {
            std::process::exit(0);
        }
    }
}
