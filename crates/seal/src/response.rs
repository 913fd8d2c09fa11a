use bytes::Bytes;
use hkdf::Hkdf;
use sealwork_job::{Code, Digest, Failure, JobId, Outcome, Output, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    EnvelopeError, RequestSecrets, ResponseReader, ResponseWriter, SealError,
    aead::{Cipher, KEY_LEN, NONCE_LEN},
    frame::{FrameOpener, FrameSealer, OpenKey, ResponseKey, SealKey},
    header::{VERSION, array, check_preamble},
    padding::{MAX_ENVELOPE_LEN, is_padded_len},
};

const MAGIC: &[u8; 4] = b"SWR1";
pub(crate) const OUTCOME: u8 = 1;
pub(crate) const OUTPUT: u8 = 2;

/// What a worker seals for the requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedOutcome {
    /// Output or failure.
    pub outcome: Outcome,
    /// Exact usage; the receipt shows it rounded up.
    pub usage: Usage,
    /// What the engine says beside output or failure, in its own form: exit code, log.
    pub details: Option<Value>,
}

/// An opened response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedResponse {
    /// Which job it answers.
    pub job: JobId,
    /// Digest of the job's receipt (see [`crate::receipt_digest`]).
    pub receipt_digest: Digest,
    /// Output or failure.
    pub outcome: Outcome,
    /// Exact usage.
    pub usage: Usage,
    /// What the engine says beside output or failure.
    pub details: Option<Value>,
}

/// The clear header of a response envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHeader {
    /// Which job it answers.
    pub job: JobId,
    /// Random; makes the key of this response.
    pub nonce: [u8; 32],
    /// Digest of the job's receipt.
    pub receipt_digest: Digest,
}

impl ResponseHeader {
    /// Length in bytes.
    pub const LEN: usize = 88;

    /// Reads the header from the beginning of a response.
    ///
    /// # Errors
    /// [`EnvelopeError::Malformed`], [`EnvelopeError::Truncated`], [`EnvelopeError::Version`] or
    /// [`EnvelopeError::Suite`].
    pub fn parse(response: &[u8]) -> Result<Self, EnvelopeError> {
        check_preamble(response, MAGIC)?;
        let truncated = EnvelopeError::Truncated { len: response.len() };
        let header = response.first_chunk::<{ Self::LEN }>().ok_or(truncated)?;
        Ok(Self {
            job: JobId(array(header, 8)),
            nonce: array(header, 24),
            receipt_digest: Digest(array(header, 56)),
        })
    }

    fn to_bytes(self, secrets: &RequestSecrets) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[..4].copy_from_slice(MAGIC);
        out[4] = VERSION;
        out[5] = secrets.suite_id().0;
        out[8..24].copy_from_slice(self.job.as_bytes());
        out[24..56].copy_from_slice(&self.nonce);
        out[56..].copy_from_slice(self.receipt_digest.as_bytes());
        out
    }
}

/// Seals a job's outcome to whoever has the request's secrets (docs/formats.md, "Response
/// envelope"). `nonce` is random and never used for another response to the same request with
/// other content.
///
/// # Errors
/// [`SealError::TooLarge`] for an output that no envelope holds (1 GiB).
pub fn seal_response(
    secrets: &RequestSecrets,
    job: JobId,
    receipt_digest: Digest,
    outcome: &SealedOutcome,
    nonce: [u8; 32],
) -> Result<Vec<u8>, SealError> {
    let output: &[u8] = match &outcome.outcome {
        Outcome::Output(output) => &output.data,
        Outcome::Failure(_) => &[],
    };
    let (mut response, of) = (Vec::new(), (job, receipt_digest));
    let mut writer =
        ResponseWriter::begin(secrets, of, outcome, output.len(), nonce, &mut response)?;
    response.reserve_exact(writer.envelope_len() - response.len());
    writer.push(output, &mut response)?;
    writer.finish(&mut response)?;
    Ok(response)
}

/// Begins a response envelope: gives its header's bytes and what seals the frames. For callers
/// that stream; [`seal_response`] does all of it.
pub fn response_sealer(
    secrets: &RequestSecrets,
    header: &ResponseHeader,
) -> ([u8; ResponseHeader::LEN], FrameSealer) {
    let bytes = header.to_bytes(secrets);
    let key = SealKey::Response(response_key(secrets, &header.nonce));
    (bytes, FrameSealer::new(key, &[secrets.header_bytes(), &bytes]))
}

/// Opens a response envelope.
///
/// # Errors
/// [`EnvelopeError`]; [`EnvelopeError::Tampered`] also when it answers another request.
pub fn open_response(
    secrets: &RequestSecrets,
    response: &[u8],
) -> Result<OpenedResponse, EnvelopeError> {
    let len = response.len();
    ResponseHeader::parse(response)?;
    let (header, frames) = response.split_first_chunk().ok_or(EnvelopeError::Truncated { len })?;
    if len > MAX_ENVELOPE_LEN {
        return Err(EnvelopeError::TooLarge { len, max: MAX_ENVELOPE_LEN });
    }
    if !is_padded_len(len) {
        return Err(EnvelopeError::Truncated { len });
    }
    let mut reader = ResponseReader::begin(secrets, header)?;
    // All at once, so that growing leaves no copies of the plaintext behind.
    let mut data = Zeroizing::new(Vec::with_capacity(frames.len()));
    reader.push(frames, |piece| data.extend_from_slice(piece))?;
    let mut opened = reader.finish(|piece| data.extend_from_slice(piece))?;
    if let Outcome::Output(output) = &mut opened.outcome {
        output.data = Bytes::from_owner(data);
    }
    Ok(opened)
}

/// Begins to open a response envelope, of which the header must be there: gives the header, the
/// bytes after it, and what opens them. For callers that stream; [`open_response`] does all of it.
///
/// # Errors
/// [`EnvelopeError`] about the header or the suite.
pub fn response_opener<'a>(
    secrets: &RequestSecrets,
    response: &'a [u8],
) -> Result<(ResponseHeader, &'a [u8], FrameOpener), EnvelopeError> {
    let header = ResponseHeader::parse(response)?;
    let (bytes, frames) = response.split_at(ResponseHeader::LEN);
    if bytes[5] != secrets.suite_id().0 {
        return Err(EnvelopeError::Suite(bytes[5]));
    }
    let key = OpenKey::Response(response_key(secrets, &header.nonce));
    Ok((header, frames, FrameOpener::new(key, &[secrets.header_bytes(), bytes])))
}

/// Key and nonce as in RFC 9458 section 4.4.
fn response_key(secrets: &RequestSecrets, nonce: &[u8; 32]) -> ResponseKey {
    let salt = [secrets.encapsulated(), nonce].concat();
    let prk = Hkdf::<Sha256>::new(Some(&salt), secrets.response());
    let mut key = Zeroizing::new([0; KEY_LEN]);
    let mut base_nonce = Zeroizing::new([0; NONCE_LEN]);
    #[allow(clippy::expect_used, reason = "HKDF fails above 255 blocks; each is at most one")]
    {
        prk.expand(b"key", &mut *key).expect("one block");
        prk.expand(b"nonce", &mut *base_nonce).expect("one block");
    }
    ResponseKey { cipher: Cipher::new(&key), base_nonce }
}

/// The JSON of the outcome section. Fields that a later version adds are skipped.
#[derive(Serialize, Deserialize)]
pub(crate) struct Details {
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    usage: Usage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
}

impl Details {
    pub(crate) fn of(sealed: &SealedOutcome) -> Self {
        let details = |message, media_type, next_cursor| Self {
            code: sealed.outcome.code().to_owned(),
            message,
            media_type,
            next_cursor,
            usage: sealed.usage,
            details: sealed.details.clone(),
        };
        match &sealed.outcome {
            Outcome::Output(Output { media_type, next_cursor, .. }) => {
                details(None, Some(media_type.clone()), next_cursor.clone())
            }
            Outcome::Failure(failure) => details(Some(failure.message.clone()), None, None),
        }
    }

    pub(crate) fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        // The error would quote the plaintext, so it is dropped.
        serde_json::from_slice(json)
            .map_err(|_| EnvelopeError::Malformed("its outcome cannot be read"))
    }

    pub(crate) fn with_output(self, output: Option<Bytes>) -> Result<SealedOutcome, EnvelopeError> {
        let outcome = match (self.code.as_str(), output) {
            ("ok", Some(data)) => Outcome::Output(Output {
                data,
                media_type: self.media_type.unwrap_or_default(),
                next_cursor: self.next_cursor,
            }),
            ("ok", None) => return Err(EnvelopeError::Malformed("it holds no output")),
            (_, Some(_)) => return Err(EnvelopeError::Malformed("a failure with output")),
            (code, None) => Outcome::Failure(Failure::new(
                code.parse::<Code>().map_err(|_| EnvelopeError::UnknownCode)?,
                self.message.unwrap_or_default(),
            )),
        };
        Ok(SealedOutcome { outcome, usage: self.usage, details: self.details })
    }
}
