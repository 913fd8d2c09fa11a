//! A run of the store against a model of what it has promised, over a disk that fails.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use sealwork_job::{Digest, JobId};
use sealwork_platform::{
    Disk,
    sim::{DiskFault, PowerCut, SimDisk, SimRandom},
};
use sealwork_store::{
    AcceptError, OpenError, SettleError, SettledSummary, Store, StoreError, StoreOptions,
};

use crate::support::*;
use sealwork_store::ChainHead;
use sha2::{Digest as _, Sha256};

/// What is known of one job.
#[derive(Debug, Clone, Default)]
struct Known {
    body_len: usize,
    response_len: usize,
    /// The accept was acknowledged.
    accepted: bool,
    /// In this boot the accept was answered with an error, and nothing may remain of the job.
    refused: bool,
    settle_tried: bool,
    settled: Option<SettledSummary>,
    /// An eviction that may have taken it was under way.
    evictable: bool,
    outbox_acked: bool,
}

/// What a run met on its way.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Met {
    pub(crate) cuts: usize,
    pub(crate) io_errors: usize,
    pub(crate) settled: usize,
    pub(crate) evicted: usize,
}

pub(crate) struct Run {
    disk: SimDisk,
    random: SimRandom,
    seed: u64,
    boots: u64,
    jobs: BTreeMap<u64, Known>,
    /// The values that a key may have.
    values: BTreeMap<u8, Vec<Option<u64>>>,
    next_job: u64,
    next_value: u64,
    with_io_errors: bool,
    met: Met,
}

enum Action {
    Accept(u64),
    Settle(u64),
    MarkRunning(u64),
    Evict(usize),
    Put(u8, u64),
    Delete(u8),
    AckOutbox(u64, u64),
    Deliver(u64),
}

enum Done {
    Accept(u64, Result<(), AcceptError>),
    Settle(u64, Result<SettledSummary, SettleError>),
    Evict(Result<Vec<JobId>, StoreError>),
    Put(u8, u64, Result<(), StoreError>),
    Delete(u8, Result<(), StoreError>),
    AckOutbox(u64, Result<(), StoreError>),
    Nothing,
}

type Checked = Result<(), String>;

macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(format!($($text)+));
        }
    };
}

/// Runs one seed: several boots, each ended by a loss of power at a place that the seed chooses.
/// The error says which promise was broken.
pub(crate) fn run(seed: u64, faults: &[DiskFault], with_io_errors: bool) -> Result<Met, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let disk = SimDisk::new(seed);
    for fault in faults {
        disk.inject(fault.clone());
    }
    let mut run = Run {
        disk,
        random: SimRandom::new(seed ^ 0x5eed),
        seed,
        boots: 0,
        jobs: BTreeMap::new(),
        values: BTreeMap::new(),
        next_job: 0,
        next_value: 0,
        with_io_errors,
        met: Met::default(),
    };
    let boots = 2 + run.random.below(2);
    runtime.unwrap().block_on(async {
        for _ in 0..boots {
            run.boot().await?;
        }
        run.disk.lose_power();
        run.check_after_power_loss().await
    })?;
    Ok(run.met)
}

impl Run {
    fn open(&mut self) -> Result<Store, OpenError> {
        self.boots += 1;
        let seed = self.seed.wrapping_mul(1000) + self.boots;
        let options = StoreOptions { receipts_kept: u64::MAX, ..options() };
        open_with(&self.disk, clock(), seed, options)
    }

    async fn boot(&mut self) -> Checked {
        self.check_after_power_loss().await?;
        let n = self.random.below(24);
        self.disk.cut_power(match self.random.below(3) {
            0 => PowerCut::BeforeSync(n),
            1 => PowerCut::AfterSync(n),
            _ => PowerCut::AtWrite(n * 10),
        });
        if let Ok(store) = self.open() {
            let steps = 4 + self.random.below(12);
            for _ in 0..steps {
                if self.with_io_errors && self.random.chance(1, 4) {
                    self.disk.inject(DiskFault::FailOnce(self.random.below(30)));
                    self.met.io_errors += 1;
                }
                self.step(&store).await?;
                if self.disk.is_off() {
                    break;
                }
            }
            // Sometimes the power goes right after an orderly end.
            if self.random.chance(1, 4) {
                store.close().await;
            }
            drop(store);
        }
        // The committer of a dropped store ends when it is polled next.
        tokio::task::yield_now().await;
        self.met.cuts += usize::from(self.disk.is_off());
        self.disk.lose_power();
        if self.with_io_errors {
            self.disk.heal();
        }
        self.jobs.values_mut().for_each(|known| known.refused = false);
        Ok(())
    }

    /// Several changes at once, so that some share a commit.
    async fn step(&mut self, store: &Store) -> Checked {
        let actions: Vec<_> = (0..1 + self.random.below(6)).map(|_| self.choose()).collect();
        let running = actions.into_iter().map(|action| perform(store, action, &self.jobs));
        let results = join_all(running.collect::<Vec<_>>()).await;
        let mut committed = false;
        for done in results {
            committed |= self.learn(done)?;
        }
        if committed {
            self.check_refused(store)?;
        }
        Ok(())
    }

    fn choose(&mut self) -> Action {
        let any = self.random.below(self.next_job.max(1));
        match self.random.below(20) {
            0..=6 => {
                let n = self.next_job;
                self.next_job += 1;
                let lens = [10, 700, 1500, 2500, 9000];
                let (body, response) = (self.random.below(5), self.random.below(5));
                let known = Known {
                    body_len: lens[body as usize],
                    response_len: lens[response as usize],
                    ..Known::default()
                };
                self.jobs.insert(n, known);
                Action::Accept(n)
            }
            // A worker settles what was accepted, and nothing else.
            7..=12 => match self.jobs.get_mut(&any).filter(|known| known.accepted) {
                Some(known) => {
                    known.settle_tried = true;
                    Action::Settle(any)
                }
                None => Action::MarkRunning(any),
            },
            13 => Action::MarkRunning(any),
            14 => {
                for known in self.jobs.values_mut() {
                    known.evictable |= known.settle_tried;
                }
                Action::Evict(self.random.below(8) as usize)
            }
            15 | 16 => {
                self.next_value += 1;
                let key = self.random.below(4) as u8;
                self.values.entry(key).or_insert_with(|| vec![None]).push(Some(self.next_value));
                Action::Put(key, self.next_value)
            }
            17 => {
                let key = self.random.below(4) as u8;
                self.values.entry(key).or_insert_with(|| vec![None]).push(None);
                Action::Delete(key)
            }
            18 => match self.jobs.get(&any).and_then(|known| known.settled) {
                Some(summary) => Action::AckOutbox(any, summary.sequence),
                None => Action::Deliver(any),
            },
            _ => Action::Deliver(any),
        }
    }

    /// Notes an answer; whether it was an acknowledged change.
    fn learn(&mut self, done: Done) -> Result<bool, String> {
        match done {
            Done::Nothing => return Ok(false),
            Done::Accept(n, result) => {
                let known = self.jobs.entry(n).or_default();
                match result {
                    Ok(()) => known.accepted = true,
                    Err(AcceptError::Store(_)) => {
                        known.refused = true;
                        return Ok(false);
                    }
                    Err(other) => return Err(format!("accept {n}: {other}")),
                }
            }
            Done::Settle(n, result) => {
                let Some(known) = self.jobs.get_mut(&n) else { return Ok(false) };
                match result {
                    Ok(summary) => {
                        ensure!(known.settled.is_none(), "job {n} settled twice");
                        known.settled = Some(summary);
                        self.met.settled += 1;
                    }
                    Err(SettleError::AlreadySettled) => {
                        ensure!(known.settle_tried, "job {n} had settled by itself");
                        return Ok(false);
                    }
                    Err(SettleError::Unknown) => {
                        ensure!(!known.accepted || known.evictable, "job {n} is unknown");
                        return Ok(false);
                    }
                    Err(SettleError::Store(_)) => return Ok(false),
                    Err(other) => return Err(format!("settle {n}: {other}")),
                }
            }
            Done::Evict(Ok(gone)) => {
                self.met.evicted += gone.len();
                return Ok(!gone.is_empty());
            }
            Done::Put(key, value, Ok(())) => {
                self.values.insert(key, vec![Some(value)]).map_or((), drop)
            }
            Done::Delete(key, Ok(())) => self.values.insert(key, vec![None]).map_or((), drop),
            Done::AckOutbox(n, Ok(())) => {
                if let Some(known) = self.jobs.get_mut(&n) {
                    known.outbox_acked = true;
                }
            }
            Done::Evict(Err(_))
            | Done::Put(.., Err(_))
            | Done::Delete(_, Err(_))
            | Done::AckOutbox(_, Err(_)) => return Ok(false),
        }
        Ok(true)
    }

    /// An accept that was answered with an error left nothing behind, once a later change was
    /// acknowledged.
    fn check_refused(&self, store: &Store) -> Checked {
        for (n, known) in self.jobs.iter().filter(|(_, known)| known.refused) {
            if let Ok(view) = store.job(job(*n)) {
                ensure!(view.is_none(), "job {n} was refused and is there: {known:?}");
            }
        }
        Ok(())
    }

    /// Opens what the loss of power has left and holds it against what was promised.
    async fn check_after_power_loss(&mut self) -> Checked {
        // The disk works again, but for syncs that it is told to ignore.
        let store = self.open().map_err(|e| format!("does not open: {e}"))?;
        let text = |e: StoreError| format!("does not read: {e}");
        let settled = self.check_receipts(&store).map_err(|e| format!("chain: {e}"))?;
        let mut pending = BTreeSet::new();
        for job in store.pending().map_err(text)? {
            let job = job.map_err(|e| format!("does not read: {e}"))?;
            ensure!(pending.insert(job.entry.id), "a job is pending twice");
        }
        let mut files = 0;
        for (n, known) in &mut self.jobs {
            let id = job(*n);
            let view = store.job(id).map_err(text)?;
            let is_settled = view.as_ref().is_some_and(|view| view.settled.is_some());
            ensure!(
                pending.contains(&id) == view.as_ref().is_some_and(|v| v.settled.is_none()),
                "job {n}: journal and index differ"
            );
            ensure!(!is_settled || known.settle_tried, "job {n} settled by itself");
            ensure!(!is_settled || settled.contains_key(&id), "job {n} has no receipt");
            let by_job = store.receipt_of(id).map_err(text)?.is_some();
            ensure!(by_job == settled.contains_key(&id), "the receipt of job {n} is not found");
            if known.accepted {
                let may_be_gone = known.evictable && settled.contains_key(&id);
                ensure!(view.is_some() || may_be_gone, "accepted job {n} is lost: {known:?}");
                let again = store.accept(entry(1_000_000 + n, 1), Some(replay(*n))).await;
                let replayed = matches!(again, Err(AcceptError::Replayed(first)) if first == id);
                ensure!(replayed, "the nonce of job {n} is forgotten: {again:?}");
            }
            if let Some(summary) = known.settled {
                ensure!(
                    settled.get(&id) == Some(&summary),
                    "settled job {n} has receipt {:?} instead of {summary:?}",
                    settled.get(&id)
                );
                ensure!(is_settled || known.evictable, "settled job {n} is lost: {known:?}");
            }
            match &view {
                None => {}
                Some(view) if view.settled.is_none() => {
                    let body = store.body(id).map_err(text)?;
                    ensure!(
                        body == Some(content("body", *n, known.body_len)),
                        "the body of job {n} is not what was accepted"
                    );
                    files += usize::from(known.body_len > 2048);
                }
                Some(view) => {
                    let response = store.response(id).map_err(text)?;
                    let response = response.map(|content| content.whole().map_err(text));
                    let response = response.transpose()?;
                    ensure!(
                        response == Some(content("response", *n, known.response_len)),
                        "the response of job {n} is not what was settled"
                    );
                    let found = view.settled.as_ref().map(|s| s.sequence);
                    ensure!(
                        found == settled.get(&id).map(|s| s.sequence),
                        "job {n} points to another receipt"
                    );
                    files += usize::from(known.response_len > 2048);
                }
            }
            // What survived is a fact from now on.
            known.accepted |= view.is_some();
            known.settled = known.settled.or_else(|| settled.get(&id).copied());
            known.refused = false;
        }
        let blobs = self.disk.list("blobs").map_err(|e| e.to_string())?.len();
        ensure!(blobs == files, "{blobs} files for {files} large values");
        self.check_values(&store)?;
        self.check_outbox(&store, &settled)?;
        store.close().await;
        Ok(())
    }

    fn check_receipts(&self, store: &Store) -> Result<BTreeMap<JobId, SettledSummary>, String> {
        let mut settled = BTreeMap::new();
        let mut previous = Digest([0; 32]);
        let receipts = store.receipts_from(0, usize::MAX).map_err(|e| e.to_string())?;
        for (n, (sequence, text)) in receipts.iter().enumerate() {
            let words: Vec<_> = text.split(' ').collect();
            let expected = [n.to_string(), previous.to_string()];
            ensure!(*sequence == n as u64 && words[..2] == expected, "receipt {n} is {text}");
            previous = Digest(Sha256::digest(text).into());
            let summary = SettledSummary { sequence: *sequence, receipt_digest: previous };
            let id: JobId = words[2].parse().map_err(|_| "no job")?;
            ensure!(settled.insert(id, summary).is_none(), "job {id} has two receipts");
        }
        let head = ChainHead { next_sequence: receipts.len() as u64, digest: previous };
        ensure!(store.chain_head() == head, "the head is {:?}", store.chain_head());
        Ok(settled)
    }

    fn check_values(&mut self, store: &Store) -> Checked {
        let namespace = store.namespace("door");
        for (key, possible) in &mut self.values {
            let found = namespace.get([*key]).map_err(|e| e.to_string())?;
            let found = found.map(|v| u64::from_be_bytes(v[..].try_into().unwrap_or_default()));
            ensure!(possible.contains(&found), "key {key} is {found:?}, not one of {possible:?}");
            *possible = vec![found];
        }
        Ok(())
    }

    fn check_outbox(&self, store: &Store, settled: &BTreeMap<JobId, SettledSummary>) -> Checked {
        let items = store.outbox("evm").list(None, usize::MAX).map_err(|e| e.to_string())?;
        let found: BTreeSet<_> = items.iter().map(|item| (item.sequence, item.job)).collect();
        for (n, known) in self.jobs.iter().filter(|(n, _)| **n % 4 == 0) {
            let Some(summary) = settled.get(&job(*n)) else { continue };
            let there = found.contains(&(summary.sequence, job(*n)));
            let acked = known.outbox_acked;
            ensure!(!(acked && there), "delivered entry of job {n} came back");
            ensure!(there || known.settled.is_some(), "the entry of job {n} is lost");
        }
        ensure!(found.len() <= settled.len(), "an entry without a settled job");
        Ok(())
    }
}

async fn perform(store: &Store, action: Action, jobs: &BTreeMap<u64, Known>) -> Done {
    let known = |n| jobs.get(&n).cloned().unwrap_or_default();
    match action {
        Action::Accept(n) => {
            let entry = entry(n, known(n).body_len);
            Done::Accept(n, store.accept(entry, Some(replay(n))).await)
        }
        Action::Settle(n) => {
            let len = known(n).response_len;
            Done::Settle(n, store.settle(job(n), move |head| settlement(n, len, head)).await)
        }
        Action::MarkRunning(n) => {
            let _ = store.mark_running(job(n)).await;
            Done::Nothing
        }
        Action::Evict(keep) => Done::Evict(store.evict(keep, std::time::Duration::MAX, NOW).await),
        Action::Put(key, value) => {
            let stored = store.namespace("door").put([key], value.to_be_bytes().to_vec()).await;
            Done::Put(key, value, stored)
        }
        Action::Delete(key) => Done::Delete(key, store.namespace("door").delete([key]).await),
        Action::AckOutbox(n, sequence) => {
            Done::AckOutbox(n, store.outbox("evm").ack(sequence).await)
        }
        Action::Deliver(n) => {
            store.mark_delivered(job(n));
            Done::Nothing
        }
    }
}
