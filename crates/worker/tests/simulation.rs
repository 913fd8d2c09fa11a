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
use sealwork_job::{
    Body, Code, EngineName, Failure, JobId, JobSpec, LaneId, LanePosition, Origin, Output, Reply,
    RequesterId, Rerun, Submission, Timestamp,
};
use sealwork_platform::{
    Clock, Dialer, Listener as _, RootSecret,
    sim::{DiskFault, NetFault, PowerCut, SimClock, SimListener},
};
use sealwork_seal::{ReceiptPublicKey, Suite, verify_chain, verify_receipt};
use sealwork_store::{CommitterKind, StoreOptions};
use sealwork_worker::{StatsHandle, Worker, WorkerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The door of the lane, by the name of its chain.
const CHAIN: &str = "shard";
/// Where the simulated network has somebody who answers, now and then.
const UPSTREAM: &str = "192.0.2.1:80";
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
    /// The jobs of the lane that were acknowledged, in order.
    lane: Vec<JobId>,
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
            lane: Vec::new(),
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
        let worker = self.boot().await;
        tokio::spawn(answer(self.machine.net.listen(UPSTREAM.parse().expect("an address"))));
        for _ in 0..STEPS {
            match self.random.below(15) {
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
                11 | 12 => self.submit_to_lane(&worker).await,
                13 => self.disturb_network(),
                // Past the life of an epoch's keys.
                14 if self.random.below(8) == 0 => self.machine.clock.jump(200_000),
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
        let worker = self.boot().await;
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
        self.judge_lane(&worker, &key);
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

    /// A lane's jobs settled in the order of their positions, each once, and its door finds every
    /// one of them in its outbox.
    fn judge_lane(&self, worker: &Arc<Worker>, key: &ReceiptPublicKey) {
        let delivered = worker.outbox(CHAIN).list(None, usize::MAX).expect("the outbox reads");
        let delivered: Vec<JobId> = delivered.iter().map(|item| item.job).collect();
        // The last submission may have failed towards the door and come to be all the same.
        let known = &delivered[..self.lane.len().min(delivered.len())];
        assert_eq!(known, self.lane, "seed {}: the lane's order", self.seed);
        assert!(delivered.len() <= self.lane.len() + 1, "seed {}", self.seed);
        for job in &delivered {
            let receipt = worker.receipt(*job).expect("a settled job has its receipt");
            assert_eq!(verify_receipt(&receipt, key).unwrap().code, "ok", "seed {}", self.seed);
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
    async fn boot(&mut self) -> Arc<Worker> {
        self.machine.clock = Arc::new(SimClock::at(self.wall));
        let platform = self.machine.platform();
        let options = StoreOptions { committer: CommitterKind::Task, ..StoreOptions::default() };
        let store = open_store(&platform, options)
            .unwrap_or_else(|error| panic!("seed {}: the store: {error}", self.seed));
        let engine = Dialing { runs: Arc::clone(&self.runs), dialer: Arc::clone(&platform.dialer) };
        let config = WorkerConfig {
            default_concurrency: 3,
            key_epoch: Duration::from_secs(3),
            max_lifetime: Duration::from_secs(30),
            clock_skew: Duration::from_secs(5),
            results_kept: 100_000,
            results_max_age: Duration::from_secs(1 << 30),
            ..WorkerConfig::default()
        };
        let root = RootSecret::new([7; 32]);
        let engines: Vec<Arc<dyn Engine>> = vec![Arc::new(engine)];
        Worker::start(config, &platform, &root, store, engines, &StatsHandle::new())
            .await
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
        let config = worker.key_config();
        let sealed = self.machine.seal_with(&config, &spec, Suite::X25519, None, |options| {
            options.expiry = options.not_before + 20;
        });
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
                        Code::StoreUnavailable
                            | Code::JobExpired
                            | Code::JobNotYetValid
                            | Code::KeyUnknown
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

    /// As a door does: the same position until it is acknowledged.
    async fn submit_to_lane(&mut self, worker: &Arc<Worker>) {
        let position = self.lane.len() as u64;
        let arguments = json!({ "number": u64::MAX, "do": "sleep", "ms": self.random.below(50) });
        let spec = JobSpec::new("dialing".parse::<EngineName>().unwrap(), arguments);
        let submission = Submission {
            origin: Origin::Chain {
                chain: CHAIN.to_owned(),
                block: [7; 32],
                index: u32::try_from(position).unwrap(),
                requester: RequesterId::new("evm", "0xabc"),
            },
            body: Body::Public(spec.to_json().to_vec().into()),
            reply: Reply::Public,
            lane: Some(LanePosition { lane: LaneId(CHAIN.to_owned()), position }),
            rerun: Rerun::Idempotent,
        };
        let submitted =
            tokio::time::timeout(Duration::from_secs(30), worker.submit(submission)).await;
        match submitted {
            Ok(Ok(accepted)) => self.lane.push(accepted.job),
            Ok(Err(refusal)) if refusal.code == Code::JobReplayed => {
                self.lane.push(refusal.job.expect("the job that it is"));
            }
            Ok(Err(refusal)) => {
                assert_eq!(refusal.code, Code::StoreUnavailable, "seed {}", self.seed);
            }
            Err(_) => {}
        }
    }

    fn disturb_network(&mut self) {
        let upstream = UPSTREAM.parse().expect("an address");
        let net = &self.machine.net;
        match self.random.below(5) {
            0 => net.inject(upstream, NetFault::Refuse),
            1 => net.inject(upstream, NetFault::Silent),
            2 => net.inject(upstream, NetFault::Latency(Duration::from_millis(150))),
            3 => net.inject(upstream, NetFault::CutAfter(2)),
            _ => net.heal(),
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
                let address = UPSTREAM.parse().expect("an address");
                let mut answer = [0; 4];
                let answered = match self.dialer.dial(address).await {
                    Ok(mut stream) => stream.read_exact(&mut answer).await.is_ok(),
                    Err(_) => false,
                };
                if !answered {
                    let failure = Failure::new(Code::ConnectFailed, "nobody answers");
                    return Report::failure(failure, []);
                }
            }
            _ => {}
        }
        Report::output(Output::json(number.to_string()), [("web_success", 1)])
    }
}

/// Four bytes for whoever dials.
async fn answer(listener: SimListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        // Whoever dialled may be gone.
        let _ = stream.write_all(b"yes!").await;
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
