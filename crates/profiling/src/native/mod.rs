//! The profiler of this machine.

mod cpu;
mod heap;
mod proto;
mod threads;

use std::time::Duration;

use async_trait::async_trait;
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{Kind, ProfileError, Profiler};

/// Samples this process.
///
/// CPU samples cost nothing until a profile is asked for, then about 100 signals per second of CPU
/// time. Heap samples are taken between [`Profiler::enable`] and [`Profiler::disable`], one per
/// 512 KiB allocated.
///
/// A CPU profile takes up to 300 MiB while its functions are named. About 100 MiB of that stay in
/// use until the process ends, once: most of it is the sampler's table of stacks, which it makes
/// anew after each profile.
#[derive(Debug, Default)]
pub struct Native {
    cpu: Mutex<()>,
}

impl Native {
    /// A profiler of this process. There is one CPU timer per process: make one profiler.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Profiler for Native {
    async fn enable(&self) -> Result<(), ProfileError> {
        heap::set_active(true).await
    }

    async fn disable(&self) -> Result<(), ProfileError> {
        heap::set_active(false).await
    }

    async fn cpu(&self, duration: Duration) -> Result<Vec<u8>, ProfileError> {
        let _one = self.cpu.try_lock().map_err(|_| ProfileError::Busy)?;
        let sampling = blocking(cpu::Sampling::start).await?;
        tokio::time::sleep(duration).await;
        blocking(move || sampling.finish()).await
    }

    async fn snapshot(&self, kind: Kind) -> Result<Vec<u8>, ProfileError> {
        match kind {
            Kind::Heap | Kind::Allocs => heap::dump().await,
            Kind::Goroutine => blocking(|| threads::by_name("goroutine")).await,
            Kind::ThreadCreate => blocking(|| threads::by_name("threadcreate")).await,
            Kind::Block | Kind::Mutex => proto::Builder::new(&CONTENTION).gzip(),
        }
    }

    async fn symbols(&self, addresses: Vec<u64>) -> Vec<(u64, String)> {
        let names = blocking(move || {
            let known = |address| names_of(address).into_iter().next().map(|name| (address, name));
            Ok(addresses.into_iter().filter_map(known).collect())
        });
        names.await.unwrap_or_default()
    }
}

/// The function at an address, behind those that were inlined there, innermost first.
fn names_of(address: u64) -> Vec<String> {
    let mut names = Vec::new();
    // A return address is looked for, which lies behind the call: one more means this one.
    let address = usize::try_from(address).ok().and_then(|address| address.checked_add(1));
    if let Some(address) = address {
        // The symbol table is searched; the address itself is never followed.
        backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
            names.extend(symbol.name().map(|name| format!("{name:#}")));
        });
    }
    names
}

/// What Go's profiles of waiting count.
const CONTENTION: [(&str, &str); 2] = [("contentions", "count"), ("delay", "nanoseconds")];

/// Runs what takes CPU time, above all the search for symbols, off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProfileError> + Send + 'static,
) -> Result<T, ProfileError> {
    let work = || {
        let done = work();
        // What was read of the debug information takes far more memory than any profile.
        backtrace::clear_symbol_cache();
        done
    };
    spawn_blocking(work).await.map_err(|e| ProfileError::Failed(e.to_string()))?
}
