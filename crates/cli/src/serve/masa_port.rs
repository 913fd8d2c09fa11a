//! The worker as Masa's routes see it.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_compat_masa::{
    MasaJob, OpenPiecesError, OpenResultError, ResultBody, RingError, SetKeyBody,
};
use sealwork_door_http::{
    Caller,
    masa::{Added, KeyRefusal, MasaPort, MasaStatus, ResultSpool},
    v1::Content,
};
use sealwork_job::{Body, Code, JobId, Origin, Refusal, Reply, Rerun, Submission};
use sealwork_worker::{self as worker, Access, MasaResult, SetKeyRefusal, Worker};
use zeroize::Zeroizing;

/// A large result on its way through the worker's disk.
struct LargeResult(worker::ResultSpool);

impl ResultSpool for LargeResult {
    fn push(&mut self, text: &[u8]) -> io::Result<()> {
        self.0.push(text).map_err(io::Error::other)
    }

    fn open(self: Box<Self>, encrypted_request: &[u8]) -> Result<Content, OpenPiecesError> {
        let opened = self.0.open(encrypted_request)?;
        let len = opened.len();
        let pieces = opened.map(|piece| piece.map(|mut piece| std::mem::take(&mut *piece).into()));
        Ok(Content::Pieces { len, pieces: Box::new(pieces) })
    }
}

/// Passes calls on.
pub(super) struct MasaWorker(pub(super) Arc<Worker>);

#[async_trait]
impl MasaPort for MasaWorker {
    fn is_standalone(&self) -> bool {
        self.0.masa().is_standalone()
    }

    fn is_draining(&self) -> bool {
        self.0.is_draining()
    }

    fn is_clock_behind(&self) -> bool {
        self.0.clock_lag().is_some()
    }

    fn generate(&self, job: MasaJob) -> Result<String, RingError> {
        self.0.masa().generate(job)
    }

    fn open_result(&self, body: &ResultBody) -> Result<Zeroizing<Vec<u8>>, OpenResultError> {
        self.0.masa().open_result(body)
    }

    fn spool_result(&self) -> Result<Box<dyn ResultSpool>, Refusal> {
        let spool = self.0.masa().spool_result();
        let spool = spool.map_err(|error| {
            tracing::error!(%error, "a large result cannot be spooled");
            Refusal::new(Code::StoreUnavailable, "the worker's disk did not take the body")
        })?;
        Ok(Box::new(LargeResult(spool)))
    }

    async fn add(&self, blob: Bytes, caller: &Caller) -> Result<Added, Refusal> {
        let submission = Submission {
            origin: Origin::Http { requester: caller.requester.clone() },
            body: Body::Masa(blob),
            reply: Reply::MasaRing,
            lane: None,
            rerun: Rerun::Idempotent,
        };
        let accepted = self.0.submit(submission).await?;
        Ok(Added { job: accepted.job, is_instant: accepted.is_instant })
    }

    async fn wait(&self, job: JobId, caller: &Caller, patience: Duration) {
        // An unknown job has nothing to wait for; its status says the rest.
        let _ = self.0.wait(job, Access::Masa(&caller.requester), patience).await;
    }

    async fn status(&self, job: JobId, caller: &Caller) -> Result<MasaStatus, Refusal> {
        let status = match self.0.status(job, Access::Masa(&caller.requester)) {
            Ok(status) => status,
            Err(unknown) if unknown.code == Code::JobUnknown => return Ok(MasaStatus::Unknown),
            Err(other) => return Err(other),
        };
        if !status.state.is_settled() {
            return Ok(MasaStatus::Pending(status.state));
        }
        let (code, result, sealed) = match self.0.masa_result(job, &caller.requester) {
            Ok(found) => found,
            Err(gone) if gone.code == Code::JobUnknown => return Ok(MasaStatus::Unknown),
            Err(other) => return Err(other),
        };
        let MasaResult { error, next_cursor, stopped, way } = result;
        Ok(match sealed {
            Some(text) => {
                let (len, pieces) = (text.len(), text.map(|piece| piece.map_err(io::Error::other)));
                let sealed = Content::Pieces { len, pieces: Box::new(pieces) };
                MasaStatus::Done { sealed, next_cursor, stopped, way }
            }
            None => MasaStatus::Failed {
                code: code.parse().unwrap_or(Code::Internal),
                message: error.unwrap_or_default(),
                next_cursor,
            },
        })
    }

    async fn set_key(&self, body: SetKeyBody) -> Result<(), KeyRefusal> {
        let taken = self.0.masa().set_key(body.key.as_bytes(), body.signature.as_bytes()).await;
        taken.map_err(|error| match error {
            SetKeyRefusal::Refused(error) => KeyRefusal::Refused(error),
            other => KeyRefusal::Store(other.to_string()),
        })
    }
}
