//! Clocks.

use crate::clocks::COARSE_NS;
use crate::errno::Errno;
use crate::memory::GuestMemory;
use crate::state::WasiState;

/// The clocks that a program has. Those of CPU time (2 and 3) are not offered: they would time
/// other tenants of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockId {
    Realtime,
    Monotonic,
}

impl TryFrom<u32> for ClockId {
    type Error = Errno;

    fn try_from(id: u32) -> Result<Self, Errno> {
        match id {
            0 => Ok(Self::Realtime),
            1 => Ok(Self::Monotonic),
            _ => Err(Errno::Inval),
        }
    }
}

pub(crate) fn clock_res_get(
    _: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    id: u32,
    resolution: u32,
) -> Result<(), Errno> {
    ClockId::try_from(id)?;
    memory.write_u64(resolution, COARSE_NS)
}

pub(crate) fn clock_time_get(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    id: u32,
    _precision: u64,
    time: u32,
) -> Result<(), Errno> {
    let now = match ClockId::try_from(id)? {
        ClockId::Realtime => state.clocks.realtime(),
        ClockId::Monotonic => state.clocks.monotonic(),
    };
    memory.write_u64(time, now)
}
