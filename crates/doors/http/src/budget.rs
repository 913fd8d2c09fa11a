//! The memory that bodies and answers may take, all connections together.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use metrics::{Gauge, gauge};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tokio_util::sync::PollSemaphore;

/// What is at most so large is small: it draws on a part of its own, so that large bodies leave
/// room for the many requests that carry little.
const SMALL: u64 = 16 * 1024;
/// The part of the small: one byte in so many.
const SMALL_SHARE: u64 = 16;
/// How long a body waits for room, all its waits together. Where others wait already it has only
/// its share of that: so the last to come give up first, and leave their room to the others.
const PATIENCE: Duration = Duration::from_secs(4);
/// Results that are read at once: while one is, its size is not known and it is not counted yet.
const READERS: usize = 4;

/// Counts the bytes of bodies and answers in memory. Clones share one budget.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Parts>);

struct Parts {
    small: Part,
    large: Part,
    readers: Arc<Semaphore>,
    used: Gauge,
}

/// A part of the budget; a permit stands for a byte.
struct Part {
    free: Arc<Semaphore>,
    bytes: u64,
    /// Bodies that had to wait, and are not complete.
    queue: Arc<AtomicU32>,
}

impl Part {
    fn new(bytes: u64) -> Self {
        let permits = usize::try_from(bytes).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(permits)), bytes, queue: Arc::default() }
    }
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let small = bytes / SMALL_SHARE;
        Self(Arc::new(Parts {
            small: Part::new(small),
            large: Part::new(bytes - small),
            readers: Arc::new(Semaphore::new(READERS)),
            used: gauge!("sealwork_http_bytes_in_flight"),
        }))
    }

    /// Counts an answer until its last byte has been sent; gives none when there is no room. An
    /// answer that is larger than the whole budget is sent when it has all of it.
    pub(crate) fn count(&self, answer: Body) -> Option<Body> {
        // Every route of this door knows how long its answer is.
        let bytes = http_body::Body::size_hint(&answer).lower();
        self.count_as(bytes, answer)
    }

    /// The same for an answer of which only so many bytes are in memory at a time.
    pub(crate) fn count_as(&self, bytes: u64, answer: Body) -> Option<Body> {
        if bytes == 0 {
            return Some(answer);
        }
        let part = self.part_for(bytes);
        let permit = Arc::clone(&part.free).try_acquire_many_owned(permits(bytes.min(part.bytes)));
        let room = Arc::new(Room::new(permit.ok()?, &self.0.used));
        Some(Body::new(Counted { body: answer, room }))
    }

    /// Where a body finds room; `expected` is its length, as far as that is known.
    pub(crate) fn intake(&self, expected: Option<u64>) -> Intake {
        let part = self.part_for(expected.unwrap_or(u64::MAX));
        Intake {
            free: Arc::clone(&part.free),
            waiting: None,
            patience: None,
            queue: Arc::clone(&part.queue),
            used: self.0.used.clone(),
        }
    }

    /// The right to read a result, whose size shows only when it is in memory.
    pub(crate) async fn reader(&self) -> Reader {
        // The semaphore is never closed.
        Reader(Arc::clone(&self.0.readers).acquire_owned().await.ok().map(Arc::new))
    }

    fn part_for(&self, bytes: u64) -> &Part {
        if bytes <= SMALL { &self.0.small } else { &self.0.large }
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.0.small.free.available_permits() + self.0.large.free.available_permits()
    }
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Goes with a result, in the answer's extensions, until the answer has been counted.
#[derive(Clone)]
pub(crate) struct Reader(
    #[allow(dead_code, reason = "held, never read")] Option<Arc<OwnedSemaphorePermit>>,
);

/// Bytes of the budget that are taken; given back when dropped.
pub(crate) struct Room {
    permit: OwnedSemaphorePermit,
    used: Gauge,
}

impl Room {
    fn new(permit: OwnedSemaphorePermit, used: &Gauge) -> Self {
        used.increment(as_f64(permit.num_permits()));
        Self { permit, used: used.clone() }
    }

    /// Adds the bytes of `other`.
    pub(crate) fn merge(&mut self, mut other: Self) {
        if let Some(permit) = other.permit.split(other.permit.num_permits()) {
            self.permit.merge(permit);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.decrement(as_f64(self.permit.num_permits()));
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge of bytes in memory")]
fn as_f64(bytes: usize) -> f64 {
    bytes as f64
}

/// Finds room for the pieces of one body.
pub(crate) struct Intake {
    free: Arc<Semaphore>,
    waiting: Option<PollSemaphore>,
    /// Set when the body waits for the first time.
    patience: Option<Pin<Box<Sleep>>>,
    queue: Arc<AtomicU32>,
    used: Gauge,
}

impl Intake {
    /// Room for `bytes`, at once or as long as there is patience; else none.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>, bytes: usize) -> Poll<Option<Room>> {
        let permits = permits(bytes as u64);
        if self.waiting.is_none()
            && let Ok(permit) = Arc::clone(&self.free).try_acquire_many_owned(permits)
        {
            return Poll::Ready(Some(Room::new(permit, &self.used)));
        }
        let free = self.waiting.get_or_insert_with(|| PollSemaphore::new(Arc::clone(&self.free)));
        if let Poll::Ready(permit) = free.poll_acquire_many(cx, permits) {
            self.waiting = None;
            return Poll::Ready(permit.map(|permit| Room::new(permit, &self.used)));
        }
        let patience = self.patience.get_or_insert_with(|| {
            let ahead = self.queue.fetch_add(1, Relaxed);
            Box::pin(sleep(PATIENCE / ahead.saturating_add(1)))
        });
        if !patience.is_elapsed() {
            ready!(patience.as_mut().poll(cx));
        }
        self.waiting = None;
        Poll::Ready(None)
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        if self.patience.is_some() {
            self.queue.fetch_sub(1, Relaxed);
        }
    }
}

/// An answer that counts. Its pieces hold the room themselves, because the connection keeps them
/// when the body is gone.
struct Counted {
    body: Body,
    room: Arc<Room>,
}

/// A piece of an answer.
struct Piece {
    bytes: Bytes,
    _room: Arc<Room>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let room = &self.room;
        let counted = |bytes| Bytes::from_owner(Piece { bytes, _room: Arc::clone(room) });
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(counted))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use http_body_util::BodyExt as _;

    use super::*;

    const MIB: usize = 1 << 20;

    #[tokio::test]
    async fn an_answer_counts_until_its_last_piece_is_gone_and_small_ones_find_room_beside_it() {
        let budget = Budget::new(16 * MIB as u64);
        let mut answer = budget.count(Body::from(vec![0; 15 * MIB])).unwrap();
        assert_eq!(budget.free(), MIB);
        assert!(budget.count(Body::from(vec![0; 17 * 1024])).is_none());
        let small = budget.count(Body::from("small")).unwrap();
        assert_eq!(budget.free(), MIB - 5);
        let piece = answer.frame().await.unwrap().unwrap().into_data().unwrap();
        drop((answer, small));
        assert_eq!((piece.len(), budget.free()), (15 * MIB, MIB));
        drop(piece);
        assert_eq!(budget.free(), 16 * MIB);
    }

    #[tokio::test]
    async fn an_answer_larger_than_the_budget_is_sent_alone() {
        let budget = Budget::new(MIB as u64);
        let alone = budget.count(Body::from(vec![0; 2 * MIB])).unwrap();
        assert!(budget.count(Body::from(vec![0; 2 * MIB])).is_none());
        drop(alone);
        assert!(budget.count(Body::from(vec![0; 2 * MIB])).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_room_for_a_while_and_what_it_has_comes_back() {
        let budget = Budget::new(16 * MIB as u64);
        let mut first = budget.intake(None);
        let mut room = poll_fn(|cx| first.poll_room(cx, 10 * MIB)).await.unwrap();
        let begun = tokio::time::Instant::now();
        let mut second = budget.intake(Some(10 * MIB as u64));
        assert!(poll_fn(|cx| second.poll_room(cx, 10 * MIB)).await.is_none());
        assert_eq!(begun.elapsed(), PATIENCE);
        drop(second);

        let mut second = budget.intake(Some(10 * MIB as u64));
        room.merge(poll_fn(|cx| first.poll_room(cx, 5 * MIB)).await.unwrap());
        assert_eq!(budget.free(), MIB);
        let (found, ()) = tokio::join!(poll_fn(|cx| second.poll_room(cx, 15 * MIB)), async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(room);
        });
        assert!(found.is_some());
        drop(found);
        assert_eq!(budget.free(), 16 * MIB);
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_bodies_wait_the_sooner_the_last_gives_up() {
        let budget = Budget::new(16 * MIB as u64);
        let mut full = budget.intake(None);
        let _room = poll_fn(|cx| full.poll_room(cx, 15 * MIB)).await.unwrap();
        let begun = tokio::time::Instant::now();
        let wait = async || {
            let mut intake = budget.intake(None);
            assert!(poll_fn(|cx| intake.poll_room(cx, MIB)).await.is_none());
            begun.elapsed()
        };
        let (first, second, third, fourth) = tokio::join!(wait(), wait(), wait(), wait());
        assert_eq!((first, second), (PATIENCE, PATIENCE / 2));
        assert!(third < second && fourth == PATIENCE / 4);
        assert_eq!(wait().await, PATIENCE * 2, "alone again it has all the time");
    }
}
