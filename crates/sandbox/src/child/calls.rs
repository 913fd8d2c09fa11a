//! What one run asks of the worker, and the answers as they come.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use super::{
    control::{Control, Halt},
    meter::Meter,
};

/// A run as other threads of the process see it.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) control: Control,
    pub(crate) meter: Meter,
    answers: Mutex<VecDeque<(u32, Bytes)>>,
    arrived: Condvar,
}

impl Calls {
    pub(crate) fn new(control: Control, meter: Meter) -> Self {
        Self { control, meter, answers: Mutex::default(), arrived: Condvar::new() }
    }

    pub(crate) fn answer(&self, call: u32, answer: Bytes) {
        self.lock().push_back((call, answer));
        self.arrived.notify_all();
    }

    pub(crate) fn stop(&self) {
        self.control.stop();
        // With the lock, so that a thread that is about to wait sees it.
        drop(self.lock());
        self.arrived.notify_all();
    }

    /// Whether the run may go on; the worker hears what it has used until now. For the thread that
    /// performs it.
    pub(crate) fn look(&self) -> Result<(), Halt> {
        let elapsed = self.control.check()?;
        self.meter.tell(elapsed);
        Ok(())
    }

    /// The next answer, in the order of arrival. `None` when `patience` is over first.
    pub(crate) fn wait(&self, patience: Duration) -> Result<Option<(u32, Bytes)>, Halt> {
        let until = self.control.elapsed().saturating_add(patience);
        self.look()?;
        let mut answers = self.lock();
        loop {
            self.control.check()?;
            if let Some(answer) = answers.pop_front() {
                return Ok(Some(answer));
            }
            let left = until.saturating_sub(self.control.elapsed()).min(self.control.left());
            if left.is_zero() {
                self.control.check()?;
                return Ok(None);
            }
            let waited = self.arrived.wait_timeout(answers, left);
            answers = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until so much time has passed since the run began. Answers stay where they are.
    pub(crate) fn sleep_until(&self, moment: Duration) -> Result<(), Halt> {
        self.look()?;
        let mut answers = self.lock();
        loop {
            self.control.check()?;
            let left = moment.saturating_sub(self.control.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            let waited = self.arrived.wait_timeout(answers, left.min(self.control.left()));
            answers = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u32, Bytes)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
