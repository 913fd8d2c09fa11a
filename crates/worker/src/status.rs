//! What can be asked about a job: status, waiting, cancelling, result, receipt.

use std::{sync::Arc, time::Duration};

use sealwork_job::{
    Code, Digest, Intake, JobId, JobState, Limits, Refusal, RequesterId, Timestamp,
};
use sealwork_seal::token_hash;
use sealwork_store::{Content, JobView, Outbox};
use subtle::ConstantTimeEq;

use crate::{MasaResult, SealedText, Worker, board::LiveJob, masa_result, unrun::cancelled};

/// By what right somebody asks about a job.
#[derive(Clone, Copy)]
pub enum Access<'a> {
    /// The token exported from the sealed job's HPKE context.
    Token(&'a [u8; 32]),
    /// A Masa route, asked by so-and-so: shows Masa jobs, and of those that came with an API key only
    /// the caller's own.
    Masa(&'a RequesterId),
    /// A public job, or a door that submitted the job itself.
    Public,
}

/// A job as its requester sees it.
#[derive(Debug, Clone)]
pub struct Status {
    /// The job.
    pub job: JobId,
    /// Where it stands.
    pub state: JobState,
    /// Its engine.
    pub engine: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// What it may use.
    pub limits: Limits,
    /// Until when it must have started.
    pub expires_at: Timestamp,
}

/// A settled job's result.
#[derive(Debug)]
pub struct JobResult {
    /// `ok`, or the failure's code.
    pub code: String,
    /// When it settled.
    pub settled_at: Timestamp,
    /// The sealed response, or what the submission's reply asked for, to be read piece by piece.
    pub response: Content,
    /// Digest of its receipt.
    pub receipt_digest: Digest,
}

impl Worker {
    /// Where the job stands.
    ///
    /// # Errors
    /// [`Code::JobUnknown`], [`Code::TokenInvalid`], [`Code::StoreUnavailable`].
    pub fn status(&self, job: JobId, access: Access<'_>) -> Result<Status, Refusal> {
        if let Some(live) = self.board.get(job) {
            allow_live(access, &live)?;
            self.followed.asked_about(job);
            return Ok(self.status_of(&live));
        }
        let view = self.settled_view(job)?;
        allow_settled(access, &view)?;
        if view.settled.as_ref().is_some_and(|settled| !settled.delivered) {
            self.followed.asked_about(job);
        }
        let state = view.state();
        Ok(Status {
            job,
            state,
            engine: view.entry.engine,
            accepted_at: view.entry.accepted_at,
            limits: view.entry.limits,
            expires_at: view.entry.accepted_at.plus(self.config.max_queue_wait),
        })
    }

    /// Waits until the job has settled or `patience` is over, then says where it stands.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub async fn wait(
        &self,
        job: JobId,
        access: Access<'_>,
        patience: Duration,
    ) -> Result<Status, Refusal> {
        if let Some(live) = self.board.get(job) {
            allow_live(access, &live)?;
            let _question = self.followed.wait_for(job);
            let mut states = live.state.subscribe();
            let settled = states.wait_for(JobState::is_settled);
            // Either way the state is read below.
            let _ = tokio::time::timeout(patience, settled).await;
            return Ok(self.status_of(&live));
        }
        self.status(job, access)
    }

    /// Stops a job that has not settled. It settles as `cancelled`, with a receipt.
    ///
    /// # Errors
    /// [`Code::AlreadySettled`], [`Code::NotCancellable`], and as [`Self::status`].
    pub fn cancel(self: &Arc<Self>, job: JobId, access: Access<'_>) -> Result<Status, Refusal> {
        let Some(live) = self.board.get(job) else {
            self.status(job, access)?;
            return Err(Refusal::new(Code::AlreadySettled, "the job has settled"));
        };
        allow_live(access, &live)?;
        if live.is_in_lane() {
            return Err(Refusal::new(
                Code::NotCancellable,
                "the job belongs to an ordered lane, which goes on in order or not at all",
            ));
        }
        live.cancel.cancel();
        if self.take_back(&live) {
            self.settle_unrun(Arc::clone(&live), cancelled());
        }
        Ok(self.status_of(&live))
    }

    /// The result of a settled job.
    ///
    /// # Errors
    /// [`Code::NotSettled`], and as [`Self::status`].
    pub fn result(&self, job: JobId, access: Access<'_>) -> Result<JobResult, Refusal> {
        if let Some(live) = self.board.get(job) {
            allow_live(access, &live)?;
            return Err(Refusal::new(Code::NotSettled, "the job has not settled yet")
                .after(Duration::from_secs(1)));
        }
        let view = self.settled_view(job)?;
        allow_settled(access, &view)?;
        let settled = view.settled.ok_or_else(Refusal::unknown_job)?;
        let response =
            self.store.response(job).map_err(unreadable)?.ok_or_else(Refusal::unknown_job)?;
        if !settled.delivered {
            self.store.mark_delivered(job);
        }
        self.followed.fetched(job);
        Ok(JobResult {
            code: settled.code,
            settled_at: settled.settled_at,
            response,
            receipt_digest: settled.receipt_digest,
        })
    }

    /// The outcome's code of a Masa job, what is said beside its result, and the result's sealed
    /// text if it has one.
    ///
    /// # Errors
    /// As [`Self::result`].
    pub fn masa_result(
        &self,
        job: JobId,
        caller: &RequesterId,
    ) -> Result<(String, MasaResult, Option<SealedText>), Refusal> {
        let stored = self.result(job, Access::Masa(caller))?;
        let (head, text) = masa_result::read(stored.response).map_err(unreadable)?;
        Ok((stored.code, head, text))
    }

    /// The receipt of a settled job. Needs no token: it shows nothing of the job but salted digests.
    ///
    /// # Errors
    /// [`Code::NotSettled`], [`Code::JobUnknown`], [`Code::StoreUnavailable`].
    pub fn receipt(&self, job: JobId) -> Result<String, Refusal> {
        if self.board.get(job).is_some() {
            return Err(Refusal::new(Code::NotSettled, "the job has not settled yet")
                .after(Duration::from_secs(1)));
        }
        self.store.receipt_of(job).map_err(unreadable)?.ok_or_else(Refusal::unknown_job)
    }

    /// Up to `limit` receipts from the one numbered `from` on, each with its number: the chain as
    /// far as it is kept.
    ///
    /// # Errors
    /// [`Code::StoreUnavailable`].
    pub fn receipts(&self, from: u64, limit: usize) -> Result<Vec<(u64, String)>, Refusal> {
        self.store.receipts_from(from, limit).map_err(unreadable)
    }

    /// What a door has to deliver: the results of the jobs that it submitted, in the order in which
    /// they settled. Each entry came with its job's settlement and stays until it is acknowledged;
    /// its payload is the response.
    pub fn outbox(&self, door: &str) -> Outbox {
        self.store.outbox(door)
    }

    /// A view of a job that is not on the board. Younger than its result's age limit, or gone.
    fn settled_view(&self, job: JobId) -> Result<JobView, Refusal> {
        let view = self.store.job(job).map_err(unreadable)?.ok_or_else(Refusal::unknown_job)?;
        let too_old = view.settled.as_ref().is_some_and(|settled| {
            self.now().since(settled.settled_at) > self.config.results_max_age
        });
        if too_old { Err(Refusal::unknown_job()) } else { Ok(view) }
    }

    fn status_of(&self, live: &LiveJob) -> Status {
        Status {
            job: live.id(),
            state: live.state.borrow().clone(),
            engine: live.ticket.engine.clone(),
            accepted_at: live.accepted_at,
            limits: live.limits,
            expires_at: live.accepted_at.plus(self.config.max_queue_wait),
        }
    }
}

fn allow_live(access: Access<'_>, live: &LiveJob) -> Result<(), Refusal> {
    allow(access, live.intake, &live.ticket.requester, live.token_hash.as_ref())
}

fn allow_settled(access: Access<'_>, view: &JobView) -> Result<(), Refusal> {
    let entry = &view.entry;
    allow(access, entry.intake, entry.origin.requester(), entry.token_hash.as_ref())
}

/// A job is shown by the way it came: a token opens its own sealed job only, and a Masa route sees
/// Masa jobs only. Ids of jobs are no secret, so that an `owner` who has a key is compared.
fn allow(
    access: Access<'_>,
    intake: Intake,
    owner: &RequesterId,
    expected: Option<&[u8; 32]>,
) -> Result<(), Refusal> {
    match (access, intake, expected) {
        (Access::Token(token), Intake::Sealed, Some(expected)) => {
            if bool::from(token_hash(token).ct_eq(expected)) {
                Ok(())
            } else {
                Err(Refusal::new(Code::TokenInvalid, "the token does not belong to this job"))
            }
        }
        (Access::Masa(caller), Intake::Assisted, _) if !owner.is_proven() || owner == caller => {
            Ok(())
        }
        (Access::Public, Intake::Public, _) => Ok(()),
        _ => Err(Refusal::unknown_job()),
    }
}

pub(crate) fn unreadable(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "the store cannot be read");
    Refusal::new(Code::StoreUnavailable, "the worker's disk cannot be read")
        .after(Duration::from_secs(5))
}
