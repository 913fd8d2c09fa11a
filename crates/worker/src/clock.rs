//! A clock that ran ahead: time does not go back here, so the worker stays in the wrong time.

use std::time::Duration;

use sealwork_platform::Platform;
use sealwork_store::Store;

use crate::{StartError, Worker, keys};

/// How often a clock that is behind is told of.
const TOLD_EVERY: Duration = Duration::from_secs(600);
/// Steps that time services make are smaller.
const LEAST_LAG: Duration = Duration::from_secs(5);

/// What came of [`reset_clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockReset {
    /// The clock is not behind.
    NotBehind,
    /// So many accepted jobs have not settled; nothing was changed, because no key would open them.
    Unsettled(usize),
    /// The time is the clock's again, which was so far behind, and there are no envelope keys.
    Done(Duration),
}

/// Lets a worker that is not running follow its clock again, when the highest time it has seen lies
/// ahead of it.
///
/// Envelopes whose nonces are forgotten must not be accepted again: the envelope keys are erased
/// first, so that no envelope that was ever sealed to this worker opens. It makes new ones at its
/// start. Masa's ring is not among them: docs/operations.md says what that means.
///
/// # Errors
/// [`StartError`]; then it can be done again.
pub async fn reset_clock(platform: &Platform, store: &Store) -> Result<ClockReset, StartError> {
    let behind = store.clock_high_water().since(platform.clock.now());
    if behind <= LEAST_LAG {
        return Ok(ClockReset::NotBehind);
    }
    let unsettled = store.pending().map_err(StartError::journal)?.count();
    if unsettled > 0 {
        return Ok(ClockReset::Unsettled(unsettled));
    }
    keys::erase_all(&*platform.disk)?;
    store.reset_clock().await.map_err(StartError::journal)?;
    Ok(ClockReset::Done(behind))
}

impl Worker {
    /// How far the clock is behind the highest time that this worker has seen, when it is more than
    /// requesters' clocks may be off. Then jobs that are sealed by the right time are refused.
    pub fn clock_lag(&self) -> Option<Duration> {
        let behind = self.store.clock_high_water().since(self.clock.now());
        (behind > self.config.clock_skew.max(LEAST_LAG)).then_some(behind)
    }
}

/// Tells of a clock that is behind, now and then.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch {
    told_at: Option<Duration>,
}

impl ClockWatch {
    pub(crate) fn look(&mut self, worker: &Worker) {
        let now = worker.clock.monotonic();
        match (worker.clock_lag(), self.told_at) {
            (Some(_), Some(at)) if now.saturating_sub(at) < TOLD_EVERY => {}
            (Some(behind), _) => {
                self.told_at = Some(now);
                tracing::error!(
                    behind_s = behind.as_secs(),
                    "the clock is behind the highest time that this worker has seen, so new jobs \
                     are refused: set it right; if it is right and ran ahead before, see \
                     docs/operations.md, \"A clock that ran ahead\""
                );
            }
            (None, Some(_)) => {
                self.told_at = None;
                tracing::info!("the clock has caught up with the highest time seen");
            }
            (None, None) => {}
        }
    }
}
