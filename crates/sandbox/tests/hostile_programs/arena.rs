//! Runs samples, several at once, and looks at what they leave.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use sealwork_sandbox::{Artefact, End, Ended, Form, Pool, Request, RunError, RunLimits};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{common, javascript, lateness::Lateness, upstream::Upstream};

pub(crate) const NOW_MS: u64 = 1_767_225_600_000;
/// The wall limit of each sample.
const WALL: Duration = Duration::from_millis(150);
/// The same for a sample that needs more on a busy machine.
const LONGER: Duration = Duration::from_secs(4);
/// What the head of a script's outcome may add.
const HEAD: usize = 256 << 10;
const MOST_OUTPUT: usize = 1 << 20;
const MOST_LOG: usize = 64 << 10;
/// The limit of time, as samples call it.
const TIME: &str = "time";
const BUSY: &str = "busy";
/// How far beyond it an end may be.
const OVER: Duration = Duration::from_millis(50);
/// Samples at once, each of a tenant of its own.
const AT_ONCE: usize = 2;
/// Patience with the jobs of the tenant beside them.
const CANARY_WALL: Duration = Duration::from_secs(5);

/// A sample, ready to run.
pub(crate) struct Trial {
    pub(crate) name: String,
    /// How it may end: beginnings of what `end` says, or of why there is no program.
    pub(crate) ends: Vec<String>,
    pub(crate) fuel: Option<u64>,
    pub(crate) program: Result<Artefact, String>,
    pub(crate) form: Form,
    pub(crate) end: fn(&Ended) -> String,
}

impl Trial {
    fn expects(&self, found: &str) -> bool {
        self.ends.iter().any(|end| found.starts_with(end.as_str()))
    }
}

/// One run of a sample.
struct Attempt {
    found: String,
    wall: Duration,
    took: Duration,
    noise: Duration,
    ended: Result<Ended, RunError>,
}

impl Attempt {
    fn has_been_short(&self) -> bool {
        self.found == TIME || self.found == BUSY
    }
}

/// What came of all.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) wrong: Vec<String>,
    /// The longest time beyond the limit, and the longest CPU time.
    latest: Duration,
    cpu: Duration,
    /// Samples that did not stop by themselves.
    killed: Vec<String>,
    canaries: usize,
}

impl Report {
    /// The end of a sample.
    fn note(&mut self, trial: &Trial, found: &str) {
        if !trial.expects(found) {
            self.wrong.push(format!("{}: {found}, not {:?}", trial.name, trial.ends));
        }
    }

    /// Whether a run kept to its limits.
    fn judge(&mut self, trial: &Trial, attempt: &Attempt) {
        let Attempt { wall, took, noise, ended, .. } = attempt;
        if matches!(ended, Err(RunError::Killed)) {
            self.killed.push(trial.name.clone());
        }
        self.latest = self.latest.max(took.saturating_sub(*wall));
        let mut wrong = |what: String| self.wrong.push(format!("{}: {what}", trial.name));
        if *took > *wall + OVER + *noise {
            let (took, noise) = (took.as_millis(), noise.as_millis());
            wrong(format!("ended after {took} ms, while the machine was {noise} ms late"));
        }
        let Ok(ended) = ended else { return };
        // Whatever the machine does, a program cannot take more of it than its time.
        if ended.cpu > *wall + OVER {
            wrong(format!("{} ms of CPU", ended.cpu.as_millis()));
        }
        let (output, log) = (ended.output.len(), ended.log.len());
        if output > MOST_OUTPUT + HEAD || log > MOST_LOG {
            wrong(format!("{output} bytes of output, {log} of log"));
        }
        self.cpu = self.cpu.max(ended.cpu);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the latest ended {} ms after its limit, the busiest took {} ms of CPU, {} jobs ran \
             beside them, killed with their process were {:?}",
            self.latest.as_millis(),
            self.cpu.as_millis(),
            self.canaries,
            self.killed
        )
    }
}

pub(crate) struct Arena {
    pool: Pool,
    lateness: Lateness,
    engine: Artefact,
}

impl Arena {
    pub(crate) async fn start() -> Self {
        let mut config = common::config();
        config.most.memory_bytes = 64 << 20;
        let pool = Pool::start(config).await.expect("the pool starts");
        let engine = javascript::engine().await;
        pool.preload(engine.clone()).await;
        Self { pool, lateness: Lateness::watch(), engine }
    }

    /// Runs all of them, with another tenant's jobs beside.
    pub(crate) async fn perform(self, trials: Vec<Trial>) -> Report {
        let arena = Arc::new(self);
        let (ahead, report) =
            (Arc::new(Mutex::new(trials)), Arc::new(Mutex::new(Report::default())));
        let over = CancellationToken::new();
        let canary = tokio::spawn(Arc::clone(&arena).canaries(over.clone()));
        let mut tenants = JoinSet::new();
        for tenant in 0..AT_ONCE {
            let (arena, ahead, report) =
                (Arc::clone(&arena), Arc::clone(&ahead), Arc::clone(&report));
            tenants.spawn(async move {
                loop {
                    let next = ahead.lock().unwrap().pop();
                    let Some(trial) = next else { return };
                    arena.try_one(&format!("tenant-{tenant}"), trial, &report).await;
                }
            });
        }
        tenants.join_all().await;
        over.cancel();
        let mut report = std::mem::take(&mut *report.lock().unwrap());
        match canary.await.expect("the jobs beside run") {
            Ok(count) => report.canaries = count,
            Err(why) => report.wrong.push(why),
        }
        if arena.pool.load().runs != 0 {
            report.wrong.push(format!("runs are left: {:?}", arena.pool.load()));
        }
        report
    }

    async fn try_one(&self, tenant: &str, trial: Trial, report: &Mutex<Report>) {
        let artefact = match &trial.program {
            Ok(artefact) => artefact,
            Err(why) => return report.lock().unwrap().note(&trial, why),
        };
        let mut attempt = self.attempt(tenant, &trial, artefact, WALL).await;
        report.lock().unwrap().judge(&trial, &attempt);
        // A busy machine may not let a program come to its own end in that time, or not give its
        // tenant a new process: then it has longer.
        if !trial.expects(&attempt.found) && attempt.has_been_short() {
            attempt = self.attempt(tenant, &trial, artefact, LONGER).await;
            report.lock().unwrap().judge(&trial, &attempt);
        }
        report.lock().unwrap().note(&trial, &attempt.found);
    }

    async fn attempt(
        &self,
        tenant: &str,
        trial: &Trial,
        artefact: &Artefact,
        wall: Duration,
    ) -> Attempt {
        let limits = RunLimits {
            wall,
            fuel: trial.fuel.unwrap_or(1 << 40),
            memory_bytes: 48 << 20,
            output_bytes: MOST_OUTPUT as u64,
            log_bytes: MOST_LOG as u64,
            calls: 4,
            answer_bytes: 17 << 20,
        };
        let mark = self.lateness.mark();
        let request = self.request(tenant, artefact, trial.form.clone(), limits);
        let ended = self.pool.run(request).await;
        let (took, noise) = (mark.elapsed(), self.lateness.since(&mark));
        let found = match &ended {
            Ok(ended) => (trial.end)(ended),
            Err(RunError::Killed) => TIME.to_owned(),
            Err(RunError::Busy) => BUSY.to_owned(),
            Err(RunError::Unloadable(why)) => format!("unloadable {why}"),
            Err(error) => format!("{error:?}"),
        };
        Attempt { found, wall, took, noise, ended }
    }

    /// Jobs of a tenant of their own until `over`; how many there were, or which one failed.
    async fn canaries(self: Arc<Self>, over: CancellationToken) -> Result<usize, String> {
        let source = "export default { async fetch(r) { \
            return new Response(String((await r.json()).num + 41)); } };";
        let limits = RunLimits { wall: CANARY_WALL, ..common::limits() };
        for count in 0.. {
            let form = Form::Reactor { input: javascript::job(source) };
            let ended = self.pool.run(self.request("canary", &self.engine, form, limits)).await;
            let ended = ended.map_err(|error| format!("the tenant beside: {error}"))?;
            let body = javascript::outcome(&ended.output).map(|(_, body)| body);
            if (&ended.end, body) != (&End::Exit(0), Some(b"42")) {
                return Err(format!("the tenant beside: {:?}, {body:?}", ended.end));
            }
            tokio::select! {
                () = over.cancelled() => return Ok(count + 1),
                () = tokio::time::sleep(Duration::from_millis(25)) => {}
            }
        }
        Ok(0)
    }

    fn request<'a>(
        &self,
        tenant: &'a str,
        artefact: &'a Artefact,
        form: Form,
        limits: RunLimits,
    ) -> Request<'a> {
        Request {
            tenant,
            share: tenant,
            artefact,
            form,
            limits,
            seed: [3; 32],
            now_ms: NOW_MS,
            services: Arc::new(Upstream),
            stop: CancellationToken::new(),
        }
    }
}
