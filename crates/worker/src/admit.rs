//! Admission: the only place where a job is refused.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use sealwork_job::{
    Body, Code, Failure, Intake, JobId, JobState, Limits, Origin, Refusal, RequesterId, Rerun,
    Submission, Timestamp, WaitReason,
};
use sealwork_seal::{Header, token_hash};
use sealwork_store::{AcceptError, JournalEntry, ReplayEntry};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Worker,
    board::LiveJob,
    open::{self, Nonce, OpenedJob, ReplySecrets},
    quota::Place,
    schedule::{Pushed, Ticket},
    unrun::cancelled,
};

/// How long a job of a lane waits for room in the store's queue before it asks again.
const LANE_PAUSE: Duration = Duration::from_millis(5);
/// How long the nonce of a job whose format has no expiry is remembered.
const NONCE_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// An accepted job.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Its id.
    pub job: JobId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Whether its engine answers within milliseconds, so that a door may wait for it.
    pub is_instant: bool,
}

impl Worker {
    /// Takes a job in. When this returns, the job is on disk and will settle exactly once.
    ///
    /// The jobs of a lane are submitted in ascending order, each after the one before it was
    /// accepted.
    ///
    /// # Errors
    /// A [`Refusal`]; then nothing of the job remains.
    pub async fn submit(self: &Arc<Self>, submission: Submission) -> Result<Accepted, Refusal> {
        // Journal and scheduler see a lane's jobs in one order.
        let lane = match &submission.lane {
            Some(position) => Some(self.lanes.enter(&position.lane).await),
            None => None,
        };
        // In a task of its own: a caller that goes away must not leave a job in the journal that
        // nobody has scheduled.
        let worker = Arc::clone(self);
        let admission = self.tasks.spawn(async move {
            let _lane = lane;
            worker.admit(submission).await
        });
        let result = admission
            .await
            .unwrap_or_else(|_| Err(Refusal::new(Code::Internal, "admission failed on this job")));
        match &result {
            Ok(accepted) => {
                tracing::debug!(job = %accepted.job, "a job was accepted");
                metrics::counter!("sealwork_jobs_accepted_total").increment(1);
            }
            Err(refusal) => {
                tracing::debug!(code = refusal.code.as_str(), "a job was refused");
                metrics::counter!("sealwork_jobs_refused_total", "code" => refusal.code.as_str())
                    .increment(1);
            }
        }
        result
    }

    async fn admit(self: &Arc<Self>, submission: Submission) -> Result<Accepted, Refusal> {
        let in_lane = submission.lane.is_some();
        let now = self.now();
        if let Body::Sealed(envelope) = &submission.body {
            self.check_envelope(envelope, now, in_lane)?;
        }
        let opened = open::open(&submission.body, submission.reply, &self.keyring, &self.masa)?;
        let replay = self.replay_entry(&submission.origin, &opened.nonce, now);
        let checked = self.check_job(&submission, &opened, now)?;
        let requester =
            opened.requester.clone().unwrap_or_else(|| submission.origin.requester().clone());
        let place = self
            .take_place(&requester, &submission, in_lane)
            .map_err(|refusal| self.known(replay.as_ref()).unwrap_or(refusal))?;
        let job = JobId::from_random(self.entropy.array());
        let entry = JournalEntry {
            id: job,
            origin: submission.origin.clone(),
            requester: requester.clone(),
            engine: opened.spec.engine.to_string(),
            intake: submission.body.intake(),
            reply: submission.reply,
            lane: submission.lane.clone(),
            rerun: checked.rerun,
            accepted_at: now,
            deadline: opened.spec.deadline.map(Timestamp::from_secs),
            limits: checked.limits,
            token_hash: token_of(&opened),
            body: submission.body.bytes().clone(),
        };
        let live = self.live_job(&entry, place, None);
        // On the board before it is journalled: its key is in use, and a drain waits for it.
        self.board.insert(Arc::clone(&live));
        if let Err(error) = self.journal(entry, replay).await {
            self.board.remove(job);
            return Err(refusal_of(error));
        }
        self.schedule(live, opened);
        Ok(Accepted { job, accepted_at: now, is_instant: checked.is_instant })
    }

    /// What to say of a job for which there is no room, when it has its room already: a client whose
    /// answer was lost submits again, and has to learn its job's id.
    fn known(&self, replay: Option<&ReplayEntry>) -> Option<Refusal> {
        let job = self.store.replayed(replay?).ok()??;
        Some(refusal_of(AcceptError::Replayed(job)))
    }

    /// Puts the job on disk. A job of a lane waits for room: it must not be refused for capacity.
    async fn journal(
        &self,
        entry: JournalEntry,
        replay: Option<ReplayEntry>,
    ) -> Result<(), AcceptError> {
        if entry.lane.is_none() {
            return self.store.accept(entry, replay).await;
        }
        loop {
            match self.store.accept(entry.clone(), replay.clone()).await {
                Err(AcceptError::Full) => tokio::time::sleep(LANE_PAUSE).await,
                answer => return answer,
            }
        }
    }

    /// Gives an accepted job its place: with what it waits for, in its queue, or in a slot.
    fn schedule(self: &Arc<Self>, job: Arc<LiveJob>, opened: OpenedJob) {
        if !self.park(&job, &opened) {
            self.enqueue(job, Some(opened));
        }
    }

    fn check_envelope(
        &self,
        envelope: &[u8],
        now: Timestamp,
        in_lane: bool,
    ) -> Result<(), Refusal> {
        if envelope.len() > self.config.max_envelope_bytes {
            return Err(Refusal::new(
                Code::EnvelopeTooLarge,
                format!(
                    "the envelope has {} bytes, at most {} are taken",
                    envelope.len(),
                    self.config.max_envelope_bytes
                ),
            ));
        }
        let header = Header::parse(envelope).map_err(Failure::from)?;
        // Workers that share a lane must agree, and their clocks do not.
        if !in_lane {
            if !self.keyring.accepts(header.key_id, now) {
                return Err(Refusal::new(
                    Code::KeyUnknown,
                    "the key that the envelope names is not known here, or no longer offered",
                ));
            }
            let (skew, lifetime) = (self.config.clock_skew, self.config.max_lifetime);
            open::check_header(&header, &self.keyring, now, skew, lifetime)?;
        }
        Ok(())
    }

    fn check_job(
        &self,
        submission: &Submission,
        opened: &OpenedJob,
        now: Timestamp,
    ) -> Result<Checked, Refusal> {
        let lenient = matches!(submission.body, Body::Masa(_));
        let spec = &opened.spec;
        if submission.lane.is_none() {
            self.check_times(opened, now)?;
        }
        let engine = self.engines.get(spec.engine.as_str());
        let is_instant = engine.is_some_and(|engine| engine.is_instant());
        let limits = spec
            .limits
            .resolve(&self.config.default_limits, &self.config.max_limits)
            .map_err(|message| Refusal::new(Code::LimitsInvalid, message))?;
        let admitted = match engine {
            None => Err(opened.unknown_engine()),
            Some(engine) => {
                let input = opened.input.as_deref();
                let with = || engine.admit_with(&spec.arguments, &limits, input);
                engine.admit(&spec.arguments).and_then(|rerun| with().map(|()| rerun))
            }
        };
        let rerun = match admitted {
            Ok(rerun) if rerun == Rerun::Once || submission.rerun == Rerun::Once => Rerun::Once,
            Ok(_) => submission.rerun,
            // Masa's clients expect such a job to be taken and to fail.
            Err(_) if lenient => Rerun::Idempotent,
            Err(failure) => return Err(failure.into()),
        };
        Ok(Checked { limits, rerun, is_instant })
    }

    fn check_times(&self, opened: &OpenedJob, now: Timestamp) -> Result<(), Refusal> {
        let latest = now.plus(self.config.max_lifetime).plus(self.config.clock_skew);
        match opened.nonce.expiry {
            Some(expiry) if expiry <= now => {
                return Err(Refusal::new(Code::JobExpired, "this job has expired"));
            }
            Some(expiry) if expiry > latest => {
                return Err(Refusal::new(
                    Code::JobLifetime,
                    format!(
                        "the job expires in {} s, at most {} s are allowed",
                        expiry.since(now).as_secs(),
                        self.config.max_lifetime.as_secs()
                    ),
                ));
            }
            _ => {}
        }
        let deadline = opened.spec.deadline.map(Timestamp::from_secs);
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Err(Refusal::new(Code::JobExpired, "the job's deadline has passed"));
        }
        Ok(())
    }

    fn take_place(
        &self,
        requester: &RequesterId,
        submission: &Submission,
        in_lane: bool,
    ) -> Result<Place, Refusal> {
        let (origin, bytes) = (submission.origin.requester(), submission.body.bytes().len());
        let requester = self.accountable(requester, origin);
        if in_lane {
            return Ok(self.quotas.take_unconditionally(requester, origin, bytes));
        }
        if self.is_draining() {
            return Err(Refusal::new(Code::Draining, "this worker is shutting down")
                .after(Duration::from_secs(5)));
        }
        self.quotas.take(requester, origin, bytes, self.clock.monotonic())
    }

    /// Whose quota a job counts in, beside its origin's. Masa's jobs name the worker that sealed
    /// them: this worker seals for everybody, and whom it sealed for only the origin says.
    pub(crate) fn accountable<'a>(
        &self,
        requester: &'a RequesterId,
        origin: &'a RequesterId,
    ) -> &'a RequesterId {
        if requester == self.masa.requester() { origin } else { requester }
    }

    fn replay_entry(&self, origin: &Origin, nonce: &Nonce, now: Timestamp) -> Option<ReplayEntry> {
        let until = match nonce.expiry {
            Some(expiry) => expiry.plus(self.config.clock_skew),
            None => now.plus(NONCE_KEPT),
        };
        match origin {
            Origin::Chain { chain, block, index, .. } => {
                let mut value = block.to_vec();
                value.extend_from_slice(&index.to_be_bytes());
                Some(ReplayEntry {
                    scope: format!("chain {chain}"),
                    nonce: value,
                    until: now.plus(NONCE_KEPT),
                })
            }
            // Two public jobs with the same text are two jobs.
            Origin::Http { .. } if nonce.scope == "public" => None,
            Origin::Http { .. } => Some(ReplayEntry {
                scope: nonce.scope.to_owned(),
                nonce: nonce.value.clone(),
                until,
            }),
        }
    }

    pub(crate) fn live_job(
        &self,
        entry: &JournalEntry,
        place: Place,
        begun_before: Option<u8>,
    ) -> Arc<LiveJob> {
        Arc::new(LiveJob {
            ticket: Ticket {
                job: entry.id,
                engine: entry.engine.clone(),
                requester: taking_turns(entry).clone(),
                lane: entry.lane.clone(),
            },
            requester: entry.requester.clone(),
            intake: entry.intake,
            reply: entry.reply,
            outbox: entry.origin.outbox().map(str::to_owned),
            rerun: entry.rerun,
            begun_before,
            accepted_at: entry.accepted_at,
            deadline: entry.deadline,
            limits: entry.limits,
            key: match entry.intake {
                Intake::Sealed => Header::parse(&entry.body).ok().map(|header| header.key_id),
                Intake::Assisted | Intake::Public => None,
            },
            token_hash: entry.token_hash,
            state: watch::Sender::new(JobState::Accepted),
            cancel: CancellationToken::new(),
            place: Mutex::new(Some(place)),
        })
    }

    /// Hands an accepted job to the scheduler. It keeps its plaintext only when it starts at once.
    pub(crate) fn enqueue(self: &Arc<Self>, job: Arc<LiveJob>, opened: Option<OpenedJob>) {
        match self.scheduler.push(job.ticket.clone()) {
            Pushed::Started => self.begin(job, opened),
            Pushed::Queued => {
                job.state.send_replace(JobState::Accepted);
                // It may have been cancelled before it had a place to be taken from.
                if job.cancel.is_cancelled() && self.scheduler.withdraw(&job.ticket) {
                    self.settle_unrun(job, cancelled());
                }
            }
            Pushed::Turn => {
                job.state.send_replace(JobState::Waiting { reason: WaitReason::Turn });
            }
        }
    }
}

struct Checked {
    limits: Limits,
    rerun: Rerun,
    is_instant: bool,
}

/// By whom turns are counted: the API key or chain account where there is one. A signing key is
/// made in no time, and a requester with many must not get many turns.
fn taking_turns(entry: &JournalEntry) -> &RequesterId {
    let origin = entry.origin.requester();
    if *origin == RequesterId::anonymous() { &entry.requester } else { origin }
}

fn token_of(opened: &OpenedJob) -> Option<[u8; 32]> {
    match &opened.reply {
        ReplySecrets::Hpke(secrets) => Some(token_hash(secrets.token())),
        ReplySecrets::MasaRing { .. } | ReplySecrets::Public => None,
    }
}

fn refusal_of(error: AcceptError) -> Refusal {
    match error {
        AcceptError::Replayed(job) => {
            Refusal::new(Code::JobReplayed, "this job has been submitted before").about(job)
        }
        AcceptError::Expired => {
            Refusal::new(Code::JobExpired, "this job expired while it waited for the disk")
        }
        AcceptError::LaneOrder { last } => Refusal::new(
            Code::LaneOrder,
            format!("the lane has taken position {last} already, and goes up only"),
        ),
        AcceptError::Full => {
            Refusal::new(Code::QueueFull, "too many jobs wait to be written to disk")
                .after(Duration::from_secs(1))
        }
        other => {
            tracing::error!(error = %other, "a job could not be journalled");
            Refusal::new(Code::StoreUnavailable, "the job could not be written to disk")
                .after(Duration::from_secs(5))
        }
    }
}
