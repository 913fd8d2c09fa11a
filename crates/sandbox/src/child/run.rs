//! One run, from a fresh instance to its end.

use std::{sync::Arc, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use sealwork_wasi::{Exit, Interrupted};
use wasmtime::{Instance, InstancePre, Store, Trap, UpdateDeadline};

use super::{calls::Calls, compile::in_one_line, control::Halt, guest::Guest, serve::Process};
use crate::wire::{End, Ended, Form, Run};

/// Performs the run.
pub(crate) fn perform(
    process: &Arc<Process>,
    ready: &InstancePre<Guest>,
    run: &Run,
    calls: &Arc<Calls>,
) -> Ended {
    let before = cpu_time();
    let guest = match Guest::new(Arc::clone(process), Arc::clone(calls), run) {
        Ok(guest) => guest,
        Err(why) => return Ended::unrun(End::Unfit(why)),
    };
    let mut store = Store::new(&process.engine, guest);
    store.limiter(|guest| &mut guest.memory);
    store.set_epoch_deadline(1);
    let control = Arc::clone(calls);
    store.epoch_deadline_callback(move |_| {
        control.control.check()?;
        Ok(UpdateDeadline::Continue(1))
    });
    let fuelled = store.set_fuel(run.limits.fuel);
    let end = match fuelled.and_then(|()| ready.instantiate(&mut store)) {
        Ok(instance) => end_of(call(&mut store, &instance, &run.form), calls),
        Err(error) => match end_of(Err(error), calls) {
            End::Trap(why) => End::Unfit(why),
            other => other,
        },
    };
    let left = store.get_fuel().unwrap_or(0);
    let cpu = cpu_time().saturating_sub(before);
    let guest = store.into_data();
    let peak_memory = guest.memory.peak;
    let (output, log, logged, overflowed) = guest.finish();
    Ended {
        end: if overflowed { End::OutputTooLarge } else { end },
        output,
        log,
        logged,
        fuel: run.limits.fuel.saturating_sub(left),
        cpu,
        peak_memory,
    }
}

fn call(store: &mut Store<Guest>, instance: &Instance, form: &Form) -> wasmtime::Result<i32> {
    match form {
        Form::Command { .. } if instance.get_func(&mut *store, "_start").is_some() => {
            instance.get_typed_func::<(), ()>(&mut *store, "_start")?.call(&mut *store, ())?;
            Ok(0)
        }
        // Also a module that was given as a command, and is none: it has the same input.
        Form::Command { .. } | Form::Reactor { .. } => {
            if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
                initialize.call(&mut *store, ())?;
            }
            instance.get_typed_func::<(), i32>(&mut *store, "run")?.call(&mut *store, ())
        }
    }
}

fn end_of(called: wasmtime::Result<i32>, calls: &Calls) -> End {
    let error = match called {
        Ok(code) => return End::Exit(code),
        Err(error) => error,
    };
    if let Some(Exit(code)) = error.downcast_ref::<Exit>() {
        return End::Exit(*code);
    }
    // A wait of WASI that was ended says only that.
    let interrupted = error.downcast_ref::<Interrupted>().and(calls.control.check().err());
    if let Some(halt) = error.downcast_ref::<Halt>().copied().or(interrupted) {
        return match halt {
            Halt::OutOfTime => End::OutOfTime,
            Halt::Stopped => End::Stopped,
            Halt::OutputTooLarge => End::OutputTooLarge,
        };
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => End::OutOfFuel,
        Some(trap) => End::Trap(trap.to_string()),
        None => End::Unfit(in_one_line(&error)),
    }
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}
