//! Standard base64 that accepts what Go's decoder accepts, and names the byte where Go stops.

use base64::{
    Engine as _,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Go ignores the spare bits of the last character, and demands padding.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Text that is no base64, with the offset that Go reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("illegal base64 data at input byte {0}")]
pub struct Base64Error(pub usize);

/// The standard alphabet, padded.
pub(crate) fn encode(data: &[u8]) -> String {
    ENGINE.encode(data)
}

/// Decodes as Go's `base64.StdEncoding` does: line breaks are skipped anywhere.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, Base64Error> {
    // Nearly everything is plain; only the rest needs Go's rules step by step.
    ENGINE.decode(text).or_else(|_| decode_step_by_step(text))
}

/// Quantum by quantum, as slow as it is exact about errors.
fn decode_step_by_step(text: &[u8]) -> Result<Vec<u8>, Base64Error> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut cursor = Cursor { text, at: 0 };
    while let Some(quantum) = cursor.quantum()? {
        let bits = quantum.digits.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(*digit));
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend(bytes.iter().take(quantum.len.saturating_sub(1)));
        if quantum.is_last {
            break;
        }
    }
    Ok(out)
}

/// Four digits, of which the first `len` were there.
struct Quantum {
    digits: [u8; 4],
    len: usize,
    is_last: bool,
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn quantum(&mut self) -> Result<Option<Quantum>, Base64Error> {
        let mut digits = [0; 4];
        let mut len = 0;
        while len < 4 {
            let Some(byte) = self.next() else {
                // Go counts back from the end by digits, whatever line breaks lie between.
                return if len == 0 { Ok(None) } else { Err(Base64Error(self.at - len)) };
            };
            match byte {
                b'\r' | b'\n' => {}
                b'=' => {
                    self.padding(len)?;
                    return Ok(Some(Quantum { digits, len, is_last: true }));
                }
                _ => {
                    digits[len] = digit(byte).ok_or(Base64Error(self.at - 1))?;
                    len += 1;
                }
            }
        }
        Ok(Some(Quantum { digits, len, is_last: false }))
    }

    /// The first `=` has been read after `len` digits; nothing may follow the padding.
    fn padding(&mut self, len: usize) -> Result<(), Base64Error> {
        if len < 2 {
            return Err(Base64Error(self.at - 1));
        }
        if len == 2 {
            self.skip_line_breaks();
            match self.text.get(self.at) {
                None => return Err(Base64Error(self.text.len())),
                Some(b'=') => self.at += 1,
                Some(_) => return Err(Base64Error(self.at - 1)),
            }
        }
        self.skip_line_breaks();
        if self.at < self.text.len() { Err(Base64Error(self.at)) } else { Ok(()) }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn skip_line_breaks(&mut self) {
        while matches!(self.text.get(self.at), Some(b'\r' | b'\n')) {
            self.at += 1;
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn line_breaks_and_spare_bits_are_accepted_as_in_go() {
        assert_eq!(decode(b"aGV\nsbG8=\r\n").unwrap(), b"hello");
        assert_eq!(decode(b"aGVsbG9=").unwrap(), b"hello");
        assert_eq!(decode(b"").unwrap(), b"");
        assert_eq!(decode(b"\n").unwrap(), b"");
    }

    #[test]
    fn errors_name_the_byte_that_go_names() {
        for (text, byte) in [
            ("a", 0),
            ("abc", 0),
            ("abcde", 4),
            ("!", 0),
            ("ab!d", 2),
            ("=", 0),
            ("a===", 1),
            ("ab=", 3),
            ("ab=c", 2),
            ("ab==x", 4),
            ("abc=x", 4),
            ("abcd=", 4),
            ("not base64", 3),
        ] {
            assert_eq!(decode(text.as_bytes()), Err(Base64Error(byte)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_decoders_agree(text in "[A-Za-z0-9+/=\r\n]{0,40}") {
            let slow = decode_step_by_step(text.as_bytes());
            if let Ok(fast) = ENGINE.decode(&text) {
                prop_assert_eq!(slow, Ok(fast));
            }
        }

        #[test]
        fn what_is_encoded_decodes_by_both(data: Vec<u8>) {
            prop_assert_eq!(decode_step_by_step(encode(&data).as_bytes()), Ok(data));
        }
    }
}
