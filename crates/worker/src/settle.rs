//! Settling: the only place where a result is sealed, a receipt signed and a counter moved.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sealwork_engine::Report;
use sealwork_job::{
    Code, Digest, Failure, Intake, JobId, JobState, Outcome, Reply, Timestamp, Usage,
};
use sealwork_platform::Entropy;
use sealwork_seal::{
    ReceiptClaims, ResponseWriter, SaltedDigest, SealError, SealedOutcome, receipt_digest,
    seal_response,
};
use sealwork_store::{
    ChainHead, OutboxEntry, Response, SettleError, Settlement, Sink, Spooled, StoreError,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    Worker,
    board::LiveJob,
    masa_result::MasaDraft,
    open::{OpenedJob, ReplySecrets},
    spool::{Beginning, OutputSpool},
};

/// How long a result waits for room on the disk. Then its job settles without it: a failure is small.
const ROOM_PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before a failed commit is tried again: first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

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

/// What an engine has produced.
pub(crate) struct Produced {
    pub(crate) report: Report,
    /// Where the beginning of its output is.
    pub(crate) spool: Option<Arc<OutputSpool>>,
}

impl From<Report> for Produced {
    fn from(report: Report) -> Self {
        Self { report, spool: None }
    }
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
    /// What comes before the outcome's own data.
    spooled: Option<Spooled>,
    reply: Option<Arc<ReplySecrets>>,
    masa: Option<MasaDraft>,
    /// The door that delivers the result.
    outbox: Option<String>,
    entropy: Arc<dyn Entropy>,
}

/// What became of a commit.
enum Committed {
    Settled,
    /// The disk has no room for the result; it may have room for less.
    NoRoom,
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
        produced: Produced,
        mut usage: Usage,
        span: Span,
    ) {
        let Produced { report, spool } = produced;
        let Report { result, stats, details, program } = report;
        let (outcome, beginning) = match (result, spool.map_or(Ok(None), |spool| spool.end())) {
            (Ok(output), Ok(beginning)) => (Outcome::Output(output), beginning),
            (Ok(_), Err(error)) => {
                tracing::error!(job = %job.id(), %error, "an output could not be spooled");
                let text = "the worker's disk did not take the output";
                (Outcome::Failure(Failure::new(Code::StoreUnavailable, text)), None)
            }
            (Err(failure), _) => (Outcome::Failure(failure), None),
        };
        usage.wall_ms =
            u64::try_from(span.ended.since(span.started).as_millis()).unwrap_or(u64::MAX);
        if let Outcome::Output(output) = &outcome {
            let spooled = beginning.as_ref().map_or(0, |beginning| beginning.content.len());
            usage.output_bytes = spooled + output.data.len() as u64;
        }
        let mut code = outcome.code();
        let sealed = SealedOutcome { outcome, usage, details };
        let draft = Arc::new(self.draft(job, opened, sealed, beginning, program, span));
        let has_result = matches!(draft.outcome.outcome, Outcome::Output(_));
        let mut committed = self.commit(job, &draft, has_result).await;
        if matches!(committed, Committed::NoRoom) {
            tracing::error!(job = %job.id(), "the disk has no room for a result; its job fails");
            let text = "the worker's disk had no room for the result";
            let failed = draft.failed(Failure::new(Code::StoreUnavailable, text));
            code = Code::StoreUnavailable.as_str();
            drop(draft);
            committed = self.commit(job, &Arc::new(failed), false).await;
        }
        match committed {
            // A failure is tried for as long as it takes.
            Committed::Settled | Committed::NoRoom => {}
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
        tracing::debug!(job = %job.id(), engine, code, "a job has settled");
        self.leave(job, JobState::Settled { code: code.to_owned(), at: span.ended });
        if job.begun_before.is_some() {
            self.begun.forget(job.id()).await;
        }
        self.retention.notify_one();
    }

    /// Takes a job from the board, and tells who waits for it.
    fn leave(&self, job: &LiveJob, state: JobState) {
        self.board.remove(job.id());
        // Before anybody hears of it: who waits for this job may submit the next one at once.
        job.release();
        job.state.send_replace(state);
    }

    /// Writes the settlement. Tries again while the disk may recover, and for as long as
    /// [`ROOM_PATIENCE`] what could be given up for want of room.
    async fn commit(&self, job: &Arc<LiveJob>, draft: &Arc<Draft>, can_shrink: bool) -> Committed {
        let mut pause = RETRY.0;
        let began = tokio::time::Instant::now();
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
                Err(SettleError::Store(StoreError::DiskFull))
                    if can_shrink
                        && (job.cancel.is_cancelled() || began.elapsed() > ROOM_PATIENCE) =>
                {
                    return Committed::NoRoom;
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
        beginning: Option<Beginning>,
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
        let (spooled, digest) = match beginning {
            Some(Beginning { content, digest }) => (Some(content), Some(digest)),
            None => (None, salt.as_deref().map(|salt| SaltedDigest::new(salt, "output"))),
        };
        let output_digest = digest.zip(output).map(|(mut digest, output)| {
            digest.update(&output.data);
            digest.finish()
        });
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
            key_config: Digest([0; 32]),
            sequence: 0,
            previous: Digest([0; 32]),
        };
        let reply = opened.map(|opened| opened.reply);
        let masa = match reply.as_ref() {
            Some(ReplySecrets::MasaRing { nonce }) => {
                Some(MasaDraft::new(self.masa.ring(), nonce.clone(), &sealed))
            }
            // It did not open again, and failed: that is said in the clear.
            None if job.intake == Intake::Assisted => {
                Some(MasaDraft::new(self.masa.ring(), Zeroizing::default(), &sealed))
            }
            _ => None,
        };
        let reply = match job.reply {
            Reply::None => None,
            _ => reply.map(Arc::new),
        };
        Draft {
            claims,
            outcome: sealed,
            spooled,
            reply,
            masa,
            outbox: job.outbox.clone(),
            entropy: Arc::clone(&self.entropy),
        }
    }
}

/// A response that no envelope holds: above 1 GiB, which no output limit reaches.
fn odd(error: SealError) -> StoreError {
    std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()).into()
}

impl Draft {
    /// The same job's settlement with a failure in the place of its result.
    fn failed(&self, failure: Failure) -> Self {
        let code = failure.code.as_str().to_owned();
        let usage = Usage { output_bytes: 0, ..self.outcome.usage };
        let masa = self.masa.as_ref().map(|_| MasaDraft::failed(&failure));
        let outcome = Outcome::Failure(failure);
        Self {
            claims: ReceiptClaims {
                code,
                output_digest: None,
                usage: usage.bucketed(),
                ..self.claims.clone()
            },
            outcome: SealedOutcome { outcome, usage, details: None },
            spooled: None,
            reply: self.reply.clone(),
            masa,
            outbox: self.outbox.clone(),
            entropy: Arc::clone(&self.entropy),
        }
    }

    /// Signs the receipt for its place in the chain and seals the result to it.
    fn settlement(self: &Arc<Self>, keyring: &crate::keys::Keyring, head: ChainHead) -> Settlement {
        let mut claims = self.claims.clone();
        // Here, in the order of the chain: of two receipts the later one never cites the older
        // evidence, so that what the oldest receipt cites is the oldest that has to be kept.
        let offered = keyring.offered();
        claims.key_config = offered.digest;
        claims.evidence = offered.evidence;
        claims.sequence = head.next_sequence;
        claims.previous = head.digest;
        let receipt = keyring.receipt_key().sign(&claims);
        let digest = receipt_digest(&receipt);
        let (response, outbox) = match (self.reply.as_deref(), &self.spooled) {
            (Some(ReplySecrets::Hpke(_) | ReplySecrets::MasaRing { .. }), Some(_)) => {
                (self.poured(claims.job, digest), None)
            }
            _ => {
                let response = self.response(claims.job, digest);
                let payload = response.clone();
                let outbox = self.outbox.clone().map(|door| OutboxEntry { door, payload });
                (response.into(), outbox)
            }
        };
        Settlement {
            code: claims.code,
            settled_at: claims.ended,
            response,
            receipt,
            receipt_digest: digest,
            outbox,
        }
    }

    /// The response while it is sealed piece by piece.
    fn poured(self: &Arc<Self>, job: JobId, receipt: Digest) -> Response {
        let draft = Arc::clone(self);
        Response::Poured(Box::new(move |sink| draft.pour(job, receipt, sink)))
    }

    fn pour(&self, job: JobId, receipt: Digest, sink: &mut Sink<'_>) -> Result<(), StoreError> {
        if let Some(masa) = &self.masa {
            return masa.pour(&self.outcome.outcome, self.spooled.as_ref(), &*self.entropy, sink);
        }
        let (Some(ReplySecrets::Hpke(secrets)), Some(spooled), Outcome::Output(output)) =
            (self.reply.as_deref(), &self.spooled, &self.outcome.outcome)
        else {
            return Ok(());
        };
        let len = usize::try_from(spooled.len()).unwrap_or(usize::MAX);
        let len = len.saturating_add(output.data.len());
        let (of, nonce, mut out) = ((job, receipt), self.entropy.array(), Vec::new());
        let mut writer =
            ResponseWriter::begin(secrets, of, &self.outcome, len, nonce, &mut out).map_err(odd)?;
        for piece in spooled.pieces()? {
            writer.push(&piece?, &mut out).map_err(odd)?;
            sink(&out)?;
            out.clear();
        }
        writer.push(&output.data, &mut out).map_err(odd)?;
        writer.finish(&mut out).map_err(odd)?;
        sink(&out)
    }

    fn response(&self, job: JobId, receipt: Digest) -> Bytes {
        match (self.reply.as_deref(), &self.masa) {
            (Some(ReplySecrets::Hpke(secrets)), _) => {
                // Fails above 1 GiB only, which no output limit reaches.
                // The nonce is fresh for each attempt: another receipt means other sealed bytes.
                let nonce = self.entropy.array();
                seal_response(secrets, job, receipt, &self.outcome, nonce)
                    .map(Bytes::from)
                    .unwrap_or_default()
            }
            (_, Some(masa)) => masa.whole(&self.outcome.outcome, &*self.entropy),
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
