use std::sync::{Mutex, PoisonError};

use crate::{CounterError, MonotonicCounter};

/// A counter in memory, which can be made to fail.
#[derive(Debug, Default)]
pub struct SimCounter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    before_first: u64,
    value: Option<u64>,
    fail_next: bool,
}

impl SimCounter {
    /// A counter whose first increment gives `before_first + 1`, as a TPM's does after other
    /// counters have lived in it.
    pub fn starting_at(before_first: u64) -> Self {
        Self(Mutex::new(State { before_first, ..State::default() }))
    }

    /// Makes the next increment fail without counting.
    pub fn fail_next(&self) {
        self.state().fail_next = true;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MonotonicCounter for SimCounter {
    fn read(&self) -> Result<Option<u64>, CounterError> {
        Ok(self.state().value)
    }

    fn increment(&self) -> Result<u64, CounterError> {
        let mut state = self.state();
        if std::mem::take(&mut state.fail_next) {
            return Err(CounterError("the simulated counter fails".into()));
        }
        let next = state.value.unwrap_or(state.before_first).saturating_add(1);
        state.value = Some(next);
        Ok(next)
    }
}
