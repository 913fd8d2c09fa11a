//! The client against a worker that does the cryptography for real and the rest by script.

mod jobs;
mod support;
mod tls;
