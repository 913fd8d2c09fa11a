//! How often a job had begun when the process ended.
//!
//! A job that ends the whole process is taken up again at every start, and ends it again, and all
//! other requesters' jobs with it. So what was found in the journal is noted before it begins; what
//! had begun too often settles without beginning once more. Jobs that run in the boot in which they
//! were accepted cost nothing here.

use std::{collections::HashMap, time::Duration};

use sealwork_job::JobId;
use sealwork_store::{Namespace, Store, StoreError};
use zeroize::Zeroizing;

use crate::board::LiveJob;

const NAMESPACE: &str = "begun";
/// So often a job that was found in the journal may begin, and for so long after it was accepted more
/// often than that: a process that ends for other reasons hardly meets the same job as often.
const MOST: u8 = 10;
const LEAST_AGE: Duration = Duration::from_secs(120);

/// Whether a job that had begun so often, and was accepted so long ago, is what ends the process.
pub(crate) fn is_too_often(times: u8, age: Duration) -> bool {
    times >= MOST && age >= LEAST_AGE
}

/// The notes, in the store's namespace `begun`: a job's id to a count of one byte.
pub(crate) struct Begun(Namespace);

impl Begun {
    pub(crate) fn of(store: &Store) -> Self {
        Self(store.namespace(NAMESPACE))
    }

    /// The counts of all jobs that have one.
    pub(crate) fn counts(&self) -> Result<HashMap<JobId, u8>, StoreError> {
        let rows = self.0.scan([], None, usize::MAX)?;
        let count = |(key, value): (Vec<u8>, Zeroizing<Vec<u8>>)| {
            let id = <[u8; 16]>::try_from(key).ok()?;
            Some((JobId(id), value.first().copied().unwrap_or(MOST)))
        };
        Ok(rows.into_iter().filter_map(count).collect())
    }

    /// Notes that a job begins, if it was found in the journal.
    pub(crate) async fn note(&self, job: &LiveJob) -> Result<(), StoreError> {
        match job.begun_before {
            Some(count) => self.0.put(job.id().0, vec![count.saturating_add(1)]).await,
            None => Ok(()),
        }
    }

    /// Takes the note back: the job has settled, or stops because the worker does.
    pub(crate) async fn forget(&self, job: JobId) {
        if let Err(error) = self.0.delete(job.0).await {
            tracing::warn!(%job, %error, "cannot forget that a job had begun");
        }
    }
}
