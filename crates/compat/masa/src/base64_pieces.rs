//! Base64 of what comes in pieces.

use crate::base64::{self, Base64Error};

/// Bytes and characters of a quantum.
const BYTES: usize = 3;
const CHARACTERS: usize = 4;

/// Encodes piece by piece: the standard alphabet, padded.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    rest: Vec<u8>,
}

impl Encoder {
    /// The characters that `data` completes.
    pub(crate) fn push(&mut self, data: &[u8]) -> String {
        self.rest.extend_from_slice(data);
        let whole = self.rest.len() / BYTES * BYTES;
        let text = base64::encode(&self.rest[..whole]);
        self.rest.drain(..whole);
        text
    }

    /// The last characters.
    pub(crate) fn finish(self) -> String {
        base64::encode(&self.rest)
    }
}

/// How many characters so many bytes become.
pub(crate) fn encoded_len(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES as u64) * CHARACTERS as u64
}

/// Decodes piece by piece what [`base64::decode`] decodes in one.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    rest: Vec<u8>,
    /// Characters before `rest`.
    at: usize,
}

impl Decoder {
    /// The bytes that `text` completes. The last quantum is held back: it alone may be padded.
    pub(crate) fn push(&mut self, text: &[u8]) -> Result<Vec<u8>, Base64Error> {
        let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
        if text.iter().any(is_break) {
            self.rest.extend(text.iter().filter(|byte| !is_break(byte)));
        } else {
            self.rest.extend_from_slice(text);
        }
        let whole = self.rest.len().saturating_sub(1) / CHARACTERS * CHARACTERS;
        let here = |Base64Error(byte)| Base64Error(self.at + byte);
        let data = base64::decode(&self.rest[..whole]).map_err(here)?;
        if data.len() != whole / CHARACTERS * BYTES {
            return Err(here(Base64Error(whole)));
        }
        self.rest.drain(..whole);
        self.at += whole;
        Ok(data)
    }

    /// The last bytes.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Base64Error> {
        base64::decode(&self.rest).map_err(|Base64Error(byte)| Base64Error(self.at + byte))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(pieces: &[&[u8]]) -> Result<Vec<u8>, Base64Error> {
        let (mut decoder, mut data) = (Decoder::default(), Vec::new());
        for piece in pieces {
            data.extend(decoder.push(piece)?);
        }
        data.extend(decoder.finish()?);
        Ok(data)
    }

    #[test]
    fn padding_ends_the_text_wherever_the_pieces_end() {
        assert_eq!(decoded(&[b"YQ=", b"="]).unwrap(), b"a");
        for wrong in
            [&[b"YQ==" as &[u8], b"YQ=="] as &[&[u8]], &[b"YQ==YQ=="], &[b"YQ=", b"=", b"A"]]
        {
            assert!(decoded(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_give_what_one_text_gives(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..6),
            at in 0_usize..40,
        ) {
            let whole = pieces.concat();
            let mut encoder = Encoder::default();
            let mut text: String = pieces.iter().map(|piece| encoder.push(piece)).collect();
            text.push_str(&encoder.finish());
            prop_assert_eq!(&text, &base64::encode(&whole));
            prop_assert_eq!(text.len() as u64, encoded_len(whole.len() as u64));
            let (first, second) = text.as_bytes().split_at(at.min(text.len()));
            prop_assert_eq!(decoded(&[first, b"\r\n", second]), Ok(whole));
        }

        #[test]
        fn what_one_text_refuses_pieces_refuse(text in "[A-D+/=!\n]{0,24}", at in 0_usize..24) {
            let (first, second) = text.as_bytes().split_at(at.min(text.len()));
            prop_assert_eq!(decoded(&[first, second]).ok(), base64::decode(text.as_bytes()).ok());
        }
    }
}
