use std::sync::Arc;

use sealwork_egress::{EgressError, EgressMeter, Scope};
use sealwork_engine::{Context, Meter};
use tokio::time::Instant;
use url::Url;

/// The scope of a job's requests: counted on its meter, held to its limits, until `deadline`.
pub fn job_scope(context: &Context, deadline: Option<Instant>) -> Scope {
    let meter = JobMeter {
        meter: Arc::clone(&context.meter),
        max_requests: context.limits.egress_requests.unwrap_or(u64::MAX),
        max_received: context.limits.egress_bytes.unwrap_or(u64::MAX),
    };
    Scope::new(Arc::new(meter), deadline).of(context.account.share())
}

/// The limit that is judged before a request is sent.
pub(crate) const REQUESTS: &str = "egress_requests";

struct JobMeter {
    meter: Arc<Meter>,
    max_requests: u64,
    max_received: u64,
}

impl EgressMeter for JobMeter {
    fn request(&self, _url: &Url) -> Result<(), EgressError> {
        if !self.meter.take_egress_request(self.max_requests) {
            return Err(EgressError::Exhausted { what: REQUESTS });
        }
        Ok(())
    }

    fn sent(&self, bytes: u64) {
        self.meter.add_egress_sent(bytes);
    }

    fn received(&self, bytes: u64) -> Result<(), EgressError> {
        if self.meter.add_egress_received(bytes) > self.max_received {
            return Err(EgressError::Exhausted { what: "egress_bytes" });
        }
        Ok(())
    }
}
