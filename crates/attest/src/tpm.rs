//! TPM 2.0 through the TSS: quotes, and what a TPM keeps for a worker.
//!
//! A TPM proves what was booted, not that memory is private: whoever owns the machine is outside
//! of its promise.

mod attester;
mod connection;
mod counter;
mod endorsement;
mod error;
mod keys;
mod pcrs;
mod quote;
mod root_keeper;
mod settings;

pub use attester::TpmAttester;
pub use connection::Tpm;
pub use counter::TpmCounter;
pub use endorsement::Endorsement;
pub use error::{TpmError, TpmTask};
pub use pcrs::Pcrs;
pub use root_keeper::TpmRootKeeper;
pub use settings::{TpmAuth, TpmSettings};
