use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use sealwork_job::{JobId, LanePosition, RequesterId};

/// What the scheduler must know of a job to give it its turn.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) job: JobId,
    pub(crate) engine: String,
    /// By whom turns are counted.
    pub(crate) requester: RequesterId,
    pub(crate) lane: Option<LanePosition>,
}

/// What became of a pushed job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It has a slot: start it.
    Started,
    /// It waits for a slot of its engine.
    Queued,
    /// It waits for the jobs before it in its lane.
    Turn,
}

/// Gives out the slots of each engine, one requester after the other, and keeps lanes in order.
///
/// Holds ids only: a queued job has no plaintext here.
#[derive(Debug)]
pub(crate) struct Scheduler {
    limits: BTreeMap<String, usize>,
    default_limit: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    engines: HashMap<String, EngineQueue>,
    lanes: HashMap<String, Lane>,
}

#[derive(Debug)]
struct EngineQueue {
    running: usize,
    limit: usize,
    /// Requesters with queued jobs, the next one first.
    turn: VecDeque<RequesterId>,
    queued: HashMap<RequesterId, VecDeque<Ticket>>,
}

#[derive(Debug, Default)]
struct Lane {
    running: bool,
    waiting: BTreeMap<u64, Ticket>,
}

impl Scheduler {
    pub(crate) fn new(limits: BTreeMap<String, usize>, default_limit: usize) -> Self {
        Self { limits, default_limit: default_limit.max(1), inner: Mutex::default() }
    }

    /// Takes a job in. When it answers [`Pushed::Started`] the caller starts the job and later
    /// calls [`Self::finished`].
    pub(crate) fn push(&self, ticket: Ticket) -> Pushed {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = &ticket.lane {
            let lane = inner.lanes.entry(position.lane.0.clone()).or_default();
            if lane.running {
                lane.waiting.insert(position.position, ticket);
                return Pushed::Turn;
            }
            lane.running = true;
        }
        if self.enter(&mut inner, ticket) { Pushed::Started } else { Pushed::Queued }
    }

    /// Gives a slot back and returns the jobs that have one now: start each.
    #[must_use]
    pub(crate) fn finished(&self, ticket: &Ticket) -> Vec<Ticket> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = inner.engines.get_mut(&ticket.engine) {
            engine.running = engine.running.saturating_sub(1);
        }
        let mut started = Vec::new();
        self.release_lane(&mut inner, ticket, &mut started);
        if let Some(engine) = inner.engines.get_mut(&ticket.engine) {
            engine.start_queued(&mut started);
            if engine.is_idle() {
                inner.engines.remove(&ticket.engine);
            }
        }
        started
    }

    /// Takes a job that has not started out of its queue. `None` when it has no place there.
    /// Returns with it the jobs of its lane that have a slot now.
    pub(crate) fn withdraw(&self, ticket: &Ticket) -> Option<Vec<Ticket>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = &ticket.lane
            && let Some(lane) = inner.lanes.get_mut(&position.lane.0)
            && lane.waiting.get(&position.position).is_some_and(|found| found.job == ticket.job)
        {
            lane.waiting.remove(&position.position);
            return Some(Vec::new());
        }
        let engine = inner.engines.get_mut(&ticket.engine)?;
        let queued = engine.queued.get_mut(&ticket.requester)?;
        let index = queued.iter().position(|found| found.job == ticket.job)?;
        queued.remove(index);
        if queued.is_empty() {
            engine.queued.remove(&ticket.requester);
            engine.turn.retain(|requester| *requester != ticket.requester);
        }
        let mut started = Vec::new();
        self.release_lane(&mut inner, ticket, &mut started);
        Some(started)
    }

    /// Queued jobs and running jobs of all engines.
    pub(crate) fn load(&self) -> (usize, usize) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let queued: usize =
            inner.engines.values().flat_map(|e| e.queued.values()).map(VecDeque::len).sum();
        let in_lanes: usize = inner.lanes.values().map(|lane| lane.waiting.len()).sum();
        (queued + in_lanes, inner.engines.values().map(|e| e.running).sum())
    }

    /// A running or queued job of a lane holds the lane; when it is done the next one enters.
    fn release_lane(&self, inner: &mut Inner, ticket: &Ticket, started: &mut Vec<Ticket>) {
        let Some(position) = &ticket.lane else { return };
        let Some(lane) = inner.lanes.get_mut(&position.lane.0) else { return };
        match lane.waiting.pop_first() {
            Some((_, next)) => {
                if self.enter(inner, next.clone()) {
                    started.push(next);
                }
            }
            None => {
                inner.lanes.remove(&position.lane.0);
            }
        }
    }

    /// Whether the job has a slot at once; else it is queued for one.
    fn enter(&self, inner: &mut Inner, ticket: Ticket) -> bool {
        let engine = inner.engines.entry(ticket.engine.clone()).or_insert_with(|| EngineQueue {
            running: 0,
            limit: self.limits.get(&ticket.engine).copied().unwrap_or(self.default_limit).max(1),
            turn: VecDeque::new(),
            queued: HashMap::new(),
        });
        if engine.running < engine.limit && engine.turn.is_empty() {
            engine.running += 1;
            return true;
        }
        let queued = engine.queued.entry(ticket.requester.clone()).or_default();
        if queued.is_empty() {
            engine.turn.push_back(ticket.requester.clone());
        }
        queued.push_back(ticket);
        false
    }
}

impl EngineQueue {
    fn start_queued(&mut self, started: &mut Vec<Ticket>) {
        while self.running < self.limit {
            let Some(requester) = self.turn.pop_front() else { return };
            let Some(queued) = self.queued.get_mut(&requester) else { continue };
            let next = queued.pop_front();
            if queued.is_empty() {
                self.queued.remove(&requester);
            } else {
                self.turn.push_back(requester);
            }
            if let Some(next) = next {
                self.running += 1;
                started.push(next);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.running == 0 && self.queued.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sealwork_job::LaneId;

    use super::*;

    fn ticket(n: u8, requester: &str) -> Ticket {
        Ticket {
            job: JobId([n; 16]),
            engine: "web".to_owned(),
            requester: RequesterId::new("api-key", requester),
            lane: None,
        }
    }

    fn in_lane(n: u8, position: u64) -> Ticket {
        Ticket {
            lane: Some(LanePosition { lane: LaneId("shard".to_owned()), position }),
            ..ticket(n, "chain")
        }
    }

    fn ids(tickets: &[Ticket]) -> Vec<u8> {
        tickets.iter().map(|ticket| ticket.job.0[0]).collect()
    }

    #[test]
    fn requesters_take_turns_however_many_jobs_one_of_them_has_queued() {
        let scheduler = Scheduler::new(BTreeMap::new(), 1);
        assert_eq!(scheduler.push(ticket(0, "a")), Pushed::Started);
        for n in 1..=3 {
            assert_eq!(scheduler.push(ticket(n, "a")), Pushed::Queued);
        }
        scheduler.push(ticket(10, "b"));
        let mut order = Vec::new();
        let mut running = ticket(0, "a");
        while let Some(next) = scheduler.finished(&running).pop() {
            order.push(next.job.0[0]);
            running = next;
        }
        assert_eq!(order, [1, 10, 2, 3]);
        assert_eq!(scheduler.load(), (0, 0));
    }

    #[test]
    fn an_engine_runs_no_more_jobs_at_once_than_its_limit() {
        let scheduler = Scheduler::new(BTreeMap::from([("web".to_owned(), 2)]), 100);
        assert_eq!(scheduler.push(ticket(1, "a")), Pushed::Started);
        assert_eq!(scheduler.push(ticket(2, "a")), Pushed::Started);
        assert_eq!(scheduler.push(ticket(3, "b")), Pushed::Queued);
        assert_eq!(scheduler.load(), (1, 2));
        assert_eq!(ids(&scheduler.finished(&ticket(1, "a"))), [3]);
    }

    #[test]
    fn jobs_of_a_lane_run_one_at_a_time_and_in_ascending_order() {
        let scheduler = Scheduler::new(BTreeMap::new(), 100);
        assert_eq!(scheduler.push(in_lane(1, 1)), Pushed::Started);
        assert_eq!(scheduler.push(in_lane(3, 3)), Pushed::Turn);
        assert_eq!(scheduler.push(in_lane(2, 2)), Pushed::Turn);
        assert_eq!(scheduler.push(ticket(9, "a")), Pushed::Started);
        assert_eq!(ids(&scheduler.finished(&in_lane(1, 1))), [2]);
        assert_eq!(ids(&scheduler.finished(&in_lane(2, 2))), [3]);
        assert!(scheduler.finished(&in_lane(3, 3)).is_empty());
        assert_eq!(scheduler.push(in_lane(4, 4)), Pushed::Started);
    }

    #[test]
    fn a_withdrawn_job_never_starts_and_its_lane_goes_on() {
        let scheduler = Scheduler::new(BTreeMap::new(), 1);
        scheduler.push(ticket(0, "a"));
        assert_eq!(scheduler.push(in_lane(1, 1)), Pushed::Queued);
        assert_eq!(scheduler.push(in_lane(2, 2)), Pushed::Turn);
        assert!(scheduler.withdraw(&in_lane(1, 1)).unwrap().is_empty());
        assert!(scheduler.withdraw(&in_lane(1, 1)).is_none());
        assert!(scheduler.withdraw(&ticket(0, "a")).is_none(), "it runs already");
        assert_eq!(ids(&scheduler.finished(&ticket(0, "a"))), [2]);
    }

    proptest! {
        #[test]
        fn every_job_starts_exactly_once(
            jobs in prop::collection::vec((0u8..4, prop::option::of(0u8..2)), 1..60),
            limit in 1usize..4,
        ) {
            let scheduler = Scheduler::new(BTreeMap::new(), limit);
            let mut running = Vec::new();
            let mut started = Vec::new();
            for (n, (requester, lane)) in jobs.iter().enumerate() {
                let n = u8::try_from(n).unwrap();
                let ticket = Ticket {
                    lane: lane.map(|lane| LanePosition {
                        lane: LaneId(lane.to_string()),
                        position: n.into(),
                    }),
                    ..ticket(n, &requester.to_string())
                };
                if scheduler.push(ticket.clone()) == Pushed::Started {
                    started.push(n);
                    running.push(ticket);
                }
                prop_assert!(running.len() <= limit);
            }
            while let Some(done) = running.pop() {
                for next in scheduler.finished(&done) {
                    started.push(next.job.0[0]);
                    running.push(next);
                }
                prop_assert!(running.len() <= limit);
            }
            started.sort_unstable();
            prop_assert_eq!(started, (0..u8::try_from(jobs.len()).unwrap()).collect::<Vec<_>>());
            prop_assert_eq!(scheduler.load(), (0, 0));
        }
    }
}
