//! Response envelopes whose output is never whole in memory, at either end.

use bytes::Bytes;
use sealwork_job::{Digest, JobId, Outcome};
use zeroize::Zeroizing;

use crate::{
    EnvelopeError, OpenedResponse, RequestSecrets, ResponseHeader, SealError, SealedOutcome,
    frame::{self, FrameOpener, FrameSealer, SEALED_FRAME_LEN},
    padding::{MAX_ENVELOPE_LEN, is_padded_len},
    request::padded_plaintext_len,
    response::{Details, OUTCOME, OUTPUT, response_opener, response_sealer},
    tlv,
};

/// Tag and length of a section.
const SECTION: usize = tlv::section_len(0);
static ZEROS: [u8; frame::FRAME_LEN] = [0; frame::FRAME_LEN];

/// Seals a response whose output comes in pieces.
pub struct ResponseWriter {
    sealer: FrameSealer,
    /// Bytes of output that are still to come.
    output: usize,
    padding: usize,
    len: usize,
}

impl ResponseWriter {
    /// Begins an envelope, and appends what is certain of it to `out`. Of an outcome with output,
    /// `output_len` bytes are to be pushed; what the outcome itself has as data is not looked at.
    /// `nonce` as for [`crate::seal_response`].
    ///
    /// # Errors
    /// [`SealError::TooLarge`] for an output that no envelope holds (1 GiB).
    pub fn begin(
        secrets: &RequestSecrets,
        (job, receipt_digest): (JobId, Digest),
        outcome: &SealedOutcome,
        output_len: usize,
        nonce: [u8; 32],
        out: &mut Vec<u8>,
    ) -> Result<Self, SealError> {
        // Text and numbers only, which serialise.
        let details = serde_json::to_vec(&Details::of(outcome)).unwrap_or_default();
        let details = Zeroizing::new(details);
        let output = match outcome.outcome {
            Outcome::Output(_) => Some(output_len),
            Outcome::Failure(_) => None,
        };
        let plain_len =
            tlv::section_len(details.len()).saturating_add(output.map_or(0, tlv::section_len));
        let padded = padded_plaintext_len(ResponseHeader::LEN, plain_len, MAX_ENVELOPE_LEN)?;

        let (head, mut sealer) =
            response_sealer(secrets, &ResponseHeader { job, nonce, receipt_digest });
        out.extend_from_slice(&head);
        let mut sections = Zeroizing::new(Vec::with_capacity(details.len() + 2 * SECTION));
        tlv::push(&mut sections, OUTCOME, &details);
        if let Some(len) = output {
            tlv::push_head(&mut sections, OUTPUT, len);
        }
        sealer.push(&sections, out);
        Ok(Self {
            sealer,
            output: output.unwrap_or(0),
            padding: padded - plain_len,
            len: ResponseHeader::LEN + frame::sealed_len(padded),
        })
    }

    /// Length of the whole envelope.
    pub fn envelope_len(&self) -> usize {
        self.len
    }

    /// Takes the next piece of output, and appends the frames that it completes to `out`.
    ///
    /// # Errors
    /// [`SealError::OutputLength`] when that is more than was announced.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        self.output = self.output.checked_sub(piece.len()).ok_or(SealError::OutputLength)?;
        self.sealer.push(piece, out);
        Ok(())
    }

    /// Appends the end of the envelope to `out`: less than 2 MiB.
    ///
    /// # Errors
    /// [`SealError::OutputLength`] when less output came than was announced.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), SealError> {
        if self.output > 0 {
            return Err(SealError::OutputLength);
        }
        while self.padding > 0 {
            let zeros = &ZEROS[..self.padding.min(ZEROS.len())];
            self.sealer.push(zeros, out);
            self.padding -= zeros.len();
        }
        self.sealer.finish(out);
        Ok(())
    }
}

/// Opens a response that comes in pieces.
///
/// What it gives of the output before [`ResponseReader::finish`] has succeeded is authentic, but
/// not known to be complete.
pub struct ResponseReader {
    header: ResponseHeader,
    opener: FrameOpener,
    sections: Sections,
    taken: usize,
}

/// Reads the plaintext as it is opened.
struct Sections {
    /// What has been opened and not been read yet.
    plain: Zeroizing<Vec<u8>>,
    part: Part,
    outcome: Option<Details>,
    has_output: bool,
}

/// What comes next in the plaintext.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Section,
    Output { left: usize },
    Padding,
}

impl ResponseReader {
    /// Begins with the first [`ResponseHeader::LEN`] bytes of an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError`] about the header or the suite.
    pub fn begin(
        secrets: &RequestSecrets,
        header: &[u8; ResponseHeader::LEN],
    ) -> Result<Self, EnvelopeError> {
        let (header, _, opener) = response_opener(secrets, header)?;
        Ok(Self {
            header,
            opener,
            sections: Sections {
                plain: Zeroizing::default(),
                part: Part::Section,
                outcome: None,
                has_output: false,
            },
            taken: ResponseHeader::LEN,
        })
    }

    /// Which job it answers, and the digest of its receipt.
    pub fn header(&self) -> &ResponseHeader {
        &self.header
    }

    /// Takes the next bytes of the envelope, and gives the output in them to `take`.
    ///
    /// # Errors
    /// [`EnvelopeError`]: throw everything away that came before.
    pub fn push(
        &mut self,
        sealed: &[u8],
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), EnvelopeError> {
        self.taken = self.taken.saturating_add(sealed.len());
        if self.taken > MAX_ENVELOPE_LEN {
            return Err(EnvelopeError::TooLarge { len: self.taken, max: MAX_ENVELOPE_LEN });
        }
        for piece in sealed.chunks(SEALED_FRAME_LEN) {
            self.opener.push(piece, &mut self.sections.plain)?;
            self.sections.read(&mut take)?;
        }
        Ok(())
    }

    /// Opens the end, gives the rest of the output to `take`, and everything else; the data of an
    /// output is empty.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn finish(self, mut take: impl FnMut(&[u8])) -> Result<OpenedResponse, EnvelopeError> {
        let Self { header, opener, mut sections, taken } = self;
        if !is_padded_len(taken) {
            return Err(EnvelopeError::Truncated { len: taken });
        }
        opener.finish(&mut sections.plain)?;
        sections.read(&mut take)?;
        let SealedOutcome { outcome, usage, details } = sections.finish()?;
        let ResponseHeader { job, receipt_digest, .. } = header;
        Ok(OpenedResponse { job, receipt_digest, outcome, usage, details })
    }
}

impl Sections {
    fn finish(self) -> Result<SealedOutcome, EnvelopeError> {
        if !self.plain.is_empty() || matches!(self.part, Part::Output { .. }) {
            return Err(EnvelopeError::Malformed("it ends inside a section"));
        }
        let details = self.outcome.ok_or(EnvelopeError::Malformed("it holds no outcome"))?;
        details.with_output(self.has_output.then(Bytes::new))
    }

    /// Reads what has been opened, as far as its parts are complete.
    fn read(&mut self, take: &mut impl FnMut(&[u8])) -> Result<(), EnvelopeError> {
        let mut plain = std::mem::take(&mut self.plain);
        let mut at = 0;
        while at < plain.len() {
            let rest = &plain[at..];
            match self.part {
                Part::Padding => {
                    if rest.iter().any(|byte| *byte != 0) {
                        return Err(EnvelopeError::Malformed("its padding is not zero"));
                    }
                    at += rest.len();
                }
                Part::Output { left } => {
                    let piece = &rest[..left.min(rest.len())];
                    take(piece);
                    at += piece.len();
                    self.part = match left - piece.len() {
                        0 => Part::Section,
                        left => Part::Output { left },
                    };
                }
                Part::Section if rest[0] == tlv::END => self.part = Part::Padding,
                Part::Section => match self.section(rest)? {
                    Some(read) => at += read,
                    None => break,
                },
            }
        }
        plain.drain(..at);
        self.plain = plain;
        Ok(())
    }

    /// Reads the outcome, or the head of the output: how many bytes that were, if they are there.
    fn section(&mut self, rest: &[u8]) -> Result<Option<usize>, EnvelopeError> {
        let Some(([tag, len @ ..], after)) = rest.split_first_chunk::<SECTION>() else {
            return Ok(None);
        };
        let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
        if len > MAX_ENVELOPE_LEN {
            return Err(EnvelopeError::Malformed("a section is longer than the whole"));
        }
        match (*tag, self.outcome.is_some(), self.has_output) {
            (OUTCOME, false, _) => {
                let Some(json) = after.get(..len) else { return Ok(None) };
                self.outcome = Some(Details::from_json(json)?);
                Ok(Some(SECTION + len))
            }
            (OUTPUT, true, false) => {
                self.has_output = true;
                self.part = if len == 0 { Part::Section } else { Part::Output { left: len } };
                Ok(Some(SECTION))
            }
            (OUTPUT, false, _) => Err(EnvelopeError::Malformed("it holds no outcome")),
            (OUTCOME | OUTPUT, ..) => {
                Err(EnvelopeError::Malformed("its sections are out of order"))
            }
            _ => Err(EnvelopeError::Malformed("it has a section of an unknown kind")),
        }
    }
}
