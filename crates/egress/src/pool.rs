use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    config::EgressLimits,
    gate::{Gate, Place},
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

/// Idle connections, and the counts that bound all of them.
pub(crate) struct Pool {
    idle: Mutex<Shelf>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
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
    sender: Sender,
    since: Instant,
}

/// A connection in use. Dropping it closes an HTTP/1.1 connection, because the exchange on it may
/// be half done; [`Lease::give_back`] keeps it.
pub(crate) struct Lease {
    pub(crate) key: Key,
    pub(crate) sender: Sender,
    pool: Arc<Pool>,
    places: Places,
}

/// The places that an exchange takes: among its job's, and among its host's.
pub(crate) struct Places {
    _job: OwnedSemaphorePermit,
    _host: Place,
}

impl Lease {
    pub(crate) fn give_back(self) {
        self.pool.put(self.key, self.sender);
    }

    pub(crate) fn new(pool: &Arc<Pool>, places: Places, (key, sender): (Key, Sender)) -> Self {
        Self { key, sender, pool: Arc::clone(pool), places }
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
            slots: Arc::new(Semaphore::new(limits.connections)),
            waiting: AtomicUsize::new(0),
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
    pub(crate) async fn slot(&self) -> OwnedSemaphorePermit {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return slot;
        }
        let _waiting = Waiting::new(&self.waiting);
        self.evict_oldest();
        permit(Arc::clone(&self.slots)).await
    }

    /// A live idle connection for `key`.
    pub(crate) fn take(&self, key: &Key) -> Option<Sender> {
        let mut shelf = locked(&self.idle);
        let connections = shelf.connections.get_mut(key)?;
        connections.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < self.idle_for);
        let sender = match connections.last_mut() {
            Some(Idle { sender: Sender::H2(sender), .. }) => Some(Sender::H2(sender.clone())),
            Some(_) => connections.pop().map(|idle| idle.sender),
            None => None,
        };
        if connections.is_empty() {
            shelf.connections.remove(key);
        }
        sender
    }

    /// Keeps a connection for later, unless it is of no use or somebody waits for its slot. The
    /// others of its origin stay: who waits has had the oldest of all closed already.
    pub(crate) fn put(self: &Arc<Self>, key: Key, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        if self.waiting.load(Relaxed) > 0 {
            if matches!(sender, Sender::H2(_)) {
                // Its only entry: the connection ends with the last exchange on it.
                locked(&self.idle).connections.remove(&key);
            }
            return;
        }
        self.share(key, sender);
    }

    /// Lets others use a connection, now for HTTP/2 and when it is given back for HTTP/1.1.
    pub(crate) fn share(self: &Arc<Self>, key: Key, sender: Sender) {
        let mut shelf = locked(&self.idle);
        let connections = shelf.connections.entry(key).or_default();
        let since = Instant::now();
        let room = self.idle_per_origin - connections.len().min(self.idle_per_origin);
        match (&sender, connections.last_mut()) {
            (Sender::H2(_), Some(shared)) => shared.since = since,
            _ if room > 0 => connections.push(Idle { sender, since }),
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
            connections
                .retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < self.idle_for);
            !connections.is_empty()
        });
        shelf.reaper_runs = !shelf.connections.is_empty();
        shelf.reaper_runs
    }

    fn evict_oldest(&self) {
        let mut shelf = locked(&self.idle);
        let oldest = shelf
            .connections
            .iter()
            .filter_map(|(key, connections)| Some((connections.first()?.since, key.clone())))
            .min_by_key(|(since, _)| *since);
        let Some((_, key)) = oldest else { return };
        if let Some(connections) = shelf.connections.get_mut(&key) {
            connections.remove(0);
            if connections.is_empty() {
                shelf.connections.remove(&key);
            }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("free", &self.slots.available_permits())
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

/// Counts one waiter for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The semaphores here are never closed; were one, waiting on would be right and the caller's
/// time limit would end it.
pub(crate) async fn permit(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    match semaphore.acquire_owned().await {
        Ok(permit) => permit,
        Err(_) => std::future::pending().await,
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

    use super::*;

    /// A live connection whose other end is kept open, too.
    async fn sender() -> (Sender, tokio::io::DuplexStream) {
        let (near, far) = tokio::io::duplex(64);
        let (sender, connection) = http1::handshake(TokioIo::new(near)).await.unwrap();
        tokio::spawn(connection);
        (Sender::H1(sender), far)
    }

    #[tokio::test]
    async fn a_connection_given_back_while_somebody_waits_closes_alone() {
        let pool = Pool::new(&EgressLimits::default());
        let key =
            Key { tls: false, host: "a.test".to_owned(), address: "192.0.2.1:80".parse().unwrap() };
        let (kept, _far) = sender().await;
        pool.put(key.clone(), kept);
        let (given_back, mut far) = sender().await;
        {
            let _waiting = Waiting::new(&pool.waiting);
            pool.put(key.clone(), given_back);
        }
        let end = tokio::io::AsyncReadExt::read(&mut far, &mut [0; 1]).await.unwrap();
        assert_eq!(end, 0, "the connection is closed");
        assert!(pool.take(&key).is_some(), "the idle one is not");
        assert!(pool.take(&key).is_none());
    }
}
