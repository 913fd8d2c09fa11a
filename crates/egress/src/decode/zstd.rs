use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Step;
use crate::error::UpstreamFault;

const BROKEN: UpstreamFault = UpstreamFault::Encoding("zstd");

/// RFC 9659: a content encoding's window is at most 8 MiB.
const MAX_WINDOW: u64 = 8 << 20;
/// RFC 8878 section 3.1.1.2.3: a block is at most 128 KiB, before and after.
const MAX_BLOCK: usize = 128 << 10;
/// RFC 8878 section 3.1.1.1: magic number and the largest header.
const MAX_FRAME_HEADER: usize = 4 + 14;

/// A zstd stream (RFC 8878): frames decoded block by block, because the library would decode all
/// the blocks that it is given at once, however much they expand to.
pub(crate) struct Zstd {
    decoder: FrameDecoder,
    pending: Vec<u8>,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    BetweenFrames,
    InFrame {
        /// Whether four bytes of checksum follow its last block.
        checksum: bool,
    },
    /// In a skippable frame, with this many bytes left.
    Skipping(usize),
}

impl Default for Zstd {
    fn default() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self { decoder, pending: Vec::new(), place: Place::Start }
    }
}

impl Zstd {
    /// Uses all input; `pending` never holds more than a block and what came with it.
    pub(super) fn step(
        &mut self,
        input: &[u8],
        room: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Step), UpstreamFault> {
        let taken = input.len().min(MAX_BLOCK);
        self.pending.extend_from_slice(&input[..taken]);
        self.run(room, false, out).map(|step| (taken, step))
    }

    pub(super) fn finish(&mut self, room: usize, out: &mut Vec<u8>) -> Result<Step, UpstreamFault> {
        if self.run(room, true, out)? == Step::Full {
            return Ok(Step::Full);
        }
        let complete = matches!(self.place, Place::Start | Place::BetweenFrames);
        if complete && self.pending.is_empty() { Ok(Step::Done) } else { Err(BROKEN) }
    }

    fn run(&mut self, room: usize, last: bool, out: &mut Vec<u8>) -> Result<Step, UpstreamFault> {
        let mut left = room;
        let mut at = 0;
        let step = loop {
            let rest = &self.pending[at..];
            match self.place {
                Place::Start | Place::BetweenFrames => {
                    if rest.is_empty() || (rest.len() < MAX_FRAME_HEADER && !last) {
                        break Step::Done;
                    }
                    at += self.begin(at)?;
                }
                Place::Skipping(length) => {
                    let skipped = length.min(rest.len());
                    at += skipped;
                    if skipped < length {
                        self.place = Place::Skipping(length - skipped);
                        break Step::Done;
                    }
                    self.place = Place::BetweenFrames;
                }
                Place::InFrame { checksum } => {
                    let Some(used) = block(&mut self.decoder, rest, checksum)? else {
                        break Step::Done;
                    };
                    at += used;
                    let mut decoded = self.decoder.collect().unwrap_or_default();
                    let fits = decoded.len().min(left);
                    let full = fits < decoded.len();
                    decoded.truncate(fits);
                    out.append(&mut decoded);
                    left -= fits;
                    if full {
                        break Step::Full;
                    }
                    if self.decoder.is_finished() {
                        let given = self.decoder.get_checksum_from_data();
                        if given.is_some() && given != self.decoder.get_calculated_checksum() {
                            return Err(BROKEN);
                        }
                        self.place = Place::BetweenFrames;
                    }
                }
            }
        };
        self.pending.drain(..at);
        Ok(step)
    }

    /// Reads the header at `at` and returns its length.
    fn begin(&mut self, at: usize) -> Result<usize, UpstreamFault> {
        let rest = &self.pending[at..];
        if let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = *rest {
            let length = u32::from_le_bytes([a, b, c, d]);
            self.place = Place::Skipping(usize::try_from(length).map_err(|_| BROKEN)?);
            return Ok(8);
        }
        let mut reader = rest;
        self.decoder.init(&mut reader).map_err(|_| BROKEN)?;
        let used = rest.len() - reader.len();
        // RFC 8878 section 3.1.1.1.1: bit 2 of the byte after the magic number.
        let checksum = rest.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
        self.place = Place::InFrame { checksum };
        Ok(used)
    }
}

/// Decodes one block, with the checksum if it is the last, and returns how long it was; `None`
/// when it is not all there yet.
fn block(
    decoder: &mut FrameDecoder,
    rest: &[u8],
    checksum: bool,
) -> Result<Option<usize>, UpstreamFault> {
    let [a, b, c, ..] = *rest else { return Ok(None) };
    let header = u32::from_le_bytes([a, b, c, 0]);
    let size = usize::try_from(header >> 3).map_err(|_| BROKEN)?;
    if size > MAX_BLOCK {
        return Err(BROKEN);
    }
    // Type 1 repeats one byte `size` times; the others hold `size` bytes.
    let body = if header >> 1 & 3 == 1 { 1 } else { size };
    let trailer = if header & 1 == 1 && checksum { 4 } else { 0 };
    if rest.len() < 3 + body + trailer {
        return Ok(None);
    }
    let mut reader = rest;
    decoder.decode_blocks(&mut reader, BlockDecodingStrategy::UptoBlocks(1)).map_err(|_| BROKEN)?;
    Ok(Some(rest.len() - reader.len()))
}
