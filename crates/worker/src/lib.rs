//! The one path of every job: admit, journal, schedule, open, run, settle, deliver.
#![forbid(unsafe_code)]

mod admit;
mod archive;
mod begun;
mod board;
mod clock;
mod config;
mod error;
mod evidence;
mod followed;
mod keys;
mod lanes;
mod masa;
mod masa_result;
mod open;
mod quota;
mod recover;
mod retention;
mod run;
mod schedule;
mod settle;
mod spool;
mod stats;
mod status;
mod turn;
mod turned_away;
mod unrun;
mod waiting;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub use admit::Accepted;
use begun::Begun;
use board::Board;
use clock::ClockWatch;
pub use clock::{ClockReset, reset_clock};
pub use config::{MasaConfig, Quota, WorkerConfig};
pub use error::StartError;
use evidence::Witness;
pub use evidence::{Attestation, FoundEvidence};
use followed::Followed;
use keys::Keyring;
use lanes::Lanes;
pub use masa::{MasaKeys, SetKeyRefusal, masa_worker_id};
pub use masa_result::{MasaResult, OpenedResult, ResultSpool, SealedText, TextOnDisk};
use quota::Quotas;
use schedule::{Scheduler, Slots};
use sealwork_engine::Engine;
use sealwork_job::{InstanceId, Limits, RequesterId, Rerun, Timestamp, WorkerId};
use sealwork_platform::{Clock, Entropy, Platform, RootSecret};
use sealwork_seal::{KeyConfig, KeyId};
use sealwork_store::Store;
pub use sealwork_store::{Outbox, OutboxItem};
pub use settle::PublicResult;
use stats::Stats;
pub use stats::StatsSnapshot;
pub use status::{Access, JobResult, Status};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use waiting::Waiting;

/// How long a worker that stops gives requesters to fetch the results they have asked about.
const FETCHED_WITHIN: Duration = Duration::from_secs(5);
/// After the results: receipts, and the evidence that they cite, are asked for next.
const AFTER_RESULTS: Duration = Duration::from_secs(1);

/// The worker: everything between the doors and the engines.
pub struct Worker {
    config: WorkerConfig,
    instance: InstanceId,
    booted: Timestamp,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    store: Store,
    keyring: Arc<Keyring>,
    /// What vouches for the keys.
    witness: Option<Witness>,
    masa: MasaKeys,
    engines: BTreeMap<&'static str, Arc<dyn Engine>>,
    quotas: Arc<Quotas>,
    scheduler: Scheduler,
    lanes: Lanes,
    waiting: Waiting,
    begun: Begun,
    board: Board,
    followed: Followed,
    stats: Arc<Stats>,
    tasks: TaskTracker,
    /// No new jobs.
    draining: CancellationToken,
    /// No new work at all: what runs stays in the journal.
    closing: CancellationToken,
    /// Something settled: there may be results to evict.
    retention: Notify,
}

/// What a worker offers.
#[derive(Debug, Clone)]
pub struct EngineInfo {
    /// The engine's name.
    pub name: &'static str,
    /// Operations that work now.
    pub operations: Vec<String>,
    /// Jobs that run at once.
    pub concurrency: usize,
    /// What a restart does with its running jobs, unless their arguments say otherwise.
    pub rerun: Rerun,
    /// Whether it answers within milliseconds.
    pub is_instant: bool,
}

/// What a worker offers, and within which limits.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// The engines, by name.
    pub engines: Vec<EngineInfo>,
    /// Limits of a job that names none.
    pub default_limits: Limits,
    /// What a job may ask for at most.
    pub max_limits: Limits,
}

impl Worker {
    /// Starts a worker on `store`: loads its keys and takes up every job that was accepted and
    /// not settled. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        config: WorkerConfig,
        platform: &Platform,
        root: &RootSecret,
        store: Store,
        engines: Vec<Arc<dyn Engine>>,
        stats: &StatsHandle,
    ) -> Result<Arc<Self>, StartError> {
        let mut by_name = BTreeMap::new();
        for engine in engines {
            let name = engine.name();
            if by_name.insert(name, engine).is_some() {
                return Err(StartError::DuplicateEngine(name));
            }
        }
        let instance = InstanceId(platform.entropy.array());
        let keyring = Keyring::load(
            Arc::clone(&platform.disk),
            Arc::clone(&platform.entropy),
            root,
            instance,
            &config,
        )?;
        let masa = MasaKeys::load(&config, platform, root, store.clone())?;
        let witness = match &config.attestation {
            Some(attestation) => Some(Witness::open(attestation.clone(), &store).await?),
            None => None,
        };
        let worker = Arc::new(Self {
            instance,
            booted: platform.clock.now(),
            clock: Arc::clone(&platform.clock),
            entropy: Arc::clone(&platform.entropy),
            keyring: Arc::new(keyring),
            witness,
            masa,
            engines: by_name,
            quotas: Quotas::new(
                config.queue_capacity,
                config.queue_bytes,
                config.default_quota,
                config.quotas.clone(),
            ),
            scheduler: Scheduler::new(Slots {
                engines: config.concurrency.clone(),
                default: config.default_concurrency,
                per_requester: config.max_running_per_requester,
            }),
            lanes: Lanes::default(),
            waiting: Waiting::default(),
            begun: Begun::of(&store),
            board: Board::default(),
            followed: Followed::default(),
            stats: Arc::clone(&stats.0),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
            retention: Notify::new(),
            store,
            config,
        });
        let mut clock = ClockWatch::default();
        clock.look(&worker);
        worker.offer_keys().await?;
        let recovered = worker.recover()?;
        if recovered > 0 {
            tracing::info!(jobs = recovered, "took up jobs that were accepted before the restart");
        }
        worker.tasks.spawn(Arc::clone(&worker).keep_tidy(clock));
        Ok(worker)
    }

    /// Who this worker is.
    pub fn id(&self) -> WorkerId {
        self.keyring.worker()
    }

    /// This boot.
    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// When this boot began.
    pub fn booted(&self) -> Timestamp {
        self.booted
    }

    /// The public keys that jobs are sealed to.
    pub fn key_config(&self) -> Arc<KeyConfig> {
        self.keyring.offered().config
    }

    /// The keys of the Masa routes.
    pub fn masa(&self) -> &MasaKeys {
        &self.masa
    }

    /// What works here.
    pub fn capabilities(&self) -> Capabilities {
        let engines = self
            .engines
            .values()
            .map(|engine| EngineInfo {
                name: engine.name(),
                operations: engine.capabilities(),
                concurrency: self
                    .config
                    .concurrency
                    .get(engine.name())
                    .copied()
                    .unwrap_or(self.config.default_concurrency),
                rerun: engine.rerun(),
                is_instant: engine.is_instant(),
            })
            .collect();
        Capabilities {
            engines,
            default_limits: self.config.default_limits,
            max_limits: self.config.max_limits,
        }
    }

    /// Jobs that are accepted and not settled.
    pub fn pending(&self) -> usize {
        self.quotas.pending()
    }

    /// The time by which expiry is judged: the clock's, or the highest that a commit has seen.
    pub fn now(&self) -> Timestamp {
        self.clock.now().max(self.store.clock_high_water())
    }

    /// Whether new jobs are refused.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Refuses new jobs and waits up to `patience` for the accepted ones, and then for a few seconds
    /// of it until those have their results who have waited for them. Results can still be fetched:
    /// call [`Self::close`] when the doors are closed.
    pub async fn drain(&self, patience: Duration) {
        self.draining.cancel();
        self.followed.begin_drain();
        let drained = async {
            self.board.empty().await;
            if self.followed.is_empty() {
                return;
            }
            // An error: somebody has gone away, or wanted no more than to know.
            let _ = tokio::time::timeout(FETCHED_WITHIN, self.followed.all_fetched()).await;
            tokio::time::sleep(AFTER_RESULTS).await;
        };
        if tokio::time::timeout(patience, drained).await.is_err() && self.board.len() > 0 {
            tracing::warn!(jobs = self.board.len(), "stopping with unsettled jobs in the journal");
        }
    }

    /// Stops. What has not settled stays in the journal and runs after the next start.
    pub async fn close(&self) {
        self.draining.cancel();
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await;
    }

    fn key_in_use(&self, key: KeyId) -> bool {
        self.board.uses(key)
    }
}

/// Counters that outlive the worker's construction, so that the telemetry engine, which the worker
/// owns, can read what the worker counts.
#[derive(Clone, Default)]
pub struct StatsHandle(Arc<Stats>);

impl StatsHandle {
    /// Counters at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counters now, as `reader` may see them.
    pub fn snapshot(&self, reader: &RequesterId) -> StatsSnapshot {
        self.0.snapshot(reader)
    }
}
