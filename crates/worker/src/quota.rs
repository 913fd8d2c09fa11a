use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sealwork_job::{Code, Refusal, RequesterId};

use crate::Quota;

const MINUTE: Duration = Duration::from_secs(60);
/// Accounts above which idle ones are looked for.
const SWEEP_ABOVE: usize = 10_000;

/// Counts what each requester has pending and how fast it submits.
#[derive(Debug)]
pub(crate) struct Quotas {
    default: Quota,
    named: BTreeMap<RequesterId, Quota>,
    capacity: usize,
    /// Bytes of all pending bodies together.
    bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pending: usize,
    bytes: u64,
    requesters: HashMap<RequesterId, Account>,
}

/// A token bucket that refills at `per_minute`, the number of pending jobs, and their bytes.
#[derive(Debug, Clone, Copy)]
struct Account {
    pending: u32,
    bytes: u64,
    tokens: f64,
    refilled: Duration,
}

/// Places taken by one job; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    quotas: Arc<Quotas>,
    requesters: Vec<RequesterId>,
    bytes: u64,
}

impl Quotas {
    pub(crate) fn new(
        capacity: usize,
        bytes: u64,
        default: Quota,
        named: BTreeMap<RequesterId, Quota>,
    ) -> Arc<Self> {
        Arc::new(Self { default, named, capacity, bytes, state: Mutex::default() })
    }

    /// Takes a place in the queue, and one in the quota of who asks and of whose API key or chain
    /// account it came with; or none at all.
    pub(crate) fn take(
        self: &Arc<Self>,
        requester: &RequesterId,
        origin: &RequesterId,
        body_len: usize,
        now: Duration,
    ) -> Result<Place, Refusal> {
        let (counted, bytes) = (counted(requester, origin), body_len as u64);
        let mut state = self.lock();
        if state.pending >= self.capacity {
            return Err(Refusal::new(
                Code::QueueFull,
                format!("{} jobs are pending, which is all this worker holds", self.capacity),
            )
            .after(Duration::from_secs(1)));
        }
        if state.bytes + bytes > self.bytes {
            return Err(Refusal::new(
                Code::QueueFull,
                format!("the pending jobs have {} bytes, which are nearly all of {} that this worker holds", state.bytes, self.bytes),
            )
            .after(Duration::from_secs(1)));
        }
        // Nothing is kept of a refused requester: fresh names must not fill the memory.
        let accounts = counted
            .iter()
            .map(|requester| self.check(&state, requester, bytes, now))
            .collect::<Result<Vec<_>, _>>()?;
        state.pending += 1;
        state.bytes += bytes;
        for (requester, account) in counted.iter().zip(accounts) {
            let taken = Account {
                pending: account.pending + 1,
                bytes: account.bytes + bytes,
                tokens: account.tokens - 1.0,
                ..account
            };
            state.requesters.insert(requester.clone(), taken);
        }
        if state.requesters.len() > SWEEP_ABOVE {
            self.forget_idle(&mut state, now);
        }
        drop(state);
        Ok(Place { quotas: Arc::clone(self), requesters: counted, bytes })
    }

    /// Takes a place without asking: jobs of lanes, and jobs found in the journal at start.
    pub(crate) fn take_unconditionally(
        self: &Arc<Self>,
        requester: &RequesterId,
        origin: &RequesterId,
        body_len: usize,
    ) -> Place {
        let (counted, bytes) = (counted(requester, origin), body_len as u64);
        let mut state = self.lock();
        state.pending += 1;
        state.bytes += bytes;
        for requester in &counted {
            let quota = self.quota(requester);
            let account = state
                .requesters
                .entry(requester.clone())
                .or_insert_with(|| Account::full(quota, Duration::ZERO));
            account.pending += 1;
            account.bytes += bytes;
        }
        drop(state);
        Place { quotas: Arc::clone(self), requesters: counted, bytes }
    }

    pub(crate) fn pending(&self) -> usize {
        self.lock().pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn quota(&self, requester: &RequesterId) -> Quota {
        self.named.get(requester).copied().unwrap_or(self.default)
    }

    /// The requester's account as it is now, if it may submit.
    fn check(
        &self,
        state: &State,
        requester: &RequesterId,
        bytes: u64,
        now: Duration,
    ) -> Result<Account, Refusal> {
        let quota = self.quota(requester);
        let known = state.requesters.get(requester).copied();
        let mut account = known.unwrap_or_else(|| Account::full(quota, now));
        account.refill(quota, now);
        if account.pending >= quota.max_pending {
            return Err(Refusal::new(
                Code::QuotaExceeded,
                format!("this requester has {} jobs pending, its maximum", quota.max_pending),
            )
            .after(Duration::from_secs(1)));
        }
        // So that whoever comes next finds room.
        let share = self.bytes / 8 * 7;
        if account.bytes + bytes > share {
            return Err(Refusal::new(
                Code::QuotaExceeded,
                format!(
                    "this requester's pending jobs have {} bytes, nearly its maximum of {share}",
                    account.bytes
                ),
            )
            .after(Duration::from_secs(1)));
        }
        if let Some(rate) = quota.per_minute
            && account.tokens < 1.0
        {
            let missing = 1.0 - account.tokens;
            return Err(Refusal::new(
                Code::QuotaExceeded,
                format!("this requester may submit {rate} jobs a minute"),
            )
            .after(MINUTE.mul_f64(missing / f64::from(rate.max(1)))));
        }
        Ok(account)
    }

    /// Drops accounts that have nothing pending and are as good as new.
    fn forget_idle(&self, state: &mut State, now: Duration) {
        state.requesters.retain(|requester, account| {
            let quota = self.quota(requester);
            account.refill(quota, now);
            let rested = quota.per_minute.is_none_or(|rate| account.tokens >= f64::from(rate));
            account.pending > 0 || !rested
        });
    }
}

/// Once, when both are the same.
fn counted(requester: &RequesterId, origin: &RequesterId) -> Vec<RequesterId> {
    if requester == origin {
        vec![requester.clone()]
    } else {
        vec![requester.clone(), origin.clone()]
    }
}

impl Account {
    fn full(quota: Quota, now: Duration) -> Self {
        Self {
            pending: 0,
            bytes: 0,
            tokens: quota.per_minute.map_or(0.0, f64::from),
            refilled: now,
        }
    }

    fn refill(&mut self, quota: Quota, now: Duration) {
        let Some(rate) = quota.per_minute else {
            self.tokens = 1.0;
            return;
        };
        let elapsed = now.saturating_sub(self.refilled);
        self.refilled = now;
        let rate = f64::from(rate);
        self.tokens = (self.tokens + elapsed.as_secs_f64() / 60.0 * rate).min(rate);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.quotas.lock();
        state.pending = state.pending.saturating_sub(1);
        state.bytes = state.bytes.saturating_sub(self.bytes);
        for requester in &self.requesters {
            let rated = self.quotas.quota(requester).per_minute.is_some();
            if let Some(account) = state.requesters.get_mut(requester) {
                account.pending = account.pending.saturating_sub(1);
                account.bytes = account.bytes.saturating_sub(self.bytes);
                // A rated account keeps its bucket until it is full again; the others cost nothing
                // to forget, so that names which come once do not pile up.
                if account.pending == 0 && !rated {
                    state.requesters.remove(requester);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: u64 = 800;

    fn alice() -> RequesterId {
        RequesterId::new("api-key", "alice")
    }

    #[test]
    fn a_requester_cannot_hold_more_pending_jobs_than_its_quota_and_others_are_not_hurt() {
        let quotas =
            Quotas::new(10, ROOM, Quota { max_pending: 2, per_minute: None }, BTreeMap::new());
        let bob = RequesterId::new("api-key", "bob");
        let first = quotas.take(&alice(), &alice(), 1, Duration::ZERO).unwrap();
        let _second = quotas.take(&alice(), &alice(), 1, Duration::ZERO).unwrap();
        let refused = quotas.take(&alice(), &alice(), 1, Duration::ZERO).unwrap_err();
        assert_eq!(refused.code, Code::QuotaExceeded);
        assert!(quotas.take(&bob, &bob, 1, Duration::ZERO).is_ok());
        drop(first);
        assert!(quotas.take(&alice(), &alice(), 1, Duration::ZERO).is_ok());
    }

    #[test]
    fn the_queue_is_bounded_over_all_requesters() {
        let quotas =
            Quotas::new(1, ROOM, Quota { max_pending: 5, per_minute: None }, BTreeMap::new());
        let place = quotas.take(&alice(), &alice(), 1, Duration::ZERO).unwrap();
        let refused =
            quotas.take(&RequesterId::anonymous(), &alice(), 1, Duration::ZERO).unwrap_err();
        assert_eq!(refused.code, Code::QueueFull);
        assert!(refused.retry_after.is_some());
        drop(place);
        assert_eq!(quotas.pending(), 0);
    }

    #[test]
    fn bodies_are_bounded_in_bytes_and_one_requester_leaves_an_eighth_to_others() {
        let quotas =
            Quotas::new(9, ROOM, Quota { max_pending: 5, per_minute: None }, BTreeMap::new());
        let bob = RequesterId::new("api-key", "bob");
        let first = quotas.take(&alice(), &alice(), 700, Duration::ZERO).unwrap();
        let refused = quotas.take(&alice(), &alice(), 1, Duration::ZERO).unwrap_err();
        assert_eq!(refused.code, Code::QuotaExceeded);
        assert!(refused.retry_after.is_some());
        let second = quotas.take(&bob, &bob, 100, Duration::ZERO).unwrap();
        let refused = quotas.take(&bob, &bob, 1, Duration::ZERO).unwrap_err();
        assert_eq!(refused.code, Code::QueueFull);
        drop((first, second));
        assert!(quotas.take(&alice(), &alice(), 700, Duration::ZERO).is_ok());
    }

    #[test]
    fn a_rate_refuses_with_the_time_after_which_it_admits_again() {
        let quota = Quota { max_pending: 100, per_minute: Some(2) };
        let quotas = Quotas::new(100, ROOM, quota, BTreeMap::new());
        let start = Duration::from_secs(100);
        let _a = quotas.take(&alice(), &alice(), 1, start).unwrap();
        let _b = quotas.take(&alice(), &alice(), 1, start).unwrap();
        let refused = quotas.take(&alice(), &alice(), 1, start).unwrap_err();
        let after = refused.retry_after.unwrap();
        assert_eq!(after, Duration::from_secs(30));
        assert!(quotas.take(&alice(), &alice(), 1, start + after).is_ok());
    }

    #[test]
    fn a_refusal_takes_no_place_of_any_requester() {
        let quotas = Quotas::new(
            10,
            ROOM,
            Quota { max_pending: 10, per_minute: None },
            BTreeMap::from([(alice(), Quota { max_pending: 0, per_minute: None })]),
        );
        let signer = RequesterId::new("ed25519", "aa");
        assert!(quotas.take(&signer, &alice(), 1, Duration::ZERO).is_err());
        assert_eq!(quotas.pending(), 0);
        assert!(quotas.state.lock().unwrap().requesters.is_empty(), "nor a place in memory");
    }

    #[test]
    fn names_that_come_once_are_forgotten_when_their_bucket_is_full_again() {
        let quota = Quota { max_pending: 5, per_minute: Some(60) };
        let quotas = Quotas::new(100, ROOM, quota, BTreeMap::new());
        for n in 0..SWEEP_ABOVE + 50 {
            let requester = RequesterId::new("ed25519", &n.to_string());
            let now = Duration::from_secs(n as u64);
            drop(quotas.take(&requester, &requester, 1, now).unwrap());
        }
        assert!(quotas.state.lock().unwrap().requesters.len() <= SWEEP_ABOVE);
    }
}
