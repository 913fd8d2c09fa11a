//! The client against a worker that does the cryptography for real and the rest by script.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attestation;
mod attester;
mod enclave;
mod jobs;
mod receipts;
mod streaming;
mod support;
mod tls;
