//! Room in the worker's memory for what programs hand out: all of them together have so much.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Smaller frames take no room.
const SMALL: usize = 256 << 10;
const KIB: usize = 1 << 10;
/// What the requests of one process may take at once.
const CALLS_KIB: u32 = 64 << 10;

/// The room, and how many frames wait for some.
#[derive(Debug)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    all: u32,
}

/// A place in the room.
pub(crate) type Place = Option<OwnedSemaphorePermit>;

impl Room {
    pub(crate) fn new(bytes: u64) -> Arc<Self> {
        let all = u32::try_from(bytes / KIB as u64).unwrap_or(u32::MAX).max(1);
        Arc::new(Self { free: Arc::new(Semaphore::new(all as usize)), all })
    }

    /// Waits for room for a frame; one that is larger than all of it gets all of it. `waiting`
    /// counts those that wait.
    pub(crate) async fn take(&self, len: usize, waiting: &AtomicU32) -> Place {
        if len < SMALL {
            return None;
        }
        // While it is decoded it is there twice.
        let wanted = u32::try_from(2 * len / KIB).unwrap_or(u32::MAX).min(self.all);
        waiting.fetch_add(1, SeqCst);
        let place = Arc::clone(&self.free).acquire_many_owned(wanted).await;
        waiting.fetch_sub(1, SeqCst);
        place.ok()
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
        Some(keep(request, Some(place)))
    }
}

/// The same bytes, which keep as much of their place as they need until the last of their clones is
/// dropped.
pub(crate) fn keep(bytes: Bytes, place: Place) -> Bytes {
    struct Kept {
        bytes: Bytes,
        _place: OwnedSemaphorePermit,
    }
    impl AsRef<[u8]> for Kept {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    match place {
        Some(mut place) => {
            let spare = place.num_permits().saturating_sub(bytes.len().div_ceil(KIB));
            drop(place.split(spare));
            Bytes::from_owner(Kept { bytes, _place: place })
        }
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

    #[tokio::test]
    async fn large_frames_wait_until_what_others_handed_out_is_gone() {
        let (room, waiting) = (Room::new(3 << 20), AtomicU32::new(0));
        let first = keep(Bytes::from(vec![1; 1 << 20]), room.take(1 << 20, &waiting).await);
        let second = keep(Bytes::from(vec![2; 1 << 20]), room.take(1 << 20, &waiting).await);
        assert!(room.take(SMALL - 1, &waiting).await.is_none(), "small ones need no room");
        let part = first.slice(..1);
        drop(first);
        let third = room.take(1 << 20, &waiting);
        tokio::pin!(third);
        assert!(timeout(Duration::from_millis(20), &mut third).await.is_err());
        assert_eq!(waiting.load(SeqCst), 1);
        drop(part);
        assert!(third.await.is_some());
        drop(second);
        assert!(room.take(usize::MAX / 4, &waiting).await.is_some(), "it gets what there is");
    }
}
