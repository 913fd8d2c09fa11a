//! The HTTP door: carries Masa's routes and `/v1` between clients and the worker.
//!
//! [`HttpDoor`] owns the connections (limits, TLS, shutdown) and what every request passes through
//! (access log, metrics, CORS, API keys, body limits, timeouts). The routes speak to the worker
//! through ports, so that the door knows no worker, and tests need none.
#![forbid(unsafe_code)]

pub mod auth;
pub mod body;
mod budget;
pub mod config;
mod connection;
pub mod debug;
mod door;
mod error;
mod guard;
mod health;
pub mod marlin;
pub mod masa;
mod observe;
mod reply;
mod serve;
mod share;
pub mod tls;
pub mod v1;

pub use auth::{ApiKey, Caller};
pub use config::{ConnectionLimits, Cors, DoorConfig, Pace, RequestLimits};
pub use debug::{LogLevel, LogLevelControl};
pub use door::{DoorParts, HttpDoor};
pub use error::DoorError;
pub use guard::is_public;
pub use health::Health;
pub use observe::{AccessLog, MetricsPage};
pub use serve::Drained;
