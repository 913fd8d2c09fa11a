//! One run, from a fresh instance to its end.

use std::sync::Arc;

use bytes::Bytes;
use sealwork_wasi::{Exit, Interrupted};
use wasmtime::{Instance, InstancePre, Store, Trap};

use super::{
    calls::Calls,
    compile::in_one_line,
    control::Halt,
    guest::Guest,
    interface::TooMuch,
    serve::Process,
    slices::{self, SLICE},
};
use crate::wire::{End, Ended, Form, KEPT_OUTPUT, LATE_ANSWER, Run};

/// Performs the run. What it came to is told before its instance is taken apart: nobody waits for
/// that.
pub(crate) fn perform(
    process: &Arc<Process>,
    ready: &InstancePre<Guest>,
    run: &Run,
    calls: &Arc<Calls>,
    tell: impl FnOnce(Ended),
) {
    let guest = match Guest::new(Arc::clone(process), Arc::clone(calls), run) {
        Ok(guest) => guest,
        Err(why) => return tell(Ended::unrun(End::Unfit(why))),
    };
    let mut store = Store::new(&process.engine, guest);
    store.limiter(|guest| &mut guest.memory);
    let fuelled =
        store.set_fuel(run.limits.fuel).and_then(|()| store.fuel_async_yield_interval(Some(SLICE)));
    let end = match fuelled {
        Err(error) => End::Unfit(in_one_line(&error)),
        Ok(()) => {
            let between = |slices: u64| {
                calls.meter.burnt(slices.saturating_mul(SLICE));
                calls.look()
            };
            match slices::run(instantiate_and_call(&mut store, ready, &run.form), between) {
                Ok(Ok(code)) => End::Exit(code),
                Ok(Err(Failed::ToStart(error))) => {
                    // What burnt no fuel did not come as far as its start function.
                    let has_begun = store.get_fuel().unwrap_or(0) < run.limits.fuel;
                    let refused = store.data().memory.refused.filter(|_| !has_begun);
                    match (end_of(&error, calls), refused) {
                        (End::Unfit(_) | End::Trap(_), Some(bytes)) => End::OutOfMemory(bytes),
                        (End::Trap(why), None) => End::Unfit(why),
                        (other, _) => other,
                    }
                }
                Ok(Err(Failed::ToFinish(error))) => end_of(&error, calls),
                Err(halt) => halted(halt),
            }
        }
    };
    let left = store.get_fuel().unwrap_or(0);
    let (output, log, logged, overflowed) = store.data_mut().take_written();
    let end = if overflowed { End::OutputTooLarge } else { end };
    tell(Ended {
        output: handed_out(output, &end, &run.form),
        end,
        log,
        logged,
        fuel: run.limits.fuel.saturating_sub(left),
        cpu: calls.meter.cpu(),
        peak_memory: calls.meter.peak.bytes(),
    });
}

/// What the worker gets of the output.
fn handed_out(output: Bytes, end: &End, form: &Form) -> Bytes {
    match (end, form) {
        (End::Exit(_), _) => output,
        (_, Form::Reactor { .. }) if output.len() <= LATE_ANSWER => output,
        (_, Form::Reactor { .. }) => Bytes::new(),
        (_, Form::Command { .. } | Form::Trial) => output.slice(..output.len().min(KEPT_OUTPUT)),
    }
}

/// Where a program failed.
enum Failed {
    ToStart(wasmtime::Error),
    ToFinish(wasmtime::Error),
}

async fn instantiate_and_call(
    store: &mut Store<Guest>,
    ready: &InstancePre<Guest>,
    form: &Form,
) -> Result<i32, Failed> {
    let instance = ready.instantiate_async(&mut *store).await.map_err(Failed::ToStart)?;
    match form {
        Form::Trial => entries(store, &instance).map(|_| 0).map_err(Failed::ToStart),
        Form::Command { .. } | Form::Reactor { .. } => {
            call(store, &instance, form).await.map_err(Failed::ToFinish)
        }
    }
}

/// What a module is called by.
enum Entry {
    /// A WASI command's `_start`.
    Command(wasmtime::TypedFunc<(), ()>),
    /// `run` of a module that speaks the `sealwork` interface.
    Reactor(wasmtime::TypedFunc<(), i32>),
}

fn entries(store: &mut Store<Guest>, instance: &Instance) -> wasmtime::Result<Entry> {
    if instance.get_func(&mut *store, "_start").is_some() {
        return instance.get_typed_func(store, "_start").map(Entry::Command);
    }
    instance.get_typed_func(store, "run").map(Entry::Reactor)
}

async fn call(store: &mut Store<Guest>, instance: &Instance, form: &Form) -> wasmtime::Result<i32> {
    // A module that was given as a command, and is none, has the same input.
    let entry = match form {
        Form::Command { .. } => entries(store, instance)?,
        _ => Entry::Reactor(instance.get_typed_func(&mut *store, "run")?),
    };
    match entry {
        Entry::Command(start) => start.call_async(store, ()).await.map(|()| 0),
        Entry::Reactor(run) => {
            if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
                initialize.call_async(&mut *store, ()).await?;
            }
            run.call_async(store, ()).await
        }
    }
}

fn end_of(error: &wasmtime::Error, calls: &Calls) -> End {
    if let Some(Exit(code)) = error.downcast_ref::<Exit>() {
        return End::Exit(*code);
    }
    // A call of WASI that was ended says only that.
    let interrupted = error.downcast_ref::<Interrupted>().and(calls.control.check().err());
    if let Some(halt) = error.downcast_ref::<Halt>().copied().or(interrupted) {
        return halted(halt);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => End::OutOfFuel,
        Some(trap) => End::Trap(trap.to_string()),
        None if error.is::<TooMuch>() => End::Trap(TooMuch.to_string()),
        None => End::Unfit(in_one_line(error)),
    }
}

fn halted(halt: Halt) -> End {
    match halt {
        Halt::OutOfTime => End::OutOfTime,
        Halt::Stopped => End::Stopped,
        Halt::OutputTooLarge => End::OutputTooLarge,
    }
}
