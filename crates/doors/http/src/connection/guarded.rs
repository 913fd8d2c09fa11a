use std::{
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::{Activity, Pacer, TLS_HANDSHAKE};
use crate::config::ConnectionLimits;

/// How long, and over how many bytes, a close waits for a client that is still sending.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// A connection's bytes under time limits: for the head of a request, for silence between
/// requests, and for a client that does not read.
///
/// Silence while a request is in flight is not judged here: then either the worker is at work, or
/// the request's body has its own pace.
pub(crate) struct Guarded<S> {
    stream: S,
    activity: Arc<Activity>,
    head_timeout: Duration,
    idle_timeout: Duration,
    writing: Pacer,
    protocol: Protocol,
    /// When the first byte of the awaited head came, and how many requests had begun then.
    head: Option<(Instant, u64)>,
    silence: Option<Pin<Box<Sleep>>>,
    lingered: usize,
    /// The client broke a time limit: it is not waited for.
    cut: bool,
    shut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// Nothing read yet. A TLS hello is foreseeable only where the transport is plain.
    Unknown {
        plain: bool,
    },
    Http1,
    Http2,
}

impl<S> Guarded<S> {
    pub(crate) fn new(
        stream: S,
        activity: Arc<Activity>,
        limits: &ConnectionLimits,
        plain: bool,
    ) -> Self {
        Self {
            stream,
            activity,
            head_timeout: limits.head_timeout,
            idle_timeout: limits.idle_timeout,
            writing: Pacer::new(limits.download),
            protocol: Protocol::Unknown { plain },
            head: None,
            silence: None,
            lingered: 0,
            cut: false,
            shut: false,
        }
    }

    /// Looks at bytes that have come in.
    fn arrived(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let (Protocol::Unknown { plain }, Some(first)) = (self.protocol, bytes.first()) {
            if plain && *first == TLS_HANDSHAKE {
                return Err(io::Error::new(ErrorKind::InvalidData, "TLS on a plain HTTP port"));
            }
            let http2 = bytes.starts_with(b"PRI");
            self.protocol = if http2 { Protocol::Http2 } else { Protocol::Http1 };
        }
        let begun = self.activity.begun();
        if self.head.is_none_or(|(_, then)| then != begun) && self.activity.idle_since().is_some() {
            self.head = Some((Instant::now(), begun));
        }
        Ok(())
    }

    /// Until when the client may keep silent; for ever while a request is in flight.
    fn deadline(&self) -> Option<(Instant, Silence)> {
        let idle_since = self.activity.idle_since()?;
        let begun = self.activity.begun();
        match self.head {
            Some((since, then)) if then == begun && self.protocol == Protocol::Http1 => {
                Some((since + self.head_timeout, Silence::InHead))
            }
            _ if begun == 0 => Some((idle_since + self.head_timeout, Silence::InHead)),
            _ => Some((idle_since + self.idle_timeout, Silence::Between)),
        }
    }

    /// Ready when the client has kept silent for too long.
    ///
    /// A timer is always set, even while a request is in flight: nobody polls this when the
    /// request ends. One that fires too early is set again then, which costs less than setting it
    /// with each request.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Silence> {
        loop {
            let now = Instant::now();
            let deadline = self.deadline();
            let wake = deadline.map_or(now + self.idle_timeout, |(at, _)| at);
            let timer = self.silence.get_or_insert_with(|| Box::pin(sleep_until(wake)));
            if timer.deadline() > wake || timer.is_elapsed() {
                timer.as_mut().reset(wake);
            }
            ready!(timer.as_mut().poll(cx));
            match deadline {
                Some((at, silence)) if now >= at => return Poll::Ready(silence),
                _ => {}
            }
        }
    }

    fn wrote(&mut self, bytes: usize) {
        self.writing.moved(bytes);
        if bytes > 0 {
            self.activity.wrote();
        }
    }

    fn slow_reader(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.writing
            .poll_stalled(cx)
            .map(|()| io::Error::new(ErrorKind::TimedOut, "the client does not read"))
    }
}

#[derive(Debug, Clone, Copy)]
enum Silence {
    /// Before the first request, or inside a head.
    InHead,
    /// Between two requests.
    Between,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                Poll::Ready(self.arrived(buf.filled().get(before..).unwrap_or_default()))
            }
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending => self.poll_silence(cx).map(|silence| match silence {
                Silence::InHead => {
                    self.cut = true;
                    Err(ErrorKind::TimedOut.into())
                }
                // Nothing is unfinished: an end of the stream lets hyper close in good order.
                Silence::Between => Ok(()),
            }),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, buf) {
            Poll::Ready(written) => {
                self.wrote(written.as_ref().copied().unwrap_or(0));
                Poll::Ready(written)
            }
            Poll::Pending => self.slow_reader(cx).map(Err),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(cx, bufs) {
            Poll::Ready(written) => {
                self.wrote(written.as_ref().copied().unwrap_or(0));
                Poll::Ready(written)
            }
            Poll::Pending => self.slow_reader(cx).map(Err),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(flushed) => Poll::Ready(flushed),
            Poll::Pending => self.slow_reader(cx).map(Err),
        }
    }

    /// Closes; where an answer went out before the request was read, waits until the client has
    /// stopped sending, because closing over unread bytes would destroy the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            match Pin::new(&mut self.stream).poll_shutdown(cx) {
                Poll::Ready(result) => result?,
                Poll::Pending => return self.slow_reader(cx).map(Err),
            }
            self.shut = true;
            // A head that is not understood is answered before it has been read to its end.
            let in_head = self.head.is_some_and(|(_, then)| then == self.activity.begun());
            if self.cut || !(self.activity.lingers() || in_head) {
                return Poll::Ready(Ok(()));
            }
            self.silence = Some(Box::pin(sleep_until(Instant::now() + LINGER)));
        }
        let mut scrap = [0; 8 * 1024];
        while self.lingered < LINGER_BYTES {
            if let Some(timer) = &mut self.silence
                && timer.as_mut().poll(cx).is_ready()
            {
                break;
            }
            let mut buf = ReadBuf::new(&mut scrap);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                break;
            }
            self.lingered += buf.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
