//! The telemetry engine: what this worker has done, for whom, and what it can do.
#![forbid(unsafe_code)]
