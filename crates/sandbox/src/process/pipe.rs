//! What worker and process say to each other.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::unix::OwnedReadHalf,
    sync::mpsc,
};

use super::{Event, Process, lock};
use crate::{
    RunError,
    wire::{self, FromChild, PIECE, ToChild},
};

/// Frames up to this are written by who sends them, and go into the pipe whole as a rule; others by
/// a task of their own.
pub(super) const AT_ONCE: usize = 64 << 10;

impl Process {
    /// Says something. Whoever gives up waiting for that leaves the pipe in order all the same.
    pub(crate) async fn send(self: &Arc<Self>, message: &ToChild) -> Result<(), RunError> {
        // Larger than what any configuration allows: a defect.
        let frame = wire::encode(message).map_err(|_| RunError::Lost)?;
        if frame.len() <= AT_ONCE {
            return self.write(&frame).await;
        }
        let process = Arc::clone(self);
        let written = tokio::spawn(async move { process.write(&frame).await }).await;
        written.unwrap_or(Err(RunError::Lost))
    }

    async fn write(&self, frame: &[u8]) -> Result<(), RunError> {
        let mut writer = self.writer.lock().await;
        let mut left = frame;
        let mut unless_whole = None;
        while !left.is_empty() {
            let written = tokio::select! {
                written = writer.write(left) => written,
                () = self.gone() => return Err(RunError::Lost),
            };
            match written {
                Ok(written @ 1..) => left = &left[written..],
                Ok(0) | Err(_) => {
                    self.kill();
                    return Err(RunError::Lost);
                }
            }
            // Half a frame would be the end of order.
            if !left.is_empty() {
                unless_whole.get_or_insert_with(|| self.gone.clone().drop_guard());
            }
        }
        if let Some(guard) = unless_whole {
            guard.disarm();
        }
        Ok(())
    }

    /// Passes on what the process says, as long as it keeps to the rules.
    pub(super) async fn listen(self: Arc<Self>, mut reader: BufReader<OwnedReadHalf>) {
        let max = self.max_frame;
        loop {
            let message = tokio::select! {
                message = read(&mut reader, max, &self.on_the_way) => message,
                () = self.gone() => break,
            };
            if !message.is_ok_and(|message| self.take(message)) {
                break;
            }
        }
        self.kill();
        lock(&self.runs).clear();
        lock(&self.loading).clear();
    }

    fn take(self: &Arc<Self>, message: FromChild) -> bool {
        match message {
            FromChild::Ready { .. } | FromChild::Failed(_) => false,
            FromChild::Loaded { module, error } => {
                let waiting = lock(&self.loading).remove(&module);
                // Whoever asked may have given up.
                waiting.map(|waiting| waiting.send(error)).is_some()
            }
            FromChild::Call { run, call, request } => {
                let event = || Event::Call { call, request: self.calls.keep(request) };
                self.pass_on(run, event).unwrap_or(true)
            }
            FromChild::Used { run, used } => {
                if let Some(run) = lock(&self.runs).get(&run) {
                    run.services.used(used);
                }
                true
            }
            FromChild::Ended { run, ended, rest } => {
                let heard = self.pass_on(run, || Event::Ended(ended, rest));
                heard.unwrap_or_else(|| rest == 0 || self.drop_output(run))
            }
            FromChild::Piece { run, bytes } => {
                bytes.len() <= PIECE && self.pass_on(run, || Event::Piece(bytes)).unwrap_or(true)
            }
        }
    }

    /// Tells whoever waits for a run: whether there is room for so much. A run that nobody waits for
    /// any more may still be talking: then there is no answer.
    fn pass_on(&self, run: u32, event: impl FnOnce() -> Event) -> Option<bool> {
        let runs = lock(&self.runs);
        let sent = runs.get(&run)?.events.try_send(event());
        Some(!matches!(sent, Err(mpsc::error::TrySendError::Full(_))))
    }

    /// Has the process drop an output that nobody wants; `false` when that are too many at once.
    pub(super) fn drop_output(self: &Arc<Self>, run: u32) -> bool {
        let Ok(place) = Arc::clone(&self.dropping).try_acquire_owned() else { return false };
        let process = Arc::clone(self);
        tokio::spawn(async move {
            let _ = process.send(&ToChild::Drop { run }).await;
            drop(place);
        });
        true
    }
}

/// Something long that comes out of a process.
pub(crate) struct OnTheWay<'a>(&'a AtomicU32);

impl<'a> OnTheWay<'a> {
    pub(super) fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for OnTheWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) async fn read(
    reader: &mut BufReader<OwnedReadHalf>,
    max: usize,
    on_the_way: &AtomicU32,
) -> io::Result<FromChild> {
    let mut len = [0; 4];
    reader.read_exact(&mut len).await?;
    let len = wire::checked_len(len, max)?;
    let _long = (len > AT_ONCE).then(|| OnTheWay::new(on_the_way));
    let mut frame = vec![0; len];
    reader.read_exact(&mut frame).await?;
    wire::decode(&frame)
}
