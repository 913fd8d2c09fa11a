//! A door on loopback with a worker of the tests' own behind it.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test uses a part")]

mod client;
mod log;
mod parts;
mod worker;

use std::{net::SocketAddr, sync::Arc};

pub use client::{Answer, connect, exchange, http2, http2_with, read_answer, send};
pub use log::Log;
pub use parts::{FakeProfiler, Level};
use sealwork_door_http::{AccessLog, ApiKey, DoorConfig, DoorParts, Drained, Health, HttpDoor};
use sealwork_platform::{Listener, OsEntropy, SystemClock, TcpAcceptor};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
pub use worker::{FakeWorker, TOKEN};

/// The API key of doors that have one.
pub const KEY: &str = "the-key-of-alice";

/// A door that is open.
pub struct Open {
    pub address: SocketAddr,
    pub worker: Arc<FakeWorker>,
    pub log: Log,
    pub level: Arc<Level>,
    stop: CancellationToken,
    ended: CancellationToken,
    serving: JoinHandle<Drained>,
}

impl Open {
    /// Returns when the door has ended.
    pub async fn stopped(&self) {
        self.ended.cancelled().await;
    }

    /// Begins to shut down.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Shuts down and waits for the end.
    pub async fn close(self) -> Drained {
        self.stop.cancel();
        self.serving.await.unwrap()
    }

    /// Sends one request and reads its answer.
    pub async fn send(&self, head: &str, body: &str) -> Answer {
        send(self.address, head, body.as_bytes()).await
    }
}

/// A configuration that asks for [`KEY`].
pub fn with_key() -> DoorConfig {
    let key = ApiKey::from_secret("alice", KEY.to_owned()).unwrap();
    DoorConfig { api_keys: vec![key], ..DoorConfig::default() }
}

pub async fn open(config: DoorConfig) -> Open {
    open_with(config, |_| {}).await
}

/// Opens a door on a free port, with other parts than the usual ones.
pub async fn open_with(config: DoorConfig, change: impl FnOnce(&mut DoorParts)) -> Open {
    open_all(config, None, change).await
}

/// The same, with a listener for the admin.
pub async fn open_with_admin(
    config: DoorConfig,
    admin: Box<dyn Listener>,
    change: impl FnOnce(&mut DoorParts),
) -> Open {
    open_all(config, Some(admin), change).await
}

async fn open_all(
    config: DoorConfig,
    admin: Option<Box<dyn Listener>>,
    change: impl FnOnce(&mut DoorParts),
) -> Open {
    let worker = FakeWorker::new();
    let log = Log::default();
    let level = Arc::new(Level::default());
    let mut parts = DoorParts {
        v1: worker.clone(),
        masa: parts::some_routes(),
        health: Health::new(Arc::new(SystemClock::new())),
        log_level: level.clone(),
        profiler: None,
        profiling: false,
        command_line: "sealwork\0serve".to_owned(),
        access_log: Some(AccessLog::to(Arc::new(SystemClock::new()), log.clone()).unwrap()),
        metrics: None,
        entropy: Arc::new(OsEntropy),
    };
    change(&mut parts);
    let mut door = HttpDoor::new(config, parts).unwrap();
    if let Some(admin) = admin {
        door = door.with_admin(admin);
    }
    let listener = TcpAcceptor::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let ended = CancellationToken::new();
    let end = ended.clone().drop_guard();
    let serving = tokio::spawn(async move {
        let _end = end;
        door.serve(&listener, stopped).await
    });
    Open { address, worker, log, level, stop, ended, serving }
}
