use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Who shares something with others: a requester. `None` for the worker itself, which may take all.
pub(crate) type Share = Option<Arc<str>>;

/// Waiters above which those who have gone away are forgotten.
const MANY_WAITING: usize = 256;

/// Lets some through at a time, in the order in which they came, and keeps a place for whoever
/// comes next: no share has more than seven eighths of the places, while there are two.
pub(crate) struct Gate {
    places: usize,
    of_one_share: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    taken: usize,
    by_share: HashMap<Arc<str>, usize>,
    /// While a place is free, nobody waits here but whose share has all that it may have.
    waiting: VecDeque<(Share, oneshot::Sender<Place>)>,
}

/// A place behind the gate, until it is dropped.
pub(crate) struct Place {
    gate: Arc<Gate>,
    share: Share,
}

impl Gate {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        let of_one_share = places.saturating_sub((places / 8).max(1)).max(1);
        Arc::new(Self { places, of_one_share, inner: Mutex::default() })
    }

    /// Waits for a place.
    pub(crate) async fn enter(self: Arc<Self>, share: Share) -> Place {
        let turn = {
            let mut inner = self.lock();
            if self.has_place_for(&inner, &share) {
                inner.take(&share);
                None
            } else {
                let (sender, turn) = oneshot::channel();
                if inner.waiting.len() > MANY_WAITING {
                    inner.waiting.retain(|(_, sender)| !sender.is_closed());
                }
                inner.waiting.push_back((share.clone(), sender));
                Some(turn)
            }
        };
        match turn {
            None => Place { gate: self, share },
            Some(turn) => match turn.await {
                Ok(place) => place,
                // Never dropped without an answer; were it, the caller's time limit would end this.
                Err(_) => std::future::pending().await,
            },
        }
    }

    fn has_place_for(&self, inner: &Inner, share: &Share) -> bool {
        let own = share.as_ref().and_then(|share| inner.by_share.get(share)).copied().unwrap_or(0);
        inner.taken < self.places && own < self.of_one_share
    }

    fn leave(self: &Arc<Self>, share: &Share) {
        // Places of those who have gone away meanwhile: each is dropped, and so left, after the lock.
        let mut declined = Vec::new();
        let mut inner = self.lock();
        inner.give_back(share);
        while let Some(next) = inner.next(|inner, share| self.has_place_for(inner, share)) {
            let (share, sender) = next;
            if sender.is_closed() {
                continue;
            }
            inner.take(&share);
            declined.extend(sender.send(Place { gate: Arc::clone(self), share }).err());
        }
        drop(inner);
        drop(declined);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
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

    /// The first one who may go.
    fn next(
        &mut self,
        may_go: impl Fn(&Self, &Share) -> bool,
    ) -> Option<(Share, oneshot::Sender<Place>)> {
        let at = self.waiting.iter().position(|(share, _)| may_go(self, share))?;
        self.waiting.remove(at)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.leave(&self.share);
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

    fn enter(gate: &Arc<Gate>, share: Share) -> Option<Place> {
        poll(pin!(Arc::clone(gate).enter(share)))
    }

    #[test]
    fn one_share_leaves_a_place_for_the_next() {
        let gate = Gate::new(8);
        let held: Vec<_> = (0..8).map_while(|_| enter(&gate, share("a"))).collect();
        assert_eq!(held.len(), 7);
        let other = enter(&gate, share("b"));
        assert!(other.is_some());
        assert!(enter(&gate, share("c")).is_none(), "all places are taken");
    }

    #[test]
    fn a_place_goes_to_whoever_has_waited_longest_and_may_have_it() {
        let gate = Gate::new(2);
        let first = enter(&gate, share("a")).unwrap();
        let other = enter(&gate, share("b")).unwrap();
        let mut second = pin!(Arc::clone(&gate).enter(share("a")));
        let mut third = pin!(Arc::clone(&gate).enter(share("c")));
        assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
        drop(other);
        assert!(poll(second.as_mut()).is_none(), "its share has what it may have");
        let third = poll(third.as_mut()).unwrap();
        drop((first, third));
        assert!(poll(second.as_mut()).is_some());
    }

    #[test]
    fn who_goes_away_while_waiting_or_called_leaves_no_place_taken() {
        let gate = Gate::new(1);
        let held = enter(&gate, share("a")).unwrap();
        {
            let mut gone = pin!(Arc::clone(&gate).enter(share("b")));
            assert!(poll(gone.as_mut()).is_none());
            let mut called = pin!(Arc::clone(&gate).enter(share("c")));
            assert!(poll(called.as_mut()).is_none());
            drop(held);
            // `gone` has been called, and neither of them looks.
        }
        assert!(enter(&gate, share("d")).is_some());
        assert!(gate.lock().by_share.is_empty());
    }

    #[test]
    fn the_worker_itself_may_take_all() {
        let gate = Gate::new(8);
        let held: Vec<_> = (0..8).map_while(|_| enter(&gate, None)).collect();
        assert_eq!(held.len(), 8);
    }
}
