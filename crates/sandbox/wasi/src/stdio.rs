//! The three standard streams as buffers.

use std::collections::VecDeque;

/// Standard input: a buffer that is read once, front to back.
pub(crate) struct Input {
    bytes: Vec<u8>,
    position: usize,
}

impl Input {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, position: 0 }
    }

    /// Moves what fits into `into`; nothing at the end.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> usize {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.position += count;
        count
    }

    /// Bytes not read yet.
    pub(crate) fn remaining(&self) -> u64 {
        (self.bytes.len() - self.position) as u64
    }
}

/// Standard output: all of it, up to a limit.
pub(crate) struct Output {
    bytes: Vec<u8>,
    limit: usize,
    overflowed: bool,
}

impl Output {
    pub(crate) fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, overflowed: false }
    }

    /// Takes what fits; less than all of `bytes` only where the limit is reached.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.limit - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..count]);
        self.overflowed |= count < bytes.len();
        count
    }

    /// What was written, and whether something was refused.
    pub(crate) fn take(&mut self) -> (Vec<u8>, bool) {
        (std::mem::take(&mut self.bytes), self.overflowed)
    }
}

/// Standard error: takes everything, keeps the end.
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    limit: usize,
    written: u64,
}

impl Tail {
    pub(crate) fn new(limit: usize) -> Self {
        Self { bytes: VecDeque::new(), limit, written: 0 }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.written = self.written.saturating_add(bytes.len() as u64);
        let kept = &bytes[bytes.len().saturating_sub(self.limit)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(self.limit);
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }

    /// The end of what was written, and how much was written in all.
    pub(crate) fn take(&mut self) -> (Vec<u8>, u64) {
        (std::mem::take(&mut self.bytes).into(), self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_read_once_front_to_back() {
        let mut input = Input::new(b"abcde".to_vec());
        let mut buffer = [0; 3];
        assert_eq!((input.read(&mut buffer), &buffer), (3, b"abc"));
        assert_eq!(input.remaining(), 2);
        assert_eq!((input.read(&mut buffer), &buffer), (2, b"dec"));
        assert_eq!(input.read(&mut buffer), 0);
    }

    #[test]
    fn output_takes_up_to_its_limit_and_says_when_it_refused() {
        let mut output = Output::new(4);
        assert_eq!(output.write(b"abcd"), 4);
        assert!(!output.overflowed);
        assert_eq!(output.write(b"e"), 0);
        assert_eq!(output.take(), (b"abcd".to_vec(), true));
    }

    #[test]
    fn the_tail_keeps_the_end_and_counts_all() {
        let mut tail = Tail::new(4);
        tail.write(b"abc");
        tail.write(b"de");
        tail.write(b"0123456789");
        tail.write(b"x");
        assert_eq!(tail.take(), (b"789x".to_vec(), 16));
        let mut none = Tail::new(0);
        none.write(b"abc");
        assert_eq!(none.take(), (Vec::new(), 3));
    }
}
