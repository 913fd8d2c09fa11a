use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::Step;
use crate::error::UpstreamFault;

const BROKEN: UpstreamFault = UpstreamFault::Encoding("br");

/// A brotli stream (RFC 7932). The strict state refuses the large-window extension, so that a
/// stream cannot ask for more than the format's 16 MiB.
pub(crate) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    ended: bool,
}

impl Default for Brotli {
    fn default() -> Self {
        let alloc = StandardAlloc::default;
        Self { state: BrotliState::new_strict(alloc(), alloc(), alloc()), ended: false }
    }
}

impl Brotli {
    pub(super) fn step(
        &mut self,
        input: &[u8],
        room: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Step), UpstreamFault> {
        if self.ended {
            return Ok((input.len(), Step::Done));
        }
        let mut buffer = [0; 16 << 10];
        let (mut left, mut used, mut produced) = (input.len(), 0, 0);
        loop {
            let (mut free, mut written, mut total) = (buffer.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut used,
                input,
                &mut free,
                &mut written,
                &mut buffer,
                &mut total,
                &mut self.state,
            );
            let fits = written.min(room - produced);
            out.extend_from_slice(&buffer[..fits]);
            produced += fits;
            if fits < written {
                return Ok((used, Step::Full));
            }
            match result {
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => return Ok((used, Step::Done)),
                BrotliResult::ResultSuccess => {
                    self.ended = true;
                    return Ok((input.len(), Step::Done));
                }
                BrotliResult::ResultFailure => return Err(BROKEN),
            }
        }
    }

    pub(super) fn finish(&self) -> Result<Step, UpstreamFault> {
        if self.ended { Ok(Step::Done) } else { Err(BROKEN) }
    }
}
