//! The memory that bodies and answers may take, all connections together, and how long a large
//! answer may take it.

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
use tokio_util::{sync::PollSemaphore, task::AbortOnDropHandle};

use crate::{
    config::Pace,
    share::{Shares, Taker},
};

/// What is at most so large is small: it draws on a part of its own, so that large bodies leave
/// room for the many requests that carry little.
pub(crate) const SMALL: u64 = 16 * 1024;
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
    /// Absent in the part of the small, where a connection takes next to nothing.
    shares: Option<Shares>,
    /// Bodies that had to wait, and are not complete.
    queue: Arc<AtomicU32>,
}

impl Part {
    fn new(bytes: u64) -> Self {
        let free = Arc::new(Semaphore::new(semaphore_size(bytes)));
        Self { free, bytes, shares: None, queue: Arc::default() }
    }

    /// One of which nobody gets all.
    fn shared(bytes: u64) -> Self {
        Self { shares: Some(Shares::of(semaphore_size(bytes))), ..Self::new(bytes) }
    }

    /// Room for so many bytes, or for as many as there are, if it can be had at once.
    fn try_take(&self, bytes: u64, taker: &Taker) -> Option<Permits> {
        let from_share = match &self.shares {
            Some(shares) => {
                let permits = permits(bytes).min(permits(shares.of_one() as u64));
                Some(shares.get(taker).try_acquire_many_owned(permits).ok()?)
            }
            None => None,
        };
        let permits = permits(bytes.min(self.bytes));
        Some(Permits {
            of_all: Arc::clone(&self.free).try_acquire_many_owned(permits).ok()?,
            from_share,
        })
    }
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let small = bytes / SMALL_SHARE;
        Self(Arc::new(Parts {
            small: Part::new(small),
            large: Part::shared(bytes - small),
            readers: Arc::new(Semaphore::new(READERS)),
            used: gauge!("sealwork_http_bytes_in_flight"),
        }))
    }

    /// Counts an answer until its last byte has been sent; gives none when there is no room. An
    /// answer that is larger than all that its taker may have is sent when it has all of that.
    pub(crate) fn count(&self, answer: Body, to: &Taker, limit: AnswerTime) -> Option<Body> {
        let bytes = length(&answer);
        self.count_as(bytes, answer, to, limit)
    }

    /// The same for an answer of which only so many bytes are in memory at a time.
    pub(crate) fn count_as(
        &self,
        bytes: u64,
        answer: Body,
        to: &Taker,
        limit: AnswerTime,
    ) -> Option<Body> {
        if bytes == 0 {
            return Some(answer);
        }
        let permits = self.part_for(bytes).try_take(bytes, to)?;
        let length = length(&answer);
        let cut = if length > SMALL { to.cut_after(limit.for_answer(length)) } else { None };
        let held = Arc::new(Held { _room: Room::new(permits, &self.0.used), _cut: cut });
        Some(Body::new(Counted { body: answer, held }))
    }

    /// Where a body finds room; `expected` is its length, as far as that is known.
    pub(crate) fn intake(&self, expected: Option<u64>, from: &Taker) -> Intake {
        let part = self.part_for(expected.unwrap_or(u64::MAX));
        Intake {
            all: Line::at(Arc::clone(&part.free)),
            share: part.shares.as_ref().map(|shares| Line::at(shares.get(from))),
            from_share: None,
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

/// How long a client may take for an answer above [`SMALL`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerTime {
    pub(crate) least: Duration,
    pub(crate) pace: Pace,
}

impl AnswerTime {
    fn for_answer(self, bytes: u64) -> Duration {
        let windows = bytes / self.pace.bytes.max(1);
        self.least + self.pace.window.saturating_mul(u32::try_from(windows).unwrap_or(u32::MAX))
    }
}

/// Every route of this door knows how long its answer is.
fn length(answer: &Body) -> u64 {
    http_body::Body::size_hint(answer).lower()
}

fn semaphore_size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Goes with a result, in the answer's extensions, until the answer has been counted.
#[derive(Clone)]
pub(crate) struct Reader(
    #[allow(dead_code, reason = "held, never read")] Option<Arc<OwnedSemaphorePermit>>,
);

/// Bytes of the budget that are taken, of all of it and of a share.
struct Permits {
    of_all: OwnedSemaphorePermit,
    from_share: Option<OwnedSemaphorePermit>,
}

/// Bytes of the budget that are taken; given back when dropped.
pub(crate) struct Room {
    permits: Permits,
    used: Gauge,
}

impl Room {
    fn new(permits: Permits, used: &Gauge) -> Self {
        used.increment(as_f64(permits.of_all.num_permits()));
        Self { permits, used: used.clone() }
    }

    /// Adds the bytes of `other`, which is room of the same body.
    pub(crate) fn merge(&mut self, mut other: Self) {
        let (own, other) = (&mut self.permits, &mut other.permits);
        if let Some(permit) = other.of_all.split(other.of_all.num_permits()) {
            own.of_all.merge(permit);
        }
        if let (Some(own), Some(permit)) = (&mut own.from_share, other.from_share.take()) {
            own.merge(permit);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.decrement(as_f64(self.permits.of_all.num_permits()));
    }
}

#[allow(clippy::cast_precision_loss, reason = "a gauge of bytes in memory")]
fn as_f64(bytes: usize) -> f64 {
    bytes as f64
}

/// Finds room for the pieces of one body.
pub(crate) struct Intake {
    share: Option<Line>,
    all: Line,
    /// What has come from the share for bytes that wait in the line of all.
    from_share: Option<OwnedSemaphorePermit>,
    /// Set when the body waits for the first time.
    patience: Option<Pin<Box<Sleep>>>,
    queue: Arc<AtomicU32>,
    used: Gauge,
}

impl Intake {
    /// Room for `bytes`, at once or as long as there is patience; else none.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>, bytes: usize) -> Poll<Option<Room>> {
        if let Poll::Ready(found) = self.poll_permits(cx, permits(bytes as u64)) {
            return Poll::Ready(found.map(|permits| Room::new(permits, &self.used)));
        }
        let patience = self.patience.get_or_insert_with(|| {
            let ahead = self.queue.fetch_add(1, Relaxed);
            Box::pin(sleep(PATIENCE / ahead.saturating_add(1)))
        });
        if !patience.is_elapsed() {
            ready!(patience.as_mut().poll(cx));
        }
        self.leave();
        Poll::Ready(None)
    }

    fn poll_permits(&mut self, cx: &mut Context<'_>, permits: u32) -> Poll<Option<Permits>> {
        if let (Some(share), None) = (&mut self.share, &self.from_share) {
            self.from_share = ready!(share.poll(cx, permits));
        }
        let of_all = ready!(self.all.poll(cx, permits));
        let from_share = self.from_share.take();
        Poll::Ready(of_all.map(|of_all| Permits { of_all, from_share }))
    }

    fn leave(&mut self) {
        self.all.waiting = None;
        self.from_share = None;
        if let Some(share) = &mut self.share {
            share.waiting = None;
        }
    }
}

/// Where one waits for bytes.
struct Line {
    free: Arc<Semaphore>,
    waiting: Option<PollSemaphore>,
}

impl Line {
    fn at(free: Arc<Semaphore>) -> Self {
        Self { free, waiting: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>, permits: u32) -> Poll<Option<OwnedSemaphorePermit>> {
        if self.waiting.is_none()
            && let Ok(permit) = Arc::clone(&self.free).try_acquire_many_owned(permits)
        {
            return Poll::Ready(Some(permit));
        }
        let free = self.waiting.get_or_insert_with(|| PollSemaphore::new(Arc::clone(&self.free)));
        let permit = ready!(free.poll_acquire_many(cx, permits));
        self.waiting = None;
        Poll::Ready(permit)
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
    held: Arc<Held>,
}

/// What an answer holds until its last piece has been sent.
struct Held {
    _room: Room,
    /// Ends the connection when that takes too long.
    _cut: Option<AbortOnDropHandle<()>>,
}

/// A piece of an answer.
struct Piece {
    bytes: Bytes,
    _held: Arc<Held>,
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
        let held = &self.held;
        let counted = |bytes| Bytes::from_owner(Piece { bytes, _held: Arc::clone(held) });
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
    const PACE: Pace = Pace { bytes: MIB as u64, window: Duration::from_secs(10) };
    const LIMIT: AnswerTime = AnswerTime { least: Duration::from_secs(60), pace: PACE };

    fn count(budget: &Budget, answer: Body) -> Option<Body> {
        budget.count(answer, &Taker::default(), LIMIT)
    }

    fn holder(name: &str) -> Taker {
        let requester = sealwork_job::RequesterId::new("api-key", name);
        Taker::new(Arc::new(crate::auth::Caller { requester, is_admin: false }), None)
    }

    #[tokio::test]
    async fn one_caller_leaves_room_for_large_answers_and_bodies_of_others() {
        let budget = Budget::new(16 * MIB as u64);
        let (alice, bob) = (holder("alice"), holder("bob"));
        let answer = || Body::from(vec![0; MIB]);
        let held: Vec<_> = (0..16).map_while(|_| budget.count(answer(), &alice, LIMIT)).collect();
        assert_eq!(held.len(), 13);
        assert!(budget.count(answer(), &bob, LIMIT).is_some());
        let mut body = budget.intake(None, &bob);
        assert!(poll_fn(|cx| body.poll_room(cx, MIB)).await.is_some());
        assert!(budget.count(Body::from("small"), &alice, LIMIT).is_some());
    }

    #[test]
    fn an_answer_has_more_time_the_longer_it_is() {
        assert_eq!(LIMIT.for_answer(17 * 1024), Duration::from_secs(60));
        assert_eq!(LIMIT.for_answer(6 * MIB as u64), Duration::from_secs(120));
    }

    #[tokio::test]
    async fn an_answer_counts_until_its_last_piece_is_gone_and_small_ones_find_room_beside_it() {
        let budget = Budget::new(16 * MIB as u64);
        let mut answer = count(&budget, Body::from(vec![0; 15 * MIB])).unwrap();
        assert_eq!(budget.free(), MIB);
        assert!(count(&budget, Body::from(vec![0; 17 * 1024])).is_none());
        let small = count(&budget, Body::from("small")).unwrap();
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
        let alone = count(&budget, Body::from(vec![0; 2 * MIB])).unwrap();
        assert!(count(&budget, Body::from(vec![0; 2 * MIB])).is_none());
        drop(alone);
        assert!(count(&budget, Body::from(vec![0; 2 * MIB])).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_waits_for_room_for_a_while_and_what_it_has_comes_back() {
        let budget = Budget::new(16 * MIB as u64);
        let mut first = budget.intake(None, &Taker::default());
        let mut room = poll_fn(|cx| first.poll_room(cx, 10 * MIB)).await.unwrap();
        let begun = tokio::time::Instant::now();
        let mut second = budget.intake(Some(10 * MIB as u64), &Taker::default());
        assert!(poll_fn(|cx| second.poll_room(cx, 10 * MIB)).await.is_none());
        assert_eq!(begun.elapsed(), PATIENCE);
        drop(second);

        let mut second = budget.intake(Some(10 * MIB as u64), &Taker::default());
        room.merge(poll_fn(|cx| first.poll_room(cx, 3 * MIB)).await.unwrap());
        assert_eq!(budget.free(), 3 * MIB);
        let (found, ()) = tokio::join!(poll_fn(|cx| second.poll_room(cx, 13 * MIB)), async {
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
        let mut full = budget.intake(None, &Taker::default());
        let _room = poll_fn(|cx| full.poll_room(cx, 13 * MIB)).await.unwrap();
        let begun = tokio::time::Instant::now();
        let wait = async || {
            let mut intake = budget.intake(None, &Taker::default());
            assert!(poll_fn(|cx| intake.poll_room(cx, MIB)).await.is_none());
            begun.elapsed()
        };
        let (first, second, third, fourth) = tokio::join!(wait(), wait(), wait(), wait());
        assert_eq!((first, second), (PATIENCE, PATIENCE / 2));
        assert!(third < second && fourth == PATIENCE / 4);
        assert_eq!(wait().await, PATIENCE * 2, "alone again it has all the time");
    }
}
