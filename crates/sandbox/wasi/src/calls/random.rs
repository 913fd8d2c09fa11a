//! Randomness.

use crate::link::Failure;
use crate::memory::GuestMemory;
use crate::state::WasiState;

/// Bytes that are made between two looks at the time.
const PART: usize = 1 << 20;

pub(crate) fn random_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    buffer: u32,
    len: u32,
) -> Result<(), Failure> {
    for part in memory.slice_mut(buffer, len)?.chunks_mut(PART) {
        state.go_on()?;
        (state.random)(part);
    }
    Ok(())
}
