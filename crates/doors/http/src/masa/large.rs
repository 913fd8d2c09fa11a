//! `/job/result` for results that are too large for memory: what has come of the sealed text goes to
//! the disk, and the opened result from there to the client, piece by piece. One caller leaves a turn
//! to others.

use std::{io, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use sealwork_compat_masa::{LIFTED, Lifter, ResultBody, read_body};
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::{MasaPort, answers::MasaError, port::ResultSpool};
use crate::{
    body,
    share::{Shares, Taker},
    v1::Content,
};

/// The path whose bodies may be large.
pub(crate) const PATH: &str = "/job/result";
/// Large results that are opened or sent at once: each is on the disk meanwhile.
const AT_ONCE: usize = 8;
/// How long one waits for that.
const PATIENCE: Duration = Duration::from_secs(4);

/// Says of a request that its body is longer than those of other routes may be, and is read piece by
/// piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnDisk {
    /// Most bytes of it that are kept in memory: as many as a whole body of other routes has.
    pub(crate) in_memory: u64,
}

/// How many large results are opened at once.
pub(super) struct Gate {
    turns: Arc<Semaphore>,
    shares: Shares,
}

/// A turn, of all and of the caller's.
type Turn = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Default for Gate {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), shares: Shares::of(AT_ONCE) }
    }
}

impl Gate {
    async fn turn(&self, taker: &Taker) -> Result<Turn, MasaError> {
        let turn = async {
            let own = self.shares.get(taker).acquire_owned().await?;
            Ok::<_, AcquireError>((own, Arc::clone(&self.turns).acquire_owned().await?))
        };
        let turn = timeout(PATIENCE, turn).await;
        turn.ok().and_then(Result::ok).ok_or_else(MasaError::no_room)
    }
}

/// Reads a large body and opens the result in it.
pub(super) async fn open(
    gate: &Gate,
    port: &Arc<dyn MasaPort>,
    content_type: Option<&[u8]>,
    (body, on_disk): (Body, OnDisk),
    taker: &Taker,
) -> Result<Content, MasaError> {
    let turn = gate.turn(taker).await?;
    let (json, spool) = lifted(port, body, on_disk).await?;
    let body: ResultBody = read_body(content_type, &json)?;
    let spool = spool.filter(|_| body.encrypted_result == LIFTED);
    let Some(spool) = spool else {
        let mut opened = port.open_result(&body)?;
        return Ok(Bytes::from(std::mem::take(&mut *opened)).into());
    };
    // The turn goes along: a client that leaves does not end the opening.
    let opening = spawn_blocking(move || (turn, spool.open(body.encrypted_request.as_bytes())));
    let (turn, opened) = opening.await.map_err(|_| MasaError::defect())?;
    Ok(holding(turn, opened?))
}

/// The body without its long string, which is in the spool.
async fn lifted(
    port: &Arc<dyn MasaPort>,
    mut body: Body,
    on_disk: OnDisk,
) -> Result<(Vec<u8>, Option<Box<dyn ResultSpool>>), MasaError> {
    let in_memory = usize::try_from(on_disk.in_memory).unwrap_or(usize::MAX);
    let (mut lifter, mut spool) = (Lifter::new("encrypted_result", in_memory), None);
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(body::error)?.into_data() else { continue };
        lifter.push(&piece, |lifted| {
            let spool = match &mut spool {
                Some(spool) => spool,
                None => spool.insert(port.spool_result().map_err(io::Error::other)?),
            };
            spool.push(lifted)
        })?;
    }
    Ok((lifter.finish(), spool))
}

/// The content, which gives its turn back when it has been sent.
fn holding(turn: Turn, content: Content) -> Content {
    match content {
        Content::Pieces { len, mut pieces } => {
            let next = move || {
                let _held = &turn;
                pieces.next()
            };
            Content::Pieces { len, pieces: Box::new(std::iter::from_fn(next)) }
        }
        whole => whole,
    }
}
