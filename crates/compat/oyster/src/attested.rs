use sealwork_verify::{Claims, Details, NitroRoot, Rejected, authenticate_nitro};
use sha2::{Digest as _, Sha256};

use crate::eip712::keccak;

const PCR_LEN: usize = 48;
/// PCRs 0, 1, 2 and 16.
const NEW_IMAGE_PCRS: u32 = 0x0001_0007;

/// What a document has to satisfy besides its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The root at which its certificates have to end.
    pub root: NitroRoot,
    /// Whether documents of enclaves in debug mode are taken, whose memory the host can read.
    /// Marlin's own verifier takes them and leaves it to the contracts not to list their images.
    pub allow_debug: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { root: NitroRoot::Aws, allow_debug: false }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OysterError {
    /// Not hex digits.
    #[error("the document is not an even number of hex digits")]
    Hex,
    /// Signatures, certificates or format are wrong.
    #[error("the document does not verify: {}", reasons(.0))]
    Rejected(Box<Rejected>),
    /// The enclave runs in debug mode.
    #[error("the document is of an enclave in debug mode, whose memory the host can read")]
    Debug,
    /// A PCR that identifies the image is missing.
    #[error("the document has no PCR {0}, which identifies the image")]
    MissingPcr(u8),
    /// The old answer speaks of a secp256k1 key.
    #[error(
        "the document's public key has {0} bytes; the old answer needs the 64 of a secp256k1 key"
    )]
    PublicKey(usize),
}

impl OysterError {
    /// Its stable code: `marlin_hex` where Marlin's verifier answers 400, `marlin_rejected` where
    /// it answers 401.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Hex => "marlin_hex",
            _ => "marlin_rejected",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Hex => {
                "give the text of /attestation/hex, without 0x, or the bytes of /attestation/raw"
            }
            Self::Rejected(_) => "do not use this document: it was changed, or its root is another",
            Self::Debug => "have the enclave started without debug mode, or allow it for a test",
            Self::MissingPcr(_) => "ask the enclave for a document with all of its PCRs",
            Self::PublicKey(_) => "ask for the new answer, which takes keys of any length",
        }
    }
}

fn reasons(rejected: &Rejected) -> String {
    let all: Vec<_> = rejected.reasons.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// The bytes of a document that comes as hex digits (`/attestation/hex`); white space at the ends
/// does not count.
///
/// # Errors
/// [`OysterError::Hex`].
pub fn read_hex(text: &[u8]) -> Result<Vec<u8>, OysterError> {
    hex::decode(text.trim_ascii()).map_err(|_| OysterError::Hex)
}

/// What a document says that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// PCRs 0, 1 and 2: the image.
    pub(crate) image: [[u8; PCR_LEN]; 3],
    /// PCR 16: what the image was started with; zeros where it is absent.
    pub(crate) started_with: [u8; PCR_LEN],
    pub(crate) timestamp_ms: u64,
    /// Empty where the document has none.
    pub(crate) public_key: Vec<u8>,
    /// Empty where the document has none.
    pub(crate) user_data: Vec<u8>,
}

impl Attested {
    /// Checks a document (COSE bytes) by the rules of 7.4: signatures to the root, every
    /// certificate at the document's own time.
    ///
    /// # Errors
    /// [`OysterError`], but never [`OysterError::Hex`].
    pub fn from_document(document: &[u8], rules: &Rules) -> Result<Self, OysterError> {
        let claims = authenticate_nitro(document, &rules.root)
            .map_err(|rejected| OysterError::Rejected(Box::new(rejected)))?;
        if claims.debug && !rules.allow_debug {
            return Err(OysterError::Debug);
        }
        let public_key = match &claims.details {
            Details::Nitro(nitro) => nitro.public_key.clone().map_or_else(Vec::new, |key| key.0),
            _ => Vec::new(),
        };
        Ok(Self {
            image: [pcr(&claims, 0)?, pcr(&claims, 1)?, pcr(&claims, 2)?],
            started_with: pcr(&claims, 16).unwrap_or([0; PCR_LEN]),
            timestamp_ms: claims.issued.map_or(0, |time| time.0),
            public_key,
            user_data: claims.report_data.0,
        })
    }

    /// The image's id in the contracts of the old answer (7.4): Keccak-256 of PCRs 0 to 2.
    pub fn old_image_id(&self) -> [u8; 32] {
        keccak(&self.image.concat())
    }

    /// The image's id in the new answer (7.4): SHA-256 of which PCRs it covers, and these.
    pub fn new_image_id(&self) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(NEW_IMAGE_PCRS.to_be_bytes());
        self.image.iter().chain([&self.started_with]).for_each(|pcr| hash.update(pcr));
        hash.finalize().into()
    }
}

fn pcr(claims: &Claims, index: u8) -> Result<[u8; PCR_LEN], OysterError> {
    let value = claims.measurements.get(&format!("pcr{index}"));
    value.and_then(|value| value.0.as_slice().try_into().ok()).ok_or(OysterError::MissingPcr(index))
}
