//! The program engine: a requester's own WebAssembly or JavaScript.
//!
//! A job brings its program inline or names it by CID. WebAssembly runs as a WASI command (standard
//! input to standard output) or speaks the `sealwork` interface; JavaScript answers one request by
//! its `fetch` handler. Both run in a sandbox process under the job's limits. docs/programs.md is
//! the guide; the shapes of the arguments are [`Arguments`].
#![forbid(unsafe_code)]

mod arguments;
mod check;
mod engine;
mod fetch;
mod hosts;
mod javascript;
mod outcome;
pub mod oyster;
mod services;

pub use arguments::{Arguments, HttpRequest, MAX_FILES, Source};
pub use engine::{ContentSource, ProgramConfig, ProgramEngine, ProgramMaxima};
pub use hosts::HostPatterns;
