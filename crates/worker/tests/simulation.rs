//! The whole path under a deterministic simulation: jobs come and go while the disk fails, the
//! power goes, the clock jumps and the network refuses. Whatever happens, an acknowledged job
//! settles exactly once, with one receipt in one chain, and opens for its requester alone.
//!
//! `SEALWORK_SEEDS=N` runs N seeds, `SEALWORK_SEED=S` runs one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use common::{Machine, START, Sealed, open_store};
use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, EngineName, Failure, JobId, JobSpec, Output, Rerun, Timestamp};
use sealwork_platform::{
    Clock, Dialer, RootSecret,
    sim::{DiskFault, PowerCut, SimClock},
};
use sealwork_seal::{ReceiptPublicKey, verify_chain, verify_receipt};
use sealwork_store::{CommitterKind, StoreOptions};
use sealwork_worker::{StatsHandle, Worker, WorkerConfig};
use serde_json::{Value, json};

const DEFAULT_SEEDS: u64 = 100;
const BOOTS: usize = 4;
const STEPS: usize = 30;

#[test]
fn acknowledged_jobs_settle_exactly_once_whatever_fails() {
    let (first, count) = seeds();
    for seed in first..first + count {
        let outcome = std::panic::catch_unwind(|| Simulation::new(seed).run());
        if let Err(panic) = outcome {
            eprintln!("the simulation failed with SEALWORK_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the seed is the tester's to choose")]
fn seeds() -> (u64, u64) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SEALWORK_SEED") {
        Some(seed) => (seed, 1),
        None => (1, number("SEALWORK_SEEDS").unwrap_or(DEFAULT_SEEDS)),
    }
}

struct Simulation {
    seed: u64,
    random: Random,
    machine: Machine,
    wall: Timestamp,
    runs: Arc<Mutex<HashMap<u64, Runs>>>,
    /// Jobs whose submission was acknowledged.
    acknowledged: Vec<Job>,
    /// Jobs whose submission failed with a fault: they may or may not exist.
    uncertain: Vec<Job>,
    next: u64,
}

#[derive(Default)]
struct Runs {
    started: u32,
    once: bool,
}

struct Job {
    number: u64,
    id: Option<JobId>,
    sealed: Sealed,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            machine: Machine::new(seed),
            wall: Timestamp::from_secs(START),
            runs: Arc::default(),
            acknowledged: Vec::new(),
            uncertain: Vec::new(),
            next: 0,
        }
    }

    fn run(mut self) {
        for _ in 0..BOOTS {
            let runtime = runtime();
            runtime.block_on(self.live());
            // Everything that runs in this boot ends here, without a word.
            drop(runtime);
            self.machine.disk.lose_power();
            self.machine.disk.heal();
        }
        let runtime = runtime();
        runtime.block_on(self.judge());
    }

    /// One boot under random events, ended by a power cut or by dropping everything.
    async fn live(&mut self) {
        let worker = self.boot();
        for _ in 0..STEPS {
            match self.random.below(12) {
                0..=4 => self.submit(&worker).await,
                5 => self.submit_again(&worker).await,
                6 => self.cancel(&worker),
                7 | 8 => {
                    let ms = self.random.below(400);
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                9 => self
                    .machine
                    .clock
                    .jump(i64::try_from(self.random.below(20_000)).unwrap() - 10_000),
                10 => self.break_disk(),
                _ => self.machine.disk.heal(),
            }
            if self.machine.disk.is_off() {
                break;
            }
        }
        self.wall = self.machine.clock.now().max(self.wall);
    }

    /// After the last boot everything works: every job must come to its end.
    async fn judge(&mut self) {
        let worker = self.boot();
        let key = worker.key_config().receipt_key.clone();
        for job in &self.acknowledged {
            let id = job.id.expect("acknowledged with an id");
            let (_, claims) = job.sealed.result(&worker, id).await.unwrap_or_else(|refusal| {
                panic!("seed {}: job {} is lost: {refusal}", self.seed, job.number)
            });
            let receipt = worker.receipt(id).expect("a settled job has its receipt");
            assert_eq!(claims, verify_receipt(&receipt, &key).unwrap());
        }
        worker.drain(Duration::from_secs(3600)).await;
        worker.close().await;
        drop(worker);
        self.judge_chain(&key).await;
        for (number, runs) in self.runs.lock().unwrap().iter() {
            assert!(
                !runs.once || runs.started <= 1,
                "seed {}: job {number} must run once and ran {} times",
                self.seed,
                runs.started
            );
        }
    }

    /// All receipts that were ever signed: one chain without a gap, and no job in it twice.
    async fn judge_chain(&self, key: &ReceiptPublicKey) {
        let options = StoreOptions { committer: CommitterKind::Task, ..StoreOptions::default() };
        let store = open_store(&self.machine.platform(), options).expect("the store opens");
        let receipts = store.receipts_from(0, usize::MAX).expect("the receipts read back");
        let texts = receipts.iter().map(|(_, receipt)| receipt.as_str());
        let claims = verify_chain(texts, key)
            .unwrap_or_else(|error| panic!("seed {}: the chain breaks: {error}", self.seed));
        assert_eq!(claims.first().map_or(0, |first| first.sequence), 0);
        let settled: BTreeSet<JobId> = claims.iter().map(|claims| claims.job).collect();
        assert_eq!(settled.len(), claims.len(), "seed {}: a job settled twice", self.seed);
        for job in &self.acknowledged {
            assert!(job.id.is_some_and(|id| settled.contains(&id)), "seed {}", self.seed);
        }
        store.close().await;
    }

    /// The disk has been healed before, so nothing may keep a worker from starting.
    fn boot(&mut self) -> Arc<Worker> {
        self.machine.clock = Arc::new(SimClock::at(self.wall));
        let platform = self.machine.platform();
        let options = StoreOptions { committer: CommitterKind::Task, ..StoreOptions::default() };
        let store = open_store(&platform, options)
            .unwrap_or_else(|error| panic!("seed {}: the store: {error}", self.seed));
        let engine = Dialing { runs: Arc::clone(&self.runs), dialer: Arc::clone(&platform.dialer) };
        let config = WorkerConfig {
            default_concurrency: 3,
            results_kept: 100_000,
            results_max_age: Duration::from_secs(1 << 30),
            ..WorkerConfig::default()
        };
        let root = RootSecret::new([7; 32]);
        let engines: Vec<Arc<dyn Engine>> = vec![Arc::new(engine)];
        Worker::start(config, &platform, &root, store, engines, &StatsHandle::new())
            .unwrap_or_else(|error| panic!("seed {}: no worker: {error}", self.seed))
    }

    async fn submit(&mut self, worker: &Arc<Worker>) {
        let number = self.next;
        self.next += 1;
        let kind = ["echo", "sleep", "fail", "panic", "dial", "hang"][self.random.index(6)];
        let once = self.random.below(4) == 0;
        let arguments = json!({
            "number": number, "do": kind, "once": once, "ms": self.random.below(300),
        });
        let mut spec = JobSpec::new("dialing".parse::<EngineName>().unwrap(), arguments);
        spec.limits.wall_ms = Some(200);
        let sealed = self.machine.seal(&worker.key_config(), &spec);
        let submitted =
            tokio::time::timeout(Duration::from_secs(30), worker.submit(sealed.submission())).await;
        match submitted {
            Ok(Ok(accepted)) => {
                let id = Some(accepted.job);
                self.acknowledged.push(Job { number, id, sealed });
            }
            Ok(Err(refusal)) => {
                assert!(
                    matches!(
                        refusal.code,
                        Code::StoreUnavailable | Code::JobExpired | Code::JobNotYetValid
                    ),
                    "seed {}: an unexpected refusal: {refusal}",
                    self.seed
                );
                self.uncertain.push(Job { number, id: None, sealed });
            }
            Err(_) => self.uncertain.push(Job { number, id: None, sealed }),
        }
    }

    /// A repeated submission never becomes a second job.
    async fn submit_again(&mut self, worker: &Arc<Worker>) {
        let Some(index) = self.random.pick(self.acknowledged.len()) else { return };
        let (submission, id) = {
            let job = &self.acknowledged[index];
            (job.sealed.submission(), job.id)
        };
        let again = tokio::time::timeout(Duration::from_secs(30), worker.submit(submission)).await;
        match again {
            Ok(Ok(_)) => panic!("seed {}: one envelope became two jobs", self.seed),
            Ok(Err(refusal)) if refusal.code == Code::JobReplayed => {
                assert_eq!(refusal.job, id, "seed {}", self.seed);
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }

    fn cancel(&mut self, worker: &Arc<Worker>) {
        if let Some(index) = self.random.pick(self.acknowledged.len()) {
            let job = &self.acknowledged[index];
            if let Some(id) = job.id {
                // Settled jobs cannot be cancelled; that is no concern here.
                let _ = worker.cancel(id, job.sealed.access());
            }
        }
    }

    fn break_disk(&mut self) {
        let disk = &self.machine.disk;
        match self.random.below(5) {
            0 => disk.inject(DiskFault::Full),
            1 => disk.inject(DiskFault::FailOnce(self.random.below(6))),
            2 => disk.cut_power(PowerCut::BeforeSync(self.random.below(4))),
            3 => disk.cut_power(PowerCut::AfterSync(self.random.below(4))),
            _ => disk.cut_power(PowerCut::AtWrite(self.random.below(12))),
        }
    }
}

/// Does what it is told, and reaches the network of the simulation.
struct Dialing {
    runs: Arc<Mutex<HashMap<u64, Runs>>>,
    dialer: Arc<dyn Dialer>,
}

#[async_trait]
impl Engine for Dialing {
    fn name(&self) -> &'static str {
        "dialing"
    }

    fn capabilities(&self) -> Vec<String> {
        Vec::new()
    }

    fn admit(&self, arguments: &Value) -> Result<Rerun, Failure> {
        Ok(if arguments["once"] == true { Rerun::Once } else { Rerun::Idempotent })
    }

    async fn run(&self, _: &Context, arguments: Value) -> Report {
        let number = arguments["number"].as_u64().unwrap_or_default();
        {
            let mut runs = self.runs.lock().unwrap();
            let runs = runs.entry(number).or_default();
            runs.started += 1;
            runs.once = arguments["once"] == true;
        }
        match arguments["do"].as_str() {
            Some("sleep") => {
                let ms = arguments["ms"].as_u64().unwrap_or_default();
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            Some("hang") => std::future::pending().await,
            Some("fail") => {
                return Report::failure(Failure::new(Code::UpstreamStatus, "told to fail"), []);
            }
            Some("panic") => panic!("told to panic"),
            Some("dial") => {
                let address = "192.0.2.1:80".parse().expect("an address");
                if self.dialer.dial(address).await.is_err() {
                    let failure = Failure::new(Code::ConnectFailed, "nobody listens");
                    return Report::failure(failure, []);
                }
            }
            _ => {}
        }
        Report::output(Output::json(number.to_string()), [("web_success", 1)])
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// xorshift64*: the events follow from the seed alone.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 33) % bound
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    fn pick(&mut self, len: usize) -> Option<usize> {
        (len > 0).then(|| self.index(len))
    }
}
