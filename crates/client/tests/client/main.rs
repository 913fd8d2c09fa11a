//! The client against a worker that does the cryptography for real and the rest by script.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod jobs;
mod receipts;
mod support;
mod tls;
