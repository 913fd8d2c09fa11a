//! Trying the walls from inside.

use std::time::Duration;

use tokio::{io::AsyncReadExt as _, time::timeout};

pub use crate::child::Attempt;
use crate::{ChildCommand, StartError, cgroup::GroupLimits, spawn::spawn, wire};

const PATIENCE: Duration = Duration::from_secs(10);
const MAX: usize = 64 << 10;
const LIMITS: GroupLimits = GroupLimits { memory_bytes: 256 << 20, tasks: 8 };

/// Lets a confined process try to get out, by every way that it knows; what came of each.
///
/// # Errors
/// [`StartError`]: it could not be started, or not be confined.
pub async fn probe(command: &ChildCommand) -> Result<Vec<Attempt>, StartError> {
    let mut spawned = spawn(command, &["probe".to_owned()], LIMITS)?;
    let pipe = &mut spawned.pipe;
    let read = async {
        let mut len = [0; 4];
        pipe.read_exact(&mut len).await?;
        let mut frame = vec![0; wire::checked_len(len, MAX)?];
        pipe.read_exact(&mut frame).await?;
        wire::decode(&frame)
    };
    let read = timeout(PATIENCE, read).await;
    spawned.child.kill().await;
    match read {
        Ok(attempts) => {
            attempts.map_err(|error: std::io::Error| StartError::Unconfined(error.to_string()))
        }
        Err(_) => Err(StartError::Slow(PATIENCE.as_secs())),
    }
}
