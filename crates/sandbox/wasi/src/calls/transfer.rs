//! Moving bytes between guest memory and what descriptors stand for.

use crate::errno::Errno;
use crate::memory::{Buffers, GuestMemory};

/// Fills the buffers from `source` until it gives less than it could; the sum in bytes.
pub(super) fn fill(
    memory: &mut GuestMemory<'_>,
    buffers: Buffers,
    mut source: impl FnMut(&mut [u8], u64) -> Result<usize, Errno>,
) -> Result<u32, Errno> {
    let mut done = 0_u32;
    for index in 0..buffers.count {
        let buffer = memory.buffer(buffers, index)?;
        let into = memory.slice_mut(buffer.pointer, buffer.len)?;
        let count = source(into, u64::from(done))?;
        done = add(done, count)?;
        if count < buffer.len as usize {
            break;
        }
    }
    Ok(done)
}

/// Empties the buffers into `sink` until it takes less than it was given; the sum in bytes. An
/// error after the first byte ends the transfer as a short one: the program meets it at the next.
pub(super) fn drain(
    memory: &GuestMemory<'_>,
    buffers: Buffers,
    mut sink: impl FnMut(&[u8], u64) -> Result<usize, Errno>,
) -> Result<u32, Errno> {
    let mut done = 0_u32;
    for index in 0..buffers.count {
        let buffer = memory.buffer(buffers, index)?;
        let bytes = memory.slice(buffer.pointer, buffer.len)?;
        let count = match sink(bytes, u64::from(done)) {
            Err(_) if done > 0 => break,
            outcome => outcome?,
        };
        done = add(done, count)?;
        if count < bytes.len() {
            break;
        }
    }
    Ok(done)
}

fn add(done: u32, count: usize) -> Result<u32, Errno> {
    u32::try_from(count).ok().and_then(|count| done.checked_add(count)).ok_or(Errno::Overflow)
}
