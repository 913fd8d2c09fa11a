//! What the machine underneath gives: clock, entropy, disk, network, environment, root secret.
//!
//! Everything that is not computation is reached through these traits, in a real kind for
//! production and in simulated and faulty kinds for tests, so that a whole worker can run inside a
//! deterministic simulation.
#![forbid(unsafe_code)]

mod clock;
mod disk;
mod entropy;
mod environment;
mod kernel_files;
mod net;
mod real_disk;
mod rollback;
mod root;
pub mod sim;
mod unix;

use std::sync::Arc;

pub use clock::{Clock, SystemClock};
pub use disk::{Disk, DiskFile};
pub use entropy::{Entropy, EntropyRng, OsEntropy};
pub use environment::Environment;
pub use kernel_files::{KernelFiles, SystemKernelFiles};
pub use net::{Dialer, Listener, Resolver, Stream, SystemNet, SystemResolver, TcpAcceptor};
pub use real_disk::RealDisk;
pub use rollback::{Anchor, CounterError, MonotonicCounter, RollbackError};
pub use root::{
    RootKeeper, RootSecret, RootSecretError, load_or_create_kept_root_secret,
    load_or_create_root_secret,
};
pub use unix::UnixAcceptor;

/// One machine: every outside thing the worker uses.
#[derive(Clone)]
pub struct Platform {
    /// Wall and monotonic time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes for keys, ids and nonces.
    pub entropy: Arc<dyn Entropy>,
    /// The data directory.
    pub disk: Arc<dyn Disk>,
    /// Names to addresses.
    pub resolver: Arc<dyn Resolver>,
    /// Outgoing connections.
    pub dialer: Arc<dyn Dialer>,
}

impl Platform {
    /// The real machine, with `disk` rooted at the data directory.
    pub fn system(disk: RealDisk) -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
            disk: Arc::new(disk),
            resolver: Arc::new(SystemResolver),
            dialer: Arc::new(SystemNet),
        }
    }
}
