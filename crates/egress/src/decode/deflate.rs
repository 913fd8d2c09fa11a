use flate2::{Decompress, FlushDecompress, Status};

use super::Step;
use crate::error::UpstreamFault;

const BROKEN: UpstreamFault = UpstreamFault::Encoding("deflate");

/// A `deflate` body: RFC 1950, or RFC 1951 where servers send it bare; the first byte tells.
#[derive(Default)]
pub(crate) struct Deflate {
    state: Option<Decompress>,
    ended: bool,
}

impl Deflate {
    pub(super) fn step(
        &mut self,
        input: &[u8],
        room: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Step), UpstreamFault> {
        let Some(first) = input.first() else { return Ok((0, Step::Done)) };
        let state = self.state.get_or_insert_with(|| Decompress::new(is_zlib(*first)));
        let mut buffer = [0; 16 << 10];
        let (mut left, mut produced) = (input, 0);
        while !self.ended {
            let (taken, given) = (state.total_in(), state.total_out());
            let status =
                state.decompress(left, &mut buffer, FlushDecompress::None).map_err(|_| BROKEN)?;
            left = &left[count(state.total_in() - taken).min(left.len())..];
            let written = count(state.total_out() - given);
            let fits = written.min(room - produced);
            out.extend_from_slice(&buffer[..fits]);
            produced += fits;
            if fits < written {
                return Ok((input.len() - left.len(), Step::Full));
            }
            self.ended = status == Status::StreamEnd;
            if left.is_empty() && written < buffer.len() {
                break;
            }
            if status == Status::BufError {
                return Err(BROKEN);
            }
        }
        // Behind the end there is only padding.
        Ok((input.len(), Step::Done))
    }

    pub(super) fn finish(&self) -> Result<Step, UpstreamFault> {
        if self.ended { Ok(Step::Done) } else { Err(BROKEN) }
    }
}

/// RFC 1950 section 2.2: the low four bits of a zlib header are 8; a bare DEFLATE stream that
/// begins so would be a stored block with odd padding, which no encoder writes.
fn is_zlib(first: u8) -> bool {
    first & 0x0f == 8
}

/// A count within one buffer.
fn count(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
