use std::{io, io::Write as _};

use flate2::write::GzDecoder;
use http::{HeaderMap, header};

use crate::error::UpstreamFault;

mod brotli;
mod deflate;
mod zstd;

/// What `Accept-Encoding` offers.
pub(crate) const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";

/// Input is decoded in steps of this size, so that one step of DEFLATE (at most 1032:1) gives
/// about a MiB and the limits are looked at in between.
const STEP: usize = 1024;

/// Decodes a body as it comes. Output is bounded at every step by the room that the caller gives;
/// what does not fit is not produced.
pub(crate) enum Decoder {
    Identity,
    /// Not understood: the head of the answer can be used, its body cannot.
    Unsupported,
    /// RFC 1952.
    Gzip(Gzip),
    /// RFC 1950 and RFC 1951.
    Deflate(Box<deflate::Deflate>),
    /// RFC 7932.
    Brotli(Box<brotli::Brotli>),
    /// RFC 8878.
    Zstd(Box<zstd::Zstd>),
}

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All its input is decoded.
    Done,
    /// There is more output than there was room for.
    Full,
}

impl Decoder {
    /// The decoder for an answer's `Content-Encoding`.
    pub(crate) fn for_headers(headers: &HeaderMap) -> Self {
        let mut found = Self::Identity;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let Ok(value) = value.to_str() else { return Self::Unsupported };
            for token in value.split(',').map(str::trim) {
                let decoder = match token.to_ascii_lowercase().as_str() {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Self::Gzip(Gzip::default()),
                    "deflate" => Self::Deflate(Box::default()),
                    "br" => Self::Brotli(Box::default()),
                    "zstd" => Self::Zstd(Box::default()),
                    _ => return Self::Unsupported,
                };
                // Stacked encodings multiply the ratio of a bomb and have no honest use.
                if !found.is_identity() {
                    return Self::Unsupported;
                }
                found = decoder;
            }
        }
        found
    }

    /// Whether the body comes as it is.
    pub(crate) fn is_identity(&self) -> bool {
        matches!(self, Self::Identity)
    }

    /// Decodes the beginning of `input`, producing at most `room` bytes into `out`, and returns
    /// how much of the input is used up.
    pub(crate) fn step(
        &mut self,
        input: &[u8],
        room: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Step), UpstreamFault> {
        let piece = &input[..input.len().min(STEP)];
        match self {
            Self::Identity => {
                let fits = input.len().min(room);
                out.extend_from_slice(&input[..fits]);
                Ok((fits, if fits < input.len() { Step::Full } else { Step::Done }))
            }
            Self::Unsupported => Err(UpstreamFault::EncodingUnknown),
            Self::Gzip(state) => state.step(piece, room, out),
            Self::Deflate(state) => state.step(piece, room, out),
            Self::Brotli(state) => state.step(piece, room, out),
            Self::Zstd(state) => state.step(input, room, out),
        }
    }

    /// Ends the stream: gives what is left and checks that it is complete.
    pub(crate) fn finish(&mut self, room: usize, out: &mut Vec<u8>) -> Result<Step, UpstreamFault> {
        match self {
            Self::Identity => Ok(Step::Done),
            Self::Unsupported => Err(UpstreamFault::EncodingUnknown),
            Self::Gzip(state) => state.finish(room, out),
            Self::Deflate(state) => state.finish(),
            Self::Brotli(state) => state.finish(),
            Self::Zstd(state) => state.finish(room, out),
        }
    }
}

/// A gzip stream: one or more members.
#[derive(Default)]
pub(crate) struct Gzip {
    /// The member being read; `None` before the first and between two.
    member: Option<Box<GzDecoder<Sink>>>,
    /// Whether a member has been read to its end.
    ended: bool,
}

impl Gzip {
    fn step(
        &mut self,
        piece: &[u8],
        room: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Step), UpstreamFault> {
        // What begins no further member is padding.
        if self.member.is_none() && self.ended && piece.first() != Some(&0x1f) {
            return Ok((piece.len(), Step::Done));
        }
        let member = self.member.get_or_insert_with(|| Box::new(GzDecoder::new(Sink::default())));
        member.get_mut().room = room;
        let result = member.write(piece);
        // A member takes nothing more behind its end.
        if matches!(result, Ok(0)) && !piece.is_empty() {
            let step = self.finish(room, out)?;
            return Ok((0, step));
        }
        finish_step(member.get_mut(), out, result)
    }

    /// Ends the member being read, whose length and checksum must be right.
    fn finish(&mut self, room: usize, out: &mut Vec<u8>) -> Result<Step, UpstreamFault> {
        let Some(mut member) = self.member.take() else { return Ok(Step::Done) };
        self.ended = true;
        member.get_mut().room = room;
        let result = member.try_finish().map(|()| 0);
        finish_step(member.get_mut(), out, result).map(|(_, step)| step)
    }
}

fn finish_step(
    sink: &mut Sink,
    out: &mut Vec<u8>,
    result: io::Result<usize>,
) -> Result<(usize, Step), UpstreamFault> {
    match (sink.give(out), result) {
        (Step::Full, _) => Ok((0, Step::Full)),
        (Step::Done, Ok(used)) => Ok((used, Step::Done)),
        (Step::Done, Err(_)) => Err(UpstreamFault::Encoding("gzip")),
    }
}

/// Takes output up to the room it has, then refuses.
#[derive(Default)]
pub(crate) struct Sink {
    bytes: Vec<u8>,
    room: usize,
    full: bool,
}

impl Sink {
    fn give(&mut self, out: &mut Vec<u8>) -> Step {
        out.append(&mut self.bytes);
        if self.full { Step::Full } else { Step::Done }
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(self.room);
        self.bytes.extend_from_slice(&bytes[..fits]);
        self.room -= fits;
        if fits == bytes.len() {
            return Ok(fits);
        }
        self.full = true;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const ENCODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

    fn decoder(encoding: &'static str) -> Decoder {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        Decoder::for_headers(&headers)
    }

    /// Decodes `input` in pieces; checks at each step that no more comes out than was asked for.
    fn decode(
        encoding: &'static str,
        input: &[u8],
        piece: usize,
        room: usize,
    ) -> Result<Vec<u8>, UpstreamFault> {
        let mut decoder = decoder(encoding);
        let mut out = Vec::new();
        for mut piece in input.chunks(piece) {
            while !piece.is_empty() {
                let (used, step) = decoder.step(piece, room - out.len(), &mut out)?;
                assert!(out.len() <= room);
                if step == Step::Full {
                    return Ok(out);
                }
                piece = &piece[used..];
            }
        }
        decoder.finish(room - out.len(), &mut out)?;
        assert!(out.len() <= room);
        Ok(out)
    }

    fn encoded(encoding: &str, plain: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::fast();
        let mut out = Vec::new();
        match encoding {
            "gzip" => {
                let mut encoder = flate2::write::GzEncoder::new(out, level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            "deflate" => {
                let mut encoder = flate2::write::ZlibEncoder::new(out, level);
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            "br" => {
                let params = ::brotli::enc::BrotliEncoderParams::default();
                ::brotli::BrotliCompress(&mut &*plain, &mut out, &params).unwrap();
                out
            }
            _ => {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                ruzstd::encoding::compress_to_vec(plain, level)
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_encoded_is_decoded_in_pieces_of_any_size(
            words in prop::collection::vec("[a-z]{1,9} ", 0..400),
            piece in 1..2000_usize,
        ) {
            let plain = words.concat().into_bytes();
            for encoding in ENCODINGS {
                let decoded = decode(encoding, &encoded(encoding, &plain), piece, 1 << 20);
                prop_assert_eq!(decoded.as_deref(), Ok(plain.as_slice()), "{}", encoding);
            }
        }

        #[test]
        fn damaged_streams_neither_panic_nor_exceed_their_room(
            words in prop::collection::vec("[a-z]{1,9} ", 0..400),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            piece in 1..2000_usize,
            room in 0..5000_usize,
        ) {
            for encoding in ENCODINGS {
                let mut stream = encoded(encoding, &words.concat().into_bytes());
                for (at, byte) in &damage {
                    let at = at.index(stream.len());
                    stream[at] = *byte;
                }
                let _ = decode(encoding, &stream, piece, room);
            }
        }

        #[test]
        fn no_bytes_make_a_decoder_panic(bytes: Vec<u8>, piece in 1..100_usize) {
            for encoding in ENCODINGS {
                let _ = decode(encoding, &bytes, piece, 10_000);
            }
        }
    }
}
