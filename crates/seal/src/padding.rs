//! Padding: envelopes have few lengths, so that a length tells little about the content.

/// The longest envelope of either direction.
pub const MAX_ENVELOPE_LEN: usize = 1 << 30;

const SMALLEST: usize = 512;
const KIB_64: usize = 64 << 10;
const MIB: usize = 1 << 20;

/// The smallest padded length that holds `len` bytes; nothing above [`MAX_ENVELOPE_LEN`].
///
/// Powers of two from 512 bytes to 64 KiB, then multiples of 64 KiB to 1 MiB, then multiples of
/// 1 MiB.
pub fn padded_len(len: usize) -> Option<usize> {
    if len <= KIB_64 {
        Some(len.next_power_of_two().max(SMALLEST))
    } else if len <= MIB {
        Some(len.next_multiple_of(KIB_64))
    } else if len <= MAX_ENVELOPE_LEN {
        Some(len.next_multiple_of(MIB))
    } else {
        None
    }
}

/// Whether an envelope can have this length.
pub fn is_padded_len(len: usize) -> bool {
    padded_len(len) == Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, ResponseHeader, Suite, frame};

    /// All padded lengths.
    fn all() -> impl Iterator<Item = usize> {
        std::iter::successors(padded_len(0), |&len| padded_len(len + 1))
    }

    #[test]
    fn lengths_are_powers_of_two_then_multiples() {
        let first: Vec<_> = all().take(12).collect();
        let (kib, powers) = (1024, [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]);
        assert_eq!(first[..8], powers);
        assert_eq!(first[8..], [128 * kib, 192 * kib, 256 * kib, 320 * kib]);
        assert_eq!(padded_len(MIB - 1), Some(MIB));
        assert_eq!(padded_len(MIB + 1), Some(2 * MIB));
        assert_eq!(all().last(), Some(MAX_ENVELOPE_LEN));
        assert_eq!(padded_len(MAX_ENVELOPE_LEN + 1), None);
    }

    #[test]
    fn whole_frames_fill_every_padded_length_of_every_envelope() {
        let heads = Suite::ALL.map(|suite| Header::LEN + suite.encapsulated_len());
        for head in heads.into_iter().chain([ResponseHeader::LEN]) {
            for len in all().filter(|&len| len > head + 16) {
                assert!(frame::plaintext_len(len - head).is_some(), "{head} {len}");
            }
        }
    }
}
