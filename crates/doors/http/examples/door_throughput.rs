//! A door with a trivial route behind everything that a request passes through: access log,
//! metrics, API key, limits. For measuring what the door itself costs:
//!
//! ```text
//! cargo run --release -p sealwork-door-http --example door_throughput > /dev/null
//! wrk -t1 -c16 -d10 -s crates/doors/http/examples/door_throughput.lua http://127.0.0.1:PORT/echo
//! ```
//!
//! It takes a free port and says which on the standard error; the access log is the standard output.
#![allow(clippy::print_stderr, reason = "the access log has the standard output")]

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use axum::{Router, body::Bytes as Body, routing::post};
use bytes::Bytes;
use sealwork_door_http::{
    AccessLog, ApiKey, Caller, DoorConfig, DoorParts, Health, HttpDoor, LogLevel, LogLevelControl,
    MetricsPage,
    v1::{Accepted, EngineInfo, FoundEvidence, JobResult, Status, Token, V1Port},
};
use sealwork_job::{Code, Digest, InstanceId, JobId, Refusal};
use sealwork_platform::{Listener as _, OsEntropy, SystemClock, TcpAcceptor};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = ApiKey::from_secret("bench", "the-key-of-the-bench".to_owned())?;
    let mut config = DoorConfig { api_keys: vec![key], ..DoorConfig::default() };
    if std::env::args().any(|argument| argument == "--open") {
        config.api_keys.clear();
    }
    let parts = DoorParts {
        v1: Arc::new(Nobody),
        masa: Router::new().route("/echo", post(async |body: Body| body)),
        health: Health::new(Arc::new(SystemClock::new())),
        log_level: Arc::new(Nobody),
        profiler: None,
        profiling: false,
        command_line: String::new(),
        metrics: Some(MetricsPage::install()?),
        access_log: Some(AccessLog::stdout(Arc::new(SystemClock::new()))?),
        entropy: Arc::new(OsEntropy),
    };
    let listener = TcpAcceptor::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    eprintln!("http://{}/echo", listener.local_addr()?);
    let _ = HttpDoor::new(config, parts)?.serve(&listener, CancellationToken::new()).await;
    Ok(())
}

/// No worker at all.
struct Nobody;

impl LogLevelControl for Nobody {
    fn set(&self, _: LogLevel) {}

    fn configured(&self) -> LogLevel {
        LogLevel::Info
    }
}

fn nobody<T>() -> Result<T, Refusal> {
    Err(Refusal::new(Code::Draining, "there is no worker here"))
}

#[async_trait]
impl V1Port for Nobody {
    async fn submit(&self, _: Bytes, _: &Caller) -> Result<Accepted, Refusal> {
        nobody()
    }

    async fn status(&self, _: JobId, _: &Token) -> Result<Status, Refusal> {
        nobody()
    }

    async fn wait(&self, _: JobId, _: &Token, _: std::time::Duration) -> Result<Status, Refusal> {
        nobody()
    }

    async fn cancel(&self, _: JobId, _: &Token) -> Result<Status, Refusal> {
        nobody()
    }

    async fn result(&self, _: JobId, _: &Token) -> Result<JobResult, Refusal> {
        nobody()
    }

    async fn receipt(&self, _: JobId) -> Result<String, Refusal> {
        nobody()
    }

    async fn receipts(&self, _: u64, _: usize) -> Result<Vec<(u64, String)>, Refusal> {
        nobody()
    }

    fn key_config(&self) -> Bytes {
        Bytes::from_static(b"{}")
    }

    async fn evidence(&self, _: Option<Vec<u8>>) -> Result<FoundEvidence, Refusal> {
        nobody()
    }

    async fn archived_evidence(&self, _: Digest) -> Result<Bytes, Refusal> {
        nobody()
    }

    async fn archived_key_config(
        &self,
        _: Digest,
        _: Option<InstanceId>,
    ) -> Result<Bytes, Refusal> {
        nobody()
    }

    fn capabilities(&self) -> Vec<EngineInfo> {
        Vec::new()
    }
}
