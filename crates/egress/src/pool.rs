use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use tokio::time::Instant;

use crate::{
    config::EgressLimits,
    gate::{Asked, Gate, Place, Share},
    guard::Target,
    scope::Scope,
};

/// Gates of hosts above which the unused ones are dropped.
const MANY_GATES: usize = 1024;

/// Which connections may serve a request: those of its origin to one of its checked addresses.
/// Without the address a name that moves to a private address could not be told from before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    tls: bool,
    host: String,
    pub(crate) address: SocketAddr,
}

impl Key {
    pub(crate) fn new(target: &Target, address: SocketAddr) -> Self {
        Self { tls: target.tls, host: target.host.to_string(), address }
    }
}

/// The sending half of a connection.
pub(crate) enum Sender {
    /// Serves one exchange at a time.
    H1(http1::SendRequest<Full<Bytes>>),
    /// Serves many at once.
    H2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    fn is_closed(&self) -> bool {
        match self {
            Self::H1(sender) => sender.is_closed(),
            Self::H2(sender) => sender.is_closed(),
        }
    }
}

/// An open connection.
pub(crate) struct Connection {
    pub(crate) sender: Sender,
    /// Whose slot it holds.
    owner: Share,
    /// Held by each exchange on it, and by the shelf.
    holders: Arc<()>,
}

impl Connection {
    pub(crate) fn new(sender: Sender, owner: Share) -> Self {
        Self { sender, owner, holders: Arc::default() }
    }

    /// The same connection for another exchange, if it serves many.
    pub(crate) fn shared(&self) -> Option<Self> {
        let Sender::H2(sender) = &self.sender else { return None };
        let (owner, holders) = (self.owner.clone(), Arc::clone(&self.holders));
        Some(Self { sender: Sender::H2(sender.clone()), owner, holders })
    }
}

/// Idle connections, and the counts that bound all of them.
pub(crate) struct Pool {
    idle: Mutex<Shelf>,
    slots: Arc<Gate>,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
    per_host: usize,
    idle_per_origin: usize,
    idle_for: Duration,
}

#[derive(Default)]
struct Shelf {
    connections: HashMap<Key, Vec<Idle>>,
    reaper_runs: bool,
}

/// A connection to be used again. HTTP/2 ones stay here while they are in use.
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Idle {
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.connection.holders) > 1
    }
}

/// A connection in use. Dropping it closes an HTTP/1.1 connection, because the exchange on it may
/// be half done; [`Lease::give_back`] keeps it.
pub(crate) struct Lease {
    pub(crate) key: Key,
    pub(crate) connection: Connection,
    pool: Arc<Pool>,
    places: Places,
}

/// The places that an exchange takes: among its job's, and among its host's.
pub(crate) struct Places {
    _job: Place,
    _host: Place,
}

impl Lease {
    pub(crate) fn give_back(self) {
        self.pool.put(self.key, self.connection);
    }

    pub(crate) fn new(
        pool: &Arc<Pool>,
        places: Places,
        (key, connection): (Key, Connection),
    ) -> Self {
        Self { key, connection, pool: Arc::clone(pool), places }
    }

    /// The places, after the connection turned out to be dead.
    pub(crate) fn into_places(self) -> Places {
        self.places
    }
}

impl Pool {
    pub(crate) fn new(limits: &EgressLimits) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            slots: Gate::new(limits.connections),
            gates: Mutex::default(),
            per_host: limits.connections_per_host,
            idle_per_origin: limits.idle_per_origin,
            idle_for: limits.idle_for,
        })
    }

    /// Waits for a place among the job's exchanges, at most `per_job`, and then for one among those
    /// with `host`, which its requester does not have all to itself.
    pub(crate) async fn places(&self, scope: &Scope, per_job: usize, host: &str) -> Places {
        let _job = scope.place(per_job).await;
        Places { _job, _host: self.gate(host).enter(scope.share()).await }
    }

    fn gate(&self, host: &str) -> Arc<Gate> {
        let mut gates = locked(&self.gates);
        if gates.len() >= MANY_GATES {
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        Arc::clone(gates.entry(host.to_owned()).or_insert_with(|| Gate::new(self.per_host)))
    }

    /// Waits for the right to open one more connection, closing an idle one if that helps.
    pub(crate) async fn slot(&self, share: &Share) -> Place {
        match self.slots.ask(share) {
            Asked::Granted(slot) => slot,
            Asked::Waits(turn) => {
                self.evict_oldest(share);
                turn.come().await
            }
        }
    }

    /// A live idle connection for `key`.
    pub(crate) fn take(&self, key: &Key) -> Option<Connection> {
        let mut shelf = locked(&self.idle);
        let connections = shelf.connections.get_mut(key)?;
        connections.retain(|idle| {
            !idle.connection.sender.is_closed() && idle.since.elapsed() < self.idle_for
        });
        let shared = connections.last().and_then(|idle| idle.connection.shared());
        let found = shared.or_else(|| connections.pop().map(|idle| idle.connection));
        if connections.is_empty() {
            shelf.connections.remove(key);
        }
        found
    }

    /// Keeps a connection for later, unless it is of no use or somebody waits for its slot. The
    /// others of its origin stay: who waits has had the oldest of all closed already.
    pub(crate) fn put(self: &Arc<Self>, key: Key, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        if self.slots.is_wanted_from(&connection.owner) {
            if matches!(connection.sender, Sender::H2(_)) {
                // Its only entry: the connection ends with the last exchange on it.
                locked(&self.idle).connections.remove(&key);
            }
            return;
        }
        self.share(key, connection);
    }

    /// Lets others use a connection, now for HTTP/2 and when it is given back for HTTP/1.1.
    pub(crate) fn share(self: &Arc<Self>, key: Key, connection: Connection) {
        let mut shelf = locked(&self.idle);
        let connections = shelf.connections.entry(key).or_default();
        let since = Instant::now();
        let room = self.idle_per_origin - connections.len().min(self.idle_per_origin);
        match (&connection.sender, connections.last_mut()) {
            (Sender::H2(_), Some(shared)) => shared.since = since,
            _ if room > 0 => connections.push(Idle { connection, since }),
            _ => {}
        }
        if !shelf.reaper_runs {
            shelf.reaper_runs = true;
            tokio::spawn(reap(Arc::downgrade(self), self.idle_for));
        }
    }

    /// Closes idle connections that are too old; false when none are left.
    fn sweep(&self) -> bool {
        let mut shelf = locked(&self.idle);
        shelf.connections.retain(|_, connections| {
            connections.retain(|idle| {
                !idle.connection.sender.is_closed() && idle.since.elapsed() < self.idle_for
            });
            !connections.is_empty()
        });
        shelf.reaper_runs = !shelf.connections.is_empty();
        shelf.reaper_runs
    }

    /// Closes the idle connection that has been left alone longest, of those whose slot can go to
    /// `share`.
    fn evict_oldest(&self, share: &Share) {
        let only_own = self.slots.is_used_up_by(share);
        let mut shelf = locked(&self.idle);
        let oldest = shelf
            .connections
            .iter()
            .flat_map(|(key, all)| all.iter().enumerate().map(move |(at, idle)| (key, at, idle)))
            .filter(|(_, _, idle)| !only_own || idle.connection.owner == *share)
            .filter(|(_, _, idle)| !idle.is_in_use())
            .min_by_key(|(_, _, idle)| idle.since);
        let Some((key, at)) = oldest.map(|(key, at, _)| (key.clone(), at)) else { return };
        if let Some(connections) = shelf.connections.get_mut(&key) {
            connections.remove(at);
            if connections.is_empty() {
                shelf.connections.remove(&key);
            }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("slots", &self.slots).finish_non_exhaustive()
    }
}

async fn reap(pool: Weak<Pool>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        match pool.upgrade() {
            Some(pool) if pool.sweep() => {}
            _ => return,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, DuplexStream};

    use super::*;

    fn key(n: usize) -> Key {
        let address = "192.0.2.1:80".parse().unwrap();
        Key { tls: false, host: format!("{n}.test"), address }
    }

    fn share(name: &str) -> Share {
        Some(name.into())
    }

    /// A live connection whose other end is kept open, too.
    async fn open(owner: &str) -> (Connection, DuplexStream) {
        let (near, far) = tokio::io::duplex(64);
        let (sender, connection) = http1::handshake(TokioIo::new(near)).await.unwrap();
        tokio::spawn(connection);
        (Connection::new(Sender::H1(sender), share(owner)), far)
    }

    /// A live HTTP/2 connection, and the task that its other end is.
    async fn open_h2(owner: &str) -> Connection {
        let (near, mut far) = tokio::io::duplex(4096);
        tokio::spawn(async move { while far.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {} });
        let executor = hyper_util::rt::TokioExecutor::new();
        let (sender, connection) =
            http2::Builder::new(executor).handshake(TokioIo::new(near)).await.unwrap();
        tokio::spawn(connection);
        Connection::new(Sender::H2(sender), share(owner))
    }

    /// A pool with places for so many connections, all taken: the last by somebody else.
    async fn full(connections: usize, owner: &str) -> (Arc<Pool>, Vec<Place>) {
        let pool = Pool::new(&EgressLimits { connections, ..EgressLimits::default() });
        let mut slots = Vec::new();
        for n in 0..connections {
            let share = share(if n + 1 < connections { owner } else { "somebody else" });
            slots.push(pool.slot(&share).await);
        }
        (pool, slots)
    }

    fn is_waiting(slot: impl Future<Output = Place>) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(slot).poll(&mut context).is_pending()
    }

    #[tokio::test]
    async fn a_connection_given_back_while_somebody_waits_closes_alone() {
        let (pool, _slots) = full(2, "a").await;
        let (kept, _far) = open("a").await;
        pool.put(key(1), kept);
        let (given_back, mut far) = open("a").await;
        {
            let Asked::Waits(_waiting) = pool.slots.ask(&share("a")) else { panic!("a place") };
            pool.put(key(1), given_back);
        }
        assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0, "the connection is closed");
        assert!(pool.take(&key(1)).is_some(), "the idle one is not");
        assert!(pool.take(&key(1)).is_none());
    }

    #[tokio::test]
    async fn who_has_all_its_slots_in_use_closes_no_connection_of_others() {
        let pool = Pool::new(&EgressLimits { connections: 3, ..EgressLimits::default() });
        let _slots = [pool.slot(&share("a")).await, pool.slot(&share("a")).await];
        let (of_another, _far) = open("b").await;
        pool.put(key(1), of_another);
        assert!(is_waiting(pool.slot(&share("a"))));
        let (given_back, _far) = open("b").await;
        let Asked::Waits(_waiting) = pool.slots.ask(&share("a")) else { panic!("a place") };
        pool.put(key(2), given_back);
        assert!(pool.take(&key(1)).is_some() && pool.take(&key(2)).is_some());
    }

    #[tokio::test]
    async fn a_connection_with_an_exchange_on_it_is_not_closed_for_its_slot() {
        let (pool, _slots) = full(3, "a").await;
        let busy = open_h2("a").await;
        pool.share(key(1), busy.shared().unwrap());
        let (idle, mut far) = open("a").await;
        pool.put(key(2), idle);
        assert!(is_waiting(pool.slot(&share("b"))));
        assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0, "the idle one is closed");
        assert!(pool.take(&key(1)).is_some(), "the one in use can still be used");
        drop(busy);
        assert!(is_waiting(pool.slot(&share("b"))));
        assert!(pool.take(&key(1)).is_none(), "now it is idle");
    }
}
