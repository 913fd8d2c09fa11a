//! Request bodies under limits of size and pace.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::{Buf as _, Bytes};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use sealwork_job::Code;

use crate::{config::RequestLimits, connection::Pacer};

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
            Self::Broken => Code::RequestMalformed,
        }
    }
}

/// Reads a whole body. Its limits are the door's, which has wrapped it already.
///
/// # Errors
/// [`BodyError`].
pub async fn read(body: Body) -> Result<Bytes, BodyError> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(error.into_inner().downcast().map_or(BodyError::Broken, |e| *e)),
    }
}

/// What became of a body, for the layer that answers when a handler cannot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict(Arc<AtomicU8>);

impl Verdict {
    const TOO_LARGE: u8 = 1;
    const TOO_SLOW: u8 = 2;

    /// The limit that the body has exceeded, if it has.
    pub(crate) fn exceeded(&self, limit: u64) -> Option<BodyError> {
        match self.0.load(Relaxed) {
            Self::TOO_LARGE => Some(BodyError::TooLarge { limit }),
            Self::TOO_SLOW => Some(BodyError::TooSlow),
            _ => None,
        }
    }
}

/// A body that ends with an error when it exceeds its limits.
pub(crate) struct Limited {
    inner: Body,
    limit: u64,
    left: u64,
    pacer: Pacer,
    verdict: Verdict,
}

impl Limited {
    pub(crate) fn new(inner: Body, limits: &RequestLimits, verdict: Verdict) -> Self {
        let limit = limits.body_bytes;
        Self { inner, limit, left: limit, pacer: Pacer::new(limits.upload), verdict }
    }
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Pending => self.pacer.poll_stalled(cx).map(|()| {
                self.verdict.0.store(Verdict::TOO_SLOW, Relaxed);
                Some(Err(BodyError::TooSlow))
            }),
            Poll::Ready(Some(Ok(frame))) => {
                let len = frame.data_ref().map_or(0, |data| data.remaining());
                self.pacer.moved(len);
                let Some(left) = self.left.checked_sub(len as u64) else {
                    self.verdict.0.store(Verdict::TOO_LARGE, Relaxed);
                    return Poll::Ready(Some(Err(BodyError::TooLarge { limit: self.limit })));
                };
                self.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyError::Broken))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream;

    use super::*;
    use crate::config::Pace;

    fn limited(inner: Body, body_bytes: u64) -> Body {
        let upload = Pace { bytes: 100, window: Duration::from_secs(5) };
        let limits = RequestLimits { body_bytes, upload, ..RequestLimits::default() };
        Body::new(Limited::new(inner, &limits, Verdict::default()))
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
}
