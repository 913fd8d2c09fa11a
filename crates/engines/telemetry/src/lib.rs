//! The telemetry engine: what this worker has done, for whom, and what it can do.
//!
//! The result has the form that Masa's validators read: times in whole seconds since 1970,
//! counters nested by requester, capabilities by engine. Counters start at zero with each boot.
#![forbid(unsafe_code)]

mod engine;
mod report;

pub use engine::TelemetryEngine;
pub use report::{Activity, Telemetry, TelemetrySource};
