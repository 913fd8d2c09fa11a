use sealwork_job::WorkerId;

use crate::{EnvelopeError, KeyId, Suite, SuiteId};

pub(crate) const VERSION: u8 = 1;
const MAGIC: &[u8; 4] = b"SWJ1";

/// The clear header of a request envelope: readable without any key, authenticated by the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How the envelope is sealed.
    pub suite: Suite,
    /// The key that it is sealed to.
    pub key_id: KeyId,
    /// Random; a worker takes each value once.
    pub nonce: [u8; 16],
    /// Not valid before this time, in seconds since 1970.
    pub not_before: u64,
    /// Not valid from this time on, in seconds since 1970; later than `not_before`.
    pub expiry: u64,
    /// The worker that may take it; [`WorkerId::ANY`] for whichever holds the key.
    pub target: WorkerId,
}

impl Header {
    /// Length in bytes.
    pub const LEN: usize = 80;

    /// Reads the header from the beginning of an envelope.
    ///
    /// # Errors
    /// [`EnvelopeError::Malformed`], [`EnvelopeError::Truncated`], [`EnvelopeError::Version`] or
    /// [`EnvelopeError::Suite`].
    pub fn parse(envelope: &[u8]) -> Result<Self, EnvelopeError> {
        let suite = check_preamble(envelope, MAGIC)?;
        let truncated = EnvelopeError::Truncated { len: envelope.len() };
        let header = envelope.first_chunk::<{ Self::LEN }>().ok_or(truncated)?;
        let header = Self {
            suite,
            key_id: KeyId(array(header, 8)),
            nonce: array(header, 16),
            not_before: u64::from_be_bytes(array(header, 32)),
            expiry: u64::from_be_bytes(array(header, 40)),
            target: WorkerId(array(header, 48)),
        };
        if header.expiry <= header.not_before {
            return Err(EnvelopeError::Malformed("its expiry is not after its not-before time"));
        }
        Ok(header)
    }

    /// The bytes, as they stand at the beginning of an envelope.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[..4].copy_from_slice(MAGIC);
        out[4] = VERSION;
        out[5] = self.suite.id().0;
        out[8..16].copy_from_slice(&self.key_id.0);
        out[16..32].copy_from_slice(&self.nonce);
        out[32..40].copy_from_slice(&self.not_before.to_be_bytes());
        out[40..48].copy_from_slice(&self.expiry.to_be_bytes());
        out[48..].copy_from_slice(self.target.as_bytes());
        out
    }
}

/// Checks what the headers of both directions begin with: magic, version, suite, two zeros.
pub(crate) fn check_preamble(bytes: &[u8], magic: &[u8; 4]) -> Result<Suite, EnvelopeError> {
    let seen = bytes.len().min(magic.len());
    if bytes.is_empty() || bytes[..seen] != magic[..seen] {
        return Err(EnvelopeError::Malformed("it does not begin with the magic bytes"));
    }
    let Some(preamble) = bytes.first_chunk::<8>() else {
        return Err(EnvelopeError::Truncated { len: bytes.len() });
    };
    if preamble[4] != VERSION {
        return Err(EnvelopeError::Version(preamble[4]));
    }
    let suite = SuiteId(preamble[5]).known().ok_or(EnvelopeError::Suite(preamble[5]))?;
    if preamble[6..] != [0, 0] {
        return Err(EnvelopeError::Malformed("its reserved bytes are not zero"));
    }
    Ok(suite)
}

/// `N` bytes at a fixed place of fixed-size bytes; every caller stays inside them.
pub(crate) fn array<const N: usize, const LEN: usize>(bytes: &[u8; LEN], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}
