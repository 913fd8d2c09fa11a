//! Waiting.

use super::clock::ClockId;
use crate::errno::Errno;
use crate::fds::Resource;
use crate::link::Failure;
use crate::memory::{GuestMemory, long, word};
use crate::state::WasiState;
use crate::types::{Rights, put};

/// The most subscriptions of one wait.
const MAX_SUBSCRIPTIONS: u32 = 4096;
const SUBSCRIPTION_SIZE: u32 = 48;
const EVENT_SIZE: u32 = 32;
/// The flag of a clock subscription whose timeout is a moment, not a duration.
const ABSOLUTE: u16 = 1;
/// The flag of an event: the other side is closed, nothing more will come.
const HANGUP: u16 = 1;

/// What the program waits for.
#[derive(Debug, Clone, Copy)]
enum Wait {
    Clock {
        deadline: u64,
    },
    Read(u32),
    Write(u32),
    /// It cannot be waited for.
    Refused {
        kind: u8,
        errno: Errno,
    },
}

#[derive(Debug, Clone, Copy)]
struct Subscription {
    user_data: u64,
    wait: Wait,
}

/// What a subscription came to.
#[derive(Debug, Clone, Copy)]
struct Event {
    user_data: u64,
    kind: u8,
    errno: Option<Errno>,
    ready_bytes: u64,
    flags: u16,
}

const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;

/// Descriptors are always ready: input is a buffer, output is taken or refused at once. So the
/// program waits only where every subscription is a clock.
pub(crate) fn poll_oneoff(
    state: &mut WasiState,
    memory: &mut GuestMemory<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    done: u32,
) -> Result<(), Failure> {
    let waits = read_subscriptions(state, memory, subscriptions, count)?;
    memory.check(events, count.checked_mul(EVENT_SIZE).ok_or(Errno::Inval)?)?;
    memory.check(done, 4)?;
    let mut ready = ready(state, &waits, None);
    if ready.is_empty() {
        let deadline = waits.iter().filter_map(Subscription::deadline).min().unwrap_or_default();
        (state.sleep_until)(deadline)?;
        ready = self::ready(state, &waits, Some(deadline));
    }
    let mut at = events;
    for event in &ready {
        memory.write(at, &event.to_bytes())?;
        at = at.saturating_add(EVENT_SIZE);
    }
    memory.write_u32(done, u32::try_from(ready.len()).map_err(|_| Errno::Overflow)?)?;
    Ok(())
}

fn read_subscriptions(
    state: &WasiState,
    memory: &GuestMemory<'_>,
    subscriptions: u32,
    count: u32,
) -> Result<Vec<Subscription>, Errno> {
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Err(Errno::Inval);
    }
    let records = memory.slice(subscriptions, count * SUBSCRIPTION_SIZE)?;
    records.chunks_exact(SUBSCRIPTION_SIZE as usize).map(|r| Subscription::read(state, r)).collect()
}

impl Subscription {
    fn read(state: &WasiState, record: &[u8]) -> Result<Self, Errno> {
        let wait = match record.get(8).copied() {
            Some(CLOCK) => read_clock(state, record)?,
            Some(FD_READ) => Wait::Read(word(record, 16)),
            Some(FD_WRITE) => Wait::Write(word(record, 16)),
            _ => return Err(Errno::Inval),
        };
        Ok(Self { user_data: long(record, 0), wait })
    }

    fn deadline(&self) -> Option<u64> {
        match self.wait {
            Wait::Clock { deadline } => Some(deadline),
            _ => None,
        }
    }
}

fn read_clock(state: &WasiState, record: &[u8]) -> Result<Wait, Errno> {
    let timeout = long(record, 24);
    let flags = word(record, 40) as u16;
    if flags & !ABSOLUTE != 0 {
        return Err(Errno::Inval);
    }
    let deadline = match (ClockId::try_from(word(record, 16)), flags == ABSOLUTE) {
        (Err(errno), _) => return Ok(Wait::Refused { kind: CLOCK, errno }),
        (Ok(_), false) => state.clocks.after(timeout),
        (Ok(ClockId::Monotonic), true) => state.clocks.at_monotonic(timeout),
        (Ok(ClockId::Realtime), true) => state.clocks.at_realtime(timeout),
    };
    Ok(Wait::Clock { deadline })
}

/// The events that are there now, or after a wait until `slept`.
fn ready(state: &WasiState, waits: &[Subscription], slept: Option<u64>) -> Vec<Event> {
    let event = |subscription: &Subscription| {
        let base = Event {
            user_data: subscription.user_data,
            kind: 0,
            errno: None,
            ready_bytes: 0,
            flags: 0,
        };
        match subscription.wait {
            Wait::Clock { deadline } => {
                let over = slept.is_some_and(|slept| slept >= deadline);
                (over || state.clocks.is_past(deadline)).then_some(Event { kind: CLOCK, ..base })
            }
            Wait::Read(fd) => Some(readable(state, fd, Event { kind: FD_READ, ..base })),
            Wait::Write(fd) => Some(writable(state, fd, Event { kind: FD_WRITE, ..base })),
            Wait::Refused { kind, errno } => Some(Event { kind, errno: Some(errno), ..base }),
        }
    };
    waits.iter().filter_map(event).collect()
}

fn readable(state: &WasiState, fd: u32, event: Event) -> Event {
    let ready = state.descriptors.get(fd).and_then(|descriptor| {
        descriptor.need(Rights::POLL_FD_READWRITE)?;
        descriptor.need_transfer(Rights::FD_READ)?;
        Ok(match descriptor.resource {
            Resource::File { inode, position } => {
                (state.files.size(inode)?.saturating_sub(position), 0)
            }
            _ => match state.stdin.remaining() {
                0 => (0, HANGUP),
                rest => (rest, 0),
            },
        })
    });
    match ready {
        Ok((ready_bytes, flags)) => Event { ready_bytes, flags, ..event },
        Err(errno) => Event { errno: Some(errno), ..event },
    }
}

fn writable(state: &WasiState, fd: u32, event: Event) -> Event {
    let ready = state.descriptors.get(fd).and_then(|descriptor| {
        descriptor.need(Rights::POLL_FD_READWRITE)?;
        descriptor.need_transfer(Rights::FD_WRITE)
    });
    Event { errno: ready.err(), ..event }
}

impl Event {
    fn to_bytes(self) -> [u8; EVENT_SIZE as usize] {
        let mut record = [0; EVENT_SIZE as usize];
        put(&mut record, 0, &self.user_data.to_le_bytes());
        put(&mut record, 8, &self.errno.map_or(0, Errno::code).to_le_bytes());
        put(&mut record, 10, &[self.kind]);
        put(&mut record, 16, &self.ready_bytes.to_le_bytes());
        put(&mut record, 24, &self.flags.to_le_bytes());
        record
    }
}
