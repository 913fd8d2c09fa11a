use std::collections::HashMap;

use jemalloc_pprof::{JemallocProfCtl, PROF_CTL, StackProfile};
use tokio::sync::MutexGuard;

use super::{blocking, names_of};
use crate::ProfileError;

/// Begins the names of the allocator's entries.
const ALLOCATOR: &str = "_rjem_";
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
        let profile = control.dump_profile();
        let mut profile = profile.map_err(|e| ProfileError::Failed(e.to_string()))?;
        drop_allocator_frames(&mut profile);
        Ok(profile.to_pprof(("inuse_space", "bytes"), ("space", "bytes"), None))
    })
    .await
}

/// Takes the allocator's own functions off the top of each stack, so that the function that asked
/// for the memory is the one that has it.
fn drop_allocator_frames(profile: &mut StackProfile) {
    let mut known = HashMap::new();
    let mut is_entry = |return_address: usize| {
        *known.entry(return_address).or_insert_with(|| {
            let call = u64::try_from(return_address.saturating_sub(1)).unwrap_or(0);
            names_of(call).last().is_some_and(|name| name.starts_with(ALLOCATOR))
        })
    };
    for (stack, _) in &mut profile.stacks {
        // The outermost function comes first; what the allocator was entered by calls it alone.
        if let Some(entry) = stack.addrs.iter().position(|address| is_entry(*address)) {
            stack.addrs.truncate(entry);
        }
    }
}

async fn control() -> Result<MutexGuard<'static, JemallocProfCtl>, ProfileError> {
    match PROF_CTL.as_ref() {
        Some(control) => Ok(control.lock().await),
        None => Err(UNSUPPORTED),
    }
}
