//! `poll_oneoff`.

use super::guest::*;
use sealwork_wasi::Interrupted;
use std::sync::atomic::Ordering;

const IN: u64 = 4096;
const OUT: u64 = 12288;
const CLOCK: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
const MS: u64 = 1_000_000;

enum Sub {
    Clock { id: u32, timeout: u64, absolute: bool },
    Fd { kind: u8, fd: u32 },
}

/// User data, error, kind, bytes, flags.
type Event = (u64, u16, u8, u64, u16);

/// Polls; subscription number `n` has the user data `100 + n`.
fn poll(guest: &mut Guest, subscriptions: &[Sub]) -> wasmtime::Result<Result<Vec<Event>, u16>> {
    for (index, subscription) in subscriptions.iter().enumerate() {
        let mut record = [0; 48];
        record[..8].copy_from_slice(&(100 + index as u64).to_le_bytes());
        match subscription {
            Sub::Clock { id, timeout, absolute } => {
                record[16..20].copy_from_slice(&id.to_le_bytes());
                record[24..32].copy_from_slice(&timeout.to_le_bytes());
                record[40] = u8::from(*absolute);
            }
            Sub::Fd { kind, fd } => {
                record[8] = *kind;
                record[16..20].copy_from_slice(&fd.to_le_bytes());
            }
        }
        guest.put(IN + 48 * index as u64, &record);
    }
    let errno = guest.try_call("poll_oneoff", &[IN, OUT, subscriptions.len() as u64, RESULT])?;
    if errno != SUCCESS {
        return Ok(Err(errno));
    }
    let event = |index| {
        let at = OUT + 32 * index;
        let kind = guest.bytes(at + 10, 1)[0];
        (guest.u64(at), guest.u16(at + 8), kind, guest.u64(at + 16), guest.u16(at + 24))
    };
    Ok(Ok((0..u64::from(guest.u32(RESULT))).map(event).collect()))
}

fn events(guest: &mut Guest, subscriptions: &[Sub]) -> Vec<Event> {
    poll(guest, subscriptions).unwrap().unwrap()
}

fn monotonic(guest: &Guest) -> u64 {
    guest.clock.monotonic.load(Ordering::Relaxed)
}

#[test]
fn a_relative_timeout_ends_on_a_millisecond_and_does_not_show_where_it_began() {
    let mut guest = Guest::new();
    for start in [10 * MS, 10 * MS + 300_000, 10 * MS + 999_999] {
        guest.clock.monotonic.store(start, Ordering::Relaxed);
        let wait = [Sub::Clock { id: 1, timeout: 4 * MS + 1, absolute: false }];
        assert_eq!(events(&mut guest, &wait), [(100, 0, CLOCK, 0, 0)]);
        assert_eq!(monotonic(&guest), 15 * MS);
    }
}

#[test]
fn an_absolute_timeout_of_either_clock_waits_until_that_moment() {
    let mut guest = Guest::new();
    let now = monotonic(&guest);
    let wait = [Sub::Clock { id: 1, timeout: now + 3 * MS, absolute: true }];
    assert_eq!(events(&mut guest, &wait).len(), 1);
    assert_eq!(monotonic(&guest), now + 3 * MS);
    let wait = [Sub::Clock { id: 0, timeout: START + 4 * MS, absolute: true }];
    assert_eq!(events(&mut guest, &wait).len(), 1);
    assert_eq!(monotonic(&guest), now + 7 * MS);
}

#[test]
fn a_moment_in_the_past_does_not_wait() {
    let mut guest = Guest::new();
    let now = monotonic(&guest);
    for (id, timeout) in [(1, 0), (1, now), (0, START), (0, 0)] {
        let wait = [Sub::Clock { id, timeout, absolute: true }];
        assert_eq!(events(&mut guest, &wait), [(100, 0, CLOCK, 0, 0)]);
    }
    let wait = [Sub::Clock { id: 1, timeout: 0, absolute: false }];
    assert_eq!(events(&mut guest, &wait).len(), 1);
    assert_eq!(monotonic(&guest), now);
}

#[test]
fn of_several_clocks_the_first_ends_the_wait() {
    let mut guest = Guest::new();
    let clock = |timeout| Sub::Clock { id: 1, timeout, absolute: false };
    let wait = [clock(9 * MS), clock(2 * MS), clock(u64::MAX), clock(2 * MS)];
    assert_eq!(events(&mut guest, &wait), [(101, 0, CLOCK, 0, 0), (103, 0, CLOCK, 0, 0)]);
}

#[test]
fn a_wait_beyond_the_callers_patience_ends_the_instance() {
    let mut guest = Guest::new();
    let wait = [Sub::Clock { id: 1, timeout: u64::MAX, absolute: false }];
    let end = poll(&mut guest, &wait).unwrap_err();
    assert_eq!(end.downcast_ref(), Some(&Interrupted));
}

#[test]
fn streams_and_files_are_ready_at_once_whatever_the_clocks_say() {
    let mut guest = Guest::new();
    let now = monotonic(&guest);
    let fd = guest.open(ROOT, "file", CREATE, ALL).unwrap();
    guest.write(fd, b"abcdef").unwrap();
    guest.seek(fd, 2, 0).unwrap();
    let fd = fd as u32;
    let wait = [
        Sub::Clock { id: 1, timeout: 200 * MS, absolute: false },
        Sub::Fd { kind: READ, fd: 0 },
        Sub::Fd { kind: WRITE, fd: 1 },
        Sub::Fd { kind: WRITE, fd: 2 },
        Sub::Fd { kind: READ, fd },
        Sub::Fd { kind: WRITE, fd },
    ];
    let expected = [
        (101, 0, READ, 14, 0),
        (102, 0, WRITE, 0, 0),
        (103, 0, WRITE, 0, 0),
        (104, 0, READ, 4, 0),
        (105, 0, WRITE, 0, 0),
    ];
    assert_eq!(events(&mut guest, &wait), expected);
    assert_eq!(monotonic(&guest), now);
}

#[test]
fn a_clock_whose_moment_has_passed_is_an_event_beside_a_ready_stream() {
    let mut guest = Guest::new();
    let wait = [
        Sub::Clock { id: 1, timeout: 0, absolute: false },
        Sub::Fd { kind: WRITE, fd: 1 },
        Sub::Clock { id: 1, timeout: 1, absolute: false },
    ];
    let expected = [(100, 0, CLOCK, 0, 0), (101, 0, WRITE, 0, 0)];
    assert_eq!(events(&mut guest, &wait), expected);
}

#[test]
fn standard_input_at_its_end_is_ready_with_a_hangup() {
    let mut guest = Guest::new();
    guest.read(0, 100).unwrap();
    assert_eq!(events(&mut guest, &[Sub::Fd { kind: READ, fd: 0 }]), [(100, 0, READ, 0, 1)]);
}

#[test]
fn what_cannot_be_waited_for_is_an_event_with_an_error() {
    let mut guest = Guest::new();
    let wait = [
        Sub::Fd { kind: READ, fd: 99 },
        Sub::Fd { kind: READ, fd: 1 },
        Sub::Fd { kind: WRITE, fd: 0 },
        Sub::Fd { kind: READ, fd: ROOT as u32 },
        Sub::Clock { id: 2, timeout: 0, absolute: false },
    ];
    let expected = [
        (100, BADF, READ, 0, 0),
        (101, BADF, READ, 0, 0),
        (102, BADF, WRITE, 0, 0),
        (103, NOTCAPABLE, READ, 0, 0),
        (104, INVAL, CLOCK, 0, 0),
    ];
    assert_eq!(events(&mut guest, &wait), expected);
}

#[test]
fn nothing_to_wait_for_unknown_kinds_and_unknown_flags_are_refused() {
    let mut guest = Guest::new();
    assert_eq!(poll(&mut guest, &[]).unwrap(), Err(INVAL));
    assert_eq!(poll(&mut guest, &[Sub::Fd { kind: 3, fd: 0 }]).unwrap(), Err(INVAL));
    let mut record = [0; 48];
    record[40] = 2;
    guest.put(IN, &record);
    assert_eq!(guest.call("poll_oneoff", &[IN, OUT, 1, RESULT]), INVAL);
}
