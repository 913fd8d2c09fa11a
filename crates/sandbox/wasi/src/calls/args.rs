//! Arguments and environment.

use crate::errno::Errno;
use crate::memory::GuestMemory;
use crate::state::WasiState;

pub(crate) fn args_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    argv: u32,
    buffer: u32,
) -> Result<(), Errno> {
    write_strings(&state.args, memory, argv, buffer)
}

pub(crate) fn args_sizes_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    count: u32,
    size: u32,
) -> Result<(), Errno> {
    write_sizes(&state.args, memory, count, size)
}

pub(crate) fn environ_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    environ: u32,
    buffer: u32,
) -> Result<(), Errno> {
    write_strings(&state.env, memory, environ, buffer)
}

pub(crate) fn environ_sizes_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    count: u32,
    size: u32,
) -> Result<(), Errno> {
    write_sizes(&state.env, memory, count, size)
}

fn write_strings(
    strings: &[Vec<u8>],
    memory: &mut GuestMemory<'_>,
    mut pointers: u32,
    mut buffer: u32,
) -> Result<(), Errno> {
    for string in strings {
        memory.write_u32(pointers, buffer)?;
        memory.write(buffer, string)?;
        let len = u32::try_from(string.len()).map_err(|_| Errno::Overflow)?;
        pointers = pointers.checked_add(4).ok_or(Errno::Fault)?;
        buffer = buffer.checked_add(len).ok_or(Errno::Fault)?;
    }
    Ok(())
}

fn write_sizes(
    strings: &[Vec<u8>],
    memory: &mut GuestMemory<'_>,
    count: u32,
    size: u32,
) -> Result<(), Errno> {
    let bytes: usize = strings.iter().map(Vec::len).sum();
    memory.write_u32(count, u32::try_from(strings.len()).map_err(|_| Errno::Overflow)?)?;
    memory.write_u32(size, u32::try_from(bytes).map_err(|_| Errno::Overflow)?)
}
