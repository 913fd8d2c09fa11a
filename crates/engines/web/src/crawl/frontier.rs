use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use url::Url;

use super::{memory::Memory, result::Rank};
use crate::key::PageKey;

/// About what a target takes beside its addresses.
const AROUND_A_TARGET: usize = 256;

/// A page to be visited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// Links from the start page.
    pub(crate) depth: u32,
    /// Rank among all targets in the order in which they were found.
    pub(crate) order: u64,
    /// The page on which it was found.
    pub(crate) referrer: Option<Arc<Url>>,
}

impl Target {
    pub(crate) fn host(&self) -> HostKey {
        HostKey::of(&self.url)
    }

    pub(crate) fn rank(&self) -> Rank {
        (self.depth, self.order)
    }
}

/// What is treated politely as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HostKey(String, u16);

impl HostKey {
    fn of(url: &Url) -> Self {
        let port = url.port_or_known_default().unwrap_or_default();
        Self(url.host_str().unwrap_or_default().to_owned(), port)
    }
}

/// Pages found and not yet visited. Gives the one nearest to the start page, among those whose
/// host is not busy: a slow host holds up its own pages alone.
#[derive(Debug)]
pub(crate) struct Frontier {
    known: HashSet<PageKey>,
    hosts: HashMap<HostKey, Host>,
    /// The first target of each host that is not busy.
    ready: BTreeSet<(u32, u64, HostKey)>,
    /// Ranks of the pages that wait or are being visited.
    outstanding: BTreeSet<Rank>,
    len: usize,
    capacity: usize,
    per_host: usize,
    found: u64,
    left_out: u64,
}

#[derive(Debug, Default)]
struct Host {
    waiting: BTreeMap<Rank, Target>,
    busy: usize,
}

impl Frontier {
    /// Holds at most `capacity` targets, and has at most `per_host` of a host visited at a time.
    pub(crate) fn new(capacity: usize, per_host: usize) -> Self {
        Self {
            known: HashSet::new(),
            hosts: HashMap::new(),
            ready: BTreeSet::new(),
            outstanding: BTreeSet::new(),
            len: 0,
            capacity,
            per_host: per_host.max(1),
            found: 0,
            left_out: 0,
        }
    }

    /// Marks a page as known; false when it was already.
    pub(crate) fn know(&mut self, key: PageKey) -> bool {
        self.known.insert(key)
    }

    /// Adds a page, unless it is known or there is no room.
    pub(crate) fn found(
        &mut self,
        key: PageKey,
        url: Url,
        depth: u32,
        referrer: Arc<Url>,
        memory: &mut Memory,
    ) {
        if self.known.contains(&key) {
            return;
        }
        let size = key.as_str().len() + url.as_str().len() + AROUND_A_TARGET;
        if self.len >= self.capacity || !memory.take(size) {
            self.left_out += 1;
            return;
        }
        self.known.insert(key);
        self.found += 1;
        let target = Target { url, depth, order: self.found, referrer: Some(referrer) };
        let name = target.host();
        let host = self.hosts.entry(name.clone()).or_default();
        if host.busy < self.per_host {
            let before = host.waiting.first_key_value().map(|(rank, _)| *rank);
            if before.is_none_or(|before| (depth, target.order) < before) {
                if let Some((depth, order)) = before {
                    self.ready.remove(&(depth, order, name.clone()));
                }
                self.ready.insert((depth, target.order, name));
            }
        }
        self.outstanding.insert(target.rank());
        host.waiting.insert(target.rank(), target);
        self.len += 1;
    }

    /// The next page; its host is busier by one until [`Frontier::finished`].
    pub(crate) fn next(&mut self) -> Option<Target> {
        let (_, _, name) = self.ready.pop_first()?;
        let host = self.hosts.get_mut(&name)?;
        let (_, target) = host.waiting.pop_first()?;
        host.busy += 1;
        self.len -= 1;
        self.offer(name);
        Some(target)
    }

    /// The visit of rank `rank` to `host` is over.
    pub(crate) fn finished(&mut self, host: &HostKey, rank: Rank) {
        self.outstanding.remove(&rank);
        let Some(state) = self.hosts.get_mut(host) else { return };
        state.busy = state.busy.saturating_sub(1);
        if state.busy == 0 && state.waiting.is_empty() {
            self.hosts.remove(host);
        } else {
            self.offer(host.clone());
        }
    }

    fn offer(&mut self, name: HostKey) {
        let Some(host) = self.hosts.get(&name) else { return };
        if host.busy < self.per_host
            && let Some(((depth, order), _)) = host.waiting.first_key_value()
        {
            self.ready.insert((*depth, *order, name));
        }
    }

    /// The rank of the nearest page that waits or is being visited. Pages that they lead to come
    /// after it.
    pub(crate) fn first_outstanding(&self) -> Option<Rank> {
        self.outstanding.first().copied()
    }

    /// Pages waiting.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Links for which there was no room.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::{super::memory, *};

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn add(frontier: &mut Frontier, text: &str, depth: u32) {
        let referrer = Arc::new(url("http://start.test/"));
        let mut memory = Memory::new(memory::results(1 << 30), None);
        frontier.found(PageKey::new(&url(text)), url(text), depth, referrer, &mut memory);
    }

    fn next(frontier: &mut Frontier) -> Option<String> {
        frontier.next().map(|target| target.url.to_string())
    }

    #[test]
    fn pages_come_nearest_first_and_each_once() {
        let mut frontier = Frontier::new(10, 10);
        add(&mut frontier, "http://a.test/2", 2);
        add(&mut frontier, "http://a.test/1", 1);
        add(&mut frontier, "http://a.test/1b", 1);
        add(&mut frontier, "http://a.test/1#again", 1);
        let order: Vec<_> = std::iter::from_fn(|| next(&mut frontier)).collect();
        assert_eq!(order, ["http://a.test/1", "http://a.test/1b", "http://a.test/2"]);
    }

    #[test]
    fn a_busy_host_does_not_hold_up_others() {
        let mut frontier = Frontier::new(10, 1);
        for page in ["http://a.test/1", "http://a.test/2", "http://b.test/1"] {
            add(&mut frontier, page, 1);
        }
        let first = frontier.next().unwrap();
        assert_eq!(next(&mut frontier).as_deref(), Some("http://b.test/1"));
        assert_eq!(next(&mut frontier), None);
        assert_eq!(frontier.first_outstanding(), Some(first.rank()));
        frontier.finished(&first.host(), first.rank());
        assert!(frontier.first_outstanding() > Some(first.rank()));
        assert_eq!(next(&mut frontier).as_deref(), Some("http://a.test/2"));
        assert_eq!((frontier.len(), next(&mut frontier)), (0, None));
    }

    #[test]
    fn a_full_frontier_counts_what_it_leaves_out() {
        let mut frontier = Frontier::new(2, 1);
        for page in 0..5 {
            add(&mut frontier, &format!("http://a.test/{page}"), 1);
        }
        assert_eq!((frontier.len(), frontier.left_out()), (2, 3));
    }
}
