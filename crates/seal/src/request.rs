use rand_core::CryptoRng;
use sealwork_job::{Digest, RequesterId, WorkerId};
use zeroize::Zeroizing;

use crate::{
    EnvelopeError, EnvelopeKeyPair, Header, KeyConfig, PublicEnvelopeKey, RequestSecrets,
    RequesterKey, SealError, Suite,
    context::SealContext,
    frame::{self, FrameOpener, FrameSealer, OpenKey, SealKey},
    length_prefix,
    padding::{MAX_ENVELOPE_LEN, is_padded_len, padded_len},
    requester, tlv,
};

const JOB: u8 = 1;
const INPUT: u8 = 2;
const SIGNATURE: u8 = 3;

/// What a requester seals.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    /// The JSON of a [`sealwork_job::JobSpec`].
    pub job_json: &'a [u8],
    /// Bytes for the job beside its arguments.
    pub input: Option<&'a [u8]>,
}

/// How it is sealed.
#[derive(Clone, Copy)]
pub struct SealOptions<'a> {
    /// Not valid before this time, in seconds since 1970.
    pub not_before: u64,
    /// Not valid from this time on, in seconds since 1970.
    pub expiry: u64,
    /// The worker that may take it; [`WorkerId::ANY`] for whichever holds the key.
    pub target: WorkerId,
    /// Signs the job inside the envelope.
    pub signer: Option<&'a RequesterKey>,
}

/// A sealed request.
#[derive(Debug)]
pub struct Sealed {
    /// What is sent to the worker.
    pub envelope: Vec<u8>,
    /// What the requester keeps.
    pub secrets: RequestSecrets,
}

/// What a worker takes.
#[derive(Debug, Clone, Copy)]
pub struct OpenLimits {
    /// The longest envelope.
    pub max_envelope_bytes: usize,
}

/// An opened request. What is secret in it is erased when dropped.
pub struct Opened {
    /// The clear header, now authenticated.
    pub header: Header,
    /// The JSON of the job.
    pub job_json: Zeroizing<Vec<u8>>,
    /// Bytes for the job beside its arguments.
    pub input: Option<Zeroizing<Vec<u8>>>,
    /// Who signed the job, if anybody did.
    pub signer: Option<RequesterId>,
    /// What the result is sealed with.
    pub secrets: RequestSecrets,
}

impl std::fmt::Debug for Opened {
    /// Shows the clear header only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Seals a job to a key of a worker's key config (docs/formats.md, "Request envelope").
///
/// The key config's own signature is checked here; that it is the intended worker's is for the
/// caller to know, from evidence or from the worker's id.
///
/// Randomness is drawn in this order: 16 bytes of nonce, the KEM's (32 bytes for X25519, 64 for
/// X-Wing), and what an sr25519 signature takes.
///
/// # Errors
/// [`SealError`].
pub fn seal_request(
    rng: &mut impl CryptoRng,
    config: &KeyConfig,
    key: &PublicEnvelopeKey,
    request: &RequestParts<'_>,
    options: &SealOptions<'_>,
) -> Result<Sealed, SealError> {
    let suite = check(config, key, options)?;
    let mut nonce = [0; 16];
    rng.fill_bytes(&mut nonce);
    let header = Header {
        suite,
        key_id: key.id,
        nonce,
        not_before: options.not_before,
        expiry: options.expiry,
        target: options.target,
    };
    let (mut envelope, sealer, secrets) =
        request_sealer(rng, &header, &key.public, &config.digest())?;

    let section = |len: Option<usize>| len.map_or(0, tlv::section_len);
    let plain_len = section(Some(request.job_json.len()))
        .saturating_add(section(request.input.map(<[u8]>::len)))
        .saturating_add(section(options.signer.map(requester::section_len)));
    let max = usize::try_from(config.max_envelope_bytes).unwrap_or(usize::MAX);
    let plain_len = padded_plaintext_len(envelope.len(), plain_len, max.min(MAX_ENVELOPE_LEN))?;

    let mut plain = Zeroizing::new(Vec::with_capacity(plain_len));
    tlv::push(&mut plain, JOB, request.job_json);
    if let Some(input) = request.input {
        tlv::push(&mut plain, INPUT, input);
    }
    if let Some(signer) = options.signer {
        let header = secrets.header_bytes();
        let signature = signer.section(rng, header, request.job_json, request.input);
        tlv::push(&mut plain, SIGNATURE, &signature);
    }
    plain.resize(plain_len, 0);
    envelope.reserve_exact(frame::sealed_len(plain_len));
    sealer.seal_all(&plain, &mut envelope);
    Ok(Sealed { envelope, secrets })
}

/// Begins a request envelope: gives its bytes up to the first frame, what seals the frames, and
/// what the requester keeps. For callers that stream; [`seal_request`] does all of it.
///
/// # Errors
/// [`SealError::KeyUnusable`].
pub fn request_sealer(
    rng: &mut impl CryptoRng,
    header: &Header,
    public: &[u8],
    config_digest: &Digest,
) -> Result<(Vec<u8>, FrameSealer, RequestSecrets), SealError> {
    let bytes = header.to_bytes();
    let (encapsulated, context) = SealContext::new(rng, header.suite, public, &info(config_digest))
        .map_err(|_| SealError::KeyUnusable)?;
    let secrets = RequestSecrets::of_sender(header, &encapsulated, &context);
    let sealer = FrameSealer::new(SealKey::Request(context), &[&bytes]);
    Ok(([&bytes[..], &encapsulated].concat(), sealer, secrets))
}

/// Opens a request envelope.
///
/// # Errors
/// [`EnvelopeError`], in this order: the header's form, the length, suite and key, the frames, the
/// sections, the requester's signature.
pub fn open_request(
    pair: &EnvelopeKeyPair,
    config_digest: &Digest,
    envelope: &[u8],
    limits: &OpenLimits,
) -> Result<Opened, EnvelopeError> {
    let len = envelope.len();
    Header::parse(envelope)?;
    let max = limits.max_envelope_bytes.min(MAX_ENVELOPE_LEN);
    if len > max {
        return Err(EnvelopeError::TooLarge { len, max });
    }
    if !is_padded_len(len) {
        return Err(EnvelopeError::Truncated { len });
    }
    let (header, frames, opener, secrets) = request_opener(pair, config_digest, envelope)?;
    let plain = opener.open_all(frames)?;

    let sections = tlv::parse(&plain, &[JOB, INPUT, SIGNATURE])?;
    let find = |tag| sections.iter().find(|section| section.tag == tag).map(|s| s.bytes);
    let job_json = find(JOB).ok_or(EnvelopeError::Malformed("it holds no job"))?;
    let input = find(INPUT);
    let signer = find(SIGNATURE)
        .map(|section| requester::verify(section, secrets.header_bytes(), job_json, input))
        .transpose()?;
    Ok(Opened {
        header,
        job_json: Zeroizing::new(job_json.to_vec()),
        input: input.map(|input| Zeroizing::new(input.to_vec())),
        signer,
        secrets,
    })
}

/// Begins to open a request envelope, of which the beginning up to the first frame must be there:
/// gives its header, the bytes after the beginning, what opens them, and what the result is sealed
/// with. For callers that stream; [`open_request`] does all of it.
///
/// # Errors
/// [`EnvelopeError`] about the header, the suite or the key.
pub fn request_opener<'a>(
    pair: &EnvelopeKeyPair,
    config_digest: &Digest,
    envelope: &'a [u8],
) -> Result<(Header, &'a [u8], FrameOpener, RequestSecrets), EnvelopeError> {
    let header = Header::parse(envelope)?;
    if header.suite != pair.suite() {
        return Err(EnvelopeError::Suite(header.suite.id().0));
    }
    if header.key_id != pair.id() {
        return Err(EnvelopeError::KeyUnknown);
    }
    let (bytes, rest) = envelope.split_at(Header::LEN);
    let (encapsulated, frames) = rest
        .split_at_checked(header.suite.encapsulated_len())
        .ok_or(EnvelopeError::Truncated { len: envelope.len() })?;
    let context = pair
        .secret()
        .receive(encapsulated, &info(config_digest))
        .map_err(|_| EnvelopeError::Tampered)?;
    let secrets = RequestSecrets::of_receiver(&header, encapsulated, &context);
    let opener = FrameOpener::new(OpenKey::Request(context), &[bytes]);
    Ok((header, frames, opener, secrets))
}

fn check(
    config: &KeyConfig,
    key: &PublicEnvelopeKey,
    options: &SealOptions<'_>,
) -> Result<Suite, SealError> {
    config.verify()?;
    if !config.keys.contains(key) {
        return Err(SealError::KeyNotOffered);
    }
    let asked = options.expiry.checked_sub(options.not_before).filter(|&lifetime| lifetime > 0);
    let asked = asked.ok_or(SealError::Validity)?;
    if asked > config.max_lifetime_secs {
        return Err(SealError::Lifetime { asked, max: config.max_lifetime_secs });
    }
    key.suite.known().ok_or(SealError::Suite(key.suite.0))
}

/// Length of the plaintext with padding, so that the whole envelope gets a padded length.
pub(crate) fn padded_plaintext_len(
    before_frames: usize,
    plain_len: usize,
    max: usize,
) -> Result<usize, SealError> {
    padded_len(before_frames.saturating_add(frame::sealed_len(plain_len)))
        .filter(|&total| total <= max)
        .and_then(|total| frame::plaintext_len(total - before_frames))
        .ok_or(SealError::TooLarge { max: max as u64 })
}

/// The HPKE info: what the envelope is, and under which key config it is sealed.
fn info(config_digest: &Digest) -> Vec<u8> {
    let mut info = length_prefix::join(&[b"sealwork/v1 request"]);
    info.extend_from_slice(config_digest.as_bytes());
    info
}
