//! What the worker forgets: settled results by age and count, keys after their last job.

use std::{sync::Arc, time::Duration};

use crate::{StartError, Worker, clock::ClockWatch};

const TICK: Duration = Duration::from_secs(1);

impl Worker {
    async fn renew_keys(&self) -> Result<(), StartError> {
        if self.keyring.is_over(self.now()) {
            self.offer_keys().await?;
        }
        self.keyring.erase_expired(self.now(), |key| self.key_in_use(key))
    }

    /// Evicts whenever a job settles and every second, until the worker closes.
    pub(crate) async fn keep_tidy(self: Arc<Self>, mut clock: ClockWatch) {
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
            clock.look(&self);
            self.expire_unrun();
            if let Err(error) = self.renew_keys().await {
                tracing::error!(%error, "cannot rotate the envelope keys");
            }
            if let Some(witness) = &self.witness
                && let Err(error) =
                    witness.forget_uncited(&self.store, self.keyring.receipt_key()).await
            {
                tracing::warn!(%error, "cannot remove evidence that no receipt cites");
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
