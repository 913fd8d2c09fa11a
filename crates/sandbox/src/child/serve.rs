//! The threads of a sandbox process. One of them reads the pipe; who reads a run performs it, and
//! the next thread goes on reading. So a run begins without a change of threads.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    thread,
};

use bytes::Bytes;
use serde::Serialize;
use wasmtime::{Engine, InstancePre, Linker};

use super::{
    calls::Calls, compile::in_one_line, control::Control, guest::Guest, interface, load,
    meter::Meter, pipe, run,
};
use crate::{
    confine::{self, Bounds},
    engine::{self, Room},
    wire::{self, End, Ended, FromChild, MAX_TO_CHILD, PIECE, Run, ToChild, Unready},
};

/// Programs have stacks of their own.
const STACK: usize = 512 << 10;

/// Everything that the threads share.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    linker: Linker<Guest>,
    modules: RwLock<HashMap<u32, InstancePre<Guest>>>,
    runs: Mutex<HashMap<u32, Arc<Calls>>>,
    /// Of runs that have ended: what the worker has not fetched yet.
    outputs: Mutex<HashMap<u32, Bytes>>,
    reader: Mutex<BufReader<File>>,
    writer: Mutex<File>,
}

pub(crate) fn serve(room: Room) -> Result<(), Unready> {
    load::try_code()?;
    // The longest file is the image of a memory.
    let bounds = Bounds { memory: None, file: room.memory_bytes as u64 };
    let confinement =
        confine::before_threads(bounds, engine::open_page_map).map_err(io::Error::other)?;
    let pipe = pipe()?;
    let engine = engine::running(room).map_err(io::Error::other)?;
    let linker = interface::linker(&engine).map_err(io::Error::other)?;
    let process = Arc::new(Process {
        engine,
        linker,
        modules: RwLock::default(),
        runs: Mutex::default(),
        outputs: Mutex::default(),
        writer: Mutex::new(pipe.try_clone()?),
        reader: Mutex::new(BufReader::with_capacity(64 << 10, pipe)),
    });
    // They wait for their turn to read until the filter is on.
    let held = lock(&process.reader);
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
                let mut reader = lock(&self.reader);
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
            ToChild::Next { run } => {
                if let Some(bytes) = self.next_piece(run) {
                    self.send(&FromChild::Piece { run, bytes });
                }
            }
            ToChild::Drop { run } => {
                lock(&self.outputs).remove(&run);
            }
        }
    }

    fn next_piece(&self, run: u32) -> Option<Bytes> {
        let mut outputs = lock(&self.outputs);
        let output = outputs.get_mut(&run)?;
        let piece = output.split_to(output.len().min(PIECE));
        if output.is_empty() {
            outputs.remove(&run);
        }
        Some(piece)
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
            return self.tell_end(number, Ended::unrun(end));
        };
        let meter = Meter::start(Arc::clone(self), number);
        let calls = Arc::new(Calls::new(Control::new(run.deadline), meter));
        lock(&self.runs).insert(number, Arc::clone(&calls));
        run::perform(self, &ready, &run, &calls, |ended| {
            lock(&self.runs).remove(&number);
            self.tell_end(number, ended);
        });
    }

    /// A long output stays here until it is fetched.
    fn tell_end(&self, run: u32, mut ended: Ended) {
        let mut rest = 0;
        if ended.output.len() > PIECE {
            rest = ended.output.len() as u64;
            lock(&self.outputs).insert(run, std::mem::take(&mut ended.output));
        }
        self.send(&FromChild::Ended { run, ended: Box::new(ended), rest });
    }

    fn calls(&self, run: u32) -> Option<Arc<Calls>> {
        lock(&self.runs).get(&run).cloned()
    }

    /// Says what may be left out, unless somebody else is speaking; whether it was said.
    pub(crate) fn mention(&self, message: &impl Serialize) -> bool {
        match self.writer.try_lock() {
            Ok(writer) => {
                Self::write(writer, message);
                true
            }
            Err(_) => false,
        }
    }

    pub(crate) fn send(&self, message: &impl Serialize) {
        Self::write(lock(&self.writer), message);
    }

    /// A worker that does not listen any more has no use for this process.
    fn write(mut writer: MutexGuard<'_, File>, message: &impl Serialize) {
        if wire::write(&mut *writer, message).is_err() {
            std::process::exit(0);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
