use std::{collections::BTreeMap, time::Duration};

use sealwork_job::{Digest, Limits, RequesterId};

use crate::Attestation;

/// Everything about the path that an operator can set. The composition root fills it.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Jobs that may be accepted and not yet settled, all requesters together.
    pub queue_capacity: usize,
    /// Bytes of their bodies, all requesters together; seven eighths of them for one requester.
    pub queue_bytes: u64,
    /// Jobs of one engine that run at once, by engine name.
    pub concurrency: BTreeMap<String, usize>,
    /// The same for engines that [`Self::concurrency`] does not name.
    pub default_concurrency: usize,
    /// Jobs of one engine that one requester may have running at once. `None`: seven eighths of
    /// the engine's, so that whoever comes next finds a slot.
    pub max_running_per_requester: Option<usize>,
    /// How long an accepted job may wait for its turn.
    pub max_queue_wait: Duration,
    /// Limits of a job that names none. `wall_ms` is `JOB_TIMEOUT_SECONDS`.
    pub default_limits: Limits,
    /// What a job may ask for at most.
    pub max_limits: Limits,
    /// The largest envelope, in bytes.
    pub max_envelope_bytes: usize,
    /// How far off an envelope's expiry may be, and so how long its nonce is remembered.
    pub max_lifetime: Duration,
    /// How far the requester's clock may be off.
    pub clock_skew: Duration,
    /// Settled results kept, the oldest go first (`RESULT_CACHE_MAX_SIZE`).
    pub results_kept: usize,
    /// How long a settled result is kept (`RESULT_CACHE_MAX_AGE_SECONDS`).
    pub results_max_age: Duration,
    /// What a requester may do who has no entry in [`Self::quotas`].
    pub default_quota: Quota,
    /// Quotas by requester, for example `api-key:alice`.
    pub quotas: BTreeMap<RequesterId, Quota>,
    /// How long an envelope key is offered to new jobs.
    pub key_epoch: Duration,
    /// What separates a requester's program from everything else: `vm`, `process` or `wasm`; `none`
    /// where no programs are run.
    pub isolation: String,
    /// Digest of the measured configuration.
    pub config_digest: Digest,
    /// What vouches for the keys; without it the worker gives no evidence.
    pub attestation: Option<Attestation>,
    /// The Masa routes.
    pub masa: MasaConfig,
}

/// How the Masa routes behave.
#[derive(Debug, Clone, Default)]
pub struct MasaConfig {
    /// `STANDALONE`: a ring key of this worker's own instead of the distributor's.
    pub standalone: bool,
    /// PEM of the RSA key whose holder may push ring keys (`DISTRIBUTOR_PUBKEY`).
    pub distributor_key: Option<String>,
    /// Generators whose jobs are taken (`MINERS_WHITE_LIST`); empty means all.
    pub allowed_generators: Vec<String>,
}

/// What one requester may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Jobs accepted and not yet settled.
    pub max_pending: u32,
    /// Jobs accepted per minute; `None` means no limit.
    pub per_minute: Option<u32>,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            queue_capacity: 10_000,
            queue_bytes: 4 << 30,
            concurrency: BTreeMap::new(),
            default_concurrency: 256,
            max_running_per_requester: None,
            max_queue_wait: 60 * minute,
            default_limits: Limits {
                wall_ms: Some(300_000),
                output_bytes: Some(64 << 20),
                egress_requests: Some(20_000),
                egress_bytes: Some(1 << 30),
                ..Limits::default()
            },
            max_limits: Limits {
                wall_ms: Some(3_600_000),
                output_bytes: Some(64 << 20),
                egress_requests: Some(100_000),
                egress_bytes: Some(8 << 30),
                ..Limits::default()
            },
            max_envelope_bytes: 16 << 20,
            max_lifetime: 24 * 60 * minute,
            clock_skew: minute,
            results_kept: 1000,
            results_max_age: 10 * minute,
            default_quota: Quota { max_pending: 5_000, per_minute: None },
            quotas: BTreeMap::new(),
            key_epoch: 24 * 60 * minute,
            isolation: "none".to_owned(),
            config_digest: Digest([0; 32]),
            attestation: None,
            masa: MasaConfig::default(),
        }
    }
}
