use jemalloc_pprof::{JemallocProfCtl, PROF_CTL};
use tokio::sync::MutexGuard;

use super::blocking;
use crate::ProfileError;

const UNSUPPORTED: ProfileError = ProfileError::Unsupported(
    "this build cannot sample the heap: its allocator was compiled without that possibility",
);

/// Begins or ends sampling. Allocations made before it begins are never in a profile.
pub(super) async fn set_active(active: bool) -> Result<(), ProfileError> {
    let mut control = control().await?;
    if control.activated() == active {
        return Ok(());
    }
    let done = if active { control.activate() } else { control.deactivate() };
    done.map_err(|e| ProfileError::Failed(e.to_string()))
}

/// The samples whose memory is in use, by stack; none while sampling is off.
pub(super) async fn dump() -> Result<Vec<u8>, ProfileError> {
    let mut control = control().await?;
    // Dumping and naming take CPU time, and the lock must be held meanwhile.
    blocking(move || {
        let profile = control.dump_pprof();
        profile.map_err(|e| ProfileError::Failed(e.to_string()))
    })
    .await
}

async fn control() -> Result<MutexGuard<'static, JemallocProfCtl>, ProfileError> {
    match PROF_CTL.as_ref() {
        Some(control) => Ok(control.lock().await),
        None => Err(UNSUPPORTED),
    }
}
