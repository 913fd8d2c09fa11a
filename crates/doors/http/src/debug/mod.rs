//! `/debug`: the log level, and profiles.

mod command_line;
mod log_level;
mod pprof;

use std::{sync::Arc, time::Duration};

use axum::Router;
pub use command_line::redact as redact_command_line;
pub use log_level::{LogLevel, LogLevelControl};
pub use sealwork_profiling::{Kind, ProfileError, Profiler};

/// The longest CPU profile; longer ones are cut to it.
pub const MAX_PROFILE: Duration = Duration::from_secs(300);

/// What the routes need.
#[derive(Clone)]
pub(crate) struct DebugState {
    pub(crate) log_level: Arc<dyn LogLevelControl>,
    /// Only a standalone worker has one: inside a TEE a profile would show what a job does.
    pub(crate) profiler: Option<Arc<dyn Profiler>>,
    /// Whether profiles can be taken from the start.
    pub(crate) profiling: bool,
    /// The command line, without values that could be secret.
    pub(crate) command_line: Arc<str>,
}

/// The routes of `/debug`.
pub(crate) fn routes(state: DebugState) -> Router {
    let profiles = state.profiler.clone().map(|profiler| pprof::routes(profiler, &state));
    log_level::routes(state.log_level).merge(profiles.unwrap_or_default())
}
