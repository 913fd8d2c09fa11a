//! The only way out to the network: resolution, address guard, limits, robots and politeness.
//!
//! [`Egress::fetch`] makes one attempt at one request. It checks the URL, resolves its host once,
//! checks every address that came back, connects to one of those addresses and to nothing else,
//! and does the same again at each redirect. Nothing here reads proxy variables, upgrades a
//! connection to another protocol, or keeps cookies.
//!
//! A crawler adds [`RobotsCache`] (RFC 9309) and [`Politeness`] (pauses, `Retry-After`, back-off);
//! an engine with a configured upstream builds its URLs with [`UpstreamBase`].
#![forbid(unsafe_code)]

mod address;
mod base_url;
mod body;
mod config;
mod connect;
mod decode;
mod egress;
mod error;
mod exchange;
mod gate;
mod guard;
mod pace;
mod politeness;
mod pool;
mod ports;
mod queue;
mod redirect;
mod request;
mod response;
mod retry_after;
pub mod robots;
mod scope;
mod tls;

pub use address::{Range, Verdict, classify};
pub use base_url::{BaseUrlError, UpstreamBase};
pub use config::{AllowList, ConfigError, EgressConfig, EgressLimits};
pub use egress::Egress;
pub use error::{EgressError, Phase, Refusal, UpstreamFault};
pub use gate::{Gate, Place, Share};
pub use guard::{Guard, Target};
pub use ipnet::IpNet;
pub use politeness::{Politeness, PolitenessConfig, Turn};
pub use ports::PortPolicy;
pub use redirect::join;
pub use request::{Overflow, Redirects, Request};
pub use response::{Collected, Hop, Response};
pub use retry_after::retry_after;
pub use robots::{Robots, RobotsCache, RobotsConfig, Rules, RulesOrigin};
pub use scope::{EgressMeter, Scope, Unmetered};
