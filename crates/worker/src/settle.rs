//! Settling: the only place where a result is sealed, a receipt signed and a counter moved.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sealwork_engine::Report;
use sealwork_job::{Code, Digest, Failure, JobState, Outcome, Output, Reply, Timestamp, Usage};
use sealwork_platform::Entropy;
use sealwork_seal::{ReceiptClaims, SealedOutcome, receipt_digest, salted_digest, seal_response};
use sealwork_store::{ChainHead, OutboxEntry, SettleError, Settlement, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    Worker,
    board::LiveJob,
    open::{OpenedJob, ReplySecrets},
};

/// How long to wait before a failed commit is tried again: first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// A Masa result as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasaResult {
    /// What `/job/status` answers: the sealed result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// Or the job's error, in clear text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A public result as the store keeps it and everyone may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicResult {
    /// `ok`, or the failure's code.
    pub code: String,
    /// The failure's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The output's media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Exact usage.
    pub usage: Usage,
    /// What the engine says beside output or failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// The output, hex.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// When a job ran.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
}

/// Everything that one settlement is made of, so that it can be made again when a commit fails.
struct Draft {
    claims: ReceiptClaims,
    outcome: SealedOutcome,
    reply: Option<ReplySecrets>,
    masa: Option<MasaResult>,
    /// The door that delivers the result.
    outbox: Option<String>,
    entropy: Arc<dyn Entropy>,
}

/// What became of a commit.
enum Committed {
    Settled,
    /// The worker is closing; the job stays in the journal.
    Closing,
    /// It cannot be written, now or later. What the job came to, as far as that is known.
    Never(String),
}

impl Worker {
    /// Settles a job with what its engine reported. Returns when that is on disk.
    ///
    /// A commit that the disk refuses is tried again until it succeeds: the job was acknowledged.
    pub(crate) async fn settle(
        self: &Arc<Self>,
        job: &Arc<LiveJob>,
        opened: Option<OpenedJob>,
        report: Report,
        mut usage: Usage,
        span: Span,
    ) {
        let Report { result, stats, details, program } = report;
        let outcome = match result {
            Ok(output) => Outcome::Output(output),
            Err(failure) => Outcome::Failure(failure),
        };
        usage.wall_ms =
            u64::try_from(span.ended.since(span.started).as_millis()).unwrap_or(u64::MAX);
        if let Outcome::Output(output) = &outcome {
            usage.output_bytes = output.data.len() as u64;
        }
        let code = outcome.code();
        let sealed = SealedOutcome { outcome, usage, details };
        let draft = Arc::new(self.draft(job, opened, sealed, program, span));
        match self.commit(job, &draft).await {
            Committed::Settled => {}
            Committed::Closing => return,
            Committed::Never(code) => {
                self.leave(job, JobState::Settled { code, at: span.ended });
                return;
            }
        }
        self.stats.add(job.requester(), &stats, span.ended);
        // A Masa job may name any engine; a label per name would fill the memory.
        let engine = self.engines.get(job.ticket.engine.as_str()).map_or("unknown", |e| e.name());
        metrics::counter!("sealwork_jobs_settled_total", "engine" => engine, "code" => code)
            .increment(1);
        metrics::histogram!("sealwork_job_seconds", "engine" => engine)
            .record(span.ended.since(job.accepted_at).as_secs_f64());
        self.leave(job, JobState::Settled { code: code.to_owned(), at: span.ended });
        self.retention.notify_one();
    }

    /// Takes a job from the board, and tells who waits for it.
    fn leave(&self, job: &LiveJob, state: JobState) {
        self.board.remove(job.id());
        // Before anybody hears of it: who waits for this job may submit the next one at once.
        job.release();
        job.state.send_replace(state);
    }

    /// Writes the settlement. Tries again while the disk may recover.
    async fn commit(&self, job: &Arc<LiveJob>, draft: &Arc<Draft>) -> Committed {
        let mut pause = RETRY.0;
        loop {
            let (keyring, made) = (Arc::clone(&self.keyring), Arc::clone(draft));
            let make = move |head: ChainHead| made.settlement(&keyring, head);
            match self.store.settle(job.id(), make).await {
                Ok(_) => return Committed::Settled,
                Err(SettleError::AlreadySettled) => {
                    tracing::error!(job = %job.id(), "a job came to settle twice");
                    return Committed::Never(self.settled_code(job));
                }
                Err(SettleError::Unknown) => {
                    tracing::error!(job = %job.id(), "a job to settle is not in the journal");
                    return Committed::Never(Code::Internal.to_string());
                }
                Err(SettleError::Panicked) => {
                    tracing::error!(job = %job.id(), "the settlement of a job cannot be made");
                    return Committed::Never(Code::Internal.to_string());
                }
                Err(SettleError::Store(StoreError::Damaged(detail))) => {
                    tracing::error!(job = %job.id(), detail, "a job's row is damaged on disk");
                    return Committed::Never(Code::StoreUnavailable.to_string());
                }
                Err(error) => {
                    tracing::error!(job = %job.id(), %error, "cannot settle; trying again");
                    if self.closing.is_cancelled() {
                        return Committed::Closing;
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(RETRY.1),
                () = self.closing.cancelled() => return Committed::Closing,
            }
        }
    }

    /// What the store says that the job came to.
    fn settled_code(&self, job: &LiveJob) -> String {
        let view = self.store.job(job.id()).ok().flatten();
        let settled = view.and_then(|view| view.settled);
        settled.map_or_else(|| Code::Internal.to_string(), |settled| settled.code)
    }

    fn draft(
        &self,
        job: &LiveJob,
        opened: Option<OpenedJob>,
        sealed: SealedOutcome,
        program: Option<String>,
        span: Span,
    ) -> Draft {
        let outcome = &sealed.outcome;
        let salt = opened.as_ref().map(|opened| match job.reply {
            // Everyone may read this output, and check it against the receipt.
            Reply::Public => Zeroizing::new([0; 32]),
            _ => opened.salt.clone(),
        });
        let output = match outcome {
            Outcome::Output(output) => Some(output),
            Outcome::Failure(_) => None,
        };
        let output_digest = match (&salt, output) {
            (Some(salt), Some(output)) => Some(salted_digest(salt, "output", &output.data)),
            _ => None,
        };
        let claims = ReceiptClaims {
            worker: self.keyring.worker(),
            instance: self.instance,
            job: job.id(),
            intake: job.intake,
            engine: job.ticket.engine.clone(),
            program,
            job_digest: opened.as_ref().map(|opened| opened.job_digest),
            input_digest: opened.as_ref().and_then(|opened| opened.input_digest),
            output_digest,
            code: outcome.code().to_owned(),
            started: span.started,
            ended: span.ended,
            usage: sealed.usage.bucketed(),
            isolation: self.config.isolation.clone(),
            evidence: None,
            key_config: self.keyring.config_digest(),
            sequence: 0,
            previous: Digest([0; 32]),
        };
        let reply = opened.map(|opened| opened.reply);
        let masa = match &reply {
            Some(ReplySecrets::MasaRing { nonce }) => Some(self.seal_masa(nonce, outcome)),
            _ => None,
        };
        let reply = match job.reply {
            Reply::None => None,
            _ => reply,
        };
        Draft {
            claims,
            outcome: sealed,
            reply,
            masa,
            outbox: job.outbox.clone(),
            entropy: Arc::clone(&self.entropy),
        }
    }

    fn seal_masa(&self, nonce: &Zeroizing<String>, outcome: &Outcome) -> MasaResult {
        match outcome {
            Outcome::Output(Output { data, next_cursor, .. }) => {
                match self.masa.seal_result(nonce, data) {
                    Ok(sealed) => MasaResult {
                        sealed: Some(sealed),
                        error: None,
                        next_cursor: next_cursor.clone(),
                    },
                    Err(error) => MasaResult {
                        sealed: None,
                        error: Some(error.to_string()),
                        next_cursor: None,
                    },
                }
            }
            Outcome::Failure(Failure { message, .. }) => {
                MasaResult { sealed: None, error: Some(message.clone()), next_cursor: None }
            }
        }
    }
}

impl Draft {
    /// Signs the receipt for its place in the chain and seals the result to it.
    fn settlement(&self, keyring: &crate::keys::Keyring, head: ChainHead) -> Settlement {
        let mut claims = self.claims.clone();
        claims.sequence = head.next_sequence;
        claims.previous = head.digest;
        let receipt = keyring.receipt_key().sign(&claims);
        let digest = receipt_digest(&receipt);
        let response = self.response(claims.job, digest);
        let outbox = self.outbox.clone();
        let outbox = outbox.map(|door| OutboxEntry { door, payload: response.clone() });
        Settlement {
            code: claims.code,
            settled_at: claims.ended,
            response,
            receipt,
            receipt_digest: digest,
            outbox,
        }
    }

    fn response(&self, job: sealwork_job::JobId, receipt: Digest) -> Bytes {
        match (&self.reply, &self.masa) {
            (Some(ReplySecrets::Hpke(secrets)), _) => {
                // Fails above 4 GiB only, far beyond every output limit.
                // The nonce is fresh for each attempt: another receipt means other sealed bytes.
                let nonce = self.entropy.array();
                seal_response(secrets, job, receipt, &self.outcome, nonce)
                    .map(Bytes::from)
                    .unwrap_or_default()
            }
            (Some(ReplySecrets::MasaRing { .. }), Some(result)) => {
                Bytes::from(serde_json::to_vec(result).unwrap_or_default())
            }
            (Some(ReplySecrets::Public), _) => {
                Bytes::from(serde_json::to_vec(&self.public_result()).unwrap_or_default())
            }
            _ => Bytes::new(),
        }
    }

    fn public_result(&self) -> PublicResult {
        let (message, media_type, output) = match &self.outcome.outcome {
            Outcome::Output(output) => {
                (None, Some(output.media_type.clone()), hex::encode(&output.data))
            }
            Outcome::Failure(failure) => (Some(failure.message.clone()), None, String::new()),
        };
        PublicResult {
            code: self.outcome.outcome.code().to_owned(),
            message,
            media_type,
            usage: self.outcome.usage,
            details: self.outcome.details.clone(),
            output,
        }
    }
}
