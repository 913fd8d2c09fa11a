//! The process: signals and turns. Its exit is in `link.rs`, where it ends the instance.

use crate::errno::Errno;
use crate::memory::GuestMemory;
use crate::state::WasiState;

/// There are no signals.
pub(crate) fn raise(_: &mut WasiState, _: &mut GuestMemory<'_>, _signal: u32) -> Result<(), Errno> {
    Err(Errno::NotSup)
}

/// There is nobody to give the turn to.
pub(crate) fn sched_yield(_: &mut WasiState, _: &mut GuestMemory<'_>) -> Result<(), Errno> {
    Ok(())
}
