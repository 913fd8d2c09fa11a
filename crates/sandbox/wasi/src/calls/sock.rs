//! Sockets: there are none, so that each call ends on a descriptor that is no socket.

use crate::errno::Errno;
use crate::state::WasiState;

/// Every call, whatever it asks of the socket.
pub(crate) fn none(state: &WasiState, fd: u32) -> Result<(), Errno> {
    state.descriptors.get(fd)?;
    Err(Errno::NotSock)
}
