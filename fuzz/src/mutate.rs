//! Repeatable randomness, and bytes made from other bytes.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// A repeatable stream, so that a crash reproduces.
pub(crate) struct Stream(pub(crate) u64);

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        Ok(self.0 ^ (self.0 >> 29))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.try_next_u64()?.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

/// Makes inputs from seeds: the same ones for the same seeds and number.
pub struct Mutator(Stream);

impl Mutator {
    /// A mutator with a number of its own.
    pub fn new(number: u64) -> Self {
        Self(Stream(number))
    }

    /// A further input.
    pub fn next(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.below(256) as u8),
                2 => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.below(8);
                    }
                }
                3 => {
                    let text = SPECIAL[self.below(SPECIAL.len())];
                    bytes.splice(at..at, text.iter().copied());
                }
                4 => {
                    let end = at + self.below((bytes.len() - at).min(64) + 1);
                    let repeated = bytes[at..end].repeat(1 + self.below(64));
                    bytes.splice(at..at, repeated);
                }
                _ => {
                    let other = &seeds[self.below(seeds.len())];
                    let from = self.below(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
            }
        }
        bytes
    }

    fn below(&mut self, bound: usize) -> usize {
        let Ok(number) = self.0.try_next_u64();
        (number >> 11) as usize % bound.max(1)
    }
}

/// What parsers trip over.
const SPECIAL: &[&[u8]] = &[
    b"\0",
    b"\xff\xfe",
    b"\xf0\x9f\x92",
    "\u{2028}\u{feff}".as_bytes(),
    b"\\u0000\\ud800",
    b"-9223372036854775809",
    b"18446744073709551616",
    b"1e999",
    b"null",
    b"[[[[[[[[[[[[[[[[",
    b"{\"\":{\"\":{\"\":",
    b"%00%zz%",
    b"\r\n\r\n",
    b"=====",
    b"<![CDATA[<!--",
    b"*$*$*$",
];
