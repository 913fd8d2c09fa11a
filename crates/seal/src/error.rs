use sealwork_job::{Code, Failure};

/// Why bytes are not an envelope that opens here. No text quotes the envelope's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not of the form.
    #[error("not an envelope: {0}")]
    Malformed(&'static str),
    /// Bytes are missing or were added: the length is none to which envelopes are padded, or the
    /// last frame is not there.
    #[error("the envelope is incomplete: {len} bytes are not the whole of it")]
    Truncated {
        /// The length that came.
        len: usize,
    },
    /// Longer than allowed.
    #[error("the envelope has {len} bytes, at most {max} are taken")]
    TooLarge {
        /// The length that came.
        len: usize,
        /// The longest allowed.
        max: usize,
    },
    /// Another version of the format.
    #[error("envelope version {0} is not supported, only version 1")]
    Version(u8),
    /// A suite that is unknown, or not the key's.
    #[error("suite {0} cannot be opened with this key")]
    Suite(u8),
    /// Sealed to another key.
    #[error("the envelope is sealed to another key")]
    KeyUnknown,
    /// Does not authenticate: changed, or sealed under another key config or to another key.
    #[error("the envelope does not open: it was changed, or sealed for another key or key config")]
    Tampered,
    /// The requester's signature inside does not verify.
    #[error("the requester's signature does not verify")]
    SignatureInvalid,
    /// A result whose code comes from a later version.
    #[error("the result's code is not known to this version")]
    UnknownCode,
}

impl EnvelopeError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::EnvelopeMalformed,
            Self::Truncated { .. } => Code::EnvelopeTruncated,
            Self::TooLarge { .. } => Code::EnvelopeTooLarge,
            Self::Version(_) | Self::UnknownCode => Code::EnvelopeVersion,
            Self::Suite(_) => Code::EnvelopeSuite,
            Self::KeyUnknown => Code::KeyUnknown,
            Self::Tampered => Code::EnvelopeTampered,
            Self::SignatureInvalid => Code::SignatureInvalid,
        }
    }
}

impl From<EnvelopeError> for Failure {
    fn from(error: EnvelopeError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// Why something cannot be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key config is not to be trusted.
    #[error("the key config is not valid: {0}")]
    KeyConfig(#[from] KeyConfigError),
    /// The key is not one of the key config's.
    #[error("the key config does not offer this key")]
    KeyNotOffered,
    /// The key's suite is not known here.
    #[error("the key's suite, number {0}, is not supported")]
    Suite(u8),
    /// The public key is none of its suite.
    #[error("the public key is not usable")]
    KeyUnusable,
    /// The expiry is not after the not-before time.
    #[error("the expiry must be later than the not-before time")]
    Validity,
    /// Valid for longer than the worker accepts.
    #[error("the job would be valid for {asked} s, the worker takes at most {max} s")]
    Lifetime {
        /// Seconds from not-before to expiry.
        asked: u64,
        /// The key config's maximum.
        max: u64,
    },
    /// Longer than the worker takes, or than the format allows.
    #[error("the envelope would have more than {max} bytes")]
    TooLarge {
        /// The longest allowed.
        max: u64,
    },
    /// Another number of bytes came than was announced.
    #[error("the output has another length than was announced")]
    OutputLength,
}

/// Why a key config is not to be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyConfigError {
    /// Not the JSON of a key config.
    #[error("not a key config: {0}")]
    Malformed(String),
    /// Another version of the format.
    #[error("version {0} is not supported, only version 1")]
    Version(u32),
    /// The worker's id is not the digest of the receipt key.
    #[error("the worker's id does not belong to its receipt key")]
    Worker,
    /// A key's id is not the digest of the key, or occurs twice.
    #[error("key id {0} does not belong to its key, or occurs twice")]
    KeyId(crate::KeyId),
    /// A key of a known suite has another length than the suite's.
    #[error("key {0} has the wrong length for its suite")]
    KeyLength(crate::KeyId),
    /// A key's validity ends before it begins.
    #[error("key {0} is never valid")]
    Validity(crate::KeyId),
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
}

/// Why a receipt is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not a compact JWS of three base64url parts, or too long.
    #[error("not a receipt: {0}")]
    Malformed(&'static str),
    /// The JOSE header is not a receipt's.
    #[error("the receipt's header is not of a Sealwork receipt")]
    Header,
    /// Signed by another key.
    #[error("the receipt is signed by key {0}, not by the expected one")]
    Key(crate::KeyId),
    /// The signature does not verify.
    #[error("the receipt's signature does not verify")]
    Signature,
    /// Another profile, for example of a later version.
    #[error("the receipt's profile is not supported")]
    Profile,
    /// The claims cannot be read.
    #[error("the receipt's claims are incomplete or mistyped")]
    Claims,
    /// The issuer is not the worker to whom the key belongs.
    #[error("the receipt's issuer does not belong to its key")]
    Issuer,
    /// Receipts are missing between two, or out of order.
    #[error("receipt {got} follows receipt {previous}: receipts are missing or out of order")]
    Sequence {
        /// Number of the receipt before.
        previous: u64,
        /// Number of the receipt that came.
        got: u64,
    },
    /// The receipt names another predecessor: the chain was forked or rewritten.
    #[error("receipt {sequence} names another predecessor: the chain was forked or rewritten")]
    Link {
        /// The receipt's number.
        sequence: u64,
    },
}
