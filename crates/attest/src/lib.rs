//! The attester's side: evidence about this machine, made by its platform.
//!
//! One trait, [`Attester`]; [`open`] makes the one that is configured or found. What it makes,
//! `sealwork-verify` reads. A TPM also keeps the worker's root secret and a counter against
//! rollback.
#![forbid(unsafe_code)]

mod attester;
mod choice;
mod error;
#[cfg(feature = "nitro")]
mod nitro;
#[cfg(feature = "sim")]
mod simulated;
#[cfg(feature = "tpm")]
pub mod tpm;
mod tsm;

pub use attester::{Attested, Attester, Pace};
pub use choice::{Choice, Machine, Opened, Options, TPM_ADDRESS, UnknownChoice, open, present};
pub use error::AttestError;
#[cfg(feature = "nitro")]
pub use nitro::{DocumentRequest, NitroAttester, Nsm, NsmDevice};
#[cfg(feature = "sim")]
pub use simulated::SimulatedAttester;
pub use tsm::TsmAttester;
