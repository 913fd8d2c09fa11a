use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use sealwork_door_http::{
    LogLevel, LogLevelControl,
    debug::{Kind, ProfileError, Profiler},
};

/// Routes outside `/v1`: one that echoes, one that hangs, one that panics, one that is public.
pub fn some_routes() -> Router {
    Router::new()
        .route("/job/generate", post(async |body: Bytes| body))
        .route("/hang", get(std::future::pending::<()>))
        .route("/panic", get(async || -> () { panic!("a defect") }))
        .route("/large", get(async || vec![b'x'; 32 * 1024 * 1024]))
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(async || "ok"))
}

#[derive(Default)]
pub struct Level(pub Mutex<Option<LogLevel>>);

impl LogLevelControl for Level {
    fn set(&self, level: LogLevel) {
        *self.0.lock().unwrap() = Some(level);
    }

    fn configured(&self) -> LogLevel {
        LogLevel::Warn
    }
}

/// Gives profiles that say what was asked for.
pub struct FakeProfiler;

#[async_trait]
impl Profiler for FakeProfiler {
    async fn enable(&self) -> Result<(), ProfileError> {
        Ok(())
    }

    async fn disable(&self) -> Result<(), ProfileError> {
        Ok(())
    }

    async fn cpu(&self, duration: Duration) -> Result<Vec<u8>, ProfileError> {
        Ok(format!("cpu {}", duration.as_secs()).into_bytes())
    }

    async fn snapshot(&self, kind: Kind) -> Result<Vec<u8>, ProfileError> {
        match kind {
            Kind::Heap => Err(ProfileError::Unsupported("no heap here")),
            kind => Ok(kind.name().as_bytes().to_vec()),
        }
    }

    async fn symbols(&self, addresses: Vec<u64>) -> Vec<(u64, String)> {
        let known = addresses.into_iter().filter(|address| *address == 0x1234);
        known.map(|address| (address, "main".to_owned())).collect()
    }
}
