//! A door with Masa's routes, and behind it a worker that keeps everything in memory and seals for
//! real.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says why, and fails by panicking"
)]
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_compat_masa::{
    MasaJob, OpenJobError, OpenPiecesError, OpenResultError, ResultBody, Ring, RingError,
    SetKeyBody, to_spec, verify_setkey,
};
use sealwork_door_http::{
    Caller, DoorConfig, Health,
    masa::{self, Added, KeyRefusal, MasaPort, MasaStatus, ResultSpool},
    v1::Content,
};
use sealwork_job::{Code, JobId, JobState, Refusal, Timestamp};
use sealwork_platform::sim::SimClock;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::common::{Open, open_with};

/// The ring key of standalone workers of these tests, and what the distributor pushes.
pub(crate) const RING_KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
/// What a telemetry job answers.
pub(crate) const TELEMETRY: &str = r#"{"boot_time":1700000000,"stats":{}}"#;
/// Who this worker is.
pub(crate) const WORKER_ID: &str = "7d14d050-0000-4000-8000-000000000001";

/// A worker that settles telemetry once somebody waits for it, and everything else when told to.
pub(crate) struct FakeMasa {
    standalone: bool,
    pub(crate) ring: Mutex<Ring>,
    pub(crate) distributor: Option<&'static str>,
    pub(crate) allowed: Mutex<Vec<String>>,
    /// What the next job is refused with.
    pub(crate) refuse: Mutex<Option<Refusal>>,
    pub(crate) draining: Mutex<bool>,
    pub(crate) clock_behind: Mutex<bool>,
    /// Settles each job with this result when it has been asked for so often.
    pub(crate) settle_after_polls: Mutex<Option<(usize, &'static str)>>,
    pub(crate) callers: Mutex<Vec<Caller>>,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    sealed: u8,
    order: Vec<JobId>,
    polls: HashMap<JobId, usize>,
    quotes: HashMap<String, JobId>,
    live: HashMap<JobId, (MasaJob, watch::Sender<Standing>)>,
}

/// Where a job stands.
#[derive(Clone)]
enum Standing {
    Pending(JobState),
    Done { sealed: String, next_cursor: Option<String>, way: Option<&'static str> },
    Failed { code: Code, message: String },
}

impl From<Standing> for MasaStatus {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Pending(state) => Self::Pending(state),
            Standing::Done { sealed, next_cursor, way } => {
                let sealed = Bytes::from(sealed).into();
                Self::Done { sealed, next_cursor, stopped: None, way: way.map(str::to_owned) }
            }
            Standing::Failed { code, message } => Self::Failed { code, message, next_cursor: None },
        }
    }
}

/// A sealed text, in memory.
struct FakeSpool {
    ring: Ring,
    text: Vec<u8>,
}

impl ResultSpool for FakeSpool {
    fn push(&mut self, text: &[u8]) -> io::Result<()> {
        self.text.extend_from_slice(text);
        Ok(())
    }

    fn open(self: Box<Self>, encrypted_request: &[u8]) -> Result<Content, OpenPiecesError> {
        let pieces = |text: &[u8]| {
            let pieces: Vec<_> = text.chunks(1000).map(|it| Ok(it.to_vec().into())).collect();
            Ok(pieces.into_iter())
        };
        let opened = self.ring.open_result_pieces(encrypted_request, || pieces(&self.text))?;
        let len = opened.len();
        let pieces = opened.map(|piece| piece.map(|piece| Bytes::copy_from_slice(&piece)));
        Ok(Content::Pieces { len, pieces: Box::new(pieces) })
    }
}

impl FakeMasa {
    pub(crate) fn standalone() -> Arc<Self> {
        Arc::new(Self::with(true, Ring::from_keys([RING_KEY]), None))
    }

    /// A worker of a fleet, which waits for its key.
    pub(crate) fn in_fleet(distributor: Option<&'static str>) -> Arc<Self> {
        Arc::new(Self::with(false, Ring::new(), distributor))
    }

    fn with(standalone: bool, ring: Ring, distributor: Option<&'static str>) -> Self {
        Self {
            standalone,
            ring: Mutex::new(ring),
            distributor,
            allowed: Mutex::default(),
            refuse: Mutex::default(),
            draining: Mutex::default(),
            clock_behind: Mutex::default(),
            settle_after_polls: Mutex::default(),
            callers: Mutex::default(),
            jobs: Mutex::default(),
        }
    }

    /// The id of the n-th job that was taken, from 1.
    pub(crate) fn job(&self, n: usize) -> JobId {
        self.jobs.lock().unwrap().order[n - 1]
    }

    pub(crate) fn settle(&self, job: JobId, data: &str, next_cursor: Option<&str>) {
        let mut jobs = self.jobs.lock().unwrap();
        let iv = jobs.next_random();
        let (opened, state) = &jobs.live[&job];
        let ring = self.ring.lock().unwrap();
        let sealed = ring.seal_result(iv, &opened.quote, data.as_bytes()).unwrap();
        let next_cursor = next_cursor.map(str::to_owned);
        let way = (opened.job_type == "twitter").then_some("apify");
        state.send_replace(Standing::Done { sealed, next_cursor, way });
    }

    pub(crate) fn run(&self, job: JobId) {
        let state = JobState::Running { since: Timestamp(0) };
        self.set(job, Standing::Pending(state));
    }

    pub(crate) fn fail(&self, job: JobId, code: Code, message: &str) {
        self.set(job, Standing::Failed { code, message: message.to_owned() });
    }

    fn set(&self, job: JobId, status: Standing) {
        self.jobs.lock().unwrap().live[&job].1.send_replace(status);
    }

    /// Checks in the order of the reference.
    fn take(&self, job: MasaJob) -> Result<Added, Refusal> {
        let mut jobs = self.jobs.lock().unwrap();
        let n = u8::try_from(jobs.order.len() + 1).unwrap();
        let id = JobId::from_random([n; 16]);
        if let Some(known) = jobs.quotes.insert(job.quote.clone(), id) {
            let mut refusal = Refusal::new(Code::JobReplayed, "this job is known");
            refusal.job = Some(known);
            return Err(refusal);
        }
        if !job.target_worker.is_empty() && job.target_worker != WORKER_ID {
            return Err(Refusal::new(Code::WrongWorker, "it names another worker"));
        }
        let allowed = self.allowed.lock().unwrap();
        if !allowed.is_empty() && !allowed.contains(&job.worker_id) && job.job_type != "telemetry" {
            return Err(Refusal::new(Code::RequesterNotAllowed, "the generator is not listed"));
        }
        let state = match to_spec(&job) {
            Ok(_) => Standing::Pending(JobState::Accepted),
            Err(failure) => Standing::Failed { code: failure.code, message: failure.message },
        };
        let is_instant = job.job_type == "telemetry";
        jobs.order.push(id);
        jobs.live.insert(id, (job, watch::Sender::new(state)));
        Ok(Added { job: id, is_instant })
    }
}

impl Jobs {
    fn is_pending(&self, job: JobId) -> bool {
        let live = self.live.get(&job);
        live.is_some_and(|(_, state)| matches!(*state.borrow(), Standing::Pending(_)))
    }

    /// Random enough for a test, and the same on every run.
    fn next_random<const N: usize>(&mut self) -> [u8; N] {
        self.sealed += 1;
        [self.sealed; N]
    }
}

#[async_trait]
impl MasaPort for FakeMasa {
    fn is_standalone(&self) -> bool {
        self.standalone
    }

    fn is_draining(&self) -> bool {
        *self.draining.lock().unwrap()
    }

    fn is_clock_behind(&self) -> bool {
        *self.clock_behind.lock().unwrap()
    }

    fn generate(&self, mut job: MasaJob) -> Result<String, RingError> {
        let mut jobs = self.jobs.lock().unwrap();
        job.stamp(WORKER_ID, jobs.next_random(), None);
        self.ring.lock().unwrap().seal_job(jobs.next_random(), &job)
    }

    fn open_result(&self, body: &ResultBody) -> Result<Zeroizing<Vec<u8>>, OpenResultError> {
        self.ring.lock().unwrap().open_result(body)
    }

    fn spool_result(&self) -> Result<Box<dyn ResultSpool>, Refusal> {
        let ring = self.ring.lock().unwrap().clone();
        Ok(Box::new(FakeSpool { ring, text: Vec::new() }))
    }

    async fn add(&self, blob: Bytes, caller: &Caller) -> Result<Added, Refusal> {
        self.callers.lock().unwrap().push(caller.clone());
        if let Some(refusal) = self.refuse.lock().unwrap().take() {
            return Err(refusal);
        }
        let opened = self.ring.lock().unwrap().open_job(&blob);
        self.take(opened.map_err(|error| {
            let code = match &error {
                OpenJobError::Ring(RingError::Empty) => Code::NotConfigured,
                OpenJobError::Ring(RingError::Encoding(_)) => Code::EnvelopeMalformed,
                OpenJobError::Ring(_) => Code::EnvelopeTampered,
                _ => Code::JobMalformed,
            };
            Refusal::new(code, error.to_string())
        })?)
    }

    async fn wait(&self, job: JobId, _: &Caller, patience: Duration) {
        assert_eq!(patience, Duration::from_secs(2));
        self.settle(job, TELEMETRY, None);
    }

    async fn status(&self, job: JobId, caller: &Caller) -> Result<MasaStatus, Refusal> {
        self.callers.lock().unwrap().push(caller.clone());
        let settle = self.settle_after_polls.lock().unwrap().and_then(|(after, data)| {
            let mut jobs = self.jobs.lock().unwrap();
            let polls = jobs.polls.entry(job).or_default();
            *polls += 1;
            let is_due = *polls == after && jobs.is_pending(job);
            is_due.then_some(data)
        });
        if let Some(data) = settle {
            self.settle(job, data, None);
        }
        let jobs = self.jobs.lock().unwrap();
        let standing = jobs.live.get(&job).map(|(_, state)| state.borrow().clone());
        Ok(standing.map_or(MasaStatus::Unknown, MasaStatus::from))
    }

    async fn set_key(&self, body: SetKeyBody) -> Result<(), KeyRefusal> {
        let key = verify_setkey(self.distributor, body.key.as_bytes(), body.signature.as_bytes())?;
        let mut ring = self.ring.lock().unwrap();
        *ring = ring.with_key(&key);
        Ok(())
    }
}

/// Opens a door with Masa's routes before `worker`. Its clock stands at 2023-11-14T22:13:20Z.
pub(crate) async fn open_masa(config: DoorConfig, worker: &Arc<FakeMasa>) -> Open {
    let clock = Arc::new(SimClock::at(Timestamp(1_700_000_000_000)));
    let worker = Arc::clone(worker);
    let health = Health::new(clock);
    open_with(config, |parts| {
        parts.masa = masa::routes(worker, Arc::clone(&health));
        parts.health = health;
    })
    .await
}
