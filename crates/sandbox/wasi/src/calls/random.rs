//! Randomness.

use crate::errno::Errno;
use crate::memory::GuestMemory;
use crate::state::WasiState;

pub(crate) fn random_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    buffer: u32,
    len: u32,
) -> Result<(), Errno> {
    (state.random)(memory.slice_mut(buffer, len)?);
    Ok(())
}
