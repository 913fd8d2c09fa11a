//! The worker as the door's `/v1` routes see it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_door_http::{
    Caller,
    v1::{self, Token, V1Port},
};
use sealwork_job::{Body, Digest, InstanceId, JobId, Origin, Refusal, Reply, Rerun, Submission};
use sealwork_upstream::Operation;
use sealwork_worker::{Access, Status, Worker};

use super::social::SocialEngines;

/// Passes calls on; both sides have the same words.
pub(super) struct V1Worker {
    pub(super) worker: Arc<Worker>,
    pub(super) social: Arc<SocialEngines>,
}

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
        let accepted = self.worker.submit(submission).await?;
        Ok(v1::Accepted { job: accepted.job, accepted_at: accepted.accepted_at })
    }

    async fn status(&self, job: JobId, token: &Token) -> Result<v1::Status, Refusal> {
        self.worker.status(job, Access::Token(token.expose())).map(status)
    }

    async fn wait(
        &self,
        job: JobId,
        token: &Token,
        patience: Duration,
    ) -> Result<v1::Status, Refusal> {
        self.worker.wait(job, Access::Token(token.expose()), patience).await.map(status)
    }

    async fn cancel(&self, job: JobId, token: &Token) -> Result<v1::Status, Refusal> {
        self.worker.cancel(job, Access::Token(token.expose())).map(status)
    }

    async fn result(&self, job: JobId, token: &Token) -> Result<v1::JobResult, Refusal> {
        let result = self.worker.result(job, Access::Token(token.expose()))?;
        let (content, receipt_digest) = (result.response, result.receipt_digest);
        let len = content.len();
        let pieces = Box::new(content.map(|piece| piece.map_err(std::io::Error::other)));
        Ok(v1::JobResult { response: v1::Content::Pieces { len, pieces }, receipt_digest })
    }

    async fn receipt(&self, job: JobId) -> Result<String, Refusal> {
        self.worker.receipt(job)
    }

    async fn receipts(&self, from: u64, limit: usize) -> Result<Vec<(u64, String)>, Refusal> {
        self.worker.receipts(from, limit)
    }

    fn key_config(&self) -> Bytes {
        self.worker.key_config().to_json().into()
    }

    async fn evidence(&self, nonce: Option<Vec<u8>>) -> Result<v1::FoundEvidence, Refusal> {
        let found = self.worker.evidence(nonce.as_deref()).await?;
        Ok(v1::FoundEvidence { document: found.document, is_fresh: found.is_fresh })
    }

    async fn archived_evidence(&self, digest: Digest) -> Result<Bytes, Refusal> {
        self.worker.archived_evidence(digest)
    }

    async fn archived_key_config(
        &self,
        digest: Digest,
        instance: Option<InstanceId>,
    ) -> Result<Bytes, Refusal> {
        self.worker.archived_key_config(digest, instance)
    }

    fn capabilities(&self) -> Vec<v1::EngineInfo> {
        let capabilities = self.worker.capabilities();
        capabilities
            .engines
            .into_iter()
            .map(|engine| v1::EngineInfo {
                name: engine.name.to_owned(),
                operations: engine.operations,
                availability: self
                    .social
                    .operations(engine.name)
                    .into_iter()
                    .map(availability)
                    .collect(),
                rerun: engine.rerun,
                limits: capabilities.max_limits,
            })
            .collect()
    }
}

fn availability(operation: Operation) -> v1::Availability {
    let Operation { name, way, missing } = operation;
    v1::Availability { operation: name, way, missing }
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
