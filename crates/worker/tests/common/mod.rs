//! A whole worker on a simulated machine, and engines that do as they are told.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_engine::{Awaited, Context, Engine, Report};
use sealwork_job::{
    Body, Code, Digest, Failure, JobId, JobSpec, Origin, Output, Refusal, Reply, RequesterId,
    Rerun, Submission, WaitReason, WorkerId,
};
use sealwork_platform::{
    Clock, Entropy, Platform, RootSecret,
    sim::{SeededEntropy, SimClock, SimDisk, SimNet},
};
use sealwork_seal::{
    KeyConfig, OpenedResponse, ReceiptClaims, RequestParts, RequestSecrets, RequesterKey,
    SealOptions, Suite, open_response, receipt_digest, seal_request, verify_receipt,
};
use sealwork_store::{CommitterKind, Store, StoreOptions};
use sealwork_worker::{Access, StatsHandle, Worker, WorkerConfig};
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
pub const START: u64 = 1_767_225_600;

/// One machine: its disk outlives the workers that run on it.
pub struct Machine {
    pub clock: Arc<SimClock>,
    pub disk: SimDisk,
    pub net: SimNet,
    pub entropy: Arc<SeededEntropy>,
    pub runs: Arc<AtomicUsize>,
    /// What jobs may wait for is here.
    pub provided: Arc<AtomicBool>,
}

impl Machine {
    pub fn new(seed: u64) -> Self {
        Self {
            clock: Arc::new(SimClock::at(sealwork_job::Timestamp::from_secs(START))),
            disk: SimDisk::new(seed),
            net: SimNet::new(),
            entropy: Arc::new(SeededEntropy::new(seed)),
            runs: Arc::default(),
            provided: Arc::default(),
        }
    }

    pub fn platform(&self) -> Platform {
        Platform {
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            disk: Arc::new(self.disk.clone()),
            resolver: Arc::new(self.net.clone()),
            dialer: Arc::new(self.net.clone()),
        }
    }

    /// Boots a worker, or says why it does not start.
    pub async fn boot(&self, config: WorkerConfig) -> Result<Arc<Worker>, String> {
        self.boot_keeping(StoreOptions::default().receipts_kept, config).await
    }

    /// The same with a store that keeps so many receipts beyond their results.
    pub async fn boot_keeping(
        &self,
        receipts_kept: u64,
        config: WorkerConfig,
    ) -> Result<Arc<Worker>, String> {
        let platform = self.platform();
        let root = RootSecret::new([7; 32]);
        let committer = CommitterKind::Task;
        let options = StoreOptions { committer, receipts_kept, ..StoreOptions::default() };
        let store = open_store(&platform, options)?;
        let engines: Vec<Arc<dyn Engine>> = vec![Arc::new(Told {
            runs: Arc::clone(&self.runs),
            provided: Arc::clone(&self.provided),
        })];
        Worker::start(config, &platform, &root, store, engines, &StatsHandle::new())
            .await
            .map_err(|error| error.to_string())
    }

    pub async fn worker(&self) -> Arc<Worker> {
        self.boot(WorkerConfig::default()).await.expect("the worker starts")
    }

    pub fn now(&self) -> u64 {
        self.clock.now().as_secs()
    }

    pub fn seal(&self, config: &KeyConfig, spec: &JobSpec) -> Sealed {
        self.seal_with(config, spec, Suite::X25519, None, |_| {})
    }

    pub fn seal_with(
        &self,
        config: &KeyConfig,
        spec: &JobSpec,
        suite: Suite,
        signer: Option<&RequesterKey>,
        change: impl FnOnce(&mut SealOptions<'_>),
    ) -> Sealed {
        let mut options = self.options(signer);
        change(&mut options);
        let mut random = Rng { entropy: &*self.entropy, first: None };
        Self::seal_drawing(&mut random, config, spec, suite, &options)
    }

    /// Seals under a header nonce that somebody else has used.
    pub fn seal_with_nonce(&self, config: &KeyConfig, spec: &JobSpec, nonce: [u8; 16]) -> Sealed {
        // The nonce is the first thing that sealing draws.
        let mut random = Rng { entropy: &*self.entropy, first: Some(nonce) };
        Self::seal_drawing(&mut random, config, spec, Suite::X25519, &self.options(None))
    }

    fn options<'a>(&self, signer: Option<&'a RequesterKey>) -> SealOptions<'a> {
        SealOptions {
            not_before: self.now(),
            expiry: self.now() + 600,
            target: WorkerId::ANY,
            signer,
        }
    }

    fn seal_drawing(
        random: &mut Rng<'_>,
        config: &KeyConfig,
        spec: &JobSpec,
        suite: Suite,
        options: &SealOptions<'_>,
    ) -> Sealed {
        let job_json = spec.to_json();
        let parts = RequestParts { job_json: &job_json, input: None };
        // Not `pick`: some tests seal to a key that is no longer offered.
        let key = config.keys.iter().find(|key| key.suite.known() == Some(suite));
        let key = key.expect("the suite is offered");
        let sealed = seal_request(random, config, key, &parts, options).expect("the job seals");
        Sealed { envelope: Bytes::from(sealed.envelope), secrets: sealed.secrets }
    }
}

/// The simulated machine's store, committing inline.
pub fn open_store(platform: &Platform, options: StoreOptions) -> Result<Store, String> {
    let (disk, clock) = (Arc::clone(&platform.disk), Arc::clone(&platform.clock));
    Store::open(disk, clock, &*platform.entropy, &[9; 32], options)
        .map_err(|error| error.to_string())
}

/// A sealed job, as its requester keeps it.
#[derive(Clone)]
pub struct Sealed {
    pub envelope: Bytes,
    pub secrets: RequestSecrets,
}

impl Sealed {
    pub fn submission(&self) -> Submission {
        self.from(RequesterId::anonymous())
    }

    pub fn from(&self, requester: RequesterId) -> Submission {
        Submission {
            origin: Origin::Http { requester },
            body: Body::Sealed(self.envelope.clone()),
            reply: Reply::Hpke,
            lane: None,
            rerun: Rerun::Idempotent,
        }
    }

    pub fn access(&self) -> Access<'_> {
        Access::Token(self.secrets.token())
    }

    /// Waits for the result, opens it, and checks that the receipt is the one it was sealed to.
    pub async fn result(
        &self,
        worker: &Worker,
        job: JobId,
    ) -> Result<(OpenedResponse, ReceiptClaims), Refusal> {
        worker.wait(job, self.access(), Duration::from_secs(3600)).await?;
        let result = worker.result(job, self.access())?;
        let response = result.response.whole().expect("the result reads");
        let opened = open_response(&self.secrets, &response).expect("the result opens");
        let receipt = worker.receipt(job)?;
        let key = worker.key_config().receipt_key.clone();
        let claims = verify_receipt(&receipt, &key).expect("the receipt verifies");
        assert_eq!(opened.receipt_digest, receipt_digest(&receipt));
        assert_eq!((opened.job, claims.job), (job, job));
        Ok((opened, claims))
    }
}

/// A job for [`Told`].
pub fn job(arguments: Value) -> JobSpec {
    JobSpec::new("told".parse().expect("a valid name"), arguments)
}

/// An engine that does what its arguments say: `echo`, `fail`, `panic`, `hang`, `sleep_ms`, `once`,
/// `refuse`, `wait`, `spool`.
pub struct Told {
    pub runs: Arc<AtomicUsize>,
    pub provided: Arc<AtomicBool>,
}

/// What a spooled output repeats.
pub const PATTERN: &[u8] = b"a line of the output that nobody else may read\n";

/// What a job waits for that was told to.
pub const AWAITED: Digest = Digest([5; 32]);

#[async_trait]
impl Engine for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn capabilities(&self) -> Vec<String> {
        vec!["told".to_owned()]
    }

    fn admit(&self, arguments: &Value) -> Result<Rerun, Failure> {
        if arguments["refuse"] == true {
            return Err(Failure::new(Code::ArgumentsInvalid, "`refuse` must not be true"));
        }
        Ok(if arguments["once"] == true { Rerun::Once } else { Rerun::Idempotent })
    }

    fn awaits(&self, arguments: &Value) -> Option<Awaited> {
        let waits = arguments["wait"] == true && !self.provided.load(Ordering::SeqCst);
        waits.then_some(Awaited { reason: WaitReason::Fetch, name: AWAITED })
    }

    async fn run(&self, context: &Context, arguments: Value) -> Report {
        self.runs.fetch_add(1, Ordering::SeqCst);
        if let (Some(bytes), Some(spool)) = (arguments["spool"].as_u64(), &context.spool) {
            let output: Vec<u8> =
                PATTERN.iter().copied().cycle().take(usize::try_from(bytes).unwrap()).collect();
            // What the disk does not take makes the job fail, whatever the engine says.
            output.chunks(50_000).take_while(|part| spool.append(part).is_ok()).for_each(drop);
        }
        if let Some(ms) = arguments["sleep_ms"].as_u64() {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        if arguments["hang"] == true {
            std::future::pending::<()>().await;
        }
        assert!(arguments["panic"] != true, "told to panic");
        if arguments["fail"] == true {
            let failure = Failure::new(Code::UpstreamStatus, "told to fail");
            return Report::failure(failure, [("web_errors", 1)]);
        }
        let echo = json!({ "echo": arguments["echo"] }).to_string();
        Report::output(Output::json(echo), [("web_success", 1)])
    }
}

/// Entropy as the generator that sealing asks for.
struct Rng<'a> {
    entropy: &'a dyn Entropy,
    /// What is drawn first.
    first: Option<[u8; 16]>,
}

impl rand_core::TryRng for Rng<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(self.entropy.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(self.entropy.array()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        match self.first.take() {
            Some(first) => out.copy_from_slice(&first),
            None => self.entropy.fill(out),
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Rng<'_> {}
