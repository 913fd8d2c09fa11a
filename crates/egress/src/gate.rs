use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Who shares something with others: a requester. `None` for the worker itself, which may take all.
pub type Share = Option<Arc<str>>;

/// Waiters of one share above which those who have gone away are forgotten.
const MANY_WAITING: usize = 256;

/// Lets some through at a time, and keeps a place for whoever comes next: no share has more than
/// seven eighths of the places, while there are two. Of those who wait, the share that has least
/// goes first, and the one that has waited longest among equals.
pub struct Gate {
    places: usize,
    of_one_share: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    taken: usize,
    by_share: HashMap<Arc<str>, usize>,
    /// While a place is free, nobody waits here but whose share has all that it may have.
    lines: HashMap<Share, Line>,
    /// Numbers arrivals and turns.
    count: u64,
}

/// Those of one share who wait, in the order in which they came.
struct Line {
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
    last_turn: u64,
    /// When so many wait, those who have gone away are forgotten.
    swept_at: usize,
}

/// A place behind a [`Gate`], until it is dropped.
pub struct Place {
    gate: Arc<Gate>,
    share: Share,
}

/// What somebody gets who asks for a place.
pub(crate) enum Asked {
    Granted(Place),
    Waits(Turn),
}

/// A place that will come. Who drops it stands in line no longer.
pub(crate) struct Turn(oneshot::Receiver<Place>);

impl Turn {
    pub(crate) async fn come(self) -> Place {
        match self.0.await {
            Ok(place) => place,
            // Never dropped without an answer; were it, the caller's time limit would end this.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Gate {
    /// A gate with so many places, at least one.
    pub fn new(places: usize) -> Arc<Self> {
        let places = places.max(1);
        let of_one_share = places.saturating_sub((places / 8).max(1)).max(1);
        Arc::new(Self { places, of_one_share, inner: Mutex::default() })
    }

    /// Waits for a place.
    pub async fn enter(self: &Arc<Self>, share: &Share) -> Place {
        match self.ask(share) {
            Asked::Granted(place) => place,
            Asked::Waits(turn) => turn.come().await,
        }
    }

    /// A place, if one can be had at once.
    pub fn try_enter(self: &Arc<Self>, share: &Share) -> Option<Place> {
        let mut inner = self.lock();
        self.has_place_for(&inner, share).then(|| {
            inner.take(share);
            self.place(share)
        })
    }

    /// Takes a place, or a position in the line of those who wait.
    pub(crate) fn ask(self: &Arc<Self>, share: &Share) -> Asked {
        let mut inner = self.lock();
        if self.has_place_for(&inner, share) {
            inner.take(share);
            return Asked::Granted(self.place(share));
        }
        let (sender, turn) = oneshot::channel();
        inner.count += 1;
        let arrival = (inner.count, sender);
        let line = inner.lines.entry(share.clone()).or_insert_with(Line::new);
        line.waiting.push_back(arrival);
        line.sweep();
        Asked::Waits(Turn(turn))
    }

    /// Whether `share` has all that it may have.
    pub(crate) fn is_used_up_by(&self, share: &Share) -> bool {
        self.lock().has(share) >= self.most_of(share)
    }

    /// Whether somebody waits who could have a place of `share`, were it given back.
    pub(crate) fn is_wanted_from(&self, share: &Share) -> bool {
        let inner = self.lock();
        inner.lines.iter().any(|(waiting, line)| {
            (waiting == share || inner.has(waiting) < self.most_of(waiting))
                && line.waiting.iter().any(|(_, sender)| !sender.is_closed())
        })
    }

    fn place(self: &Arc<Self>, share: &Share) -> Place {
        Place { gate: Arc::clone(self), share: share.clone() }
    }

    fn most_of(&self, share: &Share) -> usize {
        if share.is_some() { self.of_one_share } else { self.places }
    }

    fn has_place_for(&self, inner: &Inner, share: &Share) -> bool {
        inner.taken < self.places && inner.has(share) < self.most_of(share)
    }

    fn leave(self: &Arc<Self>, share: &Share) {
        // Places of those who have gone away meanwhile: each is dropped, and so left, after the lock.
        let mut declined = Vec::new();
        let mut inner = self.lock();
        inner.give_back(share);
        while let Some((share, sender)) =
            inner.next(|inner, share| self.has_place_for(inner, share))
        {
            if sender.is_closed() {
                continue;
            }
            inner.take(&share);
            declined.extend(sender.send(self.place(&share)).err());
        }
        drop(inner);
        drop(declined);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({} of {})", self.lock().taken, self.places)
    }
}

impl Inner {
    /// How many places `share` has; of those of the worker itself no count is kept.
    fn has(&self, share: &Share) -> usize {
        share.as_ref().and_then(|share| self.by_share.get(share)).copied().unwrap_or(0)
    }

    fn take(&mut self, share: &Share) {
        self.taken += 1;
        if let Some(share) = share {
            *self.by_share.entry(Arc::clone(share)).or_default() += 1;
        }
    }

    fn give_back(&mut self, share: &Share) {
        self.taken = self.taken.saturating_sub(1);
        let Some(share) = share else { return };
        if let Some(own) = self.by_share.get_mut(share) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.by_share.remove(share);
            }
        }
    }

    /// Who goes next, of those who may.
    fn next(
        &mut self,
        may_go: impl Fn(&Self, &Share) -> bool,
    ) -> Option<(Share, oneshot::Sender<Place>)> {
        let (share, _) =
            self.lines.iter().filter(|(share, _)| may_go(self, share)).min_by_key(
                |(share, line)| (self.has(share), line.last_turn, line.first_arrival()),
            )?;
        let share = share.clone();
        self.count += 1;
        let line = self.lines.get_mut(&share)?;
        line.last_turn = self.count;
        let next = line.waiting.pop_front();
        if line.waiting.is_empty() {
            self.lines.remove(&share);
        }
        next.map(|(_, sender)| (share, sender))
    }
}

impl Line {
    fn new() -> Self {
        Self { waiting: VecDeque::new(), last_turn: 0, swept_at: MANY_WAITING }
    }

    fn first_arrival(&self) -> u64 {
        self.waiting.front().map_or(u64::MAX, |(arrival, _)| *arrival)
    }

    fn sweep(&mut self) {
        if self.waiting.len() > self.swept_at {
            self.waiting.retain(|(_, sender)| !sender.is_closed());
            self.swept_at = (2 * self.waiting.len()).max(MANY_WAITING);
        }
    }
}

impl Place {
    /// Whose it is.
    pub(crate) fn share(&self) -> &Share {
        &self.share
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.leave(&self.share);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::{Pin, pin},
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn share(name: &str) -> Share {
        Some(name.into())
    }

    fn poll(future: Pin<&mut impl Future<Output = Place>>) -> Option<Place> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    fn turn(gate: &Arc<Gate>, share: &Share) -> Turn {
        match gate.ask(share) {
            Asked::Waits(turn) => turn,
            Asked::Granted(_) => panic!("{share:?} has a place at once"),
        }
    }

    #[test]
    fn one_share_leaves_a_place_for_the_next() {
        let gate = Gate::new(8);
        let held: Vec<_> = (0..8).map_while(|_| gate.try_enter(&share("a"))).collect();
        assert_eq!(held.len(), 7);
        assert!(gate.is_used_up_by(&share("a")));
        let other = gate.try_enter(&share("b"));
        assert!(other.is_some());
        assert!(gate.try_enter(&share("c")).is_none(), "all places are taken");
    }

    #[test]
    fn a_place_goes_to_whoever_has_waited_longest_and_may_have_it() {
        let gate = Gate::new(2);
        let first = gate.try_enter(&share("a")).unwrap();
        let other = gate.try_enter(&share("b")).unwrap();
        let mut second = pin!(turn(&gate, &share("a")).come());
        let mut third = pin!(turn(&gate, &share("c")).come());
        assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
        drop(other);
        assert!(poll(second.as_mut()).is_none(), "its share has what it may have");
        let third = poll(third.as_mut()).unwrap();
        drop((first, third));
        assert!(poll(second.as_mut()).is_some());
    }

    #[test]
    fn a_long_line_of_one_share_holds_up_nobody_elses() {
        let gate = Gate::new(4);
        let mut held: Vec<_> = (0..3).map(|_| gate.try_enter(&share("a")).unwrap()).collect();
        let other = gate.try_enter(&share("b")).unwrap();
        let _line: Vec<_> = (0..1000).map(|_| turn(&gate, &share("a"))).collect();
        let mut late = pin!(turn(&gate, &share("b")).come());
        held.pop();
        let late = poll(late.as_mut());
        assert!(late.is_some(), "the share with fewer places goes first");
        drop((other, late));
    }

    #[test]
    fn a_single_place_is_taken_by_shares_in_turn() {
        let gate = Gate::new(1);
        let mut place = Some(gate.try_enter(&share("a")).unwrap());
        let mut waiting: Vec<_> =
            ["a", "a", "b", "b"].map(|name| (name, turn(&gate, &share(name)))).into();
        let mut order = Vec::new();
        while !waiting.is_empty() {
            drop(place.take());
            let called = waiting.iter_mut().position(|(_, turn)| match turn.0.try_recv() {
                Ok(called) => place.replace(called).is_none(),
                Err(_) => false,
            });
            order.push(waiting.remove(called.unwrap()).0);
        }
        assert_eq!(order, ["a", "b", "a", "b"]);
    }

    #[test]
    fn a_place_is_wanted_only_from_a_share_whose_place_helps_somebody() {
        let gate = Gate::new(3);
        let held: Vec<_> = (0..2).map(|_| gate.try_enter(&share("a")).unwrap()).collect();
        let gone = turn(&gate, &share("a"));
        assert!(gate.is_wanted_from(&share("a")));
        assert!(!gate.is_wanted_from(&share("b")), "a's share stays used up");
        drop(gone);
        assert!(!gate.is_wanted_from(&share("a")), "nobody waits any more");
        let _last = gate.try_enter(&share("b")).unwrap();
        let _waits = turn(&gate, &share("c"));
        assert!(gate.is_wanted_from(&share("a")) && gate.is_wanted_from(&share("b")));
        drop(held);
    }

    #[test]
    fn who_goes_away_while_waiting_or_called_leaves_no_place_taken() {
        let gate = Gate::new(1);
        let held = gate.try_enter(&share("a")).unwrap();
        {
            let _gone = turn(&gate, &share("b"));
            let _called = turn(&gate, &share("c"));
            drop(held);
            // `_gone` has been called, and neither of them looks.
        }
        assert!(gate.try_enter(&share("d")).is_some());
        let inner = gate.lock();
        assert!(inner.by_share.is_empty() && inner.lines.is_empty());
    }

    #[test]
    fn those_who_have_gone_away_are_forgotten() {
        let gate = Gate::new(1);
        let _held = gate.try_enter(&share("a")).unwrap();
        for _ in 0..10 * MANY_WAITING {
            drop(turn(&gate, &share("b")));
        }
        assert!(gate.lock().lines[&share("b")].waiting.len() <= MANY_WAITING + 1);
    }

    #[test]
    fn the_worker_itself_may_take_all() {
        let gate = Gate::new(8);
        let held: Vec<_> = (0..8).map_while(|_| gate.try_enter(&None)).collect();
        assert_eq!(held.len(), 8);
    }
}
