use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Pace;

/// Finds peers that keep us waiting and hardly move: slow senders, slow readers.
///
/// Only time in which we wait counts; it adds up until the peer has moved the bytes that it owes.
/// Nothing is armed as long as the peer keeps up.
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    moved: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, moved: 0, waited: Duration::ZERO, waiting_since: None, timer: None }
    }

    /// The peer took or gave `bytes`.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.moved = self.moved.saturating_add(bytes as u64);
        if self.moved >= self.pace.bytes {
            self.moved = 0;
            self.waited = Duration::ZERO;
        }
    }

    /// To be polled while the peer keeps us waiting; ready when it is too slow.
    pub(crate) fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let end = since + self.pace.window.saturating_sub(self.waited);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() != end {
            timer.as_mut().reset(end);
        }
        timer.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const PACE: Pace = Pace { bytes: 100, window: Duration::from_secs(10) };

    /// Waits for `secs` or until the pacer calls the peer stalled.
    async fn wait(pacer: &mut Pacer, secs: u64) -> bool {
        let stalled = poll_fn(|cx| pacer.poll_stalled(cx));
        tokio::time::timeout(Duration::from_secs(secs), stalled).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_stalled_after_one_window() {
        let mut pacer = Pacer::new(PACE);
        assert!(!wait(&mut pacer, 9).await);
        assert!(wait(&mut pacer, 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_trickles_is_stalled_and_one_that_keeps_pace_is_not() {
        for (bytes, expected) in [(1, true), (60, false)] {
            let mut pacer = Pacer::new(PACE);
            let mut stalled = false;
            for _ in 0..60 {
                stalled = stalled || wait(&mut pacer, 3).await;
                pacer.moved(bytes);
            }
            assert_eq!(stalled, expected, "{bytes} bytes each 3 seconds");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_waits_does_not_count() {
        let mut pacer = Pacer::new(PACE);
        assert!(!wait(&mut pacer, 1).await);
        pacer.moved(1);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(!wait(&mut pacer, 8).await);
    }
}
