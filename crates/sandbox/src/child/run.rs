//! One run, from a fresh instance to its end.

use std::{sync::Arc, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use sealwork_wasi::{Exit, Interrupted};
use wasmtime::{Instance, InstancePre, Store, Trap};

use super::{
    calls::Calls,
    compile::in_one_line,
    control::Halt,
    guest::{Guest, PeakMemory},
    serve::Process,
    slices::{self, SLICE},
};
use crate::wire::{End, Ended, Form, FromChild, Run, Used};

/// Slices after which the worker hears what a run has used: some ten milliseconds of plain code.
const REPORT: u64 = 64;

/// Performs the run. What it came to is told before its instance is taken apart: nobody waits for
/// that.
pub(crate) fn perform(
    process: &Arc<Process>,
    ready: &InstancePre<Guest>,
    run: &Run,
    calls: &Arc<Calls>,
    tell: impl FnOnce(Ended),
) {
    let mut meter = Meter::start(process, run.run);
    let guest = match Guest::new(Arc::clone(process), Arc::clone(calls), run) {
        Ok(guest) => guest,
        Err(why) => return tell(Ended::unrun(End::Unfit(why))),
    };
    meter.peak = guest.memory.peak.clone();
    let mut store = Store::new(&process.engine, guest);
    store.limiter(|guest| &mut guest.memory);
    let fuelled =
        store.set_fuel(run.limits.fuel).and_then(|()| store.fuel_async_yield_interval(Some(SLICE)));
    let end = match fuelled {
        Err(error) => End::Unfit(in_one_line(&error)),
        Ok(()) => {
            let between = |slices| calls.control.check().inspect(|()| meter.report(slices));
            match slices::run(instantiate_and_call(&mut store, ready, &run.form), between) {
                Ok(Ok(code)) => End::Exit(code),
                Ok(Err(Failed::ToStart(error))) => match end_of(&error, calls) {
                    End::Trap(why) => End::Unfit(why),
                    other => other,
                },
                Ok(Err(Failed::ToFinish(error))) => end_of(&error, calls),
                Err(halt) => halted(halt),
            }
        }
    };
    let left = store.get_fuel().unwrap_or(0);
    let (output, log, logged, overflowed) = store.data_mut().take_written();
    tell(Ended {
        end: if overflowed { End::OutputTooLarge } else { end },
        output,
        log,
        logged,
        fuel: run.limits.fuel.saturating_sub(left),
        cpu: meter.cpu(),
        peak_memory: meter.peak.bytes(),
    });
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

/// Tells the worker now and then what a run uses, so that it knows should the process be killed.
struct Meter<'a> {
    process: &'a Process,
    run: u32,
    cpu_before: Duration,
    peak: PeakMemory,
}

impl<'a> Meter<'a> {
    fn start(process: &'a Process, run: u32) -> Self {
        Self { process, run, cpu_before: cpu_time(), peak: PeakMemory::default() }
    }

    fn cpu(&self) -> Duration {
        cpu_time().saturating_sub(self.cpu_before)
    }

    /// After so many slices: the fuel is known to be at least theirs.
    fn report(&self, slices: u64) {
        if slices.is_multiple_of(REPORT) {
            let (fuel, peak_memory) = (slices.saturating_mul(SLICE), self.peak.bytes());
            let used = Used { fuel, cpu: self.cpu(), peak_memory };
            self.process.send(&FromChild::Used { run: self.run, used });
        }
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}
