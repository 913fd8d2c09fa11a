use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use sealwork_job::Timestamp;
use sealwork_upstream::RateLimit;

/// How long an account rests from an endpoint whose limit it met, when the upstream does not say.
const RATE_REST: Duration = Duration::from_secs(15 * 60);
/// How long an account rests whose credentials were refused: they seldom heal by themselves.
const REFUSED_REST: Duration = Duration::from_secs(60 * 60);
/// How long an account rests from an endpoint that it may not use.
const FORBIDDEN_REST: Duration = Duration::from_secs(15 * 60);

/// No rest is longer, whatever the upstream says: a wrong number must not end an account.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// The accounts or keys of one way, asked in turn. Each has a budget for each endpoint, as the
/// upstream's answers tell it.
#[derive(Debug)]
pub(crate) struct Pool<A> {
    members: Vec<Member<A>>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Member<A> {
    account: A,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// It is left alone altogether until then.
    rests: Option<Timestamp>,
    endpoints: HashMap<&'static str, Budget>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Budget {
    remaining: Option<u64>,
    /// When a new window begins.
    reset: Option<Timestamp>,
    /// It is left alone until then, and why.
    rests: Option<(Timestamp, Why)>,
}

/// Why no member can be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is none.
    Empty,
    /// Those there are were refused.
    Refused,
    /// They may not use the endpoint.
    Forbidden,
    /// The limit of each is met, until the first is free again.
    Limited(Timestamp),
}

impl<A> Pool<A> {
    pub(crate) fn new(accounts: Vec<A>) -> Self {
        let member = |account| Member { account, state: Mutex::default() };
        Self { members: accounts.into_iter().map(member).collect(), next: AtomicUsize::new(0) }
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &A> {
        self.members.iter().map(|member| &member.account)
    }

    pub(crate) fn account(&self, index: usize) -> &A {
        &self.members[index].account
    }

    /// The next member in turn that may be asked at `endpoint`, with one request of its budget
    /// taken; or this one alone.
    pub(crate) fn pick(
        &self,
        endpoint: &'static str,
        now: Timestamp,
        only: Option<usize>,
    ) -> Result<usize, Why> {
        let count = self.members.len();
        if let Some(index) = only {
            let is_there = index < count;
            return if is_there {
                self.state(index).take(endpoint, now).map(|()| index)
            } else {
                Err(Why::Empty)
            };
        }
        let start = self.next.fetch_add(1, Relaxed);
        let mut why = Why::Empty;
        for index in (0..count).map(|step| (start.wrapping_add(step)) % count) {
            match self.state(index).take(endpoint, now) {
                Ok(()) => return Ok(index),
                Err(reason) => why = why.or(reason),
            }
        }
        Err(why)
    }

    /// Notes what an answer said about the budget.
    pub(crate) fn note(
        &self,
        index: usize,
        endpoint: &'static str,
        rate: &RateLimit,
        now: Timestamp,
    ) {
        if rate.remaining.is_none() {
            return;
        }
        let reset = rate.reset.map(|reset| reset.min(now.plus(LONGEST_REST)));
        let mut state = self.state(index);
        let budget = state.endpoints.entry(endpoint).or_default();
        // Of answers that overtake each other within a window the lowest is the latest.
        budget.remaining = match (budget.reset == reset, budget.remaining, rate.remaining) {
            (true, Some(known), Some(told)) => Some(known.min(told)),
            (_, _, told) => told,
        };
        budget.reset = reset;
    }

    /// The endpoint's limit is met.
    pub(crate) fn limited(
        &self,
        index: usize,
        endpoint: &'static str,
        rate: &RateLimit,
        now: Timestamp,
    ) {
        let wait = rate.wait(now).filter(|wait| !wait.is_zero()).unwrap_or(RATE_REST);
        let until = now.plus(wait.min(LONGEST_REST));
        self.rest(index, endpoint, Why::Limited(until), until);
    }

    /// The member may not use the endpoint.
    pub(crate) fn forbidden(&self, index: usize, endpoint: &'static str, now: Timestamp) {
        self.rest(index, endpoint, Why::Forbidden, now.plus(FORBIDDEN_REST));
    }

    /// The member's credentials are refused.
    pub(crate) fn refused(&self, index: usize, now: Timestamp) {
        self.state(index).rests = Some(now.plus(REFUSED_REST));
    }

    /// The member works after all.
    pub(crate) fn works(&self, index: usize) {
        self.state(index).rests = None;
    }

    /// Why no member works at all; `None` when one does.
    pub(crate) fn broken(&self, now: Timestamp) -> Option<Why> {
        if self.members.is_empty() {
            return Some(Why::Empty);
        }
        let rests = |index: usize| self.state(index).rests.is_some_and(|until| until > now);
        (0..self.members.len()).all(rests).then_some(Why::Refused)
    }

    fn rest(&self, index: usize, endpoint: &'static str, why: Why, until: Timestamp) {
        let mut state = self.state(index);
        state.endpoints.entry(endpoint).or_default().rests = Some((until, why));
    }

    fn state(&self, index: usize) -> MutexGuard<'_, State> {
        self.members[index].state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, endpoint: &'static str, now: Timestamp) -> Result<(), Why> {
        if self.rests.is_some_and(|until| until > now) {
            return Err(Why::Refused);
        }
        let budget = self.endpoints.entry(endpoint).or_default();
        if let Some((until, why)) = budget.rests {
            if until > now {
                return Err(why);
            }
            *budget = Budget::default();
        }
        if let Some(reset) = budget.reset
            && reset <= now
        {
            *budget = Budget::default();
        }
        match (budget.remaining, budget.reset) {
            (Some(0), Some(reset)) => Err(Why::Limited(reset)),
            (Some(left), _) => {
                budget.remaining = Some(left.saturating_sub(1));
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }
}

impl Why {
    /// Of two reasons the one that passes sooner.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Limited(a), Self::Limited(b)) => Self::Limited(a.min(b)),
            (limited @ Self::Limited(_), _) | (_, limited @ Self::Limited(_)) => limited,
            (Self::Refused, Self::Forbidden) => Self::Forbidden,
            (Self::Empty, other) => other,
            (why, _) => why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: &str = "search";

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn rate(remaining: u64, reset: u64) -> RateLimit {
        RateLimit { remaining: Some(remaining), reset: Some(at(reset)), ..RateLimit::default() }
    }

    #[test]
    fn members_take_turns() {
        let pool = Pool::new(vec!["a", "b", "c"]);
        let picks: Vec<&str> =
            (0..6).map(|_| *pool.account(pool.pick(SEARCH, at(1), None).unwrap())).collect();
        assert_eq!(picks, ["a", "b", "c", "a", "b", "c"]);
        assert_eq!(
            (0..3).map(|_| pool.pick(SEARCH, at(1), Some(1))).collect::<Vec<_>>(),
            [Ok(1); 3]
        );
        assert_eq!(pool.pick(SEARCH, at(1), Some(3)), Err(Why::Empty));
    }

    #[test]
    fn a_budget_that_is_used_up_rests_until_its_window_ends_and_at_that_endpoint_alone() {
        let pool = Pool::new(vec!["a"]);
        pool.note(0, SEARCH, &rate(1, 100), at(1));
        assert_eq!(pool.pick(SEARCH, at(10), None), Ok(0));
        assert_eq!(pool.pick(SEARCH, at(10), None), Err(Why::Limited(at(100))));
        assert_eq!(pool.pick("users", at(10), None), Ok(0));
        assert_eq!(pool.pick(SEARCH, at(100), None), Ok(0));
    }

    #[test]
    fn a_limit_that_is_met_rests_as_long_as_the_upstream_says_else_15_minutes() {
        let pool = Pool::new(vec!["a"]);
        let retry_after =
            RateLimit { retry_after: Some(Duration::from_secs(7)), ..RateLimit::default() };
        pool.limited(0, SEARCH, &retry_after, at(10));
        assert_eq!(pool.pick(SEARCH, at(16), None), Err(Why::Limited(at(17))));
        assert_eq!(pool.pick(SEARCH, at(17), None), Ok(0));
        pool.limited(0, SEARCH, &RateLimit::default(), at(20));
        assert_eq!(pool.pick(SEARCH, at(21), None), Err(Why::Limited(at(20 + 900))));
    }

    #[test]
    fn no_number_of_the_upstream_ends_an_account() {
        let day = 24 * 60 * 60;
        let far = rate(0, u64::MAX);
        let pool = Pool::new(vec!["a", "b"]);
        pool.note(0, SEARCH, &far, at(10));
        pool.limited(1, SEARCH, &far, at(10));
        for index in 0..2 {
            let rested = Err(Why::Limited(at(10 + day)));
            assert_eq!(pool.pick(SEARCH, at(11), Some(index)), rested);
            assert_eq!(pool.pick(SEARCH, at(10 + day), Some(index)), Ok(index));
        }
    }

    #[test]
    fn the_reason_that_passes_first_is_told() {
        let pool = Pool::new(vec!["a", "b", "c"]);
        assert_eq!(pool.broken(at(1)), None);
        pool.refused(0, at(1));
        pool.forbidden(1, SEARCH, at(1));
        pool.limited(2, SEARCH, &rate(0, 50), at(1));
        assert_eq!(pool.pick(SEARCH, at(2), None), Err(Why::Limited(at(50))));
        pool.refused(2, at(1));
        assert_eq!(pool.pick(SEARCH, at(2), None), Err(Why::Forbidden));
        pool.refused(1, at(1));
        assert_eq!(pool.pick(SEARCH, at(2), None), Err(Why::Refused));
        assert_eq!(pool.broken(at(2)), Some(Why::Refused));
        pool.works(1);
        assert_eq!(pool.broken(at(2)), None);
        assert_eq!(Pool::<u8>::new(vec![]).pick(SEARCH, at(2), None), Err(Why::Empty));
    }

    #[test]
    fn an_older_answer_gives_no_budget_back() {
        let pool = Pool::new(vec!["a"]);
        pool.note(0, SEARCH, &rate(0, 100), at(1));
        pool.note(0, SEARCH, &rate(5, 100), at(1));
        assert_eq!(pool.pick(SEARCH, at(10), None), Err(Why::Limited(at(100))));
        pool.note(0, SEARCH, &rate(5, 200), at(1));
        assert_eq!(pool.pick(SEARCH, at(10), None), Ok(0));
    }
}
