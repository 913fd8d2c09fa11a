use std::sync::Arc;

use axum::{Router, extract::State, response::Response, routing::put};
use http::{StatusCode, Uri};

use crate::{masa::framework::with_allow, reply::plain_text};

/// How much the worker logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens.
    Info,
    /// What may need attention.
    Warn,
    /// What failed.
    Error,
}

impl LogLevel {
    /// The level's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of that name in any case; what is none means `info`, as with Masa.
    pub fn from_name(name: &str) -> Self {
        [Self::Debug, Self::Info, Self::Warn, Self::Error]
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(name))
            .unwrap_or(Self::Info)
    }
}

/// Changes how much the process logs.
pub trait LogLevelControl: Send + Sync {
    /// From now on.
    fn set(&self, level: LogLevel);
    /// The level that the worker was started with.
    fn configured(&self) -> LogLevel;
}

pub(super) fn routes(control: Arc<dyn LogLevelControl>) -> Router {
    let route = with_allow(put(set), "OPTIONS, PUT");
    Router::new().route("/debug/loglevel", route).with_state(control)
}

/// The longest word that is echoed.
const MAX_ECHO: usize = 64;

async fn set(State(control): State<Arc<dyn LogLevelControl>>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("level="));
    let asked = asked.filter(|word| !word.is_empty() && word.len() <= MAX_ECHO);
    let word = asked.unwrap_or(control.configured().as_str());
    let level = LogLevel::from_name(word);
    control.set(level);
    tracing::info!(level = level.as_str(), "log level set");
    plain_text(StatusCode::OK, format!("log level set to {word}"))
}
