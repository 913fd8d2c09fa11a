use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, header};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::{
    decode::{Decoder, Step},
    error::{EgressError, Phase, UpstreamFault},
    exchange::wire_error,
    pace::Pace,
    pool::Lease,
    request::Overflow,
    scope::EgressMeter,
};

/// Bytes that a body may decompress to before its ratio is looked at.
const RATIO_FREE: u64 = 1 << 20;
/// Decompressed bytes given at once.
const CHUNK: usize = 256 << 10;

/// What bounds one body.
pub(crate) struct BodyLimits {
    pub(crate) max_bytes: u64,
    pub(crate) overflow: Overflow,
    pub(crate) ratio: u64,
    pub(crate) ends: Ends,
}

/// When a fetch ends, and whose limit that is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) at: Instant,
    /// Whether it is the job's deadline; else it is the request's own time limit.
    pub(crate) is_deadline: bool,
    /// The request's own time limit.
    pub(crate) after: Duration,
}

impl Ends {
    /// The error of a fetch that was in `phase` when its time was over.
    pub(crate) fn error(&self, host: &str, phase: Phase) -> EgressError {
        let host = host.to_owned();
        if self.is_deadline {
            EgressError::Deadline { host }
        } else {
            EgressError::Timeout { host, phase, after: self.after }
        }
    }
}

/// A body as it comes: counted, timed, decompressed and cut.
pub(crate) struct Body {
    host: String,
    source: Option<Source>,
    meter: Arc<dyn EgressMeter>,
    limits: BodyLimits,
    pace: Pace,
    decoder: Decoder,
    /// Received and not decoded yet.
    pending: Bytes,
    received: u64,
    decoded: u64,
    source_ended: bool,
    truncated: bool,
}

/// What is being read, and the connection that it comes over.
struct Source {
    incoming: Incoming,
    lease: Lease,
}

impl Body {
    pub(crate) fn new(
        host: String,
        (incoming, lease): (Incoming, Lease),
        decoder: Decoder,
        meter: Arc<dyn EgressMeter>,
        limits: BodyLimits,
        pace: Pace,
    ) -> Self {
        let source = Some(Source { incoming, lease });
        let (received, decoded, source_ended, truncated) = (0, 0, false, false);
        let pending = Bytes::new();
        Self {
            host,
            source,
            meter,
            limits,
            pace,
            decoder,
            pending,
            received,
            decoded,
            source_ended,
            truncated,
        }
    }

    /// Refuses a body that says itself that it is too large, without reading it.
    pub(crate) fn check_declared(&self, headers: &HeaderMap) -> Result<(), EgressError> {
        let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let declared = declared.and_then(|text| text.parse::<u64>().ok());
        let is_empty = self.source.as_ref().is_none_or(|source| source.incoming.is_end_stream());
        let limit = self.limits.max_bytes;
        if self.limits.overflow == Overflow::Refuse && !is_empty && declared > Some(limit) {
            return Err(EgressError::TooLarge { host: self.host.clone(), limit });
        }
        Ok(())
    }

    pub(crate) fn is_truncated(&self) -> bool {
        self.truncated
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        let result = self.next().await;
        if !matches!(result, Ok(Some(_))) {
            self.close();
        }
        result
    }

    /// Reads and forgets what is left, if that is little, so that the connection can be used again.
    pub(crate) async fn discard(mut self) {
        const LITTLE: u64 = 16 << 10;
        const SOON: Duration = Duration::from_millis(250);
        let most = self.source.as_ref().and_then(|source| source.incoming.size_hint().upper());
        if most.is_some_and(|most| most > LITTLE) {
            return;
        }
        let until = (Instant::now() + SOON).min(self.limits.ends.at);
        let reading = async {
            while self.received <= LITTLE {
                match self.receive().await {
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => break,
                }
            }
        };
        let _ = timeout_at(until, reading).await;
    }

    async fn next(&mut self) -> Result<Option<Bytes>, EgressError> {
        while !self.truncated {
            if !self.pending.is_empty() {
                tokio::task::coop::consume_budget().await;
                if let Some(chunk) = self.decode()? {
                    return Ok(Some(chunk));
                }
                continue;
            }
            if self.source_ended || self.source.is_none() {
                return self.finish();
            }
            match self.receive().await? {
                Some(data) => self.pending = data,
                None => self.source_ended = true,
            }
        }
        Ok(None)
    }

    /// The next piece as it comes from the network. At the end the connection goes back.
    async fn receive(&mut self) -> Result<Option<Bytes>, EgressError> {
        loop {
            let Some(source) = &mut self.source else { return Ok(None) };
            let began = Instant::now();
            // A source that always has something ready would never let a timer fire.
            if began >= self.limits.ends.at {
                return Err(self.limits.ends.error(&self.host, Phase::Total));
            }
            let until = self.limits.ends.at.min(began + self.pace.patience());
            let incoming = &mut source.incoming;
            let waiting = std::future::poll_fn(|cx| Pin::new(&mut *incoming).poll_frame(cx));
            let frame = timeout_at(until, waiting).await;
            let now = Instant::now();
            let data = match frame {
                Ok(Some(Ok(frame))) => data_of(frame),
                Ok(Some(Err(error))) => return Err(wire_error(&self.host, &error)),
                Ok(None) => {
                    if let Some(source) = self.source.take() {
                        source.lease.give_back();
                    }
                    return Ok(None);
                }
                Err(_) if now >= self.limits.ends.at => {
                    return Err(self.limits.ends.error(&self.host, Phase::Total));
                }
                Err(_) => Bytes::new(),
            };
            let length = data.len() as u64;
            self.received += length;
            self.meter.received(length)?;
            if !self.pace.note(now - began, length) {
                let floor = self.pace.floor();
                return Err(EgressError::TooSlow { host: self.host.clone(), floor });
            }
            if self.received > self.wire_limit() {
                return self.overflow().map(|()| None);
            }
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
    }

    /// No encoding makes a body larger by more than an eighth; more is a stream that decodes to
    /// nothing, without end.
    fn wire_limit(&self) -> u64 {
        if self.decoder.is_identity() {
            return u64::MAX;
        }
        self.limits.max_bytes.saturating_add(self.limits.max_bytes / 8).saturating_add(64 << 10)
    }

    /// Decodes pending input until there is a chunk of output.
    fn decode(&mut self) -> Result<Option<Bytes>, EgressError> {
        if self.decoder.is_identity() {
            let room = self.limits.max_bytes - self.decoded;
            let length = self.pending.len() as u64;
            if length <= room {
                self.decoded += length;
                return Ok(Some(std::mem::take(&mut self.pending)));
            }
            self.overflow()?;
            let fits = usize::try_from(room).unwrap_or(usize::MAX);
            let kept = self.pending.split_to(fits.min(self.pending.len()));
            self.decoded += kept.len() as u64;
            return Ok((!kept.is_empty()).then_some(kept));
        }
        let mut out = Vec::new();
        while !self.pending.is_empty() && out.len() < CHUNK && !self.truncated {
            let room = self.room();
            let before = out.len();
            let (used, step) = self
                .decoder
                .step(&self.pending, room, &mut out)
                .map_err(|fault| self.fault(fault))?;
            self.pending.advance(used);
            self.decoded += (out.len() - before) as u64;
            if step == Step::Full {
                self.full()?;
            }
        }
        Ok((!out.is_empty()).then(|| out.into()))
    }

    fn finish(&mut self) -> Result<Option<Bytes>, EgressError> {
        if !self.source_ended {
            return Ok(None);
        }
        self.source_ended = false;
        let mut out = Vec::new();
        let room = self.room();
        // A body without a single byte is complete in any encoding: servers send such answers.
        if self.received > 0 {
            let step = self.decoder.finish(room, &mut out).map_err(|fault| self.fault(fault))?;
            self.decoded += out.len() as u64;
            if step == Step::Full {
                self.full()?;
            }
        }
        Ok((!out.is_empty()).then(|| out.into()))
    }

    /// How much may come out of the next step: bounded by the limit and by the ratio.
    fn room(&self) -> usize {
        let left = self.limits.max_bytes - self.decoded;
        usize::try_from(left.min(self.in_proportion().saturating_sub(self.decoded)))
            .unwrap_or(usize::MAX)
    }

    /// What the bytes received so far may decompress to.
    fn in_proportion(&self) -> u64 {
        self.received.saturating_mul(self.limits.ratio).max(RATIO_FREE)
    }

    /// A step had more output than room: a bomb, or a body over its limit.
    fn full(&mut self) -> Result<(), EgressError> {
        if self.decoded < self.limits.max_bytes {
            let ratio = self.limits.ratio;
            return Err(EgressError::Bomb { host: self.host.clone(), ratio });
        }
        self.overflow()
    }

    fn overflow(&mut self) -> Result<(), EgressError> {
        match self.limits.overflow {
            Overflow::Truncate => {
                self.truncated = true;
                Ok(())
            }
            Overflow::Refuse => {
                let limit = self.limits.max_bytes;
                Err(EgressError::TooLarge { host: self.host.clone(), limit })
            }
        }
    }

    fn fault(&self, fault: UpstreamFault) -> EgressError {
        EgressError::Upstream { host: self.host.clone(), fault }
    }

    /// Lets the connection go: one that has not been read to its end is closed.
    fn close(&mut self) {
        self.source = None;
        self.pending = Bytes::new();
        self.source_ended = false;
    }
}

fn data_of(frame: Frame<Bytes>) -> Bytes {
    frame.into_data().unwrap_or_default()
}
