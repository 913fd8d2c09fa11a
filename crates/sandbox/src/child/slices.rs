//! Running a program slice by slice: whenever it has burnt so much fuel it hands over, with what it
//! used written down, and whoever runs it decides whether it goes on.
//!
//! So there is one counter for the bill and for stopping, and the bill of a program that was stopped
//! is exact. Only a trap in the middle of a slice loses what was burnt since the last call.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::control::Halt;

/// Fuel between two looks at the clock: well below a millisecond of plain code, some milliseconds of
/// the slowest there is.
pub(crate) const SLICE: u64 = 500_000;

/// Drives `program` to its end, or until `between` says halt; that is told how many slices there
/// have been.
pub(crate) fn run<T>(
    program: impl Future<Output = T>,
    mut between: impl FnMut(u64) -> Result<(), Halt>,
) -> Result<T, Halt> {
    let mut program = pin!(program);
    // It waits for nothing but its next slice.
    let mut context = Context::from_waker(Waker::noop());
    let mut slices = 0;
    loop {
        if let Poll::Ready(end) = program.as_mut().poll(&mut context) {
            return Ok(end);
        }
        slices += 1;
        between(slices)?;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// Ends after so many slices.
    fn program(mut slices: u64) -> impl Future<Output = &'static str> {
        poll_fn(move |_| {
            if slices == 0 {
                return Poll::Ready("done");
            }
            slices -= 1;
            Poll::Pending
        })
    }

    #[test]
    fn a_program_goes_on_until_it_ends() {
        let mut seen = Vec::new();
        let ended = run(program(3), |slices| {
            seen.push(slices);
            Ok(())
        });
        assert_eq!((ended, seen), (Ok("done"), vec![1, 2, 3]));
    }

    #[test]
    fn a_program_ends_at_the_slice_after_which_it_is_to() {
        let ended =
            run(program(u64::MAX), |slices| if slices < 5 { Ok(()) } else { Err(Halt::Stopped) });
        assert_eq!(ended, Err(Halt::Stopped));
    }
}
