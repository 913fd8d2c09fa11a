//! Closing what slipped through `exec`.

#![allow(unsafe_code, reason = "see `close`")]

use std::{io, os::fd::AsRawFd as _};

use rustix::fs::{Dir, Mode, OFlags, open};

/// Standard input, which is the pipe, and two to nowhere.
const EXPECTED: i32 = 3;

/// Closes every descriptor that the process was given beside the expected three: whoever started
/// the worker may have left files open, and each would be a way out.
///
/// To be called before the process opens anything.
pub(crate) fn close() -> io::Result<()> {
    for descriptor in extra()? {
        // SAFETY: nothing in this process owns the descriptor: it was there before `main`, and
        // nothing has been opened since but the listing, which is not among those it lists.
        unsafe { rustix::io::close(descriptor) };
    }
    match extra()?.len() {
        0 => Ok(()),
        more => Err(io::Error::other(format!("{more} descriptors stayed open"))),
    }
}

fn extra() -> io::Result<Vec<i32>> {
    let listing =
        open("/proc/self/fd", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let own = listing.as_raw_fd();
    let mut found = Vec::new();
    for entry in Dir::new(listing)? {
        let number = entry?.file_name().to_str().ok().and_then(|name| name.parse::<i32>().ok());
        found.extend(number.filter(|number| *number >= EXPECTED && *number != own));
    }
    Ok(found)
}
