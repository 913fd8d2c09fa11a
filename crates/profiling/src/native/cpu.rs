use pprof::{ProfilerGuard, ProfilerGuardBuilder, Report, Symbol};

use super::{proto::Builder, threads::cpu_time};
use crate::ProfileError;

/// Samples per second of CPU time.
const FREQUENCY: i32 = 100;
const PERIOD_NANOS: i64 = 1_000_000_000 / FREQUENCY as i64;
/// Libraries in which no sample is taken: their locks may be held by the very thread that the
/// signal interrupts, and finding the callers would wait for them for ever.
const SKIPPED: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];
/// Stands for the CPU time of [`SKIPPED`] and of the kernel, so that the profile's sum is true.
const REST: &str = "[libc and kernel]";

/// A CPU profile in the making.
pub(super) struct Sampling {
    guard: ProfilerGuard<'static>,
    cpu_before: Option<i64>,
}

impl Sampling {
    pub(super) fn start() -> Result<Self, ProfileError> {
        let guard =
            ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&SKIPPED).build();
        let guard = guard.map_err(|e| ProfileError::Failed(e.to_string()))?;
        Ok(Self { guard, cpu_before: cpu_time() })
    }

    /// Ends sampling and finds the functions' names, which takes CPU time.
    pub(super) fn finish(self) -> Result<Vec<u8>, ProfileError> {
        let cpu_after = cpu_time();
        let report = self.guard.report().build();
        drop(self.guard);
        let report = report.map_err(|e| ProfileError::Failed(e.to_string()))?;
        let used = cpu_after.zip(self.cpu_before).map(|(after, before)| after - before);
        profile(&report, used).gzip()
    }
}

fn profile(report: &Report, used_nanos: Option<i64>) -> Builder {
    let mut builder = Builder::new(&[("samples", "count"), ("cpu", "nanoseconds")]);
    let duration = i64::try_from(report.timing.duration.as_nanos()).unwrap_or(i64::MAX);
    builder.set_period(duration, ("cpu", "nanoseconds"), PERIOD_NANOS);
    let mut sampled = 0;
    for (stack, count) in &report.data {
        let count = i64::try_from(*count).unwrap_or(0);
        sampled += count;
        let functions = stack.frames.iter().flatten().map(function);
        let thread = stack.thread_name_or_id();
        let values = vec![count, count * PERIOD_NANOS];
        builder.add(functions, values, Some(("thread", &thread)));
    }
    let rest = used_nanos.map_or(0, |used| used / PERIOD_NANOS - sampled);
    if rest > 0 {
        let function = (REST.to_owned(), String::new());
        builder.add([function], vec![rest, rest * PERIOD_NANOS], None);
    }
    builder
}

fn function(symbol: &Symbol) -> (String, String) {
    (symbol.name(), symbol.filename().into_owned())
}
