//! The worker as the door's `/v1` routes see it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_door_http::{
    Caller,
    v1::{self, Token, V1Port},
};
use sealwork_job::{Body, JobId, Origin, Refusal, Reply, Rerun, Submission};
use sealwork_worker::{Access, Status, Worker};

/// Passes calls on; both sides have the same words.
pub(super) struct V1Worker(pub(super) Arc<Worker>);

#[async_trait]
impl V1Port for V1Worker {
    async fn submit(&self, envelope: Bytes, caller: &Caller) -> Result<v1::Accepted, Refusal> {
        let submission = Submission {
            origin: Origin::Http { requester: caller.requester.clone() },
            body: Body::Sealed(envelope),
            reply: Reply::Hpke,
            lane: None,
            rerun: Rerun::Idempotent,
        };
        let accepted = self.0.submit(submission).await?;
        Ok(v1::Accepted { job: accepted.job, accepted_at: accepted.accepted_at })
    }

    async fn status(&self, job: JobId, token: &Token) -> Result<v1::Status, Refusal> {
        self.0.status(job, Access::Token(token.expose())).map(status)
    }

    async fn wait(
        &self,
        job: JobId,
        token: &Token,
        patience: Duration,
    ) -> Result<v1::Status, Refusal> {
        self.0.wait(job, Access::Token(token.expose()), patience).await.map(status)
    }

    async fn cancel(&self, job: JobId, token: &Token) -> Result<v1::Status, Refusal> {
        self.0.cancel(job, Access::Token(token.expose())).map(status)
    }

    async fn result(&self, job: JobId, token: &Token) -> Result<v1::JobResult, Refusal> {
        let result = self.0.result(job, Access::Token(token.expose()))?;
        Ok(v1::JobResult { response: result.response, receipt_digest: result.receipt_digest })
    }

    async fn receipt(&self, job: JobId) -> Result<String, Refusal> {
        self.0.receipt(job)
    }

    async fn receipts(&self, from: u64, limit: usize) -> Result<Vec<(u64, String)>, Refusal> {
        self.0.receipts(from, limit)
    }

    fn key_config(&self) -> Bytes {
        self.0.key_config().to_json().into()
    }

    fn capabilities(&self) -> Vec<v1::EngineInfo> {
        let capabilities = self.0.capabilities();
        capabilities
            .engines
            .into_iter()
            .map(|engine| v1::EngineInfo {
                name: engine.name.to_owned(),
                operations: engine.operations,
                rerun: engine.rerun,
                limits: capabilities.max_limits,
            })
            .collect()
    }
}

fn status(status: Status) -> v1::Status {
    v1::Status {
        job: status.job,
        state: status.state,
        engine: status.engine,
        accepted_at: status.accepted_at,
        expires_at: Some(status.expires_at),
    }
}
