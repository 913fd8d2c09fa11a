//! Whole programs, compiled from C against wasi-libc by `tests/guests/build.sh`.

use super::guest::*;
use sealwork_wasi::{Entry, Exit, WasiOutcome, WasiState, add_to_linker};
use std::sync::atomic::Ordering;
use wasmtime::{Engine, Linker, Module, Store};

/// Runs a command's `_start`; its exit code and what it left.
fn run(program: &[u8]) -> (i32, WasiOutcome) {
    let clock = TestClock::default();
    clock.realtime.store(START, Ordering::Relaxed);
    let state = WasiState::new(config(empty_tree(), &clock)).unwrap();
    let engine = Engine::default();
    let module = Module::new(&engine, program).unwrap();
    let mut linker = Linker::new(&engine);
    add_to_linker(&mut linker, |state: &mut WasiState| state).unwrap();
    let mut store = Store::new(&engine, state);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
    let code = match start.call(&mut store, ()) {
        Ok(()) => 0,
        Err(end) => end.downcast_ref::<Exit>().unwrap().0,
    };
    (code, store.into_data().finish())
}

#[test]
fn a_c_program_finds_what_posix_promises() {
    let (code, outcome) = run(include_bytes!("../guests/tour.wasm"));
    let errors = String::from_utf8_lossy(&outcome.stderr_tail);
    assert_eq!((code, errors.as_ref()), (42, "done\n"));
    assert_eq!(outcome.stdout, b"standard input, read to the end: 1\n");
    assert_eq!(outcome.files.get("/"), Some(Entry::Directory(vec!["notes.txt"])));
    assert!(
        matches!(outcome.files.get("notes.txt"), Some(Entry::File(content)) if content.len() == 10)
    );
}
