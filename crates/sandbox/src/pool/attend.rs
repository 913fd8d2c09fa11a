//! The worker's side of a run, from its begin until its output is there.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{GRACE, processes::Lease};
use crate::{
    Ended, RunError, RunLimits, Services,
    process::{Begun, Event, Process},
    room,
    wire::{ToChild, longest_output},
};

/// How much longer it may take where long things are in the way, or there is no room.
const HELD_UP: Duration = Duration::from_millis(360);

/// How long a run that did not stop in time may stay in its process for the sake of others there. One
/// step of a program, such as the copy of a whole memory, is short against that on a busy machine too.
const LINGER: Duration = Duration::from_secs(5);

/// What the worker knows of a run that it attends.
pub(super) struct Attended<'a> {
    pub(super) share: &'a str,
    pub(super) limits: &'a RunLimits,
    pub(super) services: &'a Arc<dyn Services>,
    pub(super) stop: &'a CancellationToken,
}

/// Answers what the program asks until it ends, and fetches what it wrote.
///
/// # Errors
/// After [`RunError::Killed`] the run may still be there: it is to be seen off.
pub(super) async fn attend(
    begun: &mut Begun,
    whose: &Attended<'_>,
    deadline: Instant,
) -> Result<Ended, RunError> {
    let Attended { services, stop, limits, .. } = whose;
    let mut patience = Patience::until(deadline);
    // An answer that is on its way may be one that the program has read already.
    let most_calls = 2 * limits.calls as usize + 1;
    let mut calls = JoinSet::new();
    let mut is_stopping = false;
    loop {
        tokio::select! {
            // Whoever asks for more than there are answers for fills its channel, and is ended.
            event = begun.events.recv(), if calls.len() <= most_calls => match event {
                Some(Event::Ended(ended, 0)) => return Ok(*ended),
                Some(Event::Ended(ended, rest)) => {
                    begun.has_unfetched(true);
                    let fetched = fetch(begun, whose, *ended, rest);
                    let fetched = tokio::select! {
                        fetched = fetched => fetched,
                        () = patience.for_output(stop, is_stopping) => Err(no_room()),
                    };
                    begun.has_unfetched(fetched.is_err());
                    return fetched;
                }
                Some(Event::Call { call, request: asked }) => {
                    let (services, process) = (Arc::clone(*services), Arc::clone(&begun.process));
                    let run = begun.number;
                    calls.spawn(async move {
                        let answer = match asked {
                            Some(asked) => services.call(asked).await,
                            None => services.no_room(),
                        };
                        // A process that is gone needs no answer.
                        let _ = process.send(&ToChild::Answer { run, call, answer }).await;
                    });
                }
                Some(Event::Piece(_)) => return Err(lost(&begun.process)),
                None => return Err(RunError::Lost),
            },
            Some(_) = calls.join_next(), if !calls.is_empty() => {}
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                patience.stop(GRACE);
                let (process, run) = (Arc::clone(&begun.process), begun.number);
                // Behind a long answer this waits; the end of patience does not.
                calls.spawn(async move {
                    let _ = process.send(&ToChild::Stop { run }).await;
                });
            }
            () = sleep_until(patience.until) => {
                // It has perhaps ended, and what it says stands behind something long.
                if !begun.process.is_held_up() || patience.until >= patience.over {
                    return Err(RunError::Killed);
                }
                patience.until += GRACE;
            }
        }
    }
}

/// Sees to it that a run ends that nobody waits for any more. Many that stop at once on few processors
/// may take a while, and others of their process are not to blame for that: it is killed at once only
/// when nobody else is in it.
pub(super) fn see_off(mut begun: Begun, lease: Lease) {
    if !begun.process.leave_to_itself(begun.number) {
        tracing::warn!("a program did not stop in time: its sandbox process is killed");
        begun.process.kill();
        return;
    }
    tokio::spawn(async move {
        let ended = async {
            while let Some(event) = begun.events.recv().await {
                if let Event::Ended(_, rest) = event {
                    begun.has_unfetched(rest > 0);
                    break;
                }
            }
        };
        if timeout(LINGER, ended).await.is_err() {
            tracing::warn!("a program does not stop: its sandbox process is killed");
            begun.process.kill();
        }
        drop(lease);
    });
}

/// How long the worker waits for a run.
struct Patience {
    /// When to look whether it is held up.
    until: Instant,
    /// When that excuses it no longer.
    over: Instant,
}

impl Patience {
    fn until(deadline: Instant) -> Self {
        Self { until: deadline, over: deadline + HELD_UP }
    }

    /// The run is to end within `grace`.
    fn stop(&mut self, grace: Duration) {
        self.until = self.until.min(Instant::now() + grace);
        self.over = self.over.min(self.until + HELD_UP);
    }

    /// Resolves when the output of a run that has ended comes too late.
    async fn for_output(&mut self, stop: &CancellationToken, is_stopping: bool) {
        self.over = self.over.max(Instant::now() + HELD_UP);
        tokio::select! {
            () = sleep_until(self.over) => {}
            () = stop.cancelled(), if !is_stopping => {
                self.stop(Duration::ZERO);
                sleep_until(self.over).await;
            }
        }
    }
}

/// Fetches an output of so many bytes, as soon as there is room for it.
async fn fetch(
    begun: &mut Begun,
    whose: &Attended<'_>,
    mut ended: Ended,
    rest: u64,
) -> Result<Ended, RunError> {
    let (process, run) = (Arc::clone(&begun.process), begun.number);
    if rest > longest_output(whose.limits) {
        return Err(lost(&process));
    }
    let rest = usize::try_from(rest).unwrap_or(usize::MAX);
    let place = process.room().take(whose.share, rest).await;
    let _long = process.hold_up();
    let mut output = Vec::with_capacity(rest);
    while output.len() < rest {
        process.send(&ToChild::Next { run }).await?;
        match begun.events.recv().await {
            Some(Event::Piece(piece)) if fits(piece.len(), rest - output.len()) => {
                output.extend_from_slice(&piece);
            }
            Some(_) => return Err(lost(&process)),
            None => return Err(RunError::Lost),
        }
    }
    ended.output = room::keep(output.into(), place);
    Ok(ended)
}

fn fits(piece: usize, left: usize) -> bool {
    (1..=left).contains(&piece)
}

/// It does not keep to the rules.
fn lost(process: &Process) -> RunError {
    process.kill();
    RunError::Lost
}

fn no_room() -> RunError {
    tracing::warn!("there was no room for a program's output in time");
    RunError::NoRoom
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when `stop` leaves the end of all patience where the run's own deadline put it.
    #[tokio::test(start_paused = true)]
    async fn a_run_that_was_stopped_is_waited_for_no_longer_however_far_its_deadline_is() {
        let begin = Instant::now();
        let mut patience = Patience::until(begin + Duration::from_secs(300));
        patience.stop(GRACE);
        assert_eq!((patience.until, patience.over), (begin + GRACE, begin + GRACE + HELD_UP));

        let (stop, mut patience) = (CancellationToken::new(), Patience::until(begin));
        patience.for_output(&stop, false).await;
        assert_eq!(begin.elapsed().as_millis(), HELD_UP.as_millis(), "its time was over before");

        let begin = Instant::now();
        let mut patience = Patience::until(begin + Duration::from_secs(300));
        stop.cancel();
        patience.for_output(&stop, false).await;
        assert_eq!(begin.elapsed().as_millis(), HELD_UP.as_millis());
    }
}
