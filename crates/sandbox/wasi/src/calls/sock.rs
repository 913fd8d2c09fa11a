//! Sockets: there are none, so that each call ends on a descriptor that is no socket.

use crate::errno::Errno;
use crate::memory::GuestMemory;
use crate::state::WasiState;

pub(crate) fn accept(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    _flags: u32,
    _opened: u32,
) -> Result<(), Errno> {
    no_socket(state, fd)
}

pub(crate) fn recv(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    _vector: u32,
    _count: u32,
    _flags: u32,
    _done: u32,
    _out_flags: u32,
) -> Result<(), Errno> {
    no_socket(state, fd)
}

pub(crate) fn send(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    _vector: u32,
    _count: u32,
    _flags: u32,
    _done: u32,
) -> Result<(), Errno> {
    no_socket(state, fd)
}

pub(crate) fn shutdown(
    state: &mut WasiState,
    _: &mut GuestMemory<'_>,
    fd: u32,
    _how: u32,
) -> Result<(), Errno> {
    no_socket(state, fd)
}

fn no_socket(state: &WasiState, fd: u32) -> Result<(), Errno> {
    state.descriptors.get(fd)?;
    Err(Errno::NotSock)
}
