use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
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
    slots: Slots,
    inner: Mutex<Inner>,
}

/// How many jobs run at once.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    /// By engine.
    pub(crate) engines: BTreeMap<String, usize>,
    /// Of engines that are not named.
    pub(crate) default: usize,
    /// Of one engine by one requester. `None`: seven eighths of the engine's, so that whoever
    /// comes next finds a slot.
    pub(crate) per_requester: Option<usize>,
}

impl Slots {
    pub(crate) fn of(&self, engine: &str) -> usize {
        self.engines.get(engine).copied().unwrap_or(self.default).max(1)
    }

    fn of_one_requester(&self, limit: usize) -> usize {
        self.per_requester.unwrap_or(limit - limit / 8).clamp(1, limit)
    }
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
    limit_of_one: usize,
    running_by: HashMap<RequesterId, usize>,
    /// Requesters with queued jobs, the next one first. While a slot is free, each of them runs as
    /// many as it may.
    turn: VecDeque<RequesterId>,
    queued: HashMap<RequesterId, VecDeque<Ticket>>,
}

/// One job of a lane is queued or running; the others wait behind it as they came, which is in
/// ascending order.
type Lane = VecDeque<Ticket>;

impl Scheduler {
    pub(crate) fn new(slots: Slots) -> Self {
        Self { slots, inner: Mutex::default() }
    }

    /// Takes a job in. When it answers [`Pushed::Started`] the caller starts the job and later
    /// calls [`Self::finished`].
    pub(crate) fn push(&self, ticket: Ticket) -> Pushed {
        let mut inner = self.lock();
        if let Some(position) = &ticket.lane {
            if let Some(waiting) = inner.lanes.get_mut(&position.lane.0) {
                waiting.push_back(ticket);
                return Pushed::Turn;
            }
            inner.lanes.insert(position.lane.0.clone(), Lane::new());
        }
        if self.enter(&mut inner, ticket) { Pushed::Started } else { Pushed::Queued }
    }

    /// Gives a slot back and returns the jobs that have one now: start each.
    #[must_use]
    pub(crate) fn finished(&self, ticket: &Ticket) -> Vec<Ticket> {
        let mut inner = self.lock();
        if let Some(engine) = inner.engines.get_mut(&ticket.engine) {
            engine.leave(&ticket.requester);
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

    /// Takes a job that has not started, and is in no lane, out of its queue; whether it was there.
    pub(crate) fn withdraw(&self, ticket: &Ticket) -> bool {
        let mut inner = self.lock();
        let Some(engine) = inner.engines.get_mut(&ticket.engine) else { return false };
        let Some(queued) = engine.queued.get_mut(&ticket.requester) else { return false };
        let Some(index) = queued.iter().position(|found| found.job == ticket.job) else {
            return false;
        };
        queued.remove(index);
        if queued.is_empty() {
            engine.queued.remove(&ticket.requester);
            engine.turn.retain(|requester| *requester != ticket.requester);
        }
        true
    }

    /// Queued jobs and running jobs of all engines.
    pub(crate) fn load(&self) -> (usize, usize) {
        let inner = self.lock();
        let queued: usize =
            inner.engines.values().flat_map(|e| e.queued.values()).map(VecDeque::len).sum();
        let in_lanes: usize = inner.lanes.values().map(Lane::len).sum();
        (queued + in_lanes, inner.engines.values().map(|e| e.running).sum())
    }

    /// A running or queued job of a lane holds the lane; when it is done the next one enters.
    fn release_lane(&self, inner: &mut Inner, ticket: &Ticket, started: &mut Vec<Ticket>) {
        let Some(position) = &ticket.lane else { return };
        let Some(lane) = inner.lanes.get_mut(&position.lane.0) else { return };
        match lane.pop_front() {
            Some(next) => {
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
        let engine = inner.engines.entry(ticket.engine.clone()).or_insert_with(|| {
            let limit = self.slots.of(&ticket.engine);
            EngineQueue::new(limit, self.slots.of_one_requester(limit))
        });
        if engine.has_slot_for(&ticket.requester) {
            engine.take_slot(&ticket.requester);
            return true;
        }
        let queued = engine.queued.entry(ticket.requester.clone()).or_default();
        if queued.is_empty() {
            engine.turn.push_back(ticket.requester.clone());
        }
        queued.push_back(ticket);
        false
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EngineQueue {
    fn new(limit: usize, limit_of_one: usize) -> Self {
        Self {
            running: 0,
            limit,
            limit_of_one,
            running_by: HashMap::new(),
            turn: VecDeque::new(),
            queued: HashMap::new(),
        }
    }

    fn has_slot_for(&self, requester: &RequesterId) -> bool {
        let own = self.running_by.get(requester).copied().unwrap_or(0);
        self.running < self.limit && own < self.limit_of_one
    }

    fn take_slot(&mut self, requester: &RequesterId) {
        self.running += 1;
        *self.running_by.entry(requester.clone()).or_default() += 1;
    }

    fn leave(&mut self, requester: &RequesterId) {
        self.running = self.running.saturating_sub(1);
        if let Some(own) = self.running_by.get_mut(requester) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.running_by.remove(requester);
            }
        }
    }

    /// Starts the first job of the first requester that may run one more, until nobody may.
    fn start_queued(&mut self, started: &mut Vec<Ticket>) {
        while self.running < self.limit {
            let next = self.turn.iter().position(|requester| self.has_slot_for(requester));
            let Some(requester) = next.and_then(|at| self.turn.remove(at)) else { return };
            let Some(queued) = self.queued.get_mut(&requester) else { continue };
            let next = queued.pop_front();
            if queued.is_empty() {
                self.queued.remove(&requester);
            } else {
                self.turn.push_back(requester.clone());
            }
            if let Some(next) = next {
                self.take_slot(&requester);
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

    fn shares(default: usize) -> Slots {
        Slots { engines: BTreeMap::new(), default, per_requester: None }
    }

    fn slots(default: usize) -> Scheduler {
        Scheduler::new(shares(default))
    }

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
        let scheduler = slots(1);
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
        let scheduler = Scheduler::new(Slots {
            engines: BTreeMap::from([("web".to_owned(), 2)]),
            ..shares(100)
        });
        assert_eq!(scheduler.push(ticket(1, "a")), Pushed::Started);
        assert_eq!(scheduler.push(ticket(2, "a")), Pushed::Started);
        assert_eq!(scheduler.push(ticket(3, "b")), Pushed::Queued);
        assert_eq!(scheduler.load(), (1, 2));
        assert_eq!(ids(&scheduler.finished(&ticket(1, "a"))), [3]);
    }

    #[test]
    fn jobs_of_a_lane_run_one_at_a_time_and_in_ascending_order() {
        let scheduler = slots(100);
        assert_eq!(scheduler.push(in_lane(1, 1)), Pushed::Started);
        assert_eq!(scheduler.push(in_lane(2, 2)), Pushed::Turn);
        assert_eq!(scheduler.push(in_lane(3, 3)), Pushed::Turn);
        assert_eq!(scheduler.push(ticket(9, "a")), Pushed::Started);
        assert_eq!(ids(&scheduler.finished(&in_lane(1, 1))), [2]);
        assert_eq!(ids(&scheduler.finished(&in_lane(2, 2))), [3]);
        assert!(scheduler.finished(&in_lane(3, 3)).is_empty());
        assert_eq!(scheduler.push(in_lane(4, 4)), Pushed::Started);
    }

    #[test]
    fn a_withdrawn_job_never_starts_and_a_running_one_stays() {
        let scheduler = slots(1);
        scheduler.push(ticket(0, "a"));
        assert_eq!(scheduler.push(ticket(1, "a")), Pushed::Queued);
        assert!(scheduler.withdraw(&ticket(1, "a")));
        assert!(!scheduler.withdraw(&ticket(1, "a")));
        assert!(!scheduler.withdraw(&ticket(0, "a")), "it runs already");
        assert!(scheduler.finished(&ticket(0, "a")).is_empty());
    }

    #[test]
    fn one_requester_cannot_take_the_last_slots_of_an_engine() {
        let scheduler = slots(8);
        for n in 0..7 {
            assert_eq!(scheduler.push(ticket(n, "a")), Pushed::Started);
        }
        assert_eq!(scheduler.push(ticket(7, "a")), Pushed::Queued);
        assert_eq!(scheduler.push(ticket(10, "b")), Pushed::Started);
        assert_eq!(scheduler.push(ticket(11, "b")), Pushed::Queued);
        // A slot that b gives back is not a's, however long a has waited.
        assert_eq!(ids(&scheduler.finished(&ticket(10, "b"))), [11]);
        assert_eq!(ids(&scheduler.finished(&ticket(0, "a"))), [7]);
    }

    proptest! {
        #[test]
        fn every_job_starts_exactly_once(
            jobs in prop::collection::vec((0u8..4, prop::option::of(0u8..2)), 1..60),
            limit in 1usize..4,
        ) {
            let scheduler = slots(limit);
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
