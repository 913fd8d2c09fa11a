//! `preinit PLAIN.wasm READY.wasm`: runs `pre_init` and writes the module with the memory it left.
//!
//! The instance has no host: a call to one traps, but for a message of why `pre_init` failed. So
//! nothing of this machine gets into the module, and the same input gives the same output.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a tool of the build that reads and writes files, no part of a worker"
)]

use std::{
    env, fs,
    future::Future,
    pin::pin,
    process::ExitCode,
    task::{Context, Poll, Waker},
};

use wasmtime::{Caller, Engine, Error, Extern, Instance, Linker, Module, Result, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [plain, ready] = arguments.as_slice() else {
        eprintln!("usage: preinit PLAIN.wasm READY.wasm");
        return ExitCode::from(2);
    };
    match convert(plain, ready) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("preinit: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn convert(plain: &str, ready: &str) -> Result<()> {
    let plain = fs::read(plain).map_err(Error::from)?;
    fs::write(ready, pre_initialised(&plain)?).map_err(Error::from)
}

fn pre_initialised(plain: &[u8]) -> Result<Vec<u8>> {
    let engine = Engine::default();
    let mut wizer = Wizer::new();
    wizer.init_func("pre_init");
    let (context, instrumented) = wizer.instrument(plain)?;
    let module = Module::new(&engine, &instrumented)?;
    let mut linker = Linker::new(&engine);
    linker.func_wrap("sealwork", "log", show)?;
    linker.define_unknown_imports_as_traps(&module)?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module)?;
    instance.get_typed_func::<(), ()>(&mut store, "pre_init")?.call(&mut store, ())?;
    let mut state = State { store, instance };
    finish(wizer.snapshot(&context, &mut state))
}

/// What `pre_init` left, as wizer reads it.
struct State {
    store: Store<()>,
    instance: Instance,
}

impl InstanceState for State {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name);
        match global.map(|global| global.get(&mut self.store)) {
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(bits)) => SnapshotVal::F32(bits),
            Some(Val::F64(bits)) => SnapshotVal::F64(bits),
            other => panic!("the global {name} is {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self.instance.get_memory(&mut self.store, name);
        contents(memory.as_ref().map_or(&[], |memory| memory.data(&self.store)));
    }
}

/// What `pre_init` says before it gives up.
fn show(mut caller: Caller<'_, ()>, from: u32, len: u32) {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    let bytes = memory.as_ref().map_or(&[][..], |memory| memory.data(&caller));
    let text = bytes.get(from as usize..).and_then(|rest| rest.get(..len as usize));
    eprintln!("{}", String::from_utf8_lossy(text.unwrap_or_default()));
}

/// The result of a future that never waits.
fn finish<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("a snapshot of a local instance waits for nothing"),
    }
}
