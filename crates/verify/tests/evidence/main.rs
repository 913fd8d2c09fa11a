//! The contract of the library: verdicts, by evidence of outside and of its own making.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "../../../egress/tests/common/conformance.rs"]
mod conformance;
mod conformance_dcap;
mod conformance_nitro;
mod conformance_snp;
mod conformance_tpm;
mod cose;
mod drafts;
mod kinds;
mod made;
mod mutations;
mod policies;
mod references;
mod samples;
mod support;
mod swtpm;
mod verifiers;
mod workers;
