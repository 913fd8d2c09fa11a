use std::{io::Write, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use sealwork_job::{Code, JobId, JobSpec};
use tokio::time::Instant;

use crate::{
    Client, ClientError, JobHandle, JobResult, OpenedResult, SealOptions, SealedJob, Status,
    http::Call, seal_job, wire::Accepted,
};

/// For how long the worker may hold its answer to a question about a job.
const LONG_POLL: Duration = Duration::from_secs(25);
/// The pause between questions where a worker, or a proxy before it, does not hold answers.
const LEAST_PAUSE: Duration = Duration::from_millis(250);
/// For how long an unreachable worker is waited for.
const OUTAGE: Duration = Duration::from_secs(60);
/// For how long after its patience is over a client waits for an answer that is under way.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// Results are read up to this size.
const MAX_RESULT: usize = 1 << 30;
const OCTETS: &str = "application/octet-stream";

impl Client {
    /// Seals a job to the worker's key, once the worker's evidence has been found good. Nothing is
    /// sent but, where needed, the questions for key config and evidence.
    ///
    /// # Errors
    /// As [`Client::recipient`] and [`seal_job`].
    pub async fn seal(
        &self,
        spec: &JobSpec,
        options: &SealOptions,
    ) -> Result<SealedJob, ClientError> {
        let recipient = self.recipient().await?;
        let now = self.inner.clock.now();
        seal_job(&*self.inner.entropy, &recipient, spec, options, now)
    }

    /// Submits a sealed job. May be called again with the same one, also after a crash: the worker
    /// knows it by its nonce, and the job is the same.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn submit(&self, sealed: &SealedJob) -> Result<JobHandle, ClientError> {
        let call = Call::post("v1/jobs", OCTETS, sealed.envelope().clone());
        let job = match self.inner.http.json::<Accepted>(&call).await {
            Ok(accepted) => accepted.job_id,
            Err(error) => accepted_before(&error).ok_or(error)?,
        };
        Ok(sealed.handle(self.base_url(), job))
    }

    /// Where the job stands.
    ///
    /// # Errors
    /// Network errors and refusals, `job_unknown` among them once the result has been evicted.
    pub async fn status(&self, handle: &JobHandle) -> Result<Status, ClientError> {
        self.ask(handle, Duration::ZERO).await
    }

    /// Waits until the job has settled, telling `progress` each time where it stands. A worker that
    /// restarts meanwhile is waited for, a minute at most: accepted jobs survive that.
    ///
    /// # Errors
    /// As [`Client::status`]; [`ClientError::StillRunning`] when `patience` is over. No later than five
    /// seconds after that.
    pub async fn wait(
        &self,
        handle: &JobHandle,
        patience: Duration,
        mut progress: impl FnMut(&Status),
    ) -> Result<Status, ClientError> {
        let start = Instant::now();
        let mut heard = start;
        loop {
            let asked = Instant::now();
            let left = patience.saturating_sub(start.elapsed());
            let limit = left + LAST_ANSWER;
            let asking = self.ask(handle, left.min(LONG_POLL));
            let Ok(answer) = tokio::time::timeout(limit, asking).await else {
                return Err(self.inner.http.late(limit));
            };
            let is_patient = start.elapsed() < patience && heard.elapsed() < OUTAGE;
            let status = match answer {
                Ok(status) => status,
                Err(error) if is_outage(&error) && is_patient => {
                    tokio::time::sleep(LEAST_PAUSE).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            heard = Instant::now();
            progress(&status);
            if status.is_settled() {
                return Ok(status);
            }
            if start.elapsed() >= patience {
                return Err(ClientError::StillRunning { job: handle.job(), state: status.state });
            }
            let rest = LEAST_PAUSE.saturating_sub(asked.elapsed());
            tokio::time::sleep(rest).await;
        }
    }

    /// Asks the worker to stop the job. Asking again is no error.
    ///
    /// # Errors
    /// Network errors and refusals: `already_settled` when the job came to its end before.
    pub async fn cancel(&self, handle: &JobHandle) -> Result<Status, ClientError> {
        let token = handle.token_hex();
        let path = format!("v1/jobs/{}/cancel", handle.job());
        let call = Call::post(&path, OCTETS, Bytes::new()).token(&token);
        match self.inner.http.json(&call).await {
            Err(error) if error.refusal().is_some_and(|r| r.is(Code::AlreadySettled)) => {
                let status = self.status(handle).await?;
                let was_cancelled = status.code.as_deref() == Some(Code::Cancelled.as_str());
                if was_cancelled { Ok(status) } else { Err(error) }
            }
            other => other,
        }
    }

    /// Fetches the result of a settled job, opens it, and checks its receipt: the signature, and
    /// that it speaks of this job, this input and this output. Where the client demands evidence,
    /// the receipt is followed to the archived evidence that it cites, under the same policy.
    ///
    /// # Errors
    /// Network errors and refusals, `not_settled` among them; [`ClientError::Verification`] and
    /// [`ClientError::ReceiptRejected`] when anything does not fit.
    pub async fn result(&self, handle: &JobHandle) -> Result<JobResult, ClientError> {
        let token = handle.token_hex();
        let path = format!("v1/jobs/{}/result", handle.job());
        let sealed = self.inner.http.call(&result_call(&path, &token)).await?;
        self.with_receipt(handle, handle.open(&sealed.body)?).await
    }

    /// As [`Client::result`], with the output written to `sink` as it comes, so that it is never
    /// whole in memory; the output's data in what this gives is empty. Until this returns, what was
    /// written is authentic, but not known to be complete.
    ///
    /// # Errors
    /// As [`Client::result`]; [`ClientError::Sink`] when the output cannot be written. Throw away
    /// what was written then.
    pub async fn result_into(
        &self,
        handle: &JobHandle,
        sink: &mut (impl Write + Send),
    ) -> Result<JobResult, ClientError> {
        let token = handle.token_hex();
        let path = format!("v1/jobs/{}/result", handle.job());
        let mut reader = handle.reader();
        let call = result_call(&path, &token);
        self.inner.http.stream(&call, |piece| reader.push(piece, sink)).await?;
        self.with_receipt(handle, reader.finish(sink)?).await
    }

    async fn with_receipt(
        &self,
        handle: &JobHandle,
        opened: OpenedResult<'_>,
    ) -> Result<JobResult, ClientError> {
        let receipt = self.receipt_text(handle.job()).await?;
        let mut result = opened.with_receipt(&receipt)?;
        result.evidence = self.receipt_evidence(&result.receipt).await?;
        Ok(result)
    }

    /// Seals, submits, waits and opens. Where the worker's keys have changed since they were
    /// fetched, the job is sealed once more.
    ///
    /// # Errors
    /// As the steps.
    pub async fn run(
        &self,
        spec: &JobSpec,
        options: &SealOptions,
        patience: Duration,
        progress: impl FnMut(&Status),
    ) -> Result<JobResult, ClientError> {
        let sealed = self.seal(spec, options).await?;
        let handle = match self.submit(&sealed).await {
            Err(error) if keys_have_changed(&error) => {
                self.refresh_key_config().await?;
                self.submit(&self.seal(spec, options).await?).await?
            }
            other => other?,
        };
        self.wait(&handle, patience, progress).await?;
        self.result(&handle).await
    }

    async fn ask(&self, handle: &JobHandle, held: Duration) -> Result<Status, ClientError> {
        let token = handle.token_hex();
        let job = handle.job();
        let path = match held.as_secs() {
            0 => format!("v1/jobs/{job}"),
            secs => format!("v1/jobs/{job}?wait={secs}"),
        };
        self.inner.http.json(&Call { held, ..Call::get(&path).token(&token) }).await
    }
}

fn result_call<'a>(path: &'a str, token: &'a str) -> Call<'a> {
    Call { max_answer: MAX_RESULT, ..Call::get(path).token(token) }
}

/// The id of the job that the worker already has, when that is why it refused.
fn accepted_before(error: &ClientError) -> Option<JobId> {
    let refusal = error.refusal()?;
    let known = refusal.status == StatusCode::CONFLICT.as_u16() && refusal.is(Code::JobReplayed);
    refusal.job.filter(|_| known)
}

/// The worker is away, which says nothing about the job.
fn is_outage(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::Timeout { .. } => true,
        ClientError::Refused(refusal) => refusal.is_passing(),
        _ => false,
    }
}

fn keys_have_changed(error: &ClientError) -> bool {
    error.refusal().is_some_and(|r| r.is(Code::KeyUnknown) || r.is(Code::EnvelopeTampered))
}
