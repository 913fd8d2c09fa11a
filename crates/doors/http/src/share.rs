//! What callers share, so that none of them takes it all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use axum::extract::Request;
use sealwork_job::RequesterId;
use tokio::{sync::Semaphore, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    auth::Caller,
    connection::{Peer, network},
};

/// Who takes a share: the holder of an API key, or whoever comes from a network without one.
#[derive(Clone, Default)]
pub(crate) struct Taker {
    caller: Option<Arc<Caller>>,
    peer: Option<Peer>,
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Caller(RequesterId),
    Network(IpAddr),
    Nobody,
}

impl Taker {
    pub(crate) fn new(caller: Arc<Caller>, peer: Option<Peer>) -> Self {
        Self { caller: Some(caller), peer }
    }

    /// The sender of a request that the guard has let in.
    pub(crate) fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        Self { caller: extensions.get().cloned(), peer: extensions.get().cloned() }
    }

    /// Ends the client's connection after `time`, unless dropped before.
    pub(crate) fn cut_after(&self, time: Duration) -> Option<AbortOnDropHandle<()>> {
        let activity = Arc::clone(&self.peer.as_ref()?.activity);
        let cut = async move {
            sleep(time).await;
            activity.cut();
        };
        Some(AbortOnDropHandle::new(tokio::spawn(cut)))
    }

    fn key(&self) -> Key {
        let named = self.caller.as_ref().map(|caller| &caller.requester);
        match (named.filter(|requester| requester.is_proven()), &self.peer) {
            (Some(requester), _) => Key::Caller(requester.clone()),
            (None, Some(peer)) => Key::Network(network(peer.address.ip())),
            (None, None) => Key::Nobody,
        }
    }
}

/// A number of things of which nobody gets more than seven eighths.
pub(crate) struct Shares {
    of_one: usize,
    in_use: Mutex<HashMap<Key, Weak<Semaphore>>>,
}

/// Takers above which those who hold nothing are forgotten.
const MANY: usize = 64;

impl Shares {
    /// Shares of `all` things, at least one each.
    pub(crate) fn of(all: usize) -> Self {
        let of_one = all.saturating_sub((all / 8).max(1)).max(1);
        Self { of_one, in_use: Mutex::default() }
    }

    /// How much one taker may have.
    pub(crate) fn of_one(&self) -> usize {
        self.of_one
    }

    /// What the taker may have and has not taken yet. Kept in mind as long as somebody holds it.
    pub(crate) fn get(&self, taker: &Taker) -> Arc<Semaphore> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let key = taker.key();
        if let Some(share) = in_use.get(&key).and_then(Weak::upgrade) {
            return share;
        }
        if in_use.len() >= MANY && in_use.len().is_power_of_two() {
            in_use.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(self.of_one));
        in_use.insert(key, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(name: &str) -> Taker {
        let requester = RequesterId::new("api-key", name);
        Taker::new(Arc::new(Caller { requester, is_admin: false }), None)
    }

    #[test]
    fn a_share_is_seven_eighths_and_leaves_at_least_one_where_there_are_two() {
        for (all, of_one) in [(1, 1), (2, 1), (8, 7), (15, 14), (240, 210)] {
            assert_eq!(Shares::of(all).of_one(), of_one, "{all}");
        }
    }

    #[test]
    fn a_taker_finds_its_share_as_it_left_it_and_others_find_their_own() {
        let shares = Shares::of(8);
        let taken = shares.get(&holder("a")).try_acquire_many_owned(7).unwrap();
        assert!(shares.get(&holder("a")).try_acquire_owned().is_err());
        assert!(shares.get(&holder("b")).try_acquire_owned().is_ok());
        drop(taken);
        assert!(shares.get(&holder("a")).try_acquire_owned().is_ok());
    }

    #[test]
    fn takers_who_hold_nothing_are_forgotten() {
        let shares = Shares::of(8);
        for n in 0..100 * MANY {
            drop(shares.get(&holder(&n.to_string())));
        }
        assert!(shares.in_use.lock().unwrap().len() <= MANY);
    }
}
