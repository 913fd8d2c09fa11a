use jemalloc_pprof::{JemallocProfCtl, PROF_CTL};
use tokio::sync::MutexGuard;

use crate::ProfileError;

const UNSUPPORTED: ProfileError = ProfileError::Unsupported(
    "this build cannot sample the heap: its allocator was compiled without that possibility",
);
const INACTIVE: ProfileError =
    ProfileError::Unsupported("the heap is not being sampled: POST /debug/pprof/enable first");

/// Begins or ends sampling. Allocations made before it begins are never in a profile.
pub(super) async fn set_active(active: bool) -> Result<(), ProfileError> {
    let mut control = control().await?;
    if control.activated() == active {
        return Ok(());
    }
    let done = if active { control.activate() } else { control.deactivate() };
    done.map_err(|e| ProfileError::Failed(e.to_string()))
}

/// The samples whose memory is in use, by stack.
pub(super) async fn dump() -> Result<Vec<u8>, ProfileError> {
    let mut control = control().await?;
    if !control.activated() {
        return Err(INACTIVE);
    }
    // Dumping and naming take CPU time, and the lock must be held meanwhile.
    tokio::task::spawn_blocking(move || control.dump_pprof())
        .await
        .map_err(|e| ProfileError::Failed(e.to_string()))?
        .map_err(|e| ProfileError::Failed(e.to_string()))
}

async fn control() -> Result<MutexGuard<'static, JemallocProfCtl>, ProfileError> {
    match PROF_CTL.as_ref() {
        Some(control) => Ok(control.lock().await),
        None => Err(UNSUPPORTED),
    }
}
