//! The worker's key config, and with it whom jobs are sealed to: fetched, verified, kept.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use sealwork_job::Timestamp;
use sealwork_seal::KeyConfig;
use sealwork_verify::Watermark;

use crate::{
    Attestation, Client, ClientError, Recipient, VerifyError, attestation::Demand, http::Call,
    result::same,
};

/// A key config is fetched again after this time at the latest, so that rotations are noticed.
const MAX_KEY_CONFIG_AGE: Duration = Duration::from_secs(3600);
/// A key that ends within this time is not sealed to any more.
const KEY_MARGIN: Duration = Duration::from_secs(30);

/// What is demanded of the worker, and the key config that satisfied it last.
pub(crate) struct Keys {
    demand: Demand,
    cached: Option<Cached>,
    /// Counts the changes of the demand: an answer to an older one is not kept.
    changes: u64,
}

struct Cached {
    recipient: Recipient,
    until: Timestamp,
}

impl Keys {
    pub(crate) fn new(demand: Demand) -> Self {
        Self { demand, cached: None, changes: 0 }
    }
}

impl Client {
    /// Whom jobs are sealed to: the worker's key config, with evidence that the policy trusts.
    ///
    /// Evidence is asked for with a new random nonce. The answer is kept as long as the keys, an
    /// hour at most, and until the policy changes.
    ///
    /// # Errors
    /// [`ClientError::NoPolicy`] before anything is sent; [`ClientError::NoEvidence`],
    /// [`ClientError::EvidenceRejected`]; else as [`Self::key_config`].
    pub async fn recipient(&self) -> Result<Recipient, ClientError> {
        if matches!(self.keys().demand, Demand::Undecided) {
            return Err(ClientError::NoPolicy);
        }
        self.current().await
    }

    /// The worker's key config: its signature checked, and its evidence where the client demands
    /// any. It is kept as [`Self::recipient`] keeps it.
    ///
    /// # Errors
    /// Network errors, refusals, and [`ClientError::Verification`] when the key config does not
    /// verify or belongs to another worker than the one that was asked for; what is wrong with the
    /// evidence, as [`Self::recipient`].
    pub async fn key_config(&self) -> Result<Arc<KeyConfig>, ClientError> {
        Ok(self.current().await?.config)
    }

    /// Fetches the key config now, and evidence where the client demands any.
    ///
    /// # Errors
    /// As [`Self::key_config`].
    pub async fn refresh_key_config(&self) -> Result<Arc<KeyConfig>, ClientError> {
        Ok(self.refresh().await?.config)
    }

    /// Demands evidence under another policy from now on; what was found good before is forgotten.
    pub fn set_attestation(&self, attestation: Attestation) {
        let mut keys = self.keys();
        *keys = Keys { changes: keys.changes + 1, ..Keys::new(attestation.into()) };
    }

    /// The highest numbers of collateral seen so far, for the next [`Attestation`]; nothing where
    /// the client demands no evidence.
    pub fn watermark(&self) -> Option<Watermark> {
        match &self.keys().demand {
            Demand::Evidence(examiner) => Some(examiner.watermark()),
            Demand::Undecided | Demand::Unattested => None,
        }
    }

    pub(crate) fn demand(&self) -> Demand {
        self.keys().demand.clone()
    }

    /// A key config that was fetched before and is still good.
    pub(crate) fn kept(&self) -> Option<Recipient> {
        let now = self.inner.clock.now();
        let keys = self.keys();
        keys.cached.as_ref().filter(|cached| now < cached.until).map(|c| c.recipient.clone())
    }

    async fn current(&self) -> Result<Recipient, ClientError> {
        match self.kept() {
            Some(recipient) => Ok(recipient),
            None => self.refresh().await,
        }
    }

    async fn refresh(&self) -> Result<Recipient, ClientError> {
        let (demand, changes) = {
            let keys = self.keys();
            (keys.demand.clone(), keys.changes)
        };
        let recipient = match demand {
            Demand::Evidence(examiner) => {
                let evidence = self.evidence().await?;
                let trusted = examiner.judge(&evidence, self.inner.clock.now())?;
                let config = Arc::new(evidence.key_config);
                Recipient { config, evidence: Some(Arc::new(trusted)) }
            }
            Demand::Undecided | Demand::Unattested => {
                Recipient::unattested(Arc::new(self.fetch_key_config().await?))
            }
        };
        let until = good_until(&recipient.config, self.inner.clock.now());
        let mut keys = self.keys();
        if keys.changes == changes {
            keys.cached = Some(Cached { recipient: recipient.clone(), until });
        }
        Ok(recipient)
    }

    /// Fetches the key config and checks its signature and whose it is.
    pub(crate) async fn fetch_key_config(&self) -> Result<KeyConfig, ClientError> {
        let answer = self.inner.http.call(&Call::public("v1/keys")).await?;
        self.read_key_config(&answer.body)
    }

    pub(crate) fn read_key_config(&self, json: &[u8]) -> Result<KeyConfig, ClientError> {
        let config = KeyConfig::from_json(json).map_err(VerifyError::from)?;
        config.verify().map_err(VerifyError::from)?;
        if let Some(expected) = &self.inner.worker {
            same("the worker's id", expected, &config.worker)?;
        }
        Ok(config)
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        // Each part is replaced whole, so that a panic cannot leave half of one.
        self.inner.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until its first key ends, but at most [`MAX_KEY_CONFIG_AGE`].
fn good_until(config: &KeyConfig, now: Timestamp) -> Timestamp {
    let first_end = config.keys.iter().map(|key| key.not_after).min().unwrap_or(0);
    let end = Timestamp::from_secs(first_end.saturating_sub(KEY_MARGIN.as_secs()));
    end.min(now.plus(MAX_KEY_CONFIG_AGE))
}
