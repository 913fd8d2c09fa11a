//! Attesters: against a real TPM in software, and against faithful fakes of what only special
//! machines have.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failing helper fails its test")]

#[cfg(feature = "tpm")]
mod boot;
mod common;
mod configfs;
#[path = "../../../egress/tests/common/conformance.rs"]
mod conformance;
mod fake_configfs;
#[cfg(feature = "nitro")]
mod nitro;
#[cfg(feature = "sim")]
mod simulated;
#[cfg(feature = "tpm")]
mod swtpm;
#[cfg(feature = "tpm")]
mod tpm;
#[cfg(feature = "tpm")]
mod tpm_secrets;
#[cfg(feature = "tpm")]
mod tss;
