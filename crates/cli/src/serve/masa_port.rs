//! The worker as Masa's routes see it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_compat_masa::{MasaJob, OpenResultError, ResultBody, RingError, SetKeyBody};
use sealwork_door_http::{
    Caller,
    masa::{Added, KeyRefusal, MasaPort, MasaStatus},
};
use sealwork_job::{Body, Code, JobId, Origin, Refusal, Reply, Rerun, Submission};
use sealwork_worker::{Access, SetKeyRefusal, Worker};
use zeroize::Zeroizing;

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

    fn generate(&self, job: MasaJob) -> Result<String, RingError> {
        self.0.masa().generate(job)
    }

    fn open_result(&self, body: &ResultBody) -> Result<Zeroizing<Vec<u8>>, OpenResultError> {
        self.0.masa().open_result(body)
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

    async fn wait(&self, job: JobId, patience: Duration) {
        // An unknown job has nothing to wait for; its status says the rest.
        let _ = self.0.wait(job, Access::Masa, patience).await;
    }

    async fn status(&self, job: JobId) -> Result<MasaStatus, Refusal> {
        let status = match self.0.status(job, Access::Masa) {
            Ok(status) => status,
            Err(unknown) if unknown.code == Code::JobUnknown => return Ok(MasaStatus::Unknown),
            Err(other) => return Err(other),
        };
        if !status.state.is_settled() {
            return Ok(MasaStatus::Pending(status.state));
        }
        let (code, result) = match self.0.masa_result(job) {
            Ok((code, result)) => (code.parse().unwrap_or(Code::Internal), result),
            Err(gone) if gone.code == Code::JobUnknown => return Ok(MasaStatus::Unknown),
            Err(other) => return Err(other),
        };
        Ok(match (result.sealed, result.error) {
            (Some(sealed), _) => MasaStatus::Done {
                sealed: sealed.into(),
                next_cursor: result.next_cursor,
                stopped: result.stopped,
            },
            (None, message) => MasaStatus::Failed {
                code,
                message: message.unwrap_or_default(),
                next_cursor: result.next_cursor,
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
