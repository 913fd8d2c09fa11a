//! A run in a process, as who waits for it has it.

use std::sync::{Arc, atomic::Ordering};

use tokio::{runtime::Handle, sync::mpsc};

use super::{Event, Process, Watched, lock};
use crate::{
    RunError, Services, holdings,
    wire::{Run, ToChild},
};

impl Process {
    /// Begins a run; what it says comes through the channel, what it uses goes to `services`.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        services: Arc<dyn Services>,
        run: impl FnOnce(u32) -> Run,
    ) -> Result<Begun, RunError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let run = run(number);
        // A program has so many calls open at most, and ends once; then its output comes piece by
        // piece.
        let (sender, events) = mpsc::channel(run.limits.calls as usize + 1);
        let holds = holdings::of_run(&run.limits, &run.form);
        let watched = Watched { events: sender, services, holds, is_waited_for: true };
        {
            let mut runs = lock(&self.runs);
            runs.insert(number, watched);
            let held = runs.values().fold(0, |sum: u64, run| sum.saturating_add(run.holds));
            self.most_held.fetch_max(held, Ordering::SeqCst);
        }
        let begun = Begun { process: Arc::clone(self), number, events, is_unfetched: false };
        self.send(&ToChild::Run(Box::new(run))).await?;
        Ok(begun)
    }

    /// Leaves a run to itself; whether somebody still waits for another one.
    pub(crate) fn leave_to_itself(&self, run: u32) -> bool {
        let mut runs = lock(&self.runs);
        if let Some(left) = runs.get_mut(&run) {
            left.is_waited_for = false;
        }
        runs.values().any(|run| run.is_waited_for)
    }
}

/// A run that has begun. Dropping it forgets the run, here and in its process.
pub(crate) struct Begun {
    pub(crate) process: Arc<Process>,
    pub(crate) number: u32,
    pub(crate) events: mpsc::Receiver<Event>,
    is_unfetched: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        lock(&self.process.runs).remove(&self.number);
        while let Ok(event) = self.events.try_recv() {
            self.is_unfetched |= matches!(event, Event::Ended(_, 1..));
        }
        // Without a runtime there is soon no process either.
        if self.is_unfetched && Handle::try_current().is_ok() && !self.process.is_gone() {
            self.process.drop_output(self.number);
        }
    }
}

impl Begun {
    /// The run has ended, and some of its output is still there.
    pub(crate) fn has_unfetched(&mut self, is_unfetched: bool) {
        self.is_unfetched = is_unfetched;
    }
}
