//! The log: JSON lines or text on standard error, at a level that can change while running.

use std::io::{self, IsTerminal as _};

use sealwork_door_http::{LogLevel, LogLevelControl};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer as _, Registry,
    filter::Targets,
    fmt,
    layer::SubscriberExt as _,
    reload::{self, Handle},
    util::{SubscriberInitExt as _, TryInitError},
};

use crate::config::{Values, registry};

/// The levels of our own crates follow the setting. Libraries are heard from `warn` on only: below
/// that, HTTP libraries write headers and frames, and with them keys and tokens.
fn filter(level: LogLevel) -> Targets {
    let (own, libraries) = match level {
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
    };
    Targets::new().with_default(libraries).with_target("sealwork", own)
}

/// Changes the level of the log that [`init`] made.
pub(super) struct LogControl {
    filter: Handle<Targets, Registry>,
    configured: LogLevel,
}

impl LogLevelControl for LogControl {
    fn set(&self, level: LogLevel) {
        // Fails only when the log is gone, and then there is nothing left to change.
        let _ = self.filter.reload(filter(level));
    }

    fn configured(&self) -> LogLevel {
        self.configured
    }
}

/// Begins to log as the configuration says.
///
/// # Errors
/// When the process logs already.
pub(super) fn init(values: &Values, colours: bool) -> Result<LogControl, TryInitError> {
    let configured = LogLevel::from_name(values.text(&registry::LOG_LEVEL).unwrap_or_default());
    let text = match values.text(&registry::LOG_FORMAT) {
        Some("text") => true,
        Some("json") => false,
        _ => io::stderr().is_terminal(),
    };
    let (filter, handle) = reload::Layer::new(filter(configured));
    let layer = if text {
        fmt::layer().with_writer(io::stderr).with_ansi(colours).with_target(false).boxed()
    } else {
        fmt::layer().with_writer(io::stderr).json().flatten_event(true).boxed()
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()?;
    Ok(LogControl { filter: handle, configured })
}

/// Logs where a panic happened, and not what it said: a panic's text may quote the job that was
/// being worked on.
pub(super) fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(thread = thread.name().unwrap_or("unnamed"), place, "panic");
    }));
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_are_never_heard_below_warn() {
        let debug = filter(LogLevel::Debug);
        assert!(debug.would_enable("sealwork_worker::admit", &Level::DEBUG));
        assert!(debug.would_enable("sealwork", &Level::DEBUG));
        for library in ["h2::codec", "hyper", "rustls", "redb"] {
            assert!(!debug.would_enable(library, &Level::DEBUG), "{library}");
            assert!(!debug.would_enable(library, &Level::INFO), "{library}");
            assert!(debug.would_enable(library, &Level::WARN), "{library}");
        }
        assert!(!filter(LogLevel::Error).would_enable("sealwork_worker", &Level::WARN));
    }
}
