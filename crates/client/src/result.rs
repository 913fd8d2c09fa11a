use std::io::{self, Write};

use sealwork_job::{Code, Digest, Intake, JobId, Outcome, Usage};
use sealwork_seal::{
    EnvelopeError, OpenedResponse, ReceiptClaims, ReceiptError, ReceiptPublicKey, ResponseHeader,
    ResponseReader, SaltedDigest, open_response, receipt_digest, salted_digest, verify_receipt,
};
use sealwork_verify::Trusted;
use zeroize::Zeroizing;

use crate::{ClientError, JobHandle, VerifyError, sealing::Ticket};

/// A job's result: opened, and proven by its receipt.
pub struct JobResult {
    /// Which job.
    pub job: JobId,
    /// `ok`, or the failure's code.
    pub code: String,
    /// The output, or why there is none.
    pub outcome: Result<JobOutput, JobFailure>,
    /// What it used, exactly; the receipt shows it rounded up.
    pub usage: Usage,
    /// What anyone can check.
    pub receipt: VerifiedReceipt,
    /// What the engine says beside output or failure, for example a program's exit code and log.
    pub details: Option<serde_json::Value>,
    /// Whether the worker still had the key config that the job was sealed to. Not so after it
    /// rotated its keys or changed its configuration in between.
    pub same_key_config: bool,
    /// What the archived evidence proves that the receipt cites; nothing where the client demands
    /// no evidence.
    pub evidence: Option<Trusted>,
}

/// What a job gave. Erased when dropped.
pub struct JobOutput {
    /// The bytes.
    pub data: Zeroizing<Vec<u8>>,
    /// Their media type.
    pub media_type: String,
    /// Where the next page begins, when there is one.
    pub next_cursor: Option<String>,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure {
    /// The stable code.
    pub code: String,
    /// What happened.
    pub message: String,
}

/// A receipt whose signature verified.
#[derive(Debug, Clone)]
pub struct VerifiedReceipt {
    /// The compact JWS, as it can be handed to others.
    pub text: String,
    /// SHA-256 of the text: what the next receipt in the chain names.
    pub digest: Digest,
    /// What the worker states.
    pub claims: ReceiptClaims,
}

impl JobResult {
    /// Whether the job succeeded.
    pub fn is_ok(&self) -> bool {
        self.outcome.is_ok()
    }
}

impl std::fmt::Debug for JobResult {
    /// Shows neither output nor message.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JobResult({}, {})", self.job, self.code)
    }
}

impl JobFailure {
    /// What to do about it, where the code is known.
    pub fn hint(&self) -> Option<&'static str> {
        self.code.parse::<Code>().ok().map(Code::hint)
    }
}

impl VerifiedReceipt {
    /// Checks a receipt's signature.
    ///
    /// # Errors
    /// What is wrong with its form or signature.
    pub fn verify(text: &str, key: &ReceiptPublicKey) -> Result<Self, ReceiptError> {
        let claims = verify_receipt(text, key)?;
        Ok(Self { text: text.to_owned(), digest: receipt_digest(text), claims })
    }
}

/// A result that opened: so it comes from who could open the job. Its receipt is still to be
/// checked.
pub struct OpenedResult<'a> {
    ticket: &'a Ticket,
    /// Without the output's data.
    response: OpenedResponse,
    data: Zeroizing<Vec<u8>>,
    /// Of the output, as the receipt shows it.
    digest: Digest,
}

impl JobHandle {
    /// Opens a sealed result.
    ///
    /// # Errors
    /// [`VerifyError::Result`] when it does not open, [`VerifyError::Mismatch`] when it is another
    /// job's.
    pub fn open(&self, sealed: &[u8]) -> Result<OpenedResult<'_>, VerifyError> {
        let mut response = open_response(&self.ticket.secrets, sealed)?;
        same("the job's id in the result", &self.job, &response.job)?;
        let data = match &mut response.outcome {
            Outcome::Output(output) => Zeroizing::new(std::mem::take(&mut output.data).to_vec()),
            Outcome::Failure(_) => Zeroizing::default(),
        };
        let digest = salted_digest(self.ticket.secrets.salt(), "output", &data);
        Ok(OpenedResult { ticket: &self.ticket, response, data, digest })
    }

    /// Opens a sealed result that comes in pieces.
    pub(crate) fn reader(&self) -> ResultReader<'_> {
        let salt = self.ticket.secrets.salt();
        let digest = SaltedDigest::new(salt, "output");
        ResultReader { handle: self, head: Vec::new(), response: None, digest }
    }
}

/// A sealed result on its way.
pub(crate) struct ResultReader<'a> {
    handle: &'a JobHandle,
    /// The envelope's header, until it is complete.
    head: Vec<u8>,
    response: Option<ResponseReader>,
    digest: SaltedDigest,
}

impl<'a> ResultReader<'a> {
    /// Takes the next piece, and writes the output in it to `sink`.
    pub(crate) fn push(
        &mut self,
        mut piece: &[u8],
        sink: &mut impl Write,
    ) -> Result<(), ClientError> {
        if self.response.is_none() {
            let missing = ResponseHeader::LEN - self.head.len();
            let (head, rest) = piece.split_at(missing.min(piece.len()));
            self.head.extend_from_slice(head);
            piece = rest;
            let Some(head) = self.head.first_chunk() else { return Ok(()) };
            let secrets = &self.handle.ticket.secrets;
            let response = ResponseReader::begin(secrets, head).map_err(VerifyError::from)?;
            same("the job's id in the result", &self.handle.job, &response.header().job)?;
            self.response = Some(response);
        }
        let Some(response) = &mut self.response else { return Ok(()) };
        let (digest, mut written) = (&mut self.digest, Ok(()));
        let take = |output: &[u8]| written_to(sink, output, digest, &mut written);
        response.push(piece, take).map_err(VerifyError::from)?;
        written.map_err(ClientError::Sink)
    }

    /// Opens the end.
    pub(crate) fn finish(mut self, sink: &mut impl Write) -> Result<OpenedResult<'a>, ClientError> {
        let truncated = EnvelopeError::Truncated { len: self.head.len() };
        let response = self.response.ok_or(VerifyError::Result(truncated))?;
        let (digest, mut written) = (&mut self.digest, Ok(()));
        let take = |output: &[u8]| written_to(sink, output, digest, &mut written);
        let response = response.finish(take).map_err(VerifyError::from)?;
        written.map_err(ClientError::Sink)?;
        let (ticket, digest) = (&self.handle.ticket, self.digest.finish());
        Ok(OpenedResult { ticket, response, data: Zeroizing::default(), digest })
    }
}

/// Writes output, unless that has failed before.
fn written_to(
    sink: &mut impl Write,
    output: &[u8],
    digest: &mut SaltedDigest,
    written: &mut io::Result<()>,
) {
    if written.is_ok() {
        digest.update(output);
        *written = sink.write_all(output);
    }
}

impl OpenedResult<'_> {
    /// `ok`, or the failure's code.
    pub fn code(&self) -> &str {
        self.response.outcome.code()
    }

    /// Checks the receipt against everything that is known of the job, and gives the result.
    ///
    /// # Errors
    /// [`VerifyError`] with the first thing that does not fit.
    pub fn with_receipt(self, receipt: &str) -> Result<JobResult, VerifyError> {
        let Self { ticket, response, data, digest } = self;
        // The sealed result names the receipt, so no other one can be put in its place.
        same("the receipt's digest", &response.receipt_digest, &receipt_digest(receipt))?;
        let receipt = VerifiedReceipt::verify(receipt, &ticket.receipt_key)?;
        let claims = &receipt.claims;
        same("the worker in the receipt", &ticket.worker, &claims.worker)?;
        same("the job's id in the receipt", &response.job, &claims.job)?;
        if claims.intake != Intake::Sealed {
            return Err(mismatch("the intake in the receipt", "sealed", "another"));
        }
        same_digest("the job's digest", Some(ticket.job_digest), claims.job_digest)?;
        same_digest("the input's digest", ticket.input_digest, claims.input_digest)?;
        let code = response.outcome.code().to_owned();
        if claims.code != code {
            return Err(mismatch("the outcome in the receipt", &code, &claims.code));
        }
        let outcome = match response.outcome {
            Outcome::Output(output) => Ok(JobOutput {
                data,
                media_type: output.media_type,
                next_cursor: output.next_cursor,
            }),
            Outcome::Failure(failure) => {
                Err(JobFailure { code: code.clone(), message: failure.message })
            }
        };
        let digest = outcome.is_ok().then_some(digest);
        same_digest("the output's digest", digest, claims.output_digest)?;
        same_usage(&response.usage, claims)?;
        Ok(JobResult {
            job: response.job,
            code,
            outcome,
            usage: response.usage,
            details: response.details,
            same_key_config: claims.key_config == ticket.key_config,
            receipt,
            evidence: None,
        })
    }
}

fn same_usage(exact: &Usage, claims: &ReceiptClaims) -> Result<(), VerifyError> {
    if exact.bucketed() == claims.usage {
        return Ok(());
    }
    Err(mismatch("the usage in the receipt", "the exact usage rounded up", "other numbers"))
}

pub(crate) fn same<T: PartialEq + std::fmt::Display>(
    what: &'static str,
    expected: &T,
    got: &T,
) -> Result<(), VerifyError> {
    if expected == got { Ok(()) } else { Err(mismatch(what, expected, got)) }
}

fn same_digest(
    what: &'static str,
    expected: Option<Digest>,
    got: Option<Digest>,
) -> Result<(), VerifyError> {
    let shown =
        |digest: Option<Digest>| digest.map_or_else(|| "none".to_owned(), |d| d.to_string());
    if expected == got { Ok(()) } else { Err(mismatch(what, shown(expected), shown(got))) }
}

fn mismatch(
    what: &'static str,
    expected: impl std::fmt::Display,
    got: impl std::fmt::Display,
) -> VerifyError {
    VerifyError::Mismatch { what, expected: expected.to_string(), got: got.to_string() }
}
