//! Who asks for which job: a worker that stops lets them have the results they wait for.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sealwork_job::JobId;
use tokio::sync::Notify;

/// Jobs that somebody waits for, and while the worker drains, those that somebody has asked about
/// and whose results have not been fetched.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    state: Mutex<State>,
    answered: Notify,
}

#[derive(Debug, Default)]
struct State {
    drains: bool,
    /// Questions that are open, by job.
    jobs: HashMap<JobId, usize>,
}

/// An open question about a job.
pub(crate) struct Question<'a> {
    followed: &'a Followed,
    job: JobId,
}

impl Followed {
    /// Notes that somebody waits for a job, until what this gives is dropped.
    pub(crate) fn wait_for(&self, job: JobId) -> Question<'_> {
        *self.lock().jobs.entry(job).or_default() += 1;
        Question { followed: self, job }
    }

    /// Notes that somebody asked about a job. Only counts while the worker drains.
    pub(crate) fn asked_about(&self, job: JobId) {
        let mut state = self.lock();
        if state.drains {
            state.jobs.entry(job).or_default();
        }
    }

    /// Notes that a job's result was handed out.
    pub(crate) fn fetched(&self, job: JobId) {
        if self.lock().jobs.remove(&job).is_some() {
            self.answered.notify_waiters();
        }
    }

    /// From now on whoever has asked about a job is expected to fetch its result.
    pub(crate) fn begin_drain(&self) {
        self.lock().drains = true;
    }

    /// Whether results are expected to be fetched.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().jobs.is_empty()
    }

    /// Returns when every result that somebody waits for has been fetched.
    pub(crate) async fn all_fetched(&self) {
        loop {
            let answered = self.answered.notified();
            if self.is_empty() {
                return;
            }
            answered.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut state = self.followed.lock();
        let drains = state.drains;
        if let Some(open) = state.jobs.get_mut(&self.job) {
            *open = open.saturating_sub(1);
            if *open == 0 && !drains {
                state.jobs.remove(&self.job);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId([1; 16]);

    #[test]
    fn a_job_is_followed_while_somebody_waits_and_in_a_drain_until_its_result_is_fetched() {
        let followed = Followed::default();
        let question = followed.wait_for(JOB);
        assert!(!followed.is_empty());
        drop(question);
        followed.asked_about(JOB);
        assert!(followed.is_empty(), "nothing is kept of questions before a drain");
        let question = followed.wait_for(JOB);
        followed.begin_drain();
        drop(question);
        assert!(!followed.is_empty(), "who has waited comes back for the result");
        followed.fetched(JOB);
        assert!(followed.is_empty());
        followed.asked_about(JOB);
        assert!(!followed.is_empty());
    }
}
