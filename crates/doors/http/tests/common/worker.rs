use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use sealwork_door_http::{
    Caller,
    v1::{Accepted, EngineInfo, FoundEvidence, JobResult, Status, Token, V1Port},
};
use sealwork_job::{Code, Digest, InstanceId, JobId, JobState, Limits, Refusal, Rerun, Timestamp};
use tokio::sync::watch;

/// The token of every job, as the header carries it.
pub const TOKEN: &str = "abababababababababababababababababababababababababababababababab";

/// A worker that keeps envelopes, settles when it is told to, and refuses by their first words.
pub struct FakeWorker {
    jobs: Mutex<HashMap<JobId, watch::Sender<JobState>>>,
    pub seen: Mutex<Vec<(Bytes, Caller)>>,
    pub waiting: watch::Sender<usize>,
    /// The size of every result; each is made anew, as a store reads it.
    pub result_bytes: AtomicUsize,
}

impl FakeWorker {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            jobs: Mutex::default(),
            seen: Mutex::default(),
            waiting: watch::Sender::new(0),
            result_bytes: AtomicUsize::new(0),
        })
    }

    pub fn settle(&self, job: JobId) {
        let settled = JobState::Settled { code: "ok".to_owned(), at: Timestamp(2000) };
        self.jobs.lock().unwrap()[&job].send_replace(settled);
    }

    /// Returns when so many calls wait for a job.
    pub async fn until_waiting(&self, count: usize) {
        self.waiting.subscribe().wait_for(|waiting| *waiting >= count).await.unwrap();
    }

    fn job(&self, job: JobId, token: &Token) -> Result<watch::Receiver<JobState>, Refusal> {
        let jobs = self.jobs.lock().unwrap();
        let state = jobs.get(&job).ok_or_else(|| Refusal::new(Code::JobUnknown, "no such job"))?;
        if token != &Token::new([0xab; 32]) {
            return Err(Refusal::new(Code::TokenInvalid, "not the token of this job"));
        }
        Ok(state.subscribe())
    }
}

fn status(job: JobId, state: JobState) -> Status {
    let engine = "web".to_owned();
    Status { job, state, engine, accepted_at: Timestamp(1000), expires_at: Some(Timestamp(9000)) }
}

#[async_trait]
impl V1Port for FakeWorker {
    async fn submit(&self, envelope: Bytes, caller: &Caller) -> Result<Accepted, Refusal> {
        let mut refusal = match &envelope[..] {
            b"replayed" => Refusal::new(Code::JobReplayed, "this job is known"),
            b"full" => Refusal::new(Code::QueueFull, "the queue holds 1000 jobs"),
            b"malformed" => Refusal::new(Code::EnvelopeMalformed, "no envelope"),
            _ => {
                let mut seen = self.seen.lock().unwrap();
                seen.push((envelope, caller.clone()));
                let job = JobId::from_random([u8::try_from(seen.len()).unwrap(); 16]);
                self.jobs.lock().unwrap().insert(job, watch::Sender::new(JobState::Accepted));
                return Ok(Accepted { job, accepted_at: Timestamp(1000) });
            }
        };
        refusal.job = (refusal.code == Code::JobReplayed).then_some(JobId([1; 16]));
        refusal.retry_after = (refusal.code == Code::QueueFull).then_some(Duration::from_secs(7));
        Err(refusal)
    }

    async fn status(&self, job: JobId, token: &Token) -> Result<Status, Refusal> {
        let state = self.job(job, token)?.borrow().clone();
        Ok(status(job, state))
    }

    async fn wait(&self, job: JobId, token: &Token, patience: Duration) -> Result<Status, Refusal> {
        let mut state = self.job(job, token)?;
        self.waiting.send_modify(|waiting| *waiting += 1);
        let _ = tokio::time::timeout(patience, state.wait_for(JobState::is_settled)).await;
        self.status(job, token).await
    }

    async fn cancel(&self, job: JobId, token: &Token) -> Result<Status, Refusal> {
        let state = self.job(job, token)?.borrow().clone();
        if state.is_settled() {
            return Err(Refusal::new(Code::AlreadySettled, "it has settled"));
        }
        let cancelled = JobState::Settled { code: "cancelled".to_owned(), at: Timestamp(2000) };
        self.jobs.lock().unwrap()[&job].send_replace(cancelled.clone());
        Ok(status(job, cancelled))
    }

    async fn result(&self, job: JobId, token: &Token) -> Result<JobResult, Refusal> {
        if !self.job(job, token)?.borrow().is_settled() {
            return Err(Refusal::new(Code::NotSettled, "it has not settled"));
        }
        let response = match self.result_bytes.load(Relaxed) {
            0 => Bytes::from_static(b"SWR1 sealed"),
            bytes => vec![b'x'; bytes].into(),
        };
        Ok(JobResult { response: response.into(), receipt_digest: Digest([0xcd; 32]) })
    }

    async fn receipt(&self, job: JobId) -> Result<String, Refusal> {
        if self.jobs.lock().unwrap().get(&job).is_none_or(|state| !state.borrow().is_settled()) {
            return Err(Refusal::new(Code::NotSettled, "it has not settled"));
        }
        Ok("e30.e30.c2ln".to_owned())
    }

    /// Keeps receipts 5 to 1499.
    async fn receipts(&self, from: u64, limit: usize) -> Result<Vec<(u64, String)>, Refusal> {
        Ok((from.max(5)..1500).take(limit).map(|n| (n, format!("e30.{n}.c2ln"))).collect())
    }

    fn key_config(&self) -> Bytes {
        Bytes::from_static(b"{\"version\":1}")
    }

    /// Fresh for each nonce; the platform is down for nonces of zeros.
    async fn evidence(&self, nonce: Option<Vec<u8>>) -> Result<FoundEvidence, Refusal> {
        match nonce {
            Some(nonce) if nonce.iter().all(|byte| *byte == 0) => {
                Err(Refusal::new(Code::AttesterFailed, "tpm_failed: the platform gives none"))
            }
            nonce => Ok(FoundEvidence {
                is_fresh: nonce.is_some(),
                document: hex::encode(nonce.unwrap_or_default()).into(),
            }),
        }
    }

    async fn archived_evidence(&self, digest: Digest) -> Result<Bytes, Refusal> {
        match digest {
            Digest([0xab, ..]) => Ok(Bytes::from_static(b"{\"version\":1}")),
            _ => Err(Refusal::new(Code::EvidenceUnknown, "no evidence with this digest is kept")),
        }
    }

    async fn archived_key_config(
        &self,
        digest: Digest,
        instance: Option<InstanceId>,
    ) -> Result<Bytes, Refusal> {
        match (digest, instance) {
            (Digest([0xab, ..]), Some(InstanceId([0xcd, ..])) | None) => Ok(self.key_config()),
            _ => Err(Refusal::new(Code::KeyConfigUnknown, "no key config with this digest")),
        }
    }

    fn capabilities(&self) -> Vec<EngineInfo> {
        vec![EngineInfo {
            name: "web".to_owned(),
            operations: vec!["scraper".to_owned()],
            availability: Vec::new(),
            rerun: Rerun::Idempotent,
            limits: Limits { wall_ms: Some(300_000), ..Limits::default() },
        }]
    }
}
