//! Masa's side of the worker: its ring of keys, its sealed jobs and results.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sealwork_compat_masa::{
    MasaJob, OpenJobError, OpenResultError, ResultBody, Ring, RingError, SetKeyError,
};
use sealwork_compat_masa::{RING_SIZE, verify_setkey};
use sealwork_job::{Code, Failure, JobId, RequesterId, Timestamp};
use sealwork_platform::{Clock, Entropy, Platform, RootSecret};
use sealwork_seal::derive::{Purpose, derive_key};
use sealwork_store::{Store, StoreError};
use zeroize::Zeroizing;

use crate::{MasaConfig, ResultSpool, StartError, WorkerConfig, turned_away::TurnedAway};

const NAMESPACE: &str = "masa";
const RING: &[u8] = b"ring";
const KEY_LEN: usize = 32;

/// Keys and identity under which the Masa routes work. They open no `/v1` envelope.
pub struct MasaKeys {
    config: MasaConfig,
    worker_id: String,
    requester: RequesterId,
    ring: RwLock<Arc<Ring>>,
    turned_away: TurnedAway,
    /// Held while a key is pushed, so that two pushes do not lose one.
    pushing: tokio::sync::Mutex<()>,
    store: Store,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    lifetime: Duration,
}

/// Why a ring key was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetKeyRefusal {
    /// The signature or the key is wrong, in the words that Masa's clients know.
    #[error("{0}")]
    Refused(#[from] SetKeyError),
    /// The key cannot be kept.
    #[error("the key could not be written to disk")]
    Store,
}

/// The name, on the Masa routes, of the worker with this root secret: a UUID.
pub fn masa_worker_id(root: &RootSecret) -> String {
    let id = derive_key(root.expose(), Purpose::MasaWorkerId, b"");
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&id[..16]);
    JobId::from_random(uuid).to_string()
}

impl MasaKeys {
    /// In standalone mode the ring holds one key of this worker's own. Otherwise it holds what the
    /// distributor pushed: kept in the store, because jobs accepted under it must open after a
    /// restart.
    pub(crate) fn load(
        config: &WorkerConfig,
        platform: &Platform,
        root: &RootSecret,
        store: Store,
    ) -> Result<Self, StartError> {
        let worker_id = masa_worker_id(root);
        let mut masa = config.masa.clone();
        if masa.standalone && !masa.allowed_generators.is_empty() {
            // Outside a TEE a list would name workers that cannot reach this one's key anyway.
            masa.allowed_generators = vec![worker_id.clone()];
        }
        let ring = if config.masa.standalone {
            Ring::from_keys([&*derive_key(root.expose(), Purpose::MasaRing, b"")])
        } else {
            stored_ring(&store)?
        };
        Ok(Self {
            config: masa,
            requester: RequesterId::new(NAMESPACE, &worker_id),
            worker_id,
            ring: RwLock::new(Arc::new(ring)),
            turned_away: TurnedAway::default(),
            pushing: tokio::sync::Mutex::default(),
            store,
            entropy: Arc::clone(&platform.entropy),
            clock: Arc::clone(&platform.clock),
            lifetime: config.max_lifetime,
        })
    }

    /// This worker's name on the Masa routes: a UUID that outlives restarts.
    pub fn worker_id(&self) -> &str {
        &self.worker_id
    }

    /// The requester whom jobs name that were sealed here.
    pub(crate) fn requester(&self) -> &RequesterId {
        &self.requester
    }

    /// Whether the ring is this worker's own, and `/setkey` absent.
    pub fn is_standalone(&self) -> bool {
        self.config.standalone
    }

    /// `/job/generate`: stamps the job with this worker's id, a nonce and an expiry, and seals it.
    ///
    /// # Errors
    /// [`RingError::Empty`].
    pub fn generate(&self, mut job: MasaJob) -> Result<String, RingError> {
        let expiry = self.now().plus(self.lifetime).as_secs();
        job.stamp(&self.worker_id, self.entropy.array(), Some(expiry));
        self.ring().seal_job(self.entropy.array(), &job)
    }

    /// `/job/result`: opens a result with the request that it belongs to.
    ///
    /// # Errors
    /// [`OpenResultError`], in the words that Masa's clients know.
    pub fn open_result(&self, body: &ResultBody) -> Result<Zeroizing<Vec<u8>>, OpenResultError> {
        self.ring().open_result(body)
    }

    /// `/setkey`: takes a ring key that the distributor has signed. On disk when this returns.
    ///
    /// # Errors
    /// [`SetKeyRefusal`].
    pub async fn set_key(&self, key: &[u8], signature: &[u8]) -> Result<(), SetKeyRefusal> {
        let distributor = self.config.distributor_key.as_deref();
        let key = verify_setkey(distributor, key, signature)?;
        let _pushing = self.pushing.lock().await;
        let ring = self.ring().with_key(&key);
        let mut bytes = Zeroizing::new(Vec::with_capacity(RING_SIZE * KEY_LEN));
        ring.keys().for_each(|key| bytes.extend_from_slice(key));
        if let Err(error) = self.store.namespace(NAMESPACE).put(RING, bytes).await {
            tracing::error!(%error, "cannot keep a ring key");
            return Err(SetKeyRefusal::Store);
        }
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }

    /// Opens a sealed job and checks that this worker may run it.
    pub(crate) fn open(&self, blob: &[u8]) -> Result<MasaJob, Failure> {
        let job = self.ring().open_job(blob).map_err(|error| {
            let code = match &error {
                OpenJobError::Ring(RingError::Empty) => Code::NotConfigured,
                OpenJobError::Ring(_) => Code::EnvelopeTampered,
                _ => Code::JobMalformed,
            };
            Failure::new(code, error.to_string())
        })?;
        match self.obstacle(&job) {
            Some(refusal) => Err(self.turned_away.judge(&job.quote, refusal)),
            None => Ok(job),
        }
    }

    /// What keeps this worker from running the job, in the order of Masa's worker.
    fn obstacle(&self, job: &MasaJob) -> Option<Failure> {
        if !job.target_worker.is_empty() && job.target_worker != self.worker_id {
            return Some(Failure::new(Code::WrongWorker, "this job is not for this worker"));
        }
        let allowed = &self.config.allowed_generators;
        if !allowed.is_empty() && job.job_type != "telemetry" && !allowed.contains(&job.worker_id) {
            let text = "this job is not from a whitelisted miner";
            return Some(Failure::new(Code::RequesterNotAllowed, text));
        }
        None
    }

    /// Somewhere to put the sealed text of a result that is too large for memory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn spool_result(&self) -> Result<ResultSpool, StoreError> {
        Ok(ResultSpool { spool: self.store.spool(&*self.entropy)?, ring: self.ring() })
    }

    /// As the admission that judges the expiry.
    fn now(&self) -> Timestamp {
        self.clock.now().max(self.store.clock_high_water())
    }

    pub(crate) fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn stored_ring(store: &Store) -> Result<Ring, StartError> {
    let bytes = store.namespace(NAMESPACE).get(RING).map_err(StartError::journal)?;
    let bytes = bytes.unwrap_or_default();
    let (keys, rest) = bytes.as_chunks::<KEY_LEN>();
    if !rest.is_empty() {
        return Err(StartError::MasaRing);
    }
    Ok(Ring::from_keys(keys))
}
