//! Request bodies under limits of size and pace.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use sealwork_job::Code;

use crate::{
    budget::{Intake, Room},
    config::Pace,
    connection::Pacer,
};

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// Larger than the door takes.
    #[error("the body is larger than the {limit} bytes that this worker takes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// Slower than the door waits for.
    #[error("the body arrives too slowly")]
    TooSlow,
    /// All bodies and answers together take what the door may use.
    #[error("the worker has no memory left for this body now")]
    NoRoom,
    /// The connection broke, or the framing is wrong.
    #[error("the body broke off")]
    Broken,
}

impl BodyError {
    /// The stable code.
    pub fn code(self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::BodyTooLarge,
            Self::TooSlow => Code::BodyTooSlow,
            Self::NoRoom => Code::Overloaded,
            Self::Broken => Code::RequestMalformed,
        }
    }
}

/// Reads a whole body. Its limits are the door's, which has wrapped it already.
///
/// # Errors
/// [`BodyError`].
pub async fn read(mut body: Body) -> Result<Bytes, BodyError> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let (mut first, mut whole) = (Bytes::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(error)?.into_data() else { continue };
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        // Pieces are copied as they come: a list of a million small ones would take many times
        // their bytes.
        if whole.is_empty() {
            whole.reserve_exact(expected.max(first.len() + data.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

/// Why a body that the door has wrapped ends early.
pub(crate) fn error(error: axum::Error) -> BodyError {
    error.into_inner().downcast().map_or(BodyError::Broken, |error| *error)
}

/// What became of a body, and the room that it takes: held by the layer that answers when a
/// handler cannot, until the handler is done with the body.
#[derive(Clone, Default)]
pub(crate) struct Fate(Arc<State>);

#[derive(Default)]
struct State {
    verdict: AtomicU8,
    room: Mutex<Option<Room>>,
}

impl Fate {
    const TOO_LARGE: u8 = 1;
    const TOO_SLOW: u8 = 2;
    const NO_ROOM: u8 = 3;
    const ARRIVED: u8 = 4;

    /// The limit that the body has exceeded, if it has.
    pub(crate) fn exceeded(&self, limit: u64) -> Option<BodyError> {
        match self.0.verdict.load(Relaxed) {
            Self::TOO_LARGE => Some(BodyError::TooLarge { limit }),
            Self::TOO_SLOW => Some(BodyError::TooSlow),
            Self::NO_ROOM => Some(BodyError::NoRoom),
            _ => None,
        }
    }

    /// Whether all of the body has come.
    pub(crate) fn has_arrived(&self) -> bool {
        self.0.verdict.load(Relaxed) == Self::ARRIVED
    }

    fn set(&self, verdict: u8) {
        self.0.verdict.store(verdict, Relaxed);
    }

    fn add(&self, room: Room) {
        let mut held = self.0.room.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_mut() {
            Some(held) => held.merge(room),
            None => *held = Some(room),
        }
    }
}

/// A body that ends with an error when it exceeds its limits.
pub(crate) struct Limited {
    inner: Body,
    limit: u64,
    left: u64,
    pacer: Pacer,
    /// Absent where the body is not kept in memory.
    intake: Option<Intake>,
    /// A piece that has come, and finds no room yet.
    piece: Option<Bytes>,
    fate: Fate,
}

impl Limited {
    pub(crate) fn new(
        inner: Body,
        limit: u64,
        upload: Pace,
        intake: Option<Intake>,
        fate: Fate,
    ) -> Self {
        let pacer = Pacer::new(upload);
        Self { inner, limit, left: limit, pacer, intake, piece: None, fate }
    }
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.piece.is_none() {
            let frame = match Pin::new(&mut this.inner).poll_frame(cx) {
                Poll::Pending => {
                    ready!(this.pacer.poll_stalled(cx));
                    this.fate.set(Fate::TOO_SLOW);
                    return Poll::Ready(Some(Err(BodyError::TooSlow)));
                }
                Poll::Ready(None) => {
                    this.fate.set(Fate::ARRIVED);
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(BodyError::Broken))),
                Poll::Ready(Some(Ok(frame))) => frame,
            };
            let piece = match frame.into_data() {
                Ok(piece) => piece,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            };
            this.pacer.moved(piece.len());
            let Some(left) = this.left.checked_sub(piece.len() as u64) else {
                this.fate.set(Fate::TOO_LARGE);
                return Poll::Ready(Some(Err(BodyError::TooLarge { limit: this.limit })));
            };
            this.left = left;
            this.piece = Some(piece);
        }
        let len = this.piece.as_ref().map_or(0, Bytes::len);
        let room = match &mut this.intake {
            Some(intake) => ready!(intake.poll_room(cx, len)),
            None => return Poll::Ready(this.piece.take().map(|piece| Ok(Frame::data(piece)))),
        };
        let piece = this.piece.take().unwrap_or_default();
        Poll::Ready(Some(match room {
            Some(room) => {
                this.fate.add(room);
                Ok(Frame::data(piece))
            }
            None => {
                this.fate.set(Fate::NO_ROOM);
                Err(BodyError::NoRoom)
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.piece.as_ref().map_or(0, Bytes::len) as u64;
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(waiting));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(waiting));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{StreamExt as _, stream};

    use super::*;
    use crate::{budget::Budget, share::Taker};

    const BUDGET: u64 = 1 << 20;

    const UPLOAD: Pace = Pace { bytes: 100, window: Duration::from_secs(5) };

    fn limited(inner: Body, body_bytes: u64) -> Body {
        let intake = Some(Budget::new(BUDGET).intake(None, &Taker::default()));
        Body::new(Limited::new(inner, body_bytes, UPLOAD, intake, Fate::default()))
    }

    /// A body of so many bytes, in pieces of so many.
    fn pieces(bytes: usize, piece: usize) -> Body {
        let pieces =
            vec![b'x'; bytes].chunks(piece).map(Bytes::copy_from_slice).collect::<Vec<_>>();
        Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)))
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
        assert_eq!(read(limited(Body::from("12345"), 5)).await.unwrap(), "12345");
        let error = read(limited(Body::from("123456"), 5)).await.unwrap_err();
        assert_eq!(error, BodyError::TooLarge { limit: 5 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_too_slow() {
        let trickle = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let error = read(limited(Body::from_stream(trickle), 1 << 20)).await.unwrap_err();
        assert_eq!(error, BodyError::TooSlow);
    }

    #[tokio::test]
    async fn pieces_are_put_together_in_their_order_and_into_no_more_memory_than_they_need() {
        let body = stream::iter(["ab", "", "c", "defg"].map(|p| Ok::<_, std::io::Error>(p.into())));
        let body: Body = Body::from_stream(body.map(|p: Result<Bytes, _>| p));
        assert_eq!(read(limited(body, 100)).await.unwrap(), "abcdefg");
        assert_eq!(read(limited(pieces(1000, 1), 1000)).await.unwrap().len(), 1000);
        assert!(read(limited(Body::empty(), 100)).await.unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_takes_room_until_its_fate_is_dropped_and_has_an_error_where_there_is_none() {
        let budget = Budget::new(BUDGET);
        let fate = Fate::default();
        let open = |fate: &Fate| {
            let body = pieces(600_000, 10_000);
            let intake = Some(budget.intake(None, &Taker::default()));
            Body::new(Limited::new(body, BUDGET, UPLOAD, intake, fate.clone()))
        };
        assert_eq!(read(open(&fate)).await.unwrap().len(), 600_000);
        assert_eq!(budget.free(), (1 << 20) - 600_000);
        let second = Fate::default();
        assert_eq!(read(open(&second)).await.unwrap_err(), BodyError::NoRoom);
        assert_eq!(second.exceeded(BUDGET), Some(BodyError::NoRoom));
        drop((fate, second));
        assert_eq!(budget.free(), 1 << 20);
    }
}
