//! The accounts or keys of one way.

mod standing;

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use sealwork_job::Timestamp;

pub(crate) use self::standing::{Resting, Standing};

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
    standing: Mutex<Standing>,
}

/// Which members are to be asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Turn<'a> {
    /// This one alone.
    pub(crate) only: Option<usize>,
    /// None of these.
    pub(crate) without: &'a [usize],
}

/// Why no member can be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is none.
    Empty,
    /// Those there are have nothing to be logged in with.
    Sessionless,
    /// Those there are were refused, for this reason.
    Refused(&'static str),
    /// They may not use the endpoint, for this reason.
    Forbidden(&'static str),
    /// The limit of each is met, until the first is free again.
    Limited(Timestamp),
}

impl<A> Pool<A> {
    pub(crate) fn new(accounts: Vec<A>) -> Self {
        let member = |account| Member { account, standing: Mutex::default() };
        Self { members: accounts.into_iter().map(member).collect(), next: AtomicUsize::new(0) }
    }

    pub(crate) fn accounts(&self) -> impl ExactSizeIterator<Item = &A> {
        self.members.iter().map(|member| &member.account)
    }

    pub(crate) fn account(&self, index: usize) -> &A {
        &self.members[index].account
    }

    /// The next member in turn that may be asked at `endpoint`, with one request of its budget
    /// taken.
    pub(crate) fn pick(
        &self,
        endpoint: &'static str,
        now: Timestamp,
        turn: Turn<'_>,
    ) -> Result<usize, Why> {
        let count = self.members.len();
        let start = turn.only.unwrap_or_else(|| self.next.fetch_add(1, Relaxed));
        let steps = if turn.only.is_some_and(|only| only >= count) { 0 } else { count };
        let mut why = Why::Empty;
        for index in (0..steps).map(|step| start.wrapping_add(step) % count) {
            if turn.only.is_some_and(|only| only != index) || turn.without.contains(&index) {
                continue;
            }
            match self.standing(index).take(endpoint, now) {
                Ok(()) => return Ok(index),
                Err(reason) => why = why.or(reason),
            }
        }
        Err(why)
    }

    /// Why no member works, when `why` gives that for each; `None` when one does.
    pub(crate) fn broken(&self, why: impl Fn(&Standing) -> Option<Why>) -> Option<Why> {
        let mut members = 0..self.members.len();
        members.try_fold(Why::Empty, |all, index| Some(all.or(why(&self.standing(index))?)))
    }

    /// What members were refused for, each reason once, where `why` gives that for each.
    pub(crate) fn reasons(&self, why: impl Fn(&Standing) -> Option<Why>) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        for index in 0..self.members.len() {
            if let Some(Why::Refused(reason) | Why::Forbidden(reason)) = why(&self.standing(index))
                && !reasons.contains(&reason)
            {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// What is known of a member.
    pub(crate) fn standing(&self, index: usize) -> MutexGuard<'_, Standing> {
        self.members[index].standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Why {
    /// Of two reasons the one that passes sooner.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Limited(a), Self::Limited(b)) => Self::Limited(a.min(b)),
            (limited @ Self::Limited(_), _) | (_, limited @ Self::Limited(_)) => limited,
            (forbidden @ Self::Forbidden(_), _) | (_, forbidden @ Self::Forbidden(_)) => forbidden,
            (refused @ Self::Refused(_), _) | (_, refused @ Self::Refused(_)) => refused,
            (Self::Sessionless, _) | (_, Self::Sessionless) => Self::Sessionless,
            (Self::Empty, Self::Empty) => Self::Empty,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sealwork_upstream::RateLimit;

    use super::*;

    const SEARCH: &str = "search";

    const ANY: Turn<'static> = Turn { only: None, without: &[] };
    const REASON: &str = "it refuses";

    fn only(index: usize) -> Turn<'static> {
        Turn { only: Some(index), without: &[] }
    }

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
            (0..6).map(|_| *pool.account(pool.pick(SEARCH, at(1), ANY).unwrap())).collect();
        assert_eq!(picks, ["a", "b", "c", "a", "b", "c"]);
        assert_eq!(
            (0..3).map(|_| pool.pick(SEARCH, at(1), only(1))).collect::<Vec<_>>(),
            [Ok(1); 3]
        );
        assert_eq!(pool.pick(SEARCH, at(1), only(3)), Err(Why::Empty));
    }

    #[test]
    fn a_budget_that_is_used_up_rests_until_its_window_ends_and_at_that_endpoint_alone() {
        let pool = Pool::new(vec!["a"]);
        pool.standing(0).answered(SEARCH, &rate(1, 100), at(1));
        assert_eq!(pool.pick(SEARCH, at(10), ANY), Ok(0));
        assert_eq!(pool.pick(SEARCH, at(10), ANY), Err(Why::Limited(at(100))));
        assert_eq!(pool.pick("users", at(10), ANY), Ok(0));
        assert_eq!(pool.pick(SEARCH, at(100), ANY), Ok(0));
    }

    #[test]
    fn a_limit_that_is_met_rests_as_long_as_the_upstream_says_else_15_minutes() {
        let pool = Pool::new(vec!["a"]);
        let retry_after =
            RateLimit { retry_after: Some(Duration::from_secs(7)), ..RateLimit::default() };
        pool.standing(0).limited(SEARCH, &retry_after, at(10));
        assert_eq!(pool.pick(SEARCH, at(16), ANY), Err(Why::Limited(at(17))));
        assert_eq!(pool.pick(SEARCH, at(17), ANY), Ok(0));
        pool.standing(0).limited(SEARCH, &RateLimit::default(), at(20));
        assert_eq!(pool.pick(SEARCH, at(21), ANY), Err(Why::Limited(at(20 + 900))));
    }

    #[test]
    fn no_number_of_the_upstream_ends_an_account() {
        let day = 24 * 60 * 60;
        let far = rate(0, u64::MAX);
        let pool = Pool::new(vec!["a", "b"]);
        pool.standing(0).answered(SEARCH, &far, at(10));
        pool.standing(1).limited(SEARCH, &far, at(10));
        for index in 0..2 {
            let rested = Err(Why::Limited(at(10 + day)));
            assert_eq!(pool.pick(SEARCH, at(11), only(index)), rested);
            assert_eq!(pool.pick(SEARCH, at(10 + day), only(index)), Ok(index));
        }
    }

    #[test]
    fn the_reason_that_passes_first_is_told() {
        let pool = Pool::new(vec!["a", "b", "c"]);
        assert_eq!(pool.broken(|it| it.rests(at(1))), None);
        pool.standing(0).refused(Resting::Growing, REASON, at(1));
        pool.standing(1).forbidden(SEARCH, REASON, at(1));
        pool.standing(2).limited(SEARCH, &rate(0, 50), at(1));
        assert_eq!(pool.pick(SEARCH, at(2), ANY), Err(Why::Limited(at(50))));
        pool.standing(2).refused(Resting::Growing, REASON, at(1));
        assert_eq!(pool.pick(SEARCH, at(2), ANY), Err(Why::Forbidden(REASON)));
        pool.standing(1).refused(Resting::Growing, REASON, at(1));
        assert_eq!(pool.pick(SEARCH, at(2), ANY), Err(Why::Refused(REASON)));
        assert_eq!(pool.broken(|it| it.rests(at(2))), Some(Why::Refused(REASON)));
        pool.standing(1).works();
        assert_eq!(pool.broken(|it| it.rests(at(2))), None);
        assert_eq!(Pool::<u8>::new(vec![]).pick(SEARCH, at(2), ANY), Err(Why::Empty));
    }

    #[test]
    fn an_older_answer_gives_no_budget_back() {
        let pool = Pool::new(vec!["a"]);
        pool.standing(0).answered(SEARCH, &rate(0, 100), at(1));
        pool.standing(0).answered(SEARCH, &rate(5, 100), at(1));
        assert_eq!(pool.pick(SEARCH, at(10), ANY), Err(Why::Limited(at(100))));
        pool.standing(0).answered(SEARCH, &rate(5, 200), at(1));
        assert_eq!(pool.pick(SEARCH, at(10), ANY), Ok(0));
    }

    #[test]
    fn a_limit_that_is_over_already_rests_a_second_and_longer_when_it_is_met_again() {
        let pool = Pool::new(vec!["a"]);
        let over = RateLimit { retry_after: Some(Duration::ZERO), ..RateLimit::default() };
        let past = rate(0, 5);
        for (met, rate, rest) in [(10, over, 1), (20, past, 2), (30, over, 4)] {
            pool.standing(0).limited(SEARCH, &rate, at(met));
            assert_eq!(pool.pick(SEARCH, at(met), ANY), Err(Why::Limited(at(met + rest))));
            assert_eq!(pool.pick(SEARCH, at(met + rest), ANY), Ok(0));
        }
        (0..40).for_each(|_| pool.standing(0).limited(SEARCH, &over, at(100)));
        assert_eq!(pool.pick(SEARCH, at(100), ANY), Err(Why::Limited(at(160))));
        pool.standing(0).answered(SEARCH, &RateLimit::default(), at(160));
        pool.standing(0).limited(SEARCH, &over, at(200));
        assert_eq!(pool.pick(SEARCH, at(200), ANY), Err(Why::Limited(at(201))));
    }

    #[test]
    fn refusals_rest_a_minute_at_first_and_longer_each_time_until_it_works() {
        let pool = Pool::new(vec!["a"]);
        let mut now = 0;
        for rest in [60, 120, 240, 480, 900, 900] {
            pool.standing(0).forbidden(SEARCH, REASON, at(now));
            assert_eq!(pool.pick(SEARCH, at(now + rest - 1), ANY), Err(Why::Forbidden(REASON)));
            now += rest;
            assert_eq!(pool.pick(SEARCH, at(now), ANY), Ok(0));
        }
        for rest in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
            pool.standing(0).refused(Resting::Growing, REASON, at(now));
            assert_eq!(pool.pick("users", at(now + rest - 1), ANY), Err(Why::Refused(REASON)));
            now += rest;
            assert_eq!(pool.broken(|it| it.rests(at(now))), None);
        }
        pool.standing(0).answered(SEARCH, &RateLimit::default(), at(now));
        pool.standing(0).refused(Resting::Growing, REASON, at(now));
        assert_eq!(pool.broken(|it| it.rests(at(now + 60))), None);
        pool.standing(0).refused(Resting::Long, REASON, at(now));
        assert_eq!(pool.broken(|it| it.rests(at(now + 3599))), Some(Why::Refused(REASON)));
        pool.standing(0).refused(Resting::ForGood, "it has ended", at(now));
        assert_eq!(
            pool.broken(|it| it.rests(at(now + 1_000_000_000))),
            Some(Why::Refused("it has ended"))
        );
        assert_eq!(pool.reasons(|it| it.rests(at(now))), ["it has ended"]);
    }

    #[test]
    fn members_that_were_passed_over_are_not_asked_again() {
        let pool = Pool::new(vec!["a", "b"]);
        let turn = Turn { only: None, without: &[0] };
        assert_eq!([(); 3].map(|()| pool.pick(SEARCH, at(1), turn)), [Ok(1); 3]);
        pool.standing(1).sessionless();
        assert_eq!(pool.pick(SEARCH, at(1), turn), Err(Why::Sessionless));
        assert_eq!(
            pool.pick(SEARCH, at(1), Turn { only: None, without: &[0, 1] }),
            Err(Why::Empty)
        );
    }

    #[test]
    fn what_was_refused_last_is_known_after_its_rest_until_an_answer() {
        let pool = Pool::new(vec!["a"]);
        pool.standing(0).forbidden(SEARCH, REASON, at(1));
        let rests = |now| pool.broken(|it| it.rests_at(SEARCH, at(now)));
        let refused = |endpoint| pool.broken(|it| it.refused_at(endpoint));
        assert_eq!((rests(2), rests(61)), (Some(Why::Forbidden(REASON)), None));
        assert_eq!(pool.pick(SEARCH, at(61), ANY), Ok(0));
        assert_eq!((refused(SEARCH), refused("users")), (Some(Why::Forbidden(REASON)), None));
        assert_eq!(pool.reasons(|it| it.refused_at(SEARCH)), [REASON]);
        pool.standing(0).answered(SEARCH, &RateLimit::default(), at(62));
        assert_eq!(refused(SEARCH), None);
        pool.standing(0).limited(SEARCH, &RateLimit::default(), at(63));
        assert_eq!((rests(64), refused(SEARCH)), (None, None));
    }

    #[test]
    fn a_member_is_known_to_work_where_it_has_answered_a_moment_ago() {
        let pool = Pool::new(vec!["a"]);
        assert!(!pool.standing(0).worked_lately(SEARCH, at(1)));
        pool.standing(0).answered(SEARCH, &RateLimit::default(), at(1));
        assert!(
            pool.standing(0).worked_lately(SEARCH, at(60))
                && !pool.standing(0).worked_lately(SEARCH, at(61))
        );
        assert!(!pool.standing(0).worked_lately("users", at(1)));
    }
}
