//! Simulated and faulty kinds, for tests and for the deterministic simulation.
//!
//! Each takes a seed, and with the same seed and the same calls does the same. None is fit for
//! anything else: [`SeededEntropy`] is predictable and [`SimDisk`] forgets.

mod clock;
mod counter;
mod disk;
mod entropy;
mod file;
mod net;
mod state;

pub use clock::SimClock;
pub use counter::SimCounter;
pub use disk::{DiskActivity, DiskFault, PowerCut, SimDisk};
pub use entropy::{SeededEntropy, SimRandom};
pub use net::{NetFault, SimListener, SimNet};
