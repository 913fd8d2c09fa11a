use std::sync::Arc;

use sealwork_egress::{EgressError, EgressMeter};
use sealwork_engine::{Context, Meter};
use url::Url;

use crate::Blacklist;

/// Counts a job's use of the network on its meter, and holds it to its limits and to the
/// operator's blacklist: robots.txt files and redirects included.
pub(crate) struct JobMeter {
    meter: Arc<Meter>,
    max_requests: u64,
    max_received: u64,
    blacklist: Blacklist,
}

pub(crate) const REQUESTS: &str = "egress_requests";
pub(crate) const BYTES: &str = "egress_bytes";

impl JobMeter {
    pub(crate) fn new(context: &Context, blacklist: Blacklist) -> Self {
        Self {
            meter: Arc::clone(&context.meter),
            max_requests: context.limits.egress_requests.unwrap_or(u64::MAX),
            max_received: context.limits.egress_bytes.unwrap_or(u64::MAX),
            blacklist,
        }
    }
}

impl EgressMeter for JobMeter {
    fn request(&self, url: &Url) -> Result<(), EgressError> {
        if self.blacklist.matches(url) {
            let host = url.host_str().unwrap_or_default().to_owned();
            return Err(EgressError::Blacklisted { host });
        }
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
            return Err(EgressError::Exhausted { what: BYTES });
        }
        Ok(())
    }
}
