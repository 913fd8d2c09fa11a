//! What a job of an engine under test runs with.

use std::{sync::Arc, time::Duration};

use sealwork_egress::{Egress, EgressConfig, EgressLimits};
use sealwork_engine::{Context, Meter};
use sealwork_job::{JobId, Limits, RequesterId};
use sealwork_platform::{OsEntropy, SystemClock, SystemNet, SystemResolver};
use sealwork_upstream::{Apify, ApifyConfig, CursorKey, Secret};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::TestUpstream;

/// A way out that reaches loopback and any number of its connections.
pub fn egress() -> Arc<Egress> {
    let limits = EgressLimits { connections_per_host: 256, ..EgressLimits::default() };
    let allow = "127.0.0.1".parse().expect("an address");
    let config = EgressConfig { allow, limits, ..EgressConfig::default() };
    Egress::new(Arc::new(SystemResolver), Arc::new(SystemNet), config).expect("a valid config")
}

/// Apify as the test upstream is it. Jobs may ask for up to `max_items`.
pub fn apify_at(upstream: &TestUpstream, token: Option<&str>, max_items: u64) -> Apify {
    let base = upstream.base("/apify/v2").parse().expect("an address");
    let config = ApifyConfig { base, token: token.map(Secret::new), max_items };
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    Apify::new(config, CursorKey::new([3; 32]), egress(), clock, entropy)
}

/// A job that has `time`, without other limits.
pub fn context(time: Duration) -> Context {
    limited(time, Limits::default())
}

/// A job that has `time` and `limits`.
pub fn limited(time: Duration, limits: Limits) -> Context {
    Context {
        job: JobId([7; 16]),
        requester: RequesterId::new("key", "alice"),
        account: RequesterId::new("key", "alice"),
        limits,
        input: None,
        deadline: Instant::now() + time,
        stop: CancellationToken::new(),
        meter: Arc::new(Meter::default()),
        spool: None,
    }
}
