//! What a program sees of WASI preview 1, function by function.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod descriptors;
mod functions;
mod guest;
mod hostile;
mod limits;
mod paths;
mod polling;
mod programs;
mod random_calls;
mod world;
