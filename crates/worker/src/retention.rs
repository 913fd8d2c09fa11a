//! What the worker forgets: settled results by age and count, keys after their last job.

use std::{sync::Arc, time::Duration};

use crate::Worker;

const TICK: Duration = Duration::from_secs(1);

impl Worker {
    /// Evicts whenever a job settles and every second, until the worker closes.
    pub(crate) async fn keep_tidy(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
                () = self.retention.notified() => {}
            }
            let evicted = self
                .store
                .evict(self.config.results_kept, self.config.results_max_age, self.now())
                .await;
            match evicted {
                Ok(jobs) if !jobs.is_empty() => {
                    metrics::counter!("sealwork_results_evicted_total")
                        .increment(jobs.len() as u64);
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "cannot evict settled results"),
            }
            self.expire_unrun();
            if let Err(error) = self.keyring.tick(self.now(), |key| self.key_in_use(key)) {
                tracing::error!(%error, "cannot rotate the envelope keys");
            }
            let (queued, running) = self.scheduler.load();
            #[allow(clippy::cast_precision_loss, reason = "gauges are floating point")]
            {
                metrics::gauge!("sealwork_jobs_queued").set(queued as f64);
                metrics::gauge!("sealwork_jobs_running").set(running as f64);
            }
        }
    }
}
