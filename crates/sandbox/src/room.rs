//! Room in the worker's memory for what programs hand out: all of them together have so much.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::turns::{Turn, Turns};

/// Shorter requests and outputs take no room.
const SMALL: usize = 256 << 10;
const KIB: usize = 1 << 10;
/// What the requests of one process may take at once.
const CALLS_KIB: u32 = 64 << 10;

/// Of the room, so much is for short outputs, which are not to stand behind long ones.
const SHORT_PART: usize = 4;
/// How many of the longest short outputs fit into their part.
const SHORT_ONES: usize = 16;

/// The room for outputs.
#[derive(Debug)]
pub(crate) struct Room {
    short: Part,
    long: Part,
}

/// A place in the room, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _free: Option<OwnedSemaphorePermit>,
    _turn: Option<Turn>,
}

#[derive(Debug)]
struct Part {
    kib: usize,
    free: Arc<Semaphore>,
    /// No share has all of it.
    turns: Turns,
}

impl Room {
    pub(crate) fn new(bytes: u64) -> Arc<Self> {
        let all = usize::try_from(bytes).unwrap_or(usize::MAX) / KIB;
        let short = all / SHORT_PART;
        Arc::new(Self { short: Part::new(short), long: Part::new(all - short) })
    }

    /// Waits for room for an output of somebody of this share; one that is larger than what there is
    /// gets all of it.
    pub(crate) async fn take(&self, share: &str, len: usize) -> Option<Place> {
        if len < SMALL {
            return None;
        }
        let kib = len.div_ceil(KIB);
        let part = if kib <= self.short.kib / SHORT_ONES { &self.short } else { &self.long };
        Some(part.take(share, kib).await)
    }
}

impl Part {
    fn new(kib: usize) -> Self {
        let kib = kib.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self { kib, free: Arc::new(Semaphore::new(kib)), turns: Turns::leaving_some(kib) }
    }

    async fn take(&self, share: &str, kib: usize) -> Place {
        let wanted = u32::try_from(kib.min(self.kib)).unwrap_or(u32::MAX);
        let turn = self.turns.take_many(share, wanted).await;
        // Never closed.
        let free = Arc::clone(&self.free).acquire_many_owned(wanted).await.ok();
        Place { _free: free, _turn: Some(turn) }
    }
}

/// Room for what the programs of one process ask for. It is the process's own, so that nobody's
/// requests wait for those of others; and a request never waits, because behind it is what other
/// runs say. Whoever finds no room is told.
#[derive(Debug)]
pub(crate) struct Calls(Arc<Semaphore>);

impl Default for Calls {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CALLS_KIB as usize)))
    }
}

impl Calls {
    /// The request, which keeps its place until the last of its clones is dropped.
    pub(crate) fn keep(&self, request: Bytes) -> Option<Bytes> {
        if request.len() < SMALL {
            return Some(request);
        }
        let wanted = u32::try_from(request.len() / KIB).unwrap_or(u32::MAX);
        let place = Arc::clone(&self.0).try_acquire_many_owned(wanted).ok()?;
        Some(keep(request, Some(Place { _free: Some(place), _turn: None })))
    }
}

/// The same bytes, which keep their place until the last of their clones is dropped.
pub(crate) fn keep(bytes: Bytes, place: Option<Place>) -> Bytes {
    struct Kept {
        bytes: Bytes,
        _place: Place,
    }
    impl AsRef<[u8]> for Kept {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    match place {
        Some(place) => Bytes::from_owner(Kept { bytes, _place: place }),
        None => bytes,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[test]
    fn a_request_without_room_is_told_and_does_not_wait() {
        let calls = Calls::default();
        let request = || Bytes::from(vec![1; 16 << 20]);
        let kept: Vec<_> = (0..4).map(|_| calls.keep(request()).unwrap()).collect();
        assert!(calls.keep(request()).is_none());
        assert!(calls.keep(Bytes::from(vec![1; SMALL - 1])).is_some(), "small ones need none");
        drop(kept);
        assert!(calls.keep(request()).is_some());
    }

    async fn waits(place: impl Future<Output = Option<Place>>) -> bool {
        timeout(Duration::from_millis(20), place).await.is_err()
    }

    #[tokio::test]
    async fn long_outputs_wait_until_what_others_handed_out_is_gone() {
        let room = Room::new(4 << 20);
        assert!(room.take("alice", SMALL - 1).await.is_none(), "small ones need no room");
        let first = keep(Bytes::from(vec![1; 2 << 20]), room.take("alice", 2 << 20).await);
        let second = room.take("bob", 1 << 20).await;
        let part = first.slice(..1);
        drop(first);
        assert!(waits(room.take("carol", 1 << 20)).await);
        drop(part);
        assert!(room.take("carol", 1 << 20).await.is_some());
        drop(second);
        assert!(room.take("carol", usize::MAX / 4).await.is_some(), "it gets what there is");
    }

    /// Fails when there is one queue for all outputs, and when one share may have all of a part.
    #[tokio::test]
    async fn the_outputs_of_one_share_leave_room_for_others_and_long_ones_for_short_ones() {
        let room = Room::new(256 << 20);
        let hog = room.take("hog", 150 << 20).await;
        assert!(waits(room.take("hog", 30 << 20)).await, "an eighth is for others");
        let bob = room.take("bob", 24 << 20).await;
        assert!(waits(room.take("carol", 30 << 20)).await, "there is no more");
        assert!(room.take("carol", 1 << 20).await.is_some(), "what is short has a part of its own");
        drop((hog, bob));
    }
}
