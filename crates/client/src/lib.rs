//! The Rust client: seals, submits, waits, opens and verifies.
#![forbid(unsafe_code)]
